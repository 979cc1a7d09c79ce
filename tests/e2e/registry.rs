//! kestrel-registry over a cluster: what it was given is there after a new start, and two registries on one topic are one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use futures::future::join_all;
use kestrel_broker::Durability;
use kestrel_client::Client;
use kestrel_client::admin::NewTopic;
use kestrel_registry::{Registry, RegistryBuilder, StartError};
use kestrel_registry_client::{Level, Reference, RegistryClient, Schema, StoredSchema};
use kestrel_tests::{BrokerProcess, TestBroker, built_broker, eventually, unique};

const AVRO: &str = r#"{"type": "record", "name": "Truck", "fields": [{"name": "id", "type": "string"}]}"#;
const PROTOBUF: &str = "syntax = \"proto3\"; message Truck { string id = 1; }";
const JSON: &str = r#"{"type": "object", "properties": {"id": {"type": "string"}}}"#;

fn builder(bootstrap_servers: &str, topic: &str) -> RegistryBuilder {
    Registry::builder(bootstrap_servers).topic(topic)
}

/// A client that tries nothing twice: what a registry answers is what a test sees.
fn client(registry: &Registry) -> RegistryClient {
    RegistryClient::builder(registry.url()).retries(0).build().unwrap()
}

async fn id(client: &RegistryClient, subject: &str, schema: &Schema) -> i32 {
    client.subject(subject).register(schema).await.unwrap().id.unwrap()
}

/// Everything that a registry says it has.
async fn contents(client: &RegistryClient) -> (Vec<StoredSchema>, Option<Level>) {
    let schemas = client.schemas().with_deleted().await.unwrap();
    (schemas, client.subject("truck-avro").config().await.unwrap().compatibility)
}

