//! A few rounds of the kill loop on the broker of this build, and one that has to fail. `.ci/run kill` plays many, on the release
//! binaries, with foreign clients.

use std::path::Path;
use std::process::{Command, Output};

use kestrel_tests::built_broker;

const KILL_LOOP: &str = env!("CARGO_BIN_EXE_kestrel-kill");

fn play(arguments: &[&str]) -> Output {
    Command::new(KILL_LOOP)
        .arg("--broker")
        .arg(built_broker(Path::new(KILL_LOOP)))
        .args(arguments)
        .output()
        .expect("the kill loop runs")
}

#[test]
fn what_was_acknowledged_survives_kills() {
    let played = play(&["--rounds", "6"]);
    assert!(
        played.status.success(),
        "{}{}",
        String::from_utf8_lossy(&played.stdout),
        String::from_utf8_lossy(&played.stderr)
    );
}

#[test]
fn a_broker_that_loses_records_is_found_out() {
    let played = play(&["--rounds", "2", "--sabotage", "2"]);
    let printed = String::from_utf8_lossy(&played.stdout);
    assert!(!played.status.success(), "{printed}");
    assert!(printed.contains("FAILED with seed 5: round 2: "), "{printed}");
    // Who reads on begins anew where the log ends now, and may be the first to be missed.
    let lost = printed.lines().any(|line| line.contains("all-0: ") && line.contains("was acknowledged at"));
    assert!(lost, "{printed}");
    let kept = printed.trim_end().rsplit("log and data are in ").next().unwrap();
    std::fs::remove_dir_all(kept).unwrap();
}
