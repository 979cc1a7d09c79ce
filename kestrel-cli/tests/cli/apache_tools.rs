//! Apache Kafka's tools by their own names and options.

use std::process::Command;

use serde_json::json;

use crate::program::{Program, Run};

#[test]
fn topics_configurations_and_groups_are_reached_by_the_old_names() {
    let kestrel = Program::start();
    let (topic, group) = (&*kestrel.unique("orders"), &*kestrel.unique("billing"));
    let at = ["--bootstrap-server", kestrel.bootstrap()];
    let tool = |words: &[&str]| kestrel.ok(&[words, &at].concat());
    let line =
        ["kafka-topics", "--create", "--topic", topic, "--partitions", "2", "--replication-factor", "1"];
    assert_eq!(tool(&line), format!("created topic {topic}\n"));
    assert!(tool(&["kafka-topics", "--list"]).contains(topic));
    assert!(tool(&["kafka-topics", "--describe", "--topic", topic]).contains("PARTITION"));
    let of_topic = ["kafka-configs", "--entity-type", "topics", "--entity-name", topic];
    tool(
        &[&of_topic[..], &["--alter", "--add-config", "retention.ms=60000,cleanup.policy=[compact,delete]"]]
            .concat(),
    );
    let shown = tool(&[&of_topic[..], &["--describe", "--output", "json"]].concat());
    assert!(shown.contains("\"compact,delete\"") && shown.contains("\"60000\""), "{shown}");
    let reset =
        ["kafka-consumer-groups", "--group", group, "--reset-offsets", "--topic", topic, "--to-earliest"];
    tool(&[&reset[..], &["--execute"]].concat());
    assert!(tool(&["kafka-consumer-groups", "--list"]).contains(group));
    let exported = tool(&[&reset[..4], &["--all-topics", "--to-current", "--export"]].concat());
    assert_eq!(exported, format!("{topic},0,0\n{topic},1,0\n"));
    tool(&["kafka-consumer-groups", "--delete", "--group", group]);
    tool(&["kafka-topics", "--delete", "--topic", topic]);
}

#[test]
fn acls_and_passwords_are_reached_by_the_old_names() {
    let kestrel = Program::start();
    let (topic, user) = (&*kestrel.unique("orders"), &*kestrel.unique("alice"));
    let at = ["--bootstrap-server", kestrel.bootstrap()];
    let tool = |words: &[&str]| kestrel.ok(&[words, &at].concat());
    let principal = format!("User:{user}");
    let acl = ["--allow-principal", &principal, "--operation", "Read", "--topic", topic];
    tool(&[&["kafka-acls", "--add"], &acl[..]].concat());
    let list = ["acls", "list", "--topic", topic];
    let listed = kestrel.until(&list, |rows| rows.len() == 1);
    assert_eq!(listed[0]["principal"], json!(principal));
    tool(&[&["kafka-acls", "--remove", "--force"], &acl[..]].concat());
    let password = "SCRAM-SHA-256=[iterations=8192,password=opensesame],producer_byte_rate=1024";
    let of_user = ["kafka-configs", "--entity-type", "users", "--entity-name", user];
    tool(&[&of_user[..], &["--alter", "--add-config", password]].concat());
    let users = kestrel.until(&["users", "list", user], |rows| rows.len() == 1);
    assert_eq!(users[0]["iterations"], 8192);
    let described = tool(&[&of_user[..], &["--describe"]].concat());
    assert!(described.contains("1024") && described.contains("SCRAM-SHA-256"), "{described}");
    tool(&[&of_user[..], &["--alter", "--delete-config", "SCRAM-SHA-256,producer_byte_rate"]].concat());
}

#[test]
fn console_tools_write_and_read_records() {
    let kestrel = Program::start();
    let topic = kestrel.unique("lines");
    kestrel.ok(&[
        "kafka-topics",
        "--create",
        "--topic",
        &topic,
        "--partitions",
        "1",
        "--bootstrap-server",
        kestrel.bootstrap(),
    ]);
    let at = ["--bootstrap-server", kestrel.bootstrap(), "--topic", topic.as_str()];
    let produce = |options: &[&str], lines: &str| {
        let run = kestrel.fed(&[&["kafka-console-producer"], &at[..], options].concat(), lines.as_bytes());
        assert_eq!(run.code, 0, "{options:?}: {run:?}");
    };
    let consume = |options: &[&str]| kestrel.ok(&[&["kafka-console-consumer"], &at[..], options].concat());
    produce(&[], "plain\n");
    // -1 is all, as in Apache Kafka's own documentation.
    for acks in ["-1", "all", "1", "0"] {
        produce(&["--request-required-acks", acks], &format!("acks {acks}\n"));
    }
    let keyed =
        ["--property", "parse.key=true", "--property", "key.separator=:", "--property", "null.marker=NULL"];
    produce(
        &[&keyed[..], &["--compression-codec", "zstd", "--producer-property", "linger.ms=0"]].concat(),
        "us7:quake\nus8:NULL\n",
    );

    let all = consume(&["--from-beginning", "--max-messages", "7"]);
    assert_eq!(all, "plain\nacks -1\nacks all\nacks 1\nacks 0\nquake\nnull\n");
    let printed = [
        "--property",
        "print.key=true",
        "--formatter-property",
        "print.offset=true",
        "--property",
        "key.separator=|",
    ];
    let placed =
        consume(&[&["--partition", "0", "--offset", "5", "--timeout-ms", "5000"], &printed[..]].concat());
    assert_eq!(placed, "Offset:5|us7|quake\nOffset:6|us8|null\n");
    // A group goes on where it was.
    let group = kestrel.unique("readers");
    let member = |count: &str| consume(&["--group", &group, "--from-beginning", "--max-messages", count]);
    assert_eq!((member("1"), member("2")), ("plain\n".to_owned(), "acks -1\nacks all\n".to_owned()));
}

#[cfg(unix)]
#[test]
fn a_link_is_the_tool_that_it_is_called() {
    let kestrel = Program::start();
    let link = kestrel.home().join("kafka-topics.sh");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_kestrel"), &link).unwrap();
    let listed = Run::of(Command::new(&link).args(["--bootstrap-server", kestrel.bootstrap(), "--list"]));
    assert_eq!(listed.code, 0, "{listed:?}");
    for name in ["kafka-console-producer", "kafka-console-consumer"] {
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_kestrel"), kestrel.home().join(name)).unwrap();
    }
    let topic = kestrel.unique("lines");
    kestrel.ok(&["topics", "create", &topic, "-p", "1", "-r", "1"]);
    let at = ["--bootstrap-server", kestrel.bootstrap(), "--topic", &topic];
    let tool = |name: &str| {
        let mut command = Command::new(kestrel.home().join(name));
        command.args(at);
        command
    };
    let acks = ["--request-required-acks", "-1"];
    let written = Run::fed(tool("kafka-console-producer").args(acks), b"hello\n");
    assert_eq!(written.code, 0, "{written:?}");
    let read = Run::of(tool("kafka-console-consumer").args(["--from-beginning", "--max-messages", "1"]));
    assert_eq!((read.code, &*read.stdout), (0, "hello\n"), "{read:?}");
    let unknown = Run::of(Command::new(&link).args(["--list", "--zookeeper", "a:2181"]));
    assert!(unknown.code == 2 && unknown.stderr.contains("--zookeeper"), "{unknown:?}");
}
