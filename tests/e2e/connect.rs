//! Connecting: what a client learns first, and how it fails.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use kestrel_broker::{Broker, Durability};
use kestrel_client::{ApiKey, AutoOffsetReset, Client, CommitPolicy, ConsumerConfig, Error, Record};
use kestrel_tests::{TestBroker, unique};

#[tokio::test]
async fn a_client_learns_the_brokers_when_it_connects() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let snapshot = client.metadata_snapshot();
    assert!(!snapshot.brokers.is_empty());
    assert!(snapshot.cluster_id.is_some());
}

#[tokio::test]
async fn a_refused_connection_names_each_address_and_its_cause() {
    let error = Client::builder("127.0.0.1:1,localhost:2").connect().await.unwrap_err();
    let text = format!("{error:#}");
    assert!(matches!(error, Error::Bootstrap { .. }), "{text}");
    assert!(
        text.starts_with("no broker answered at 127.0.0.1:1, localhost:2: ") && text.contains("refused"),
        "{text}"
    );
    let chain = std::iter::successors(error.source(), |&cause| cause.source());
    let system = chain.filter_map(|cause| cause.downcast_ref::<io::Error>()).next();
    assert_eq!(system.map(io::Error::kind), Some(io::ErrorKind::ConnectionRefused), "{text}");
}

#[tokio::test]
async fn a_ping_is_answered_as_long_as_a_broker_is_there() {
    let broker = TestBroker::embedded(Broker::builder().ephemeral().durability(Durability::Os)).await;
    let client = Client::builder(broker.bootstrap_servers())
        .reconnect_backoff(Duration::from_millis(5), Duration::from_millis(50))
        .request_timeout(Duration::from_secs(5))
        .connect()
        .await
        .unwrap();
    client.ping().await.unwrap();
    // One that hangs up at first is asked again, and one that says nothing is not waited for without end.
    let faults = broker.kestrel().faults();
    faults.on(ApiKey::Metadata).drop_connection();
    client.ping().await.unwrap();
    faults.on(ApiKey::Metadata).delay(Duration::from_secs(3600));
    let silent = client.ping().await.unwrap_err();
    assert!(silent.to_string().contains("request.timeout.ms"), "{silent}");
    faults.clear();
    let address = broker.bootstrap_servers().to_owned();
    drop(broker);
    let gone = client.ping().await.unwrap_err();
    assert!(matches!(gone, Error::Bootstrap { .. }) && gone.to_string().contains(&address), "{gone}");
}

#[tokio::test]
async fn a_scheme_that_contradicts_the_settings_is_refused_before_anything_is_sent() {
    let broker = TestBroker::start().await;
    let address = broker.bootstrap_servers();
    Client::builder(format!("plaintext://{address}")).connect().await.unwrap();
    for (scheme, problem) in [
        ("SSL", "which is PLAINTEXT"),
        ("SASL_SSL", "which is PLAINTEXT"),
        ("SASL_PLAINTEXT", "which is PLAINTEXT"),
        ("http", "is not supported"),
        ("garbage", "is not supported"),
    ] {
        let error = Client::builder(format!("{scheme}://{address}")).connect().await.unwrap_err();
        assert!(matches!(error, Error::Config { .. }), "{error:?}");
        assert!(error.to_string().contains(problem), "{error}");
    }
}

/// What comes of `step`, which does not wait for ever.
async fn soon<T>(never: Duration, what: &str, step: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(Duration::from_secs(30), step).await;
    done.unwrap_or_else(|_| panic!("with {never:?}, this waits for ever: {what}"))
}

/// A record goes through a client whose every patience is `never`.
async fn goes_through_with(never: Duration) {
    let broker = TestBroker::start().await;
    let client = Client::builder(broker.bootstrap_servers())
        .request_timeout(never)
        .socket_connection_setup_timeout(never)
        .reconnect_backoff(never, never)
        .retry_backoff(Duration::from_millis(5), never)
        .metadata_max_age(never)
        .connections_max_idle(never);
    let client = soon(never, "connect", client.connect()).await.unwrap();
    let topic = unique("never");
    let producer = client.producer().linger(never).delivery_timeout(never).max_block(never);
    let producer = soon(never, "a producer", producer.metadata_max_idle(never).build()).await.unwrap();
    let record = Record::to(topic.as_str()).value("one");
    let delivery = soon(never, "a send", producer.send(record)).await.unwrap();
    soon(never, "closing the producer", producer.close(never)).await.unwrap();
    soon(never, "a delivery", delivery).await.unwrap();
    let config = ConsumerConfig::default()
        .auto_offset_reset(AutoOffsetReset::Earliest)
        .max_poll_interval(never)
        .fetch_max_wait(never / 2)
        .default_api_timeout(never)
        .commit_policy(CommitPolicy::Interval(never));
    let consumer = client.consumer::<bytes::Bytes, bytes::Bytes>(unique("group")).topics([topic.as_str()]);
    let mut consumer = soon(never, "a consumer", consumer.config(config).build()).await.unwrap();
    let record = soon(never, "a record", consumer.next()).await.unwrap().unwrap();
    assert_eq!(record.value.as_deref(), Some(&b"one"[..]));
    soon(never, "a commit", consumer.commit()).await.unwrap();
    soon(never, "closing the consumer", consumer.close_within(never)).await.unwrap();
    let admin = client.admin().timeout(never);
    soon(never, "deleting", admin.delete_topics([topic.as_str()])).await.into_result().unwrap();
}

#[tokio::test]
async fn a_duration_may_mean_never_everywhere() {
    for never in [
        Duration::MAX,
        Duration::from_secs(u64::MAX),
        Duration::from_secs(i64::MAX.unsigned_abs()),
        Duration::from_secs(i64::MAX.unsigned_abs() / 2),
        Duration::from_millis(u64::MAX),
    ] {
        goes_through_with(never).await;
    }
}
