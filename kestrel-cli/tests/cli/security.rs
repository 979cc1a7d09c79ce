//! `kestrel acls`, `users`, `quotas`.

use std::io::Write;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::program::Program;

#[test]
fn acls_are_added_listed_and_removed() {
    let kestrel = Program::start();
    let topic = &*kestrel.unique("orders");
    let add = [
        "acls",
        "add",
        "--principal",
        "alice",
        "--operation",
        "read",
        "--operation",
        "write",
        "--topic",
        topic,
    ];
    assert!(kestrel.ok(&[&add[..], &["--dry-run"]].concat()).starts_with("would have added ACL"));
    let list = ["acls", "list", "--topic", topic];
    assert!(kestrel.json(&list).is_empty());
    kestrel.ok(&add);
    kestrel.ok(&[
        "acls",
        "add",
        "--principal",
        "bob",
        "--deny",
        "--operation",
        "all",
        "--topic",
        topic,
        "--prefixed",
    ]);
    // Apache Kafka's brokers take a moment to learn of them.
    let listed = kestrel.until(&list, |rows| rows.len() == 3);
    assert!(
        listed.iter().any(|acl| acl["permission"] == "Deny" && acl["pattern"] == "Prefixed"),
        "{listed:?}"
    );
    let read = kestrel.json(&[&list[..], &["--operation", "Read"]].concat());
    let expected = json!({"permission": "Allow", "principal": "User:alice", "host": "*", "operation": "Read",
        "resource": "Topic", "name": topic, "pattern": "Literal"});
    assert_eq!(read, [expected]);
    assert_eq!(kestrel.run(&["acls", "remove"]).code, 2);
    let removed = kestrel.ok(&["acls", "remove", "--topic", topic]);
    assert_eq!(removed.lines().count(), 3, "{removed}");
    kestrel.until(&list, <[Value]>::is_empty);
}

#[test]
fn users_are_set_listed_and_deleted() {
    let kestrel = Program::start();
    let user = &*kestrel.unique("alice");
    for mechanism in ["SCRAM-SHA-256", "SCRAM-SHA-512"] {
        let mut set = kestrel.command(&["users", "set", user, "--mechanism", mechanism]);
        let mut set = set.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        set.stdin.take().unwrap().write_all(b"opensesame\n").unwrap();
        let output = set.wait_with_output().unwrap();
        assert!(output.status.success());
        assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("set password of user {user}\n"));
    }
    let listed = kestrel.until(&["users", "list", user], |rows| rows.len() == 2);
    assert_eq!(listed[0], json!({"user": user, "mechanism": "SCRAM-SHA-256", "iterations": 4096}));
    assert_eq!(kestrel.ok(&["users", "delete", user]), format!("deleted user {user}\n"));
    assert_eq!(kestrel.run(&["users", "delete", user]).code, 1);
    // Nothing is typed: an empty password is none.
    assert_eq!(kestrel.run(&["users", "set", user]).code, 1);
}

#[test]
fn quotas_are_set_listed_and_deleted() {
    let kestrel = Program::start();
    let user = &*kestrel.unique("alice");
    let of_user = ["--user", user];
    kestrel.ok(&[&["quotas", "set"], &of_user[..], &["producer_byte_rate=1048576"]].concat());
    let list = [&["quotas", "list"], &of_user[..]].concat();
    let listed = kestrel.until(&list, |rows| rows.len() == 1);
    let expected = json!({"user": user, "client_id": null, "ip": null, "key": "producer_byte_rate", "limit": 1_048_576.0});
    assert_eq!(listed, [expected]);
    let refused = kestrel
        .run(&[&["quotas", "set"], &of_user[..], &["connection_creation_rate=5", "--dry-run"]].concat());
    assert_eq!(refused.code, 1, "{refused:?}");
    kestrel.ok(&[&["quotas", "delete"], &of_user[..], &["producer_byte_rate"]].concat());
    kestrel.until(&list, <[Value]>::is_empty);
    assert_eq!(kestrel.run(&["quotas", "set", "producer_byte_rate=1"]).code, 2);
}
