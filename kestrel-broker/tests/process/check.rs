//! `kestrel-broker check`: what it prints and with which code it ends, on folders that brokers left.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::Signal;

use crate::program::{Program, run_to_end};
use crate::wire::Wire;

/// Runs the check; gives the exit code and what went to standard output.
fn check(folder: &Path) -> (i32, String) {
    let output = run_to_end(&["check", "--data-dir", folder.to_str().unwrap()]);
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

/// A folder with ten records in a topic; the broker still runs.
fn serving(folder: &Path) -> Program {
    let program = Program::start(folder, &[]);
    let mut wire = Wire::connect(program.address);
    wire.create_topic("checked");
    for index in 0..10 {
        wire.produce("checked", &format!("value {index}")).unwrap();
    }
    program
}

/// Every file with its content.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            files.extend(contents(&entry));
        } else {
            files.insert(entry.clone(), fs::read(entry).unwrap());
        }
    }
    files
}

#[test]
fn a_folder_that_was_stopped_cleanly_is_good() {
    let folder = tempfile::tempdir().unwrap();
    let program = serving(folder.path());
    program.signal(Signal::TERM);
    assert!(program.wait().success());
    let before = contents(folder.path());
    let (code, text) = check(folder.path());
    assert_eq!(code, 0, "{text}");
    assert!(text.starts_with("not damaged: 2 partitions, 2 segments"), "{text}");
    assert_eq!(contents(folder.path()), before, "the check changes nothing");
}

#[test]
fn a_folder_that_was_killed_is_good_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    serving(folder.path()).kill();
    let (code, text) = check(folder.path());
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("not clean") && text.contains("0 damaged"), "{text}");
    // What the check left is what the next start needs.
    let program = Program::start(folder.path(), &[]);
    assert_eq!(Wire::connect(program.address).read_all("checked").len(), 10);
}

#[test]
fn a_flipped_byte_is_named_with_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let program = serving(folder.path());
    program.signal(Signal::TERM);
    assert!(program.wait().success());
    let log = folder.path().join("checked-0/00000000000000000000.log");
    let mut bytes = fs::read(&log).unwrap();
    bytes[50] ^= 1;
    fs::write(&log, bytes).unwrap();
    let (code, text) = check(folder.path());
    assert_eq!(code, 1, "{text}");
    assert!(text.contains(&format!("damaged: {} at byte 0:", log.display())), "{text}");
    assert!(text.contains("DAMAGED"), "{text}");
}

#[test]
fn a_folder_in_use_is_checked_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let program = serving(folder.path());
    let (code, text) = check(folder.path());
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("holds the folder"), "{text}");
    // The lock was not disturbed, neither given up nor taken.
    assert_eq!(Wire::connect(program.address).read_all("checked").len(), 10);
    let second = run_to_end(&["--listen", "127.0.0.1:0", "--data-dir", folder.path().to_str().unwrap()]);
    assert!(!second.status.success());
}

#[test]
fn a_folder_that_is_not_there_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let output = run_to_end(&["check", "--data-dir", folder.path().join("nowhere").to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("nowhere"));
}

#[test]
fn help_names_the_subcommand() {
    let help = String::from_utf8(run_to_end(&["--help"]).stdout).unwrap();
    assert!(help.contains("check"), "{help}");
    let help = String::from_utf8(run_to_end(&["check", "--help"]).stdout).unwrap();
    assert!(help.contains("--data-dir") && help.contains("Exit codes"), "{help}");
}
