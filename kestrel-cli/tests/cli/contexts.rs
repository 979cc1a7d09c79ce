//! `kestrel context`, and what a context does to commands.

use std::fs;

use crate::program::{Program, Run};

/// The program without the variable that names the broker.
fn run(kestrel: &Program, arguments: &[&str]) -> Run {
    Run::of(kestrel.command(arguments).env_remove("KESTREL_BOOTSTRAP"))
}

#[test]
fn a_context_in_use_is_what_commands_are_about() {
    let kestrel = Program::start();
    let topic = &*kestrel.unique("context");
    kestrel.ok(&["context", "add", "shop", "--bootstrap", kestrel.bootstrap(), "--set", "client.id=till"]);
    assert_eq!(run(&kestrel, &["context", "use", "shop"]).stdout, "now using context shop\n");
    assert_eq!(run(&kestrel, &["topics", "create", topic, "-p", "1", "-r", "1"]).code, 0);
    assert!(run(&kestrel, &["topics", "list"]).stdout.contains(topic));
    assert_eq!(run(&kestrel, &["topics", "delete", topic]).code, 0);
}

#[test]
fn production_asks_and_is_agreed_to_in_advance() {
    let kestrel = Program::start();
    let topic = &*kestrel.unique("production");
    kestrel.ok(&["context", "add", "shop", "--bootstrap", kestrel.bootstrap(), "--production"]);
    let create = ["topics", "create", topic, "-p", "1", "-r", "1", "--context", "shop"];
    let asked = run(&kestrel, &create);
    assert_eq!(asked.code, 1);
    assert!(
        asked.stderr.contains("shop is production") && asked.stderr.contains("--yes"),
        "{}",
        asked.stderr
    );
    assert_eq!(run(&kestrel, &[&create[..], &["--yes"]].concat()).code, 0);
    assert_eq!(run(&kestrel, &["topics", "delete", topic, "--context", "shop", "-y"]).code, 0);
}

#[test]
fn secrets_are_kept_and_not_shown() {
    let kestrel = Program::alone();
    let file = kestrel.home().join("client.properties");
    fs::write(&file, "security.protocol=SASL_SSL\nsasl.mechanism=PLAIN\nsasl.jaas.config=x required username=\"a\" password=\"opensesame\";\n").unwrap();
    kestrel.ok(&["context", "add", "shop", "-b", "a:9092", "--config", file.to_str().unwrap()]);
    let shown = kestrel.ok(&["context", "show", "shop"]);
    assert!(shown.contains("SASL_SSL") && !shown.contains("opensesame"), "{shown}");
    let kept = fs::read_to_string(kestrel.home().join("contexts/shop.properties")).unwrap();
    assert!(kept.contains("opensesame"), "{kept}");
    let listed = kestrel.ok(&["context", "list"]);
    assert!(listed.contains("a:9092") && !listed.contains("opensesame"), "{listed}");
    kestrel.ok(&["context", "remove", "shop"]);
    assert_eq!(kestrel.ok(&["context", "list", "--output", "json"]), "");
}

#[test]
fn a_context_that_could_not_be_used_is_refused() {
    let kestrel = Program::alone();
    let misspelt = kestrel.run(&["context", "add", "shop", "-b", "a:1", "--set", "client.ids=x"]);
    assert!(misspelt.code == 1 && misspelt.stderr.contains("client.id"), "{misspelt:?}");
    assert_eq!(kestrel.run(&["context", "add", "shop"]).code, 2);
    assert_eq!(kestrel.run(&["context", "use", "shop"]).code, 1);
}

#[test]
fn a_cluster_that_is_not_there_is_a_failure_with_a_remedy() {
    let failed = Program::alone().run(&["topics", "list"]);
    assert_eq!((failed.code, failed.stdout), (1, String::new()));
    assert!(failed.stderr.starts_with("kestrel: no broker answered"), "{}", failed.stderr);
    assert!(failed.stderr.contains("--bootstrap HOST:PORT"), "{}", failed.stderr);
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_a_command_that_waits() {
    use rustix::process::{Pid, Signal, kill_process};
    // Whoever connects is never answered.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let kestrel = Program::alone();
    let mut waiting = kestrel.command(&["topics", "list", "--bootstrap", &address]).spawn().unwrap();
    let _connection = silent.accept().unwrap();
    kill_process(Pid::from_child(&waiting), Signal::INT).unwrap();
    assert_eq!(waiting.wait().unwrap().code(), Some(130));
}
