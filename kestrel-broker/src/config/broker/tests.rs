//! What is said about a broker, and what it means.

use super::super::{Endpoint, SecurityProtocol, listen_on};
use super::*;

fn config(said: &[(&str, &str)]) -> Result<BrokerConfig, ConfigError> {
    let mut all = RawSettings::default();
    for (key, value) in said {
        all.set(*key, *value);
    }
    BrokerConfig::new(&all)
}

fn refusal(said: &[(&str, &str)]) -> String {
    config(said).unwrap_err().to_string()
}

#[test]
fn nothing_needs_to_be_said() {
    let config = config(&[]).unwrap();
    assert_eq!(config.listeners.len(), 1);
    assert_eq!(config.listeners[0].to_string(), "PLAINTEXT://127.0.0.1:9092");
    assert_eq!(config.data_dir, Path::new("./kestrel-data"));
    assert_eq!((config.node_id, config.num_partitions), (NodeId(1), 1));
    assert_eq!(config.connections_max_idle, Some(Duration::from_secs(600)));
    assert_eq!(config.warnings, [""; 0]);
    assert_eq!(config.given("num.partitions"), None);
}

#[test]
fn what_is_said_counts() {
    let config = config(&[
        ("num.partitions", "6"),
        ("auto.create.topics.enable", "False"),
        ("connections.max.idle.ms", "-1"),
        ("broker.id", "4"),
        ("log.dir", "/a"),
        ("log.dirs", "/b"),
    ])
    .unwrap();
    assert_eq!(config.num_partitions, 6);
    assert!(!config.auto_create_topics);
    assert_eq!(config.connections_max_idle, None);
    assert_eq!(config.node_id, NodeId(4));
    assert_eq!(config.data_dir, Path::new("/b"));
}

#[test]
fn a_wrong_key_or_value_is_named_with_what_would_do() {
    assert_eq!(
        refusal(&[("num.partition", "1")]),
        "unknown configuration key num.partition; did you mean num.partitions?"
    );
    assert_eq!(
        refusal(&[("kestrel", "1")]),
        "unknown configuration key kestrel; the keys are Apache Kafka's broker configs"
    );
    assert_eq!(
        refusal(&[("num.partitions", "0")]),
        "num.partitions=0: expected a whole number from 1 to 2147483647"
    );
    assert_eq!(
        refusal(&[("log.dirs", "/a,/b")]),
        "log.dirs=/a,/b: expected one folder: Kestrel keeps all data in a single one"
    );
    assert_eq!(refusal(&[("node.id", "-1")]), "node.id=-1: expected a whole number from 0 to 2147483647");
    assert_eq!(
        refusal(&[("advertised.listeners", "PLAINTEXT://0.0.0.0:9092")]),
        "advertised.listeners=PLAINTEXT://0.0.0.0:9092: expected a host that clients can connect to"
    );
}

/// The settings of a KRaft node as Apache Kafka ships them.
const KRAFT_FILE: &str = "
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=localhost:9093
listeners=PLAINTEXT://:9092,CONTROLLER://:9093
inter.broker.listener.name=PLAINTEXT
advertised.listeners=PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT
num.network.threads=3
log.dirs=/tmp/kraft-combined-logs
num.partitions=3
offsets.topic.replication.factor=1
log.retention.hours=168
log.segment.bytes=1073741824
";

#[test]
fn a_file_written_for_apache_kafka_is_understood_with_warnings() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("server.properties");
    std::fs::write(&file, KRAFT_FILE).unwrap();
    let mut said = RawSettings::default();
    said.set("num.partitions", "5");
    said.fill_in(read_file(&file).unwrap());
    let config = BrokerConfig::new(&said).unwrap();

    assert_eq!(config.listeners.len(), 1);
    assert_eq!(config.listeners[0].to_string(), "PLAINTEXT://:9092");
    assert_eq!(config.listeners[0].advertised().to_string(), "localhost:9092");
    assert_eq!(config.num_partitions, 5, "what is said beside the file counts");
    let warned = |word: &str| config.warnings.iter().filter(|warning| warning.contains(word)).count();
    assert_eq!(
        config.notes,
        ["the listener CONTROLLER://:9093 is not opened: the controller is part of the broker"]
    );
    assert_eq!(warned("log.retention.hours"), 0);
    assert_eq!(warned("num.partitions"), 0);
    assert_eq!(config.warnings.len(), 2, "one for each area: {:#?}", config.warnings);

    std::fs::write(&file, "\nnum.partitons=3\n").unwrap();
    let error = BrokerConfig::new(&read_file(&file).unwrap()).unwrap_err().to_string();
    assert!(
        error.contains(" (line 2 of ") && error.ends_with("server.properties); did you mean num.partitions?"),
        "{error}"
    );
    assert!(read_file(&dir.path().join("none")).unwrap_err().to_string().contains("none"));
}

