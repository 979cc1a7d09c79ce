//! What the program says: one ready line, and one clear sentence for what is wrong.

use std::fs;
use std::net::TcpListener;
use std::process::Output;

use crate::program::{Program, run_to_end};

/// The program must have failed; gives what it wrote to standard error.
fn complaint(output: &Output) -> String {
    assert!(!output.status.success(), "it should have failed");
    assert!(output.stdout.is_empty(), "nothing but the ready line goes to standard output");
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn the_ready_line_names_address_and_folder() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &[]);
    let expected = format!(
        "kestrel-broker ready: bootstrap.servers={} data-dir={}",
        program.address,
        folder.path().display()
    );
    assert_eq!(program.ready_line, expected);
}

#[test]
fn help_names_every_option() {
    let output = run_to_end(&["--help"]);
    assert!(output.status.success());
    let help = String::from_utf8(output.stdout).unwrap();
    for option in ["--listen", "--advertise", "--data-dir", "--durability", "--config", "--set"] {
        assert!(help.contains(option), "{option} is missing in:\n{help}");
    }
}

#[test]
fn an_unknown_key_is_refused_with_a_suggestion() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().to_str().unwrap();
    let text = complaint(&run_to_end(&["--data-dir", data_dir, "--set", "num.partition=3"]));
    assert!(text.contains("num.partition") && text.contains("num.partitions"), "{text}");
}

#[test]
fn a_value_out_of_range_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().to_str().unwrap();
    let text = complaint(&run_to_end(&["--data-dir", data_dir, "--set", "num.partitions=zero"]));
    assert!(text.contains("num.partitions") && text.contains("zero"), "{text}");
}

#[test]
fn a_taken_port_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().to_str().unwrap();
    let text = complaint(&run_to_end(&["--listen", &address, "--data-dir", data_dir]));
    assert!(text.contains(&address), "{text}");
    let cause = TcpListener::bind(&address).unwrap_err().to_string();
    assert_eq!(text.matches(&cause).count(), 1, "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
}

#[test]
fn a_folder_in_use_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let _first = Program::start(folder.path(), &[]);
    let data_dir = folder.path().to_str().unwrap();
    let text = complaint(&run_to_end(&["--listen", "127.0.0.1:0", "--data-dir", data_dir]));
    assert!(text.contains(data_dir), "{text}");
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "not a folder").unwrap();
    let data_dir = file.join("data");
    let text = complaint(&run_to_end(&["--listen", "127.0.0.1:0", "--data-dir", data_dir.to_str().unwrap()]));
    assert!(text.contains(data_dir.to_str().unwrap()), "{text}");
}

#[test]
fn a_damaged_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let meta = folder.path().join("meta.properties");
    fs::write(&meta, "version=one\n").unwrap();
    let data_dir = folder.path().to_str().unwrap();
    let text = complaint(&run_to_end(&["--listen", "127.0.0.1:0", "--data-dir", data_dir]));
    assert!(text.contains("meta.properties"), "{text}");
}
