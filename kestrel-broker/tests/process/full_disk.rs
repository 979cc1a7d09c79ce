//! A disk without room, for the real binary: a limit on the size of files stands for it (`EFBIG`).

use std::net::TcpStream;
use std::time::{Duration, Instant};

use kestrel_protocol::ErrorCode;

use crate::program::Program;
use crate::wire::Wire;

/// Produces until the broker refuses; gives the values that it acknowledged, from `first` on.
fn produce_until_refused(wire: &mut Wire, first: usize) -> Vec<(i64, String)> {
    let mut acknowledged = Vec::new();
    for index in first.. {
        let value = format!("{index} {}", "v".repeat(1000));
        match wire.try_produce("full", &value).unwrap() {
            Ok(offset) => acknowledged.push((offset, value)),
            Err(error) => {
                assert_eq!(error, ErrorCode::KafkaStorageError);
                return acknowledged;
            }
        }
    }
    unreachable!("the disk is full before that")
}

#[test]
fn a_full_disk_refuses_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    // Some 40 kB: dash counts in blocks of 512 bytes, bash in those of 1024.
    let program = Program::start_limited("-S -f 80", folder.path());
    let mut wire = Wire::connect(program.address);
    wire.create_topic("full");
    let mut acknowledged = produce_until_refused(&mut wire, 0);
    assert!(acknowledged.len() > 20);
    for _ in 0..20 {
        assert!(produce_until_refused(&mut wire, 0).is_empty());
    }
    // Something smaller may still fit.
    if let Ok(offset) = wire.try_produce("full", "small").unwrap() {
        acknowledged.push((offset, "small".to_owned()));
    }
    assert_eq!(wire.read_all("full"), acknowledged);

    program.lift_file_size_limit();
    let offset = wire.produce("full", "room").unwrap();
    acknowledged.push((offset, "room".to_owned()));
    assert_eq!(wire.read_all("full"), acknowledged);
    program.kill();

    let program = Program::start(folder.path(), &[]);
    assert_eq!(Wire::connect(program.address).read_all("full"), acknowledged);
}

#[test]
fn too_many_connections_leave_those_alone_that_are_there() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start_limited("-n 50", folder.path());
    let mut wire = Wire::connect(program.address);
    wire.create_topic("full");
    let mut acknowledged = vec![(wire.produce("full", "first").unwrap(), "first".to_owned())];
    let crowd: Vec<TcpStream> = (0..60).map(|_| TcpStream::connect(program.address).unwrap()).collect();
    for index in 0..20 {
        let value = format!("crowded {index}");
        acknowledged.push((wire.produce("full", &value).unwrap(), value));
    }
    assert_eq!(wire.read_all("full"), acknowledged);
    drop(crowd);
    // Those that waited are accepted, and gone.
    assert_eq!(Wire::connect(program.address).read_all("full"), acknowledged);
}

#[test]
fn a_topic_is_created_whole_or_not_at_all_while_descriptors_are_short() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start_limited("-n 50", folder.path());
    let mut wire = Wire::connect(program.address);
    wire.create_topic("before");
    let crowd: Vec<TcpStream> = (0..60).map(|_| TcpStream::connect(program.address).unwrap()).collect();
    let deadline = now() + Duration::from_secs(60);
    let mut created = vec!["before".to_owned()];
    // Until the crowd has been accepted, there is something left.
    let refused = loop {
        let name = format!("topic{}", created.len());
        match wire.try_create(&name, 2) {
            ErrorCode::None => created.push(name),
            error => {
                assert_eq!(error, ErrorCode::KafkaStorageError);
                break name;
            }
        }
        assert!(now() < deadline, "{} topics and no shortage", created.len());
    };
    drop(crowd);
    while wire.try_create(&refused, 2) != ErrorCode::None {
        assert!(now() < deadline, "{refused} is refused for ever");
    }
    created.push(refused);
    for name in &created {
        assert_eq!(wire.produce(name, "first").unwrap(), 0, "{name}");
    }
    program.kill();
    let program = Program::start(folder.path(), &[]);
    let mut wire = Wire::connect(program.address);
    for name in &created {
        assert_eq!(wire.read_all(name).len(), 1, "{name}");
    }
}

#[expect(clippy::disallowed_methods, reason = "the deadline of a test")]
fn now() -> Instant {
    Instant::now()
}
