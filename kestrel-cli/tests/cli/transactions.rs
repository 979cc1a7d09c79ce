//! `kestrel transactions` and `kestrel cluster`.

use kestrel_client::{Client, Record};
use serde_json::{Value, json};

use crate::program::Program;

#[test]
fn an_open_transaction_is_seen_and_fenced() {
    let kestrel = Program::start();
    let (topic, id) = (&*kestrel.unique("orders"), &*kestrel.unique("till"));
    kestrel.ok(&["topics", "create", topic, "-p", "1", "-r", "1"]);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let client = Client::builder(kestrel.bootstrap()).connect().await.unwrap();
        let mut producer = client.transactional_producer(id).build().await.unwrap();
        let transaction = producer.begin().await.unwrap();
        transaction.send_record(Record::to(topic).value("x")).await.unwrap();
        look_at_open_transaction(&kestrel, topic, id);
    });
}

/// It blocks: the producer goes on in another thread.
fn look_at_open_transaction(kestrel: &Program, topic: &str, id: &str) {
    let list = ["transactions", "list", "--pattern", id];
    let listed = kestrel.until(&list, |rows| rows.iter().any(|row| row["state"] == "Ongoing"));
    assert_eq!(listed[0]["transactional_id"], id);
    let described = &kestrel.json(&["transactions", "describe", id])[0];
    assert_eq!(described["partitions"], json!([{"topic": topic, "partition": 0}]));
    let is_open = |rows: &[Value]| rows.iter().any(|row| row["open_since_offset"] == 0);
    kestrel.until(&["transactions", "producers", topic], is_open);
    // Its coordinator knows it.
    assert!(kestrel.json(&["transactions", "hanging", topic, "--idle-for", "1ms"]).is_empty());
    assert_eq!(kestrel.ok(&["transactions", "fence", id]), format!("fenced producers of {id}\n"));
    kestrel.until(&list, |rows| rows.iter().all(|row| row["state"] != "Ongoing"));
    assert_eq!(kestrel.run(&["transactions", "describe", "nobody"]).code, 1);
}

#[test]
fn the_cluster_shows_its_brokers() {
    let kestrel = Program::start();
    let cluster = &kestrel.json(&["cluster", "describe"])[0];
    let broker = &cluster["brokers"][0];
    assert_eq!(format!("{}:{}", broker["host"].as_str().unwrap(), broker["port"]), kestrel.bootstrap());
    assert!(cluster["cluster"].as_str().is_some_and(|id| !id.is_empty()));
}

#[test]
fn what_the_cluster_keeps_and_agrees_on_is_shown() {
    let kestrel = Program::start();
    let topic = &*kestrel.unique("kept");
    kestrel.ok(&["topics", "create", topic, "-p", "2", "-r", "1"]);
    let features = kestrel.json(&["cluster", "features"]);
    assert!(features.iter().any(|feature| feature["feature"] == "metadata.version"), "{features:?}");
    let quorum = kestrel.json(&["cluster", "quorum"]);
    assert_eq!(quorum[0]["replicas"][0]["role"], "leader");
    let log_dirs = ["cluster", "log-dirs", "--topic", topic];
    let folders = kestrel.json(&log_dirs);
    assert_eq!(folders[0]["replicas"], 2);
    assert_eq!(kestrel.json(&[&log_dirs[..], &["--replicas"]].concat()).len(), 2);
    let elected = kestrel.json(&["cluster", "elect", topic]);
    assert!(elected.iter().all(|row| row["outcome"] == "not needed"), "{elected:?}");
    let reassignments = kestrel.json(&["cluster", "reassignments"]);
    assert!(reassignments.is_empty(), "{reassignments:?}");
    kestrel.ok(&["topics", "delete", topic]);
}
