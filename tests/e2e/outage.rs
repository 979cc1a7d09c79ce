//! Typed data while its schema registry is away: at the start, later, and back again. Nothing is lost and nothing skipped.

use std::collections::VecDeque;

use apache_avro::AvroSchema;
use kestrel_client::admin::NewTopic;
use kestrel_client::{AssignedConsumer, Avro, Client, Error, Raw, Remedy, TypedProducer, Unit, registry};
use kestrel_registry::Registry;
use kestrel_tests::{TestBroker, eventually, unique};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

#[derive(Debug, PartialEq, Eq, AvroSchema, Serialize, Deserialize)]
struct Position {
    truck: i32,
}

/// A registry that comes and goes, at one address.
struct Place {
    bootstrap_servers: String,
    topic: String,
    address: String,
}

impl Place {
    /// An address where no registry is yet.
    async fn new(broker: &TestBroker) -> Self {
        let (bootstrap_servers, topic) = (broker.bootstrap_servers().to_owned(), unique("registry"));
        let mut place = Self { bootstrap_servers, topic, address: "127.0.0.1:0".to_owned() };
        let first = place.start().await;
        place.address = first.url().trim_start_matches("http://").to_owned();
        first.stop().await;
        place
    }

    async fn start(&self) -> Registry {
        Registry::builder(&self.bootstrap_servers)
            .topic(&self.topic)
            .listen(&self.address)
            .start()
            .await
            .unwrap()
    }

    /// The format of a process that knows no schema yet.
    fn format(&self) -> registry::Registered<Avro> {
        let client = registry::RegistryClient::builder(format!("http://{}", self.address)).retries(0);
        kestrel_serde::registry::Registry::new(client.build().unwrap())
            .format(Avro::of::<Position>().unwrap())
    }
}

async fn reader(
    client: &Client,
    topic: &str,
    format: registry::Registered<Avro>,
) -> AssignedConsumer<(), Position> {
    let builder = client.assigned_consumer().assign_topics([topic]).key(Unit).value(format);
    builder.auto_offset_reset(kestrel_client::AutoOffsetReset::Earliest).build().await.unwrap()
}

/// The next record, after as many errors as it takes that say to try again.
async fn next(consumer: &mut AssignedConsumer<(), Position>) -> (i64, i32) {
    loop {
        match consumer.next().await.unwrap() {
            Ok(record) => return (record.offset, record.value.unwrap().truck),
            Err(error) => assert!(error.is_retriable(), "{error:#}"),
        }
    }
}

async fn send(topic: &TypedProducer<(), Position>, trucks: std::ops::Range<i32>) {
    for truck in trucks {
        topic.send_unkeyed(&Position { truck }).await.unwrap().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_is_away_costs_no_record() {
    let broker = TestBroker::start().await;
    let (client, place, topic) = (broker.client().await, Place::new(&broker).await, unique("positions"));
    client.admin().create_topics([NewTopic::new(&*topic)]).await.into_result().unwrap();
    let producer = client.producer().build().await.unwrap();
    let format = place.format();
    let open = async || producer.topic::<(), Position>(&topic).key(Unit).value(format.clone()).open().await;
    let refused = open().await.unwrap_err();
    assert!(matches!(&refused, Error::Serialize(cause) if cause.is_retriable()), "{refused:#}");

    let registry = place.start().await;
    let positions = eventually("a topic that is open", async || open().await.ok()).await;
    send(&positions, 0..3).await;
    let mut knowing = reader(&client, &topic, place.format()).await;
    for expected in 0..3 {
        assert_eq!(next(&mut knowing).await, (expected.into(), expected));
    }

    // Who knows the schema goes on; who does not is told, and stays where he is.
    registry.stop().await;
    send(&positions, 3..6).await;
    for expected in 3..6 {
        assert_eq!(next(&mut knowing).await, (expected.into(), expected));
    }
    let mut new = reader(&client, &topic, place.format()).await;
    let held = new.next().await.unwrap().unwrap_err();
    assert!(held.is_retriable(), "{held:#}");

    let registry = place.start().await;
    send(&positions, 6..9).await;
    for consumer in [(&mut new, 0), (&mut knowing, 6)] {
        for expected in consumer.1..9 {
            assert_eq!(next(consumer.0).await, (expected.into(), expected));
        }
    }
    registry.stop().await;
}

/// What stands where a registry is to be: it answers each request with the next of these, and in the end always with the last one.
async fn answering(answers: &'static [(u16, &'static str)]) -> (String, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut answers: VecDeque<_> = answers.iter().copied().collect();
        while let Ok((stream, _)) = listener.accept().await {
            let mut stream = BufReader::new(stream);
            let mut line = String::new();
            while stream.read_line(&mut line).await.is_ok_and(|length| length > 2) {
                line.clear();
            }
            let (status, body) = answers[0];
            if answers.len() > 1 {
                answers.pop_front();
            }
            let length = body.len();
            let answer =
                format!("HTTP/1.1 {status} x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}");
            drop(stream.write_all(answer.as_bytes()).await);
        }
    });
    (url, tasks)
}

const SCHEMA: &str = r#"{"schema": "{\"type\": \"record\", \"name\": \"Position\", \"fields\": [{\"name\": \"truck\", \"type\": \"int\"}]}"}"#;

/// A password that has expired, a web server in place of the registry, one that follows another and lags: nothing of it is a fault
/// of the records.
#[tokio::test]
async fn a_registry_that_refuses_costs_no_record_whatever_the_remedy_is() {
    let broker = TestBroker::start().await;
    let (client, topic) = (broker.client().await, unique("positions"));
    client.admin().create_topics([NewTopic::new(&*topic)]).await.into_result().unwrap();
    let producer = client.producer().build().await.unwrap();
    let raw = producer.topic::<(), [u8]>(&topic).key(Unit).value(Raw).open().await.unwrap();
    for truck in 0..3_u8 {
        raw.send_unkeyed(&[0, 0, 0, 0, 1, truck * 2]).await.unwrap().await.unwrap();
    }
    let (url, _tasks) = answering(&[
        (401, r#"{"error_code": 401, "message": "Unauthorized"}"#),
        (403, "forbidden"),
        (404, "<html>default backend</html>"),
        (404, r#"{"error_code": 404, "message": "HTTP 404 Not Found"}"#),
        (200, "<html>welcome</html>"),
        (400, "bad request"),
        (502, "bad gateway"),
        (404, r#"{"error_code": 40403, "message": "Schema 1 not found"}"#),
        (200, SCHEMA),
    ])
    .await;
    let registry = registry::RegistryClient::builder(url).retries(0).build().unwrap();
    let format = kestrel_serde::registry::Registry::new(registry).format(Avro::of::<Position>().unwrap());
    let consumer = client.assigned_consumer().assign_topics([&*topic]).key(Unit).value(format);
    let consumer = consumer.auto_offset_reset(kestrel_client::AutoOffsetReset::Earliest);
    let mut consumer = consumer.on_poison(Remedy::Skip).build().await.unwrap();
    for expected in 0..3 {
        assert_eq!(next(&mut consumer).await, (expected.into(), expected));
    }
}
