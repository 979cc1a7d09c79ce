//! Runtimes that go, and tasks that panic: whoever has a handle is told at once, in every call, and nothing waits for ever.

use std::future::Future;
use std::time::Duration;

use async_trait::async_trait;
use kestrel_broker::{Broker, Durability};
use kestrel_client::admin::NewTopic;
use kestrel_client::{
    ApiKey, AssignedPartitions, AutoOffsetReset, Client, Error, NoKey, RebalanceListener, Record, Severity,
};
use kestrel_serde::Utf8;
use kestrel_tests::{TestBroker, eventually, unique};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

/// What a call that must not wait may take, on a busy machine.
const AT_ONCE: Duration = Duration::from_secs(10);

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

/// What `call` gives, which must be soon.
async fn at_once<T>(what: &str, call: impl Future<Output = T>) -> T {
    tokio::time::timeout(AT_ONCE, call).await.unwrap_or_else(|_| panic!("{what} waits"))
}

fn assert_gone<T>(what: &str, result: Result<T, Error>) {
    let Err(error) = result else { panic!("{what} succeeded") };
    assert!(matches!(error, Error::Ended { .. }), "{what}: {error:?}");
    assert!(
        error.to_string().contains("the tokio runtime that the client was made in has shut down"),
        "{error}"
    );
    assert_eq!(error.severity(), Severity::Fatal, "{what}");
}

async fn client_of(servers: &str) -> Client {
    Client::builder(servers).connect().await.unwrap()
}

