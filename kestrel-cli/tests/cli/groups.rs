//! `kestrel groups`.

use std::fs;

use kestrel_client::{Client, Record, TopicPartition};
use serde_json::{Value, json};

use crate::program::Program;

const RECORDS: i64 = 10;

/// A topic of one partition with ten records, at the first ten seconds of 2026, of which a group has read four.
fn behind(kestrel: &Program, topic: &str, group: &str) {
    kestrel.ok(&["topics", "create", topic, "-p", "1", "-r", "1"]);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let client = Client::builder(kestrel.bootstrap()).connect().await.unwrap();
        let producer = client.producer().build().await.unwrap();
        for second in 0..RECORDS {
            let at = kestrel_client::Timestamp::from_millis(1_767_225_600_000 + second * 1_000);
            producer.send(Record::to(topic).value("x").timestamp(at)).await.unwrap().await.unwrap();
        }
        let partition = TopicPartition::new(topic, 0);
        client.admin().alter_group_offsets(group, [(partition, 4)]).await.into_result().unwrap();
    });
}

fn committed(kestrel: &Program, group: &str) -> Value {
    kestrel.json(&["groups", "describe", group, "--no-time"])[0]["partition_list"][0]["committed"].clone()
}

#[test]
fn a_group_is_listed_and_described_with_its_lag() {
    let kestrel = Program::start();
    let (topic, group) = (&*kestrel.unique("orders"), &*kestrel.unique("billing"));
    behind(&kestrel, topic, group);
    let listed = &kestrel.json(&["groups", "list", group, "--lag"])[0];
    assert_eq!(
        (&listed["group"], &listed["state"], &listed["lag"]),
        (&json!(group), &json!("Empty"), &json!(6))
    );
    assert!(kestrel.json(&["groups", "list", group, "--state", "stable"]).is_empty());
    let described = &kestrel.json(&["groups", "describe", group])[0];
    let partition = &described["partition_list"][0];
    assert_eq!(
        (&partition["committed"], &partition["end_offset"], &partition["lag"]),
        (&json!(4), &json!(10), &json!(6))
    );
    // The fifth record is of the beginning of 2026.
    assert!(partition["lag_time"].as_i64().unwrap() > 0, "{partition}");
    assert_eq!(kestrel.run(&["groups", "describe", "nobody"]).code, 1);
}

#[test]
fn a_reset_is_shown_before_it_is_done() {
    let kestrel = Program::start();
    let (topic, group) = (&*kestrel.unique("orders"), &*kestrel.unique("billing"));
    behind(&kestrel, topic, group);
    let reset = |target: &[&str]| kestrel.json(&[&["groups", "reset", group], target].concat());
    let step = |after: i64| json!({"topic": topic, "partition": 0, "before": 4, "after": after, "change": after - 4});
    for (target, after) in [
        (&["--all-topics", "--to-earliest"][..], 0),
        (&["--topic", topic, "--to-latest"], 10),
        (&["--topic", topic, "--to-offset", "7"], 7),
        (&["--topic", topic, "--to-time", "2026-01-01T00:00:08Z"], 8),
        (&["--all-topics", "--shift-by", "-3"], 1),
        (&["--all-topics", "--to-current"], 4),
    ] {
        assert_eq!(reset(target), [step(after)], "{target:?}");
    }
    assert_eq!(committed(&kestrel, group), 4);
    assert_eq!(reset(&["--topic", topic, "--to-offset", "7", "--execute"]), [step(7)]);
    assert_eq!(committed(&kestrel, group), 7);
    assert_eq!(kestrel.run(&["groups", "reset", group, "--to-latest"]).code, 2);
    assert_eq!(kestrel.run(&["groups", "reset", group, "--to-latest", "--to-earliest"]).code, 2);
}

#[test]
fn offsets_come_from_a_file_or_another_group() {
    let kestrel = Program::start();
    let (topic, group, other) =
        (&*kestrel.unique("orders"), &*kestrel.unique("billing"), &*kestrel.unique("audit"));
    behind(&kestrel, topic, group);
    let saved = kestrel.ok(&["groups", "reset", group, "--all-topics", "--to-current", "--output", "json"]);
    let file = kestrel.home().join("offsets");
    fs::write(&file, saved).unwrap();
    kestrel.ok(&["groups", "reset", group, "--all-topics", "--to-latest", "--execute"]);
    kestrel.ok(&["groups", "reset", other, "--from-group", group, "--execute"]);
    assert_eq!((committed(&kestrel, group), committed(&kestrel, other)), (json!(10), json!(10)));
    kestrel.ok(&["groups", "reset", group, "--from-file", file.to_str().unwrap(), "--execute"]);
    assert_eq!(committed(&kestrel, group), 4);
    assert_eq!(
        kestrel.ok(&["groups", "delete-offsets", group, topic]),
        format!("deleted the offset of partition {topic}-0\n")
    );
    assert_eq!(kestrel.ok(&["groups", "delete", other]), format!("deleted group {other}\n"));
}
