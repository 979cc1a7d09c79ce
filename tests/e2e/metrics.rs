//! Metrics over HTTP, held against what was done to the broker. On kestrel-broker alone: nobody else serves them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use kestrel_broker::{Broker, BrokerBuilder, Durability};
use kestrel_client::admin::NewTopic;
use kestrel_client::{Client, Compression, OffsetAndMetadata, Record, Timestamp};
use kestrel_tests::{TestBroker, eventually, unique};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::groups::{PATIENCE, member, next};
use crate::raw_writer::RawWriter;

/// The samples of one scrape, by name and labels as they are written.
#[derive(Debug)]
struct Scrape(BTreeMap<String, f64>);

impl Scrape {
    async fn of(address: SocketAddr) -> Self {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = "GET /metrics HTTP/1.1\r\nHost: broker\r\nAccept: application/openmetrics-text\r\n\r\n";
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && body.ends_with("# EOF\n"), "{answer}");
        let sample = |line: &str| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name.to_owned(), value.parse().unwrap())
        };
        Self(body.lines().filter(|line| !line.starts_with('#')).map(sample).collect())
    }

    fn get(&self, sample: &str) -> Option<f64> {
        self.0.get(sample).copied()
    }

    #[track_caller]
    fn expect(&self, samples: &[(String, f64)]) {
        for (sample, value) in samples {
            assert_eq!(self.get(sample), Some(*value), "{sample} of {self:#?}");
        }
    }
}

fn builder() -> BrokerBuilder {
    let builder = Broker::builder().ephemeral().durability(Durability::Os).metrics("127.0.0.1:0");
    builder.set("log.retention.ms", "-1")
}

async fn observed(builder: BrokerBuilder) -> (TestBroker, SocketAddr) {
    let broker = TestBroker::embedded(builder).await;
    let address = broker.kestrel().metrics_address().unwrap();
    (broker, address)
}

async fn topic_with(client: &Client, partitions: i32) -> String {
    let topic = unique("metrics");
    let new = NewTopic::new(topic.as_str()).partitions(partitions).replication_factor(1);
    client.admin().create_topics([new]).await.into_result().unwrap();
    topic
}

async fn commit(client: &Client, group: &str, topic: &str, offset: i64) {
    let offsets = [((topic, 0), OffsetAndMetadata::new(offset))];
    client.admin().alter_group_offsets(group, offsets).await.into_result().unwrap();
}

#[expect(clippy::disallowed_methods, reason = "ages are from now")]
fn now_millis() -> i64 {
    Timestamp::from(std::time::SystemTime::now()).as_millis()
}

/// One batch of records that are 50, 40, 30, 20 and 10 seconds old; gives their times.
async fn produce_aged(client: &Client, topic: &str) -> Vec<i64> {
    let producer = client.producer().compression(Compression::Lz4).linger(PATIENCE).build().await.unwrap();
    let now = now_millis();
    let times: Vec<i64> = (0..5).map(|number| now - 50_000 + 10_000 * number).collect();
    for time in &times {
        let record = Record::to(topic).partition(0).value("v").timestamp(Timestamp::from_millis(*time));
        drop(producer.send(record).await.unwrap());
    }
    producer.flush().await.unwrap();
    times
}

#[tokio::test]
async fn lag_is_exact_in_records_and_in_seconds() {
    let (broker, address) = observed(builder().metrics_per_partition()).await;
    let client = broker.client().await;
    let (topic, group) = (topic_with(&client, 2).await, unique("group"));
    let times = produce_aged(&client, &topic).await;
    commit(&client, &group, &topic, 2).await;

    let before = now_millis();
    let scrape = Scrape::of(address).await;
    let after = now_millis();
    let of_topic = |name: &str| format!("{name}{{topic=\"{topic}\"}}");
    let of_partition = |name: &str, number| format!("{name}{{topic=\"{topic}\",partition=\"{number}\"}}");
    let of_group = |name: &str| format!("{name}{{consumergroup=\"{group}\",topic=\"{topic}\"}}");
    let of_both = |name: &str, number| {
        format!("{name}{{consumergroup=\"{group}\",topic=\"{topic}\",partition=\"{number}\"}}")
    };
    scrape.expect(&[
        (of_topic("kafka_topic_partitions"), 2.0),
        (of_topic("kafka_server_brokertopicmetrics_messagesin_total"), 5.0),
        (of_partition("kafka_topic_partition_current_offset", 0), 5.0),
        (of_partition("kafka_topic_partition_current_offset", 1), 0.0),
        (of_partition("kafka_topic_partition_oldest_offset", 0), 0.0),
        (of_partition("kafka_topic_partition_leader", 0), 1.0),
        (of_partition("kafka_topic_partition_leader_is_preferred", 0), 1.0),
        (of_partition("kafka_topic_partition_replicas", 1), 1.0),
        (of_partition("kafka_topic_partition_in_sync_replica", 1), 1.0),
        (of_partition("kafka_topic_partition_under_replicated_partition", 1), 0.0),
        (of_both("kafka_consumergroup_current_offset", 0), 2.0),
        (of_both("kafka_consumergroup_current_offset", 1), -1.0),
        (of_group("kafka_consumergroup_current_offset_sum"), 1.0),
        (of_both("kafka_consumergroup_lag", 0), 3.0),
        (of_both("kafka_consumergroup_lag", 1), -1.0),
        (of_group("kafka_consumergroup_lag_sum"), 3.0),
        (format!("kafka_consumergroup_members{{consumergroup=\"{group}\"}}"), 0.0),
    ]);
    // The first record that is left is the third of its batch.
    let seconds = scrape.get(&of_group("kafka_consumergroup_lag_seconds")).unwrap();
    let age = |now: i64| Duration::from_millis(u64::try_from(now - times[2]).unwrap()).as_secs_f64();
    assert!((age(before)..=age(after)).contains(&seconds), "{seconds}: {before} {after} {times:?}");

    commit(&client, &group, &topic, 5).await;
    let read = [("kafka_consumergroup_lag_sum", 0.0), ("kafka_consumergroup_lag_seconds", 0.0)];
    Scrape::of(address).await.expect(&read.map(|(name, value)| (of_group(name), value)));

    client.admin().delete_topics([topic.as_str()]).await.into_result().unwrap();
    let scrape = Scrape::of(address).await;
    assert!(!scrape.0.keys().any(|sample| sample.contains(&format!("topic=\"{topic}\""))), "{scrape:#?}");
}

