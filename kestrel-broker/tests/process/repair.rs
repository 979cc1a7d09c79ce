//! `kestrel-broker repair`: nothing without a yes, nothing while a broker runs, and a start that finds what was left.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use rustix::process::Signal;

use crate::program::{Program, run_to_end};
use crate::wire::Wire;

const RECORDS: usize = 10;

fn run(folder: &Path, more: &[&str]) -> (i32, String) {
    let arguments = [&["repair", "--data-dir", folder.to_str().unwrap()], more].concat();
    let Output { status, stdout, stderr } = run_to_end(&arguments);
    (status.code().unwrap(), String::from_utf8([stdout, stderr].concat()).unwrap())
}

/// A broker with records of one size in a topic.
fn serving(folder: &Path) -> Program {
    let program = Program::start(folder, &[]);
    let mut wire = Wire::connect(program.address);
    wire.create_topic("damaged");
    for index in 0..RECORDS {
        wire.produce("damaged", &format!("value {index}")).unwrap();
    }
    program
}

/// Damages the batch of this offset; gives the file.
fn damage(folder: &Path, offset: usize) -> PathBuf {
    let log = folder.join("damaged-0/00000000000000000000.log");
    let mut bytes = fs::read(&log).unwrap();
    let at = bytes.len() / RECORDS * offset + 40;
    bytes[at] ^= 1;
    fs::write(&log, bytes).unwrap();
    log
}

#[test]
fn a_damaged_log_is_cut_off_after_a_yes() {
    let folder = tempfile::tempdir().unwrap();
    let program = serving(folder.path());
    program.signal(Signal::TERM);
    assert!(program.wait().success());
    let log = damage(folder.path(), 6);
    let before = fs::read(&log).unwrap();

    let (code, text) = run(folder.path(), &[]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("the log would end at offset 6"), "{text}");
    assert!(text.contains("offsets 6 to 9 had been flushed"), "{text}");
    assert_eq!(fs::read(&log).unwrap(), before, "nothing was agreed to");

    let (code, text) = run(folder.path(), &["--yes"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains(".cut"), "{text}");
    let checked = run_to_end(&["check", "--data-dir", folder.path().to_str().unwrap()]);
    assert!(checked.status.success(), "{checked:?}");

    let program = Program::start(folder.path(), &[]);
    let mut wire = Wire::connect(program.address);
    let found: Vec<String> = wire.read_all("damaged").into_iter().map(|(_, value)| value).collect();
    assert_eq!(found, (0..6).map(|index| format!("value {index}")).collect::<Vec<_>>());
    assert_eq!(wire.produce("damaged", "goes on").unwrap(), 6);
}

#[test]
fn a_good_folder_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    serving(folder.path()).kill();
    let (code, text) = run(folder.path(), &["--yes"]);
    assert_eq!((code, text.as_str()), (0, "no log is to be cut off\n"));
}

#[test]
fn nothing_is_repaired_while_a_broker_runs() {
    let folder = tempfile::tempdir().unwrap();
    let _program = serving(folder.path());
    damage(folder.path(), 3);
    let (code, text) = run(folder.path(), &["--yes"]);
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("in use"), "{text}");
}