/// One schema of each type, one that refers to another, one that is deleted, and a level.
async fn fill(client: &RegistryClient) {
    id(client, "truck-avro", &Schema::avro(AVRO)).await;
    id(client, "truck-protobuf", &Schema::protobuf(PROTOBUF)).await;
    id(client, "truck-json", &Schema::json(JSON)).await;
    let truck = Reference { name: "Truck".into(), subject: "truck-avro".into(), version: 1 };
    let fleet = Schema::avro(r#"{"type": "array", "items": "Truck"}"#).with_references([truck]);
    id(client, "fleet", &fleet).await;
    id(client, "gone", &Schema::avro("\"long\"")).await;
    assert_eq!(client.subject("gone").delete().await.unwrap(), [1]);
    client.subject("truck-avro").set_config(Level::FullTransitive).await.unwrap();
}

#[tokio::test]
async fn what_is_registered_is_there_after_a_new_start() {
    let broker = TestBroker::start().await;
    let topic = unique("registry");
    let registry = builder(broker.bootstrap_servers(), &topic).start().await.unwrap();
    fill(&client(&registry)).await;
    let before = contents(&client(&registry)).await;
    assert_eq!((before.0.len(), before.1), (5, Some(Level::FullTransitive)));
    registry.stop().await;

    let registry = builder(broker.bootstrap_servers(), &topic).start().await.unwrap();
    let client = client(&registry);
    assert_eq!(contents(&client).await, before);
    assert_eq!(id(&client, "other", &Schema::protobuf(PROTOBUF)).await, 2);
    assert_eq!(id(&client, "other-new", &Schema::avro("\"int\"")).await, 6);
    registry.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_registries_on_one_topic_give_a_schema_one_id() {
    let broker = TestBroker::start().await;
    let topic = unique("registry");
    let start = || builder(broker.bootstrap_servers(), &topic).write_timeout(Duration::from_secs(60)).start();
    // Both at once: one of them creates the topic.
    let (one, other) = tokio::join!(start(), start());
    let (one, other) = (one.unwrap(), other.unwrap());
    let clients = [client(&one), client(&other)];
    let schema =
        |number: usize| Schema::avro(format!(r#"{{"type": "enum", "name": "E{number}", "symbols": ["A"]}}"#));
    // Each schema at the same time through both.
    let registrations = (0..24).map(|at| {
        let (number, client) = (at / 2, &clients[at % 2]);
        async move { (number, id(client, &format!("s{number}"), &schema(number)).await) }
    });
    let given: BTreeSet<_> = join_all(registrations).await.into_iter().collect();
    let ids: BTreeMap<_, _> = given.iter().copied().collect();
    assert_eq!(given.len(), 12, "a schema has two ids: {given:?}");
    assert_eq!(ids.values().copied().collect::<BTreeSet<_>>(), (1..=12).collect());
    // What one has acknowledged the other shows, too.
    for client in &clients {
        let known = eventually("all subjects", async || {
            Some(client.subjects().await.unwrap()).filter(|known| known.len() == 12)
        });
        known.await;
        for (number, id) in &ids {
            let found = client.schema(*id).await.unwrap().schema.unwrap().text;
            assert!(found.contains(&format!("E{number}\"")), "{found} is {number}");
        }
    }
    one.stop().await;
    other.stop().await;
}

/// Starts a broker and waits until it serves.
async fn up(broker: &mut BrokerProcess) {
    broker.spawn(Durability::Os).unwrap();
    broker.ready().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_broker_costs_an_error_and_no_schema() {
    let folder = tempfile::tempdir().unwrap();
    let program = built_broker(Path::new(env!("CARGO_BIN_EXE_kestrel-kill")));
    let mut broker = BrokerProcess::new(program, folder.path(), &[]).unwrap();
    up(&mut broker).await;
    let starting = builder(broker.address(), "_schemas").write_timeout(Duration::from_secs(6));
    let registry = starting.start().await.unwrap();
    let client = client(&registry);
    fill(&client).await;
    let before = contents(&client).await;

    broker.kill().await.unwrap();
    let refused = client.subject("new").register(Schema::avro("\"int\"")).await.unwrap_err();
    assert!(matches!(refused.code(), Some(50001 | 50002)), "{refused:?}");
    assert_eq!(contents(&client).await, before);
    // Nothing has to be written for what is registered already.
    assert_eq!(id(&client, "truck-avro", &Schema::avro(AVRO)).await, 1);
    // What is not known may be there all the same.
    assert_eq!(client.schema(999).await.unwrap_err().code(), Some(50001));

    up(&mut broker).await;
    let new = eventually("a write", async || {
        client.subject("new").register(Schema::avro("\"int\"")).await.ok()?.id
    });
    // Whether the refused one was written or not: the schema has one id, and nobody else's.
    assert_eq!(new.await, 6);
    client.subject("new").delete().await.unwrap();
    client.subject("new").delete().permanently().await.unwrap();
    assert_eq!(contents(&client).await, before);
    registry.stop().await;
    let registry = builder(broker.address(), "_schemas").start().await.unwrap();
    assert_eq!(contents(&self::client(&registry)).await, before);
    registry.stop().await;
}

#[tokio::test]
async fn a_topic_that_would_lose_schemas_is_refused() {
    let broker = TestBroker::start().await;
    let admin = broker.client().await;
    let (wide, short) = (unique("registry"), unique("registry"));
    let topics = [
        NewTopic::new(&*wide).partitions(2).config("cleanup.policy", "compact"),
        NewTopic::new(&*short).config("cleanup.policy", "compact,delete"),
    ];
    admin.admin().create_topics(topics).await.into_result().unwrap();
    for (topic, expected) in [(&wide, "2 partitions"), (&short, "cleanup.policy is compact,delete")] {
        let refused = builder(broker.bootstrap_servers(), topic).start().await.unwrap_err();
        assert!(matches!(refused, StartError::UnfitTopic { .. }), "{refused:?}");
        assert!(refused.to_string().contains(expected), "{refused}");
    }
}

#[tokio::test]
async fn what_is_too_large_or_too_intricate_is_refused() {
    let broker = TestBroker::start().await;
    let starting = builder(broker.bootstrap_servers(), &unique("registry"));
    let registry = starting.write_timeout(Duration::from_secs(60)).start().await.unwrap();
    let client = client(&registry);
    let refused = async |schema: Schema| client.subject("s").register(schema).await.unwrap_err().code();
    let doc = |size: usize| {
        let doc = "x".repeat(size);
        Schema::avro(format!(r#"{{"type": "fixed", "name": "F", "size": 1, "doc": "{doc}"}}"#))
    };
    assert_eq!(refused(doc(2 << 20)).await, Some(42209));
    assert_eq!(refused(doc(5 << 20)).await, Some(413));
    let deep = format!("{}\"int\"{}", r#"{"type":"array","items":"#.repeat(5_000), "}".repeat(5_000));
    assert_eq!(refused(Schema::avro(deep)).await, Some(42201));
    // The right to write is still there.
    assert_eq!(id(&client, "s", &doc(1)).await, 1);
    registry.stop().await;
}

/// What Confluent's registry would find in the topic.
async fn keys(client: &Client, topic: &str) -> Vec<String> {
    let builder = client.assigned_consumer().assign_topics([topic]).key(kestrel_client::Utf8);
    let builder = builder.auto_offset_reset(kestrel_client::AutoOffsetReset::Earliest);
    let mut consumer: kestrel_client::AssignedConsumer<String, bytes::Bytes> = builder.build().await.unwrap();
    let ends = consumer.end_offsets([(topic, 0)]).await.unwrap();
    let mut keys = Vec::new();
    while let Some(record) = consumer.next_until(&ends).await {
        keys.push(record.unwrap().key.unwrap());
    }
    keys
}

#[tokio::test]
async fn keys_are_confluents() {
    let broker = TestBroker::start().await;
    let topic = unique("registry");
    let registry = builder(broker.bootstrap_servers(), &topic).start().await.unwrap();
    let client = client(&registry);
    id(&client, "s", &Schema::avro("\"int\"")).await;
    client.subject("s").set_config(Level::None).await.unwrap();
    client.subject("s").delete().await.unwrap();
    let expected = [
        r#"{"keytype":"SCHEMA","subject":"s","version":1,"magic":1}"#,
        r#"{"keytype":"CONFIG","subject":"s","magic":0}"#,
        r#"{"keytype":"DELETE_SUBJECT","subject":"s","magic":0}"#,
    ];
    assert_eq!(keys(&broker.client().await, &topic).await, expected);
    registry.stop().await;
}