#[tokio::test]
async fn every_handle_of_a_client_whose_runtime_is_gone_says_so() {
    let builder = Broker::builder().ephemeral().durability(Durability::Os);
    let broker = TestBroker::embedded(builder.set("auto.create.topics.enable", "false")).await;
    let servers = broker.bootstrap_servers().to_owned();
    let (topic, group) = (unique("topic"), unique("group"));
    let admin = broker.client().await.admin();
    admin.create_topics([NewTopic::new(topic.as_str())]).await.into_result().unwrap();
    let home = runtime();
    let made = home.spawn({
        let (topic, group) = (topic.clone(), group.clone());
        async move {
            let client = client_of(&servers).await;
            let producer = client.producer().build().await.unwrap();
            producer.send(Record::to(topic.as_str()).value("v")).await.unwrap().await.unwrap();
            let typed = producer.topic::<NoKey, str>(topic.as_str()).value(Utf8).open().await.unwrap();
            let member = client.consumer::<bytes::Bytes, bytes::Bytes>(group).topics([topic.as_str()]);
            let mut member = member.auto_offset_reset(AutoOffsetReset::Earliest).build().await.unwrap();
            member.next().await.unwrap().unwrap();
            let reader =
                client.assigned_consumer::<bytes::Bytes, bytes::Bytes>().assign([(topic.as_str(), 0)]);
            let reader = reader.auto_offset_reset(AutoOffsetReset::Earliest).build().await.unwrap();
            (client, producer, typed, member, reader)
        }
    });
    let (client, producer, typed, mut member, mut reader) = made.await.unwrap();
    let mut waits = JoinSet::new();
    let waiting = producer.clone();
    waits.spawn(async move { waiting.prepare_topic("missing").await });
    tokio::task::yield_now().await;
    home.shutdown_background();
    let partition = (topic.as_str(), 0);

    assert_gone("next", at_once("next", member.next()).await.expect("an error comes first"));
    assert!(at_once("next", member.next()).await.is_none(), "then it is over");
    assert_gone("commit", at_once("commit", member.commit()).await);
    assert_gone("commit_offsets", at_once("commit_offsets", member.commit_offsets([(partition, 1)])).await);
    assert_gone("committed", at_once("committed", member.committed([partition])).await);
    assert_gone("end_offsets", at_once("end_offsets", member.end_offsets([partition])).await);
    let patience = Duration::from_secs(2);
    assert_gone("close_within", at_once("close_within", member.close_within(patience)).await);

    let next = loop {
        match at_once("next", reader.next()).await.expect("an error comes before the end") {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_gone::<()>("next", Err(next));
    assert_gone("seek_to_end", reader.seek_to_end([partition]));
    assert_gone("position", at_once("position", reader.position(partition)).await);
    assert_gone("close", at_once("close", reader.close()).await);

    assert_gone("send", at_once("send", producer.send(Record::to(topic.as_str()))).await);
    assert_gone("try_send", producer.try_send(Record::to(topic.as_str())).map_err(|refused| refused.error));
    assert_gone("typed send", at_once("send", typed.send_unkeyed("v")).await);
    assert_gone("a new topic", at_once("prepare_topic", producer.prepare_topic(&unique("new"))).await);
    assert_gone("flush", at_once("flush", producer.flush()).await);
    assert_gone("close", at_once("close", producer.close(patience)).await);
    assert_gone("waiting for a topic", at_once("waiting", waits.join_next()).await.unwrap().unwrap());

    assert_gone("a producer", at_once("a producer", client.producer().build()).await);
    let group = client.consumer::<bytes::Bytes, bytes::Bytes>(group).topics([topic.as_str()]);
    assert_gone("a consumer", at_once("a consumer", group.build()).await);
    let assigned = client.assigned_consumer::<bytes::Bytes, bytes::Bytes>().assign([partition]);
    assert_gone("an assigned consumer", at_once("an assigned consumer", assigned.build()).await);
    let admin = client.admin();
    assert_gone("list_topics", at_once("list_topics", admin.list_topics()).await);
    let deleted = at_once("delete_topics", admin.delete_topics([topic.as_str()])).await;
    assert_gone("delete_topics", deleted.into_result());
    assert_gone("describe_cluster", at_once("describe_cluster", admin.describe_cluster()).await);
}

#[tokio::test]
async fn a_record_that_was_on_its_way_when_the_runtime_went_may_be_stored() {
    let broker = TestBroker::embedded(Broker::builder().ephemeral().durability(Durability::Os)).await;
    let servers = broker.bootstrap_servers().to_owned();
    let home = runtime();
    let made = home.spawn(async move {
        let client = client_of(&servers).await;
        let producer = client.producer().linger(Duration::ZERO).build().await.unwrap();
        producer.send(Record::to("t").value("v")).await.unwrap().await.unwrap();
        (client, producer)
    });
    let (_client, producer) = made.await.unwrap();
    broker.kestrel().faults().on(ApiKey::Produce).delay(Duration::from_secs(3600));
    let on_its_way = producer.send(Record::to("t").value("sent")).await.unwrap();
    let watcher = broker.client().await.assigned_consumer::<bytes::Bytes, bytes::Bytes>();
    let watcher = watcher.assign([("t", 0)]).build().await.unwrap();
    eventually("the record is stored", async || {
        let ends = watcher.end_offsets([("t", 0)]).await.unwrap();
        ends.into_values().all(|end| end == 2).then_some(())
    })
    .await;
    home.shutdown_background();
    let error = at_once("the delivery", on_its_way).await.unwrap_err();
    assert!(error.possibly_written(), "{error:?}");
    assert_gone::<()>("a delivery", Err(error));
}

#[tokio::test]
async fn a_client_may_be_used_from_other_runtimes_while_its_own_lives() {
    let broker = TestBroker::start().await;
    let (client, topic) = (broker.client().await, unique("shared"));
    for round in 0..3 {
        let (client, topic) = (client.clone(), topic.clone());
        let offset = tokio::task::spawn_blocking(move || {
            // As a test of its own has it.
            Builder::new_current_thread().enable_all().build().unwrap().block_on(async move {
                let producer = client.producer().build().await.unwrap();
                let receipt =
                    producer.send(Record::to(topic.as_str()).value("v")).await.unwrap().await.unwrap();
                client.admin().list_topics().await.unwrap();
                let reader = client.assigned_consumer::<bytes::Bytes, bytes::Bytes>();
                let reader =
                    reader.assign([(topic.as_str(), 0)]).auto_offset_reset(AutoOffsetReset::Earliest);
                let mut reader = reader.build().await.unwrap();
                reader.next().await.unwrap().unwrap();
                receipt.offset
            })
        });
        assert_eq!(at_once("a round", offset).await.unwrap(), Some(round));
    }
}

/// A listener with a bug.
struct Faulty;

#[async_trait]
impl RebalanceListener for Faulty {
    async fn assigned(&self, _: &mut AssignedPartitions) {
        panic!("a bug in the listener");
    }
}

#[tokio::test]
async fn a_panic_in_the_background_ends_its_handle_with_an_error() {
    let broker = TestBroker::start().await;
    let (client, topic) = (broker.client().await, unique("panic"));
    let producer = client.producer().build().await.unwrap();
    producer.send(Record::to(topic.as_str()).value("v")).await.unwrap().await.unwrap();
    let member = client.consumer::<bytes::Bytes, bytes::Bytes>(unique("group")).topics([topic.as_str()]);
    let mut member = member.rebalance_listener(Faulty).build().await.unwrap();
    let error = at_once("next", member.next()).await.unwrap().unwrap_err();
    assert_eq!(
        error.to_string(),
        "the consumer has ended: its background task has panicked: a bug in the listener"
    );
    assert_eq!(error.severity(), Severity::Fatal);
    assert!(at_once("next", member.next()).await.is_none());
    assert!(matches!(at_once("commit", member.commit()).await, Err(Error::Ended { .. })));
    let closed = at_once("close_within", member.close_within(Duration::from_secs(2))).await;
    assert!(matches!(closed, Err(Error::Ended { .. })), "{closed:?}");
    // The others go on.
    producer.send(Record::to(topic.as_str()).value("v")).await.unwrap().await.unwrap();
}
