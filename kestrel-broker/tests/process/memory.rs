//! A peer that asks and asks and never reads costs the broker no more than a few answers.

#![cfg(target_os = "linux")]

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use kestrel_protocol::encode_request;

use crate::program::Program;
use crate::wire::{Wire, fetch_request};

const VALUE_BYTES: usize = 900_000;
const VALUES: usize = 40;
/// More requests than any buffer between the two holds: each asks for a megabyte.
const REQUESTS: i32 = 500_000;
/// A broker that made an answer for each of the requests that it may take at once would need 64 MB for them.
const LIMIT_BYTES: u64 = 40_000_000;

#[test]
fn a_peer_that_never_reads_is_not_waited_for_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &["--durability", "os"]);
    let mut wire = Wire::connect(program.address);
    wire.create_topic("large");
    for _ in 0..VALUES {
        wire.produce("large", &"x".repeat(VALUE_BYTES)).unwrap();
    }

    let mut peer = TcpStream::connect(program.address).unwrap();
    peer.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
    let stuck = (0..REQUESTS).any(|id| {
        let request = fetch_request("large", i64::from(id) % 8);
        encode_request(&request, 12, id, None).unwrap().iter().any(|chunk| peer.write_all(chunk).is_err())
    });
    assert!(stuck, "the broker took {REQUESTS} requests without an answer being read");
    let peak = program.peak_resident_bytes();
    assert!(peak < LIMIT_BYTES, "{peak} bytes of memory");
    // Everyone else is served.
    assert_eq!(wire.read_all("large").len(), VALUES);
}
