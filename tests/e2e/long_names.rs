//! What a user writes at more length than the protocol can say is an error that names it, at once and never a panic.

use bytes::Bytes;
use kestrel_client::admin::NewTopic;
use kestrel_client::{
    AutoOffsetReset, Client, Consumer, Error, OffsetAndMetadata, Record, Severity, TopicPartition,
};
use kestrel_tests::TestBroker;

fn too_long() -> String {
    "a".repeat(32_768)
}

/// The error is about what was written, and came before anything was waited for.
fn check<T>(what: &str, outcome: Result<T, Error>) {
    let Err(error) = outcome else { panic!("{what}: no error") };
    assert_eq!(error.severity(), Severity::Invalid, "{what}: {error}");
    let text = format!("{error:#}");
    assert!(text.contains("32768") && text.len() < 200, "{what}: {text}");
}

#[tokio::test]
async fn settings_that_are_too_long_are_refused() {
    let broker = TestBroker::start().await;
    let named = Client::builder(broker.bootstrap_servers()).client_id(too_long());
    check("client.id", named.connect().await);
    let client = broker.client().await;
    let member = |group: String| client.consumer::<Bytes, Bytes>(group);
    check("group.id", member(too_long()).topics(["t"]).build().await);
    check("topics", member("g".into()).topics([too_long()]).build().await);
    check("group.instance.id", member("g".into()).topics(["t"]).group_instance_id(too_long()).build().await);
    check("client.rack", member("g".into()).topics(["t"]).client_rack(too_long()).build().await);
    let assigned = || client.assigned_consumer::<Bytes, Bytes>();
    check("assign_topics", assigned().assign_topics([too_long()]).build().await);
    check("assign", assigned().assign([(too_long().as_str(), 0)]).build().await);
}

#[tokio::test]
async fn calls_with_names_that_are_too_long_are_refused() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let producer = client.producer().build().await.unwrap();
    check("send", producer.send(Record::to(too_long())).await);
    producer.send(Record::to("t").value("others go on")).await.unwrap().await.unwrap();

    let admin = client.admin();
    check("create_topics", admin.create_topics([NewTopic::new(too_long().as_str())]).await.into_result());
    let both = admin.create_topics([NewTopic::new(too_long().as_str()), NewTopic::new("u")]).await;
    let created: Vec<bool> = both.into_iter().map(|(_, result)| result.is_ok()).collect();
    assert_eq!(created, [false, true]);
    check("delete_topics", admin.delete_topics([too_long()]).await.into_result());
    check("describe_topics", admin.describe_topics([too_long()]).await.into_result());
    check("describe_groups", admin.describe_groups([too_long()]).await.into_result());
    check("delete_groups", admin.delete_groups([too_long()]).await.into_result());

    let builder = client.consumer("g").topics(["t"]).auto_offset_reset(AutoOffsetReset::Earliest);
    let mut consumer: Consumer<Bytes, Bytes> = builder.build().await.unwrap();
    consumer.next().await.unwrap().unwrap();
    let noted = OffsetAndMetadata::new(1).metadata(too_long().as_str());
    check("commit_offsets", consumer.commit_offsets([(TopicPartition::from(("t", 0)), noted)]).await);
    consumer.close().await.unwrap();
}