#[tokio::test]
async fn a_group_that_reads_is_told_with_its_members_and_what_it_got() {
    let (broker, address) = observed(builder()).await;
    let client = broker.client().await;
    let (topic, group) = (topic_with(&client, 1).await, unique("group"));
    produce_aged(&client, &topic).await;
    let mut member = member(&client, &group, &topic).build().await.unwrap();
    for _ in 0..5 {
        next(&mut member).await;
    }
    member.commit().await.unwrap();
    let scrape = Scrape::of(address).await;
    let lag = format!("{{consumergroup=\"{group}\",topic=\"{topic}\"}}");
    scrape.expect(&[
        (format!("kafka_consumergroup_members{{consumergroup=\"{group}\"}}"), 1.0),
        (format!("kafka_consumergroup_lag_sum{lag}"), 0.0),
        (format!("kafka_consumergroup_current_offset_sum{lag}"), 5.0),
        ("kestrel_consumer_groups{state=\"Stable\"}".to_owned(), 1.0),
    ]);
    // What was sent once counts once, however often it was looked for.
    let bytes = |name: &str| {
        scrape.get(&format!("kafka_server_brokertopicmetrics_{name}_total{{topic=\"{topic}\"}}"))
    };
    assert!(bytes("bytesin").unwrap() > 0.0);
    assert_eq!(bytes("bytesout"), bytes("bytesin"));
    // Partitions are told when that is asked for.
    assert!(!scrape.0.keys().any(|sample| sample.contains("partition=\"")), "{scrape:#?}");
}

#[tokio::test]
async fn an_open_transaction_is_told_with_what_waits_for_it() {
    let (broker, address) = observed(builder().metrics_per_partition()).await;
    let client = broker.client().await;
    let topic = topic_with(&client, 1).await;
    let mut writer = RawWriter::start(&broker, &unique("writer")).await;
    writer.add(&topic, 0).await;
    writer.write(&topic, 0, &["one", "two"]).await.unwrap();
    let samples = |open: f64, unstable: f64, stable: f64| {
        [
            (format!("kestrel_topic_open_transactions{{topic=\"{topic}\"}}"), open),
            (format!("kestrel_topic_unstable_records{{topic=\"{topic}\"}}"), unstable),
            (format!("kestrel_partition_last_stable_offset{{topic=\"{topic}\",partition=\"0\"}}"), stable),
        ]
    };
    let scrape = Scrape::of(address).await;
    scrape.expect(&samples(1.0, 2.0, 0.0));
    scrape.expect(&[("kestrel_transactional_ids{state=\"Ongoing\"}".to_owned(), 1.0)]);
    writer.end(true).await;
    // Two records and the marker.
    let ended = samples(0.0, 0.0, 3.0);
    eventually("the marker is told", async || {
        let scrape = Scrape::of(address).await;
        ended.iter().all(|(sample, value)| scrape.get(sample) == Some(*value)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_was_asked_is_told_by_api_and_listener() {
    let (broker, address) = observed(builder()).await;
    let client = broker.client().await;
    let topic = topic_with(&client, 1).await;
    produce_aged(&client, &topic).await;
    let scrape = Scrape::of(address).await;
    scrape.expect(&[
        ("kestrel_request_duration_seconds_count{request=\"CreateTopics\"}".to_owned(), 1.0),
        ("kestrel_request_duration_seconds_bucket{request=\"CreateTopics\",le=\"+Inf\"}".to_owned(), 1.0),
        ("kafka_controller_kafkacontroller_activecontrollercount".to_owned(), 1.0),
        ("kafka_controller_kafkacontroller_offlinepartitionscount".to_owned(), 0.0),
        ("kafka_server_replicamanager_partitioncount".to_owned(), 1.0),
        ("kafka_server_replicamanager_leadercount".to_owned(), 1.0),
        ("kafka_log_logmanager_offlinelogdirectorycount".to_owned(), 0.0),
    ]);
    let accepted = "kafka_server_socket_server_metrics_connection_creation_total{listener=\"PLAINTEXT\"}";
    assert!(scrape.get(accepted).unwrap() >= 1.0);
}
