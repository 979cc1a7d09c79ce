//! SIGINT and SIGTERM: a clean stop, and a start after it that finds everything.

use rustix::process::Signal;

use crate::program::Program;
use crate::wire::Wire;

fn a_signal_stops_cleanly(signal: Signal) {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &[]);
    let mut wire = Wire::connect(program.address);
    wire.create_topic("kept");
    let written: Vec<_> =
        ["a", "b", "c"].map(|value| (wire.produce("kept", value).unwrap(), value.to_owned())).into();

    program.signal(signal);
    assert!(program.wait().success());
    assert!(folder.path().join(".kafka_cleanshutdown").exists());

    let program = Program::start(folder.path(), &[]);
    assert!(!folder.path().join(".kafka_cleanshutdown").exists());
    assert_eq!(Wire::connect(program.address).read_all("kept"), written);
}

#[test]
fn sigterm_stops_cleanly() {
    a_signal_stops_cleanly(Signal::TERM);
}

#[test]
fn sigint_stops_cleanly() {
    a_signal_stops_cleanly(Signal::INT);
}
