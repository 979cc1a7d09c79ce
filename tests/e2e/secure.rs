//! Encrypted and authenticated connections: each way in, what is said when one is closed, and sessions that end under load.
//!
//! With a broker that has such listeners ([`WaysIn`]); `tests/interop/with-broker` starts one.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use kestrel_client::oauth::Token;
use kestrel_client::observer::{ConnectFailed, Observer, RequestEnded};
use kestrel_client::{
    ApiKey, AutoOffsetReset, Client, ClientBuilder, Connector, Error, Record, Sasl, Severity, Tls, Transport,
    async_trait,
};
use kestrel_tests::{CapturedLog, WaysIn, eventually, unique};
use tokio::net::TcpStream;
use tracing_subscriber::util::SubscriberInitExt;

const PATIENCE: Duration = Duration::from_secs(30);

/// The ways in, or a line that says that they are not looked at.
fn ways_in() -> Option<WaysIn> {
    let ways = WaysIn::from_environment();
    if ways.is_none() {
        eprintln!("skipped: no broker with secure listeners (KESTREL_TEST_SECURE)");
    }
    ways
}

/// Sends numbers, and reads them in a group.
async fn numbers_go_through(client: &Client) {
    let topic = unique("secure");
    let producer = client.producer().build().await.unwrap();
    let mut deliveries = Vec::new();
    for number in 0..200 {
        // Some are larger than what a caller encrypts itself.
        let padding = if number % 50 == 0 { 40_000 } else { 10 };
        let value = format!("{number} {}", "x".repeat(padding));
        deliveries.push(producer.send(Record::to(topic.as_str()).partition(0).value(value)).await.unwrap());
    }
    producer.close(PATIENCE).await.unwrap();
    for (offset, delivery) in (0..).zip(deliveries) {
        assert_eq!(delivery.await.unwrap().offset, Some(offset));
    }
    let consumer = client.consumer::<bytes::Bytes, bytes::Bytes>(unique("group")).topics([topic.as_str()]);
    let mut consumer = consumer.auto_offset_reset(AutoOffsetReset::Earliest).build().await.unwrap();
    for number in 0..200 {
        let record = tokio::time::timeout(PATIENCE, consumer.next()).await.unwrap().unwrap().unwrap();
        assert!(record.value.unwrap().starts_with(format!("{number} ").as_bytes()));
    }
    consumer.close().await.unwrap();
    client.admin().delete_topics([topic.as_str()]).await.into_result().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_go_through_each_way_in() {
    let Some(ways) = ways_in() else { return };
    for way in ways.names() {
        let client = ways.builder(&way).connect().await.unwrap_or_else(|error| panic!("{way}: {error:#}"));
        numbers_go_through(&client).await;
    }
}

/// What is said when a way in is closed; it is final.
async fn refusal(builder: ClientBuilder) -> String {
    let error = builder.connect().await.unwrap_err();
    let text = format!("{error:#}");
    assert!(matches!(error, Error::Authentication { .. }), "{error:?}");
    assert_eq!(error.severity(), Severity::Invalid, "{text}");
    assert!(!text.contains("alice-secret"), "{text}");
    text
}

#[tokio::test]
async fn a_wrong_password_or_user_is_said_at_once() {
    let Some(ways) = ways_in() else { return };
    for (way, module) in
        [("plain-tls", "plain.Plain"), ("scram-sha-256", "scram.Scram"), ("scram-sha-512-tls", "scram.Scram")]
    {
        for (user, password) in [("alice", "wrong-secret"), ("nobody", "wrong-secret"), ("alice", "")] {
            let jaas = format!(
                "org.apache.kafka.common.security.{module}LoginModule required username=\"{user}\" password=\"{password}\";"
            );
            let text = refusal(ways.builder_with(way, &[("sasl.jaas.config", &jaas)])).await;
            assert!(
                text.contains("is the password right") && text.contains("sasl.password"),
                "{way}: {text}"
            );
            assert!(!text.contains("wrong-secret"), "{text}");
        }
    }
}

#[tokio::test]
async fn a_mechanism_that_is_not_enabled_is_met_with_those_that_are() {
    let Some(ways) = ways_in() else { return };
    let nothing = Sasl::oauthbearer(|| async { Ok(Token::new("none")) });
    let text = refusal(ways.builder("plain-tls").sasl(nothing)).await;
    let (_, offered) = text.split_once("the mechanism OAUTHBEARER is not enabled: the broker has ").unwrap();
    assert!(offered.contains("PLAIN") && offered.contains("SCRAM-SHA-512"), "{text}");
}

#[tokio::test]
async fn a_certificate_that_nobody_trusts_is_refused() {
    let Some(ways) = ways_in() else { return };
    // Signed by no authority of the machine's.
    let servers = ways.property("tls", "bootstrap.servers");
    let text = refusal(Client::builder(&servers).tls(Tls::native_roots())).await;
    assert!(text.contains("ssl.truststore.location"), "{text}");
    let unchecked = Tls::native_roots().danger_without_any_check();
    Client::builder(&servers).tls(unchecked).connect().await.unwrap();
}

/// Leads to one address, whatever the name.
struct LeadsTo(String);

#[async_trait]
impl Connector for LeadsTo {
    async fn connect(&self, _: &str, _: u16) -> io::Result<Box<dyn Transport>> {
        Ok(Box::new(TcpStream::connect(&self.0).await?))
    }
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let Some(ways) = ways_in() else { return };
    let servers = ways.property("tls", "bootstrap.servers");
    let elsewhere =
        |tls| Client::builder("elsewhere.example:9093").tls(tls).connector(LeadsTo(servers.clone()));
    let tls = Tls::ca_file(ways.folder().join("ca.pem"));
    let text = refusal(elsewhere(tls.clone())).await;
    assert!(text.contains("elsewhere.example") && text.contains("localhost"), "{text}");
    let client = elsewhere(tls.danger_without_host_name_check()).connect().await.unwrap();
    numbers_go_through(&client).await;
}

#[tokio::test]
async fn a_broker_that_wants_a_certificate_of_the_client_says_so() {
    let Some(ways) = ways_in() else { return };
    let servers = ways.property("mutual-tls", "bootstrap.servers");
    let tls = Tls::ca_file(ways.folder().join("ca.pem"));
    let text = refusal(Client::builder(servers).tls(tls)).await;
    assert!(text.contains("client certificate") && text.contains("ssl.keystore.location"), "{text}");
}

#[tokio::test]
async fn a_port_of_another_protocol_is_named() {
    let Some(ways) = ways_in() else { return };
    let said = async |builder: ClientBuilder| format!("{:#}", builder.connect().await.unwrap_err());
    let encrypted = ways.property("tls", "bootstrap.servers");
    let plain = ways.property("plain", "bootstrap.servers");
    let text = said(Client::builder(&encrypted)).await;
    assert!(text.contains("TLS") && text.contains("security.protocol"), "plain text to TLS: {text}");
    let text = said(Client::builder(&plain).tls(Tls::native_roots())).await;
    assert!(text.contains("PLAINTEXT"), "TLS to plain text: {text}");
    let text = said(Client::builder(&plain)).await;
    assert!(text.contains("SASL"), "no authentication where one is wanted: {text}");
}

#[tokio::test]
async fn each_wrong_way_ends_at_the_door() {
    let Some(ways) = ways_in() else { return };
    let wrong = ways.wrong();
    for (way, said) in [
        // An authority of the same name.
        ("tls-wrong-ca", "is not signed by the authority that it names"),
        ("tls-wrong-name", "elsewhere.example"),
        ("tls-over", "expired"),
        ("mutual-tls-no-certificate", "ssl.keystore.location"),
        ("mutual-tls-over", "expired"),
        ("plain-not-enabled", "the broker has OAUTHBEARER"),
        ("scram-sha-512-not-enabled", "the broker has OAUTHBEARER"),
    ] {
        let text = refusal(wrong.builder(way)).await;
        assert!(text.contains(said), "{way}: {text}");
    }
    for way in wrong.names() {
        let text = refusal(wrong.builder(&way)).await;
        assert!(!text.contains("guessed"), "{way}: {text}");
    }
}

/// Counts sessions that are renewed, connections that are refused, and requests that have no answer.
#[derive(Debug, Default)]
struct Sessions {
    renewed: AtomicUsize,
    refused: AtomicUsize,
    failed: AtomicUsize,
}

impl Observer for Sessions {
    fn on_connect_failed(&self, event: &ConnectFailed<'_>) {
        if matches!(event.error, Error::Authentication { .. }) {
            self.refused.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn on_request_ended(&self, event: &RequestEnded<'_>) {
        match event.outcome {
            // That of a new connection is no request of it yet.
            Ok(_) if event.api == ApiKey::SaslHandshake => {
                self.renewed.fetch_add(1, Ordering::SeqCst);
            }
            Ok(_) => {}
            Err(error) => {
                eprintln!("{:?} has failed: {error:#}", event.api);
                self.failed.fetch_add(1, Ordering::SeqCst);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_are_renewed_under_load_and_nothing_is_lost_doubled_or_reordered() {
    let Some(ways) = ways_in() else { return };
    let short = ways.with_short_sessions();
    for mechanism in ["plain", "scram-sha-256", "scram-sha-512", "oauthbearer", "oauthbearer-oidc"] {
        assert!(short.contains(&format!("{mechanism}-short-sessions")), "{mechanism} is not in {short:?}");
    }
    for way in short {
        numbers_go_through_renewed_sessions(&ways, &way).await;
    }
}

/// Writes and reads until sessions were renewed, on the connections of producer and consumer together.
async fn numbers_go_through_renewed_sessions(ways: &WaysIn, way: &str) {
    const RENEWED: usize = 6;
    let sessions = Arc::new(Sessions::default());
    let client = ways.builder(way).observer(sessions.clone()).connect().await.unwrap();
    let topic = unique("sessions");
    let created = kestrel_client::admin::NewTopic::new(topic.as_str()).partitions(3);
    client.admin().create_topics([created]).await.into_result().unwrap();
    let producer = client.producer().linger(Duration::ZERO).build().await.unwrap();
    let consumer = client.consumer::<bytes::Bytes, bytes::Bytes>(unique("group")).topics([topic.as_str()]);
    let mut consumer = consumer.auto_offset_reset(AutoOffsetReset::Earliest).build().await.unwrap();

    let writing = async {
        let mut sent = 0_u64;
        while sessions.renewed.load(Ordering::SeqCst) < RENEWED {
            let mut deliveries = Vec::new();
            for _ in 0..100 {
                let partition = i32::try_from(sent % 3).unwrap();
                let record = Record::to(topic.as_str()).partition(partition).value(sent.to_string());
                deliveries.push(producer.send(record).await.unwrap());
                sent += 1;
            }
            for delivery in deliveries {
                delivery.await.unwrap();
            }
        }
        sent
    };
    let (written, mut read) = (tokio::sync::watch::Sender::new(u64::MAX), BTreeMap::<i32, Vec<u64>>::new());
    let reading = async {
        let mut count = 0;
        while count < *written.borrow() {
            let Ok(record) = tokio::time::timeout(Duration::from_millis(200), consumer.next()).await else {
                continue;
            };
            let record = record.unwrap().unwrap();
            let number = std::str::from_utf8(&record.value.unwrap()).unwrap().parse().unwrap();
            read.entry(record.partition).or_default().push(number);
            count += 1;
        }
    };
    let all = async {
        tokio::join!(async { written.send_replace(writing.await) }, reading);
    };
    tokio::time::timeout(4 * PATIENCE, all)
        .await
        .unwrap_or_else(|_| panic!("{way}: not all that was written is read"));
    let sent = *written.borrow();
    for (partition, numbers) in read {
        let expected = (0..sent).filter(|number| i64::try_from(number % 3).unwrap() == i64::from(partition));
        assert!(
            numbers.iter().copied().eq(expected),
            "{way}, partition {partition}: lost, doubled or reordered"
        );
    }
    assert_eq!(sessions.failed.load(Ordering::SeqCst), 0, "{way}: requests have failed");
    consumer.close().await.unwrap();
    producer.close(PATIENCE).await.unwrap();
    client.admin().delete_topics([topic.as_str()]).await.into_result().unwrap();
}

#[tokio::test]
async fn certificates_are_read_again_when_their_files_change() {
    let Some(ways) = ways_in() else { return };
    let folder = ways.folder().join(unique("reload"));
    std::fs::create_dir_all(&folder).unwrap();
    let (right, wrong) = (ways.folder().join("ca.pem"), ways.folder().join("other-ca.pem"));
    let file = folder.join("trusted.pem");
    std::fs::copy(&right, &file).unwrap();
    let refused = Arc::new(Sessions::default());
    let client = Client::builder(ways.property("tls", "bootstrap.servers"))
        .tls(Tls::ca_file(&file))
        .observer(refused.clone())
        .reconnect_backoff(Duration::from_millis(5), Duration::from_millis(20))
        .connect()
        .await
        .unwrap();
    let topic = unique("reload");
    // Each producer has connections of its own: made now, with the file as it is now.
    let sends = async || {
        let producer = client.producer().build().await.unwrap();
        producer.send(Record::to(topic.as_str()).value("v")).await.unwrap().await.unwrap();
    };
    sends().await;
    std::fs::copy(&wrong, &file).unwrap();
    let (_, ()) = tokio::join!(sends(), async {
        eventually("a connection is refused", async || {
            (refused.refused.load(Ordering::SeqCst) > 0).then_some(())
        })
        .await;
        // The record that waits for a connection is sent with it.
        std::fs::copy(&right, &file).unwrap();
    });
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn no_log_error_or_debug_output_has_a_secret_in_it() {
    let Some(ways) = ways_in() else { return };
    let log = CapturedLog::default();
    let writer = log.clone();
    let logging = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE);
    // This test has one thread: all tasks log here.
    let _guard = logging.with_writer(move || writer.clone()).finish().set_default();
    for way in ways.names() {
        let builder = ways.builder(&way);
        log.note(&builder);
        let client = builder.connect().await.unwrap();
        log.note(&client);
        numbers_go_through(&client).await;
    }
    let jaas = "org.apache.kafka.common.security.plain.PlainLoginModule required username=\"bob\" password=\"bobs-secret\";";
    let wrong = ways.builder_with("plain-tls", &[("sasl.jaas.config", jaas)]);
    log.note(&wrong.connect().await.unwrap_err());
    let malformed =
        [("security.protocol", "SASL_SSL"), ("sasl.mechanism", "PLAIN"), ("sasl.jaas.config", "lost-secret")];
    log.note(&Client::from_properties(malformed).unwrap().connect().await.unwrap_err());

    let text = log.text();
    assert!(text.contains("kestrel_client::net"), "something was written down: {text}");
    let key = std::fs::read_to_string(ways.property("mutual-tls", "ssl.keystore.location")).unwrap();
    let of_key = key.lines().nth(1).unwrap();
    // The password as it is and in base64, and what every token begins with.
    let secrets =
        ["alice-secret", "YWxpY2Utc2VjcmV0", "oidc-secret", "bobs-secret", "lost-secret", "eyJ", of_key];
    log.assert_has_none_of(&secrets);
}