#[test]
fn keys_that_are_nowhere_any_more_say_what_to_do() {
    assert_eq!(
        refusal(&[("zookeeper.connect", "zookeeper:2181")]),
        "configuration key zookeeper.connect: Apache Kafka 4 has no ZooKeeper any more, and Kestrel never had: leave it \
         out, nothing takes its place"
    );
    assert!(refusal(&[("advertised.host.name", "a")]).contains("advertised.listeners=PLAINTEXT://HOST:PORT"));
    assert!(refusal(&[("process.roles", "controller")]).contains("Kestrel is both in one process"));
    assert_eq!(config(&[("process.roles", "broker")]).unwrap().warnings.len(), 1);
    assert_eq!(config(&[("process.roles", "broker,controller")]).unwrap().warnings, [""; 0]);
}

#[test]
fn one_address_stands_for_all_that_a_file_says_of_listeners() {
    let mut said = RawSettings::default();
    for (key, value) in [
        ("listeners", "IN://:1,OUT://:2"),
        ("listener.security.protocol.map", "IN:PLAINTEXT,OUT:SASL_SSL"),
        ("inter.broker.listener.name", "IN"),
        ("advertised.listeners", "IN://a:1,OUT://b:2,PLAINTEXT://c:3"),
    ] {
        said.set(key, value);
    }
    listen_on(&mut said, SecurityProtocol::Plaintext, &Endpoint { host: "127.0.0.1".to_owned(), port: 0 });
    let config = BrokerConfig::new(&said).unwrap();
    assert_eq!(config.listeners.len(), 1);
    assert_eq!(config.listeners[0].to_string(), "PLAINTEXT://127.0.0.1:0");
    assert_eq!(config.listeners[0].advertised().to_string(), "c:3");
}

#[test]
fn a_value_that_no_answer_could_hold_is_refused() {
    let long = "a".repeat(40_000);
    assert!(refusal(&[("broker.rack", &long)]).ends_with("expected at most 32767 bytes"));
}

#[test]
fn nothing_is_kept_for_no_time_at_all() {
    for key in ["log.retention.ms", "log.retention.minutes", "log.retention.hours"] {
        let mut said = RawSettings::default();
        said.set(key, "0");
        let error = BrokerConfig::new(&said).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{key}=0")), "{error}");
    }
    let mut said = RawSettings::default();
    said.set("log.retention.hours", "0");
    said.set("log.retention.ms", "-1");
    said.set("log.retention.check.interval.ms", "9223372036854775807");
    let config = BrokerConfig::new(&said).unwrap();
    assert_eq!(
        config.retention_check_interval,
        Duration::from_secs(365 * 86_400),
        "only one of the keys counts"
    );
}

#[test]
fn a_key_of_one_listener_that_none_reads_is_refused() {
    let listeners = ("listeners", "OUT://:1");
    let map = ("listener.security.protocol.map", "OUT:PLAINTEXT");
    for (key, value, expected) in [
        ("listener.name.OUT.ssl.client.auth", "required", "did you mean listener.name.out.ssl.client.auth?"),
        ("listener.name.uot.ssl.client.auth", "required", "did you mean listener.name.out.ssl.client.auth?"),
        ("listener.name.internal.ssl.client.auth", "required", "no listener reads it"),
        (
            "listener.name.out.scram-sha512.connections.max.reauth.ms",
            "1",
            "did you mean listener.name.out.scram-sha-512.connections.max.reauth.ms?",
        ),
        ("listener.name.out.num.partitions", "1", "no listener reads it"),
    ] {
        let error = config(&[listeners, map, (key, value)]).unwrap_err().to_string();
        assert!(error.contains(key) && error.contains(expected), "{error}");
    }
    let controllers = ("controller.listener.names", "CONTROLLER");
    assert!(
        config(&[listeners, map, controllers, ("listener.name.controller.ssl.client.auth", "required")])
            .is_ok()
    );
}

#[test]
fn a_login_line_that_nobody_reads_is_named() {
    for key in ["sasl.jaas.config", "listener.name.plaintext.sasl.jaas.config"] {
        let warnings =
            config(&[(key, "a.PlainLoginModule required user_alice=\"hunter2\";")]).unwrap().warnings;
        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].starts_with(key) && !warnings[0].contains("hunter2"), "{warnings:?}");
    }
}

#[test]
fn keys_of_replaced_listeners_are_nobodys() {
    let mut said = RawSettings::default();
    for (key, value) in [
        ("listeners", "OUT://:2,PLAINTEXT://:3"),
        ("listener.name.out.ssl.client.auth", "required"),
        ("listener.name.plaintext.max.connections", "7"),
        ("listener.name.uot.max.connections", "7"),
    ] {
        said.set(key, value);
    }
    listen_on(&mut said, SecurityProtocol::Plaintext, &Endpoint { host: "127.0.0.1".to_owned(), port: 0 });
    assert!(!said.has("listener.name.out.ssl.client.auth"));
    assert!(
        said.has("listener.name.plaintext.max.connections") && said.has("listener.name.uot.max.connections")
    );
}
