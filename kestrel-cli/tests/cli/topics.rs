//! `kestrel topics` and `kestrel configs`.

use serde_json::json;

use crate::program::Program;

#[test]
fn a_topic_is_created_described_altered_and_deleted() {
    let kestrel = Program::start();
    let topic = &*kestrel.unique("orders");
    let create = ["topics", "create", topic, "-p", "2", "-r", "1", "-c", "retention.ms=60000"];
    assert_eq!(
        kestrel.ok(&[&create[..], &["--dry-run"]].concat()),
        format!("would have created topic {topic}\n")
    );
    assert!(!kestrel.ok(&["topics", "list"]).contains(topic));
    assert_eq!(kestrel.ok(&create), format!("created topic {topic}\n"));
    let listed = kestrel.json(&["topics", "list", topic]);
    assert_eq!(listed, [json!({"topic": topic, "partitions": 2, "internal": false})]);
    kestrel.ok(&["topics", "alter", topic, "-p", "3"]);
    let described = &kestrel.json(&["topics", "describe", topic])[0];
    assert_eq!((&described["partitions"], &described["records"]), (&json!(3), &json!(0)));
    assert_eq!(described["configs"][0]["key"], "retention.ms");
    assert_eq!(described["partition_list"].as_array().unwrap().len(), 3);
    assert_eq!(kestrel.ok(&["topics", "delete", topic]), format!("deleted topic {topic}\n"));
    assert!(!kestrel.ok(&["topics", "list"]).contains(topic));
}

#[test]
fn what_fails_among_several_has_a_code_of_its_own() {
    let kestrel = Program::start();
    let (one, other) = (&*kestrel.unique("one"), &*kestrel.unique("other"));
    kestrel.ok(&["topics", "create", one, "-p", "1", "-r", "1"]);
    let both = kestrel.run(&["topics", "create", one, other, "-p", "1", "-r", "1"]);
    assert_eq!((both.code, both.stdout), (3, format!("created topic {other}\n")));
    assert!(both.stderr.contains(one) && both.stderr.contains("already exists"), "{}", both.stderr);
    assert_eq!(kestrel.run(&["topics", "create", one, "-p", "1", "-r", "1"]).code, 1);
    kestrel.ok(&["topics", "create", one, "--if-not-exists"]);
    assert_eq!(kestrel.run(&["topics", "describe", one, "nowhere"]).code, 3);
    kestrel.ok(&["topics", "delete", one, other, "nowhere", "--if-exists"]);
}

#[test]
fn configurations_change_key_by_key() {
    let kestrel = Program::start();
    let topic = &*kestrel.unique("configured");
    kestrel.ok(&["topics", "create", topic, "-p", "1", "-r", "1", "-c", "retention.ms=60000"]);
    kestrel.ok(&["configs", "set", "topic", topic, "segment.bytes=2000000", "cleanup.policy+=compact"]);
    let get = |key| kestrel.json(&["configs", "get", "topic", topic, key])[0]["value"].clone();
    assert_eq!(get("retention.ms"), "60000");
    assert_eq!(get("segment.bytes"), "2000000");
    assert_eq!(get("cleanup.policy"), "delete,compact");
    kestrel.ok(&["configs", "delete", "topic", topic, "retention.ms"]);
    assert_ne!(get("retention.ms"), "60000");
    let refused = kestrel.run(&["configs", "get", "topic", topic, "retention.mss"]);
    assert!(refused.code == 1 && refused.stderr.contains("retention.ms?"), "{refused:?}");
    kestrel.ok(&["topics", "delete", topic]);
}

#[test]
fn read_only_changes_nothing() {
    let kestrel = Program::start();
    let topic = &*kestrel.unique("guarded");
    let refused = kestrel.run(&["topics", "create", topic, "--read-only"]);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains(&format!("read-only: would create {topic}")), "{}", refused.stderr);
    assert!(!kestrel.ok(&["topics", "list"]).contains(topic));
}
