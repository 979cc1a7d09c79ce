//! `kestrel completion`, asked as the shells ask.

use std::process::Command;

use crate::program::{Program, Run};

#[test]
fn commands_options_and_names_are_completed() {
    let kestrel = Program::start();
    let topic = &*kestrel.unique("orders");
    kestrel.ok(&["topics", "create", topic, "-p", "1", "-r", "1"]);
    let bootstrap = kestrel.bootstrap().to_owned();
    let complete = |words: &[&str]| kestrel.ok(&[&["__complete", "--"], words].concat());
    assert!(complete(&["top"]).starts_with("topics\t"));
    assert!(complete(&["topics", "create", "--part"]).starts_with("--partitions\t"));
    assert!(complete(&["--output", "j"]).starts_with("json\t"));
    assert_eq!(complete(&["topics", "delete", topic]), format!("{topic}\n"));
    assert_eq!(complete(&["-b", &bootstrap, "topics", "describe", topic]), format!("{topic}\n"));
    assert_eq!(complete(&["-b", "127.0.0.1:1", "topics", "describe", topic]), "");
    kestrel.ok(&["context", "add", "shop", "-b", &bootstrap]);
    assert_eq!(complete(&["context", "use", ""]), "shop\n");
    kestrel.ok(&["topics", "delete", topic]);
}

/// The words that bash would offer.
fn in_bash(kestrel: &Program, words: &[&str]) -> String {
    let program = env!("CARGO_BIN_EXE_kestrel");
    let script = format!(
        "eval \"$('{program}' completion bash)\"; COMP_WORDS=('{program}' \"$@\"); COMP_CWORD=$#; _kestrel; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    );
    let mut bash = Command::new("bash");
    bash.args(["-c", &script, "bash"]).args(words).env("KESTREL_HOME", kestrel.home());
    let run = Run::of(&mut bash);
    assert_eq!(run.code, 0, "{run:?}");
    run.stdout
}

#[test]
fn bash_offers_what_the_program_says() {
    let kestrel = Program::alone();
    assert_eq!(in_bash(&kestrel, &["gro"]), "groups\n");
    assert_eq!(in_bash(&kestrel, &["groups", "reset", "g", "--to-la"]), "--to-latest\n");
    assert_eq!(in_bash(&kestrel, &["topics", "list", "--output", "=", "j"]), "json\n");
    assert_eq!(in_bash(&kestrel, &["nothing-begins-so"]), "\n");
}
