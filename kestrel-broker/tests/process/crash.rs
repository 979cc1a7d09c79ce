//! SIGKILL in the middle of writing: what was acknowledged is there after the next start, in order, and nothing else is odd.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::program::Program;
use crate::wire::Wire;

/// Acknowledged records that a round waits for before it kills.
const ACKNOWLEDGED_BEFORE_KILL: usize = 40;
const ROUNDS: usize = 4;

/// Writes until the connection ends; says the value and offset of each acknowledged record.
fn write_until_killed(mut wire: Wire, round: usize, acknowledged: &mpsc::Sender<(i64, String)>) {
    for index in 0.. {
        let value = format!("round {round} record {index}");
        match wire.produce("crash", &value) {
            Ok(offset) => acknowledged.send((offset, value)).unwrap(),
            Err(_) => return,
        }
    }
}

fn every_acknowledged_record_survives(durability: &str) {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--durability", durability];
    let mut expected: Vec<(i64, String)> = Vec::new();
    for round in 0..ROUNDS {
        let program = Program::start(folder.path(), &arguments);
        let mut wire = Wire::connect(program.address);
        if round == 0 {
            wire.create_topic("crash");
        }
        let (acknowledged, said) = mpsc::channel();
        let writer = thread::spawn(move || write_until_killed(wire, round, &acknowledged));
        for _ in 0..ACKNOWLEDGED_BEFORE_KILL {
            expected.push(said.recv_timeout(Duration::from_secs(60)).unwrap());
        }
        program.kill();
        writer.join().unwrap();
        expected.extend(said.iter());

        let program = Program::start(folder.path(), &arguments);
        let found = Wire::connect(program.address).read_all("crash");
        for record in &expected {
            assert!(found.contains(record), "{record:?} was acknowledged and is gone ({durability})");
        }
        // At most one record per kill was written and not acknowledged; offsets have no gap.
        assert!(found.len() <= expected.len() + round + 1);
        assert!(found.iter().zip(0..).all(|((offset, _), index)| *offset == index));
        program.kill();
    }
}

#[test]
fn group_durability_keeps_what_it_acknowledged() {
    every_acknowledged_record_survives("group");
}

#[test]
fn os_durability_keeps_what_it_acknowledged() {
    every_acknowledged_record_survives("os");
}
