//! What DescribeConfigs shows of each layer, beside what Apache Kafka shows.

use super::super::RawSettings;
use super::super::keys::broker_keys;
use super::super::topic::{TOPIC, shown_topic_keys};
use super::*;

fn set(entries: &[(&'static str, &'static str)]) -> Set {
    entries
        .iter()
        .map(|(key, value)| (ByteString::from_static(key), ByteString::from_static(value)))
        .collect()
}

fn config(entries: &[(&str, &str)]) -> BrokerConfig {
    let mut said = RawSettings::default();
    for (key, value) in entries {
        said.set(*key, *value);
    }
    BrokerConfig::new(&said).unwrap()
}

/// A key as the lines of `testdata/described` show it.
fn line(topic: &str, config: &DescribedConfig) -> String {
    let source = |source: ConfigSource| match source {
        ConfigSource::Topic => "DYNAMIC_TOPIC_CONFIG",
        ConfigSource::DynamicBroker => "DYNAMIC_BROKER_CONFIG",
        ConfigSource::DynamicDefaultBroker => "DYNAMIC_DEFAULT_BROKER_CONFIG",
        ConfigSource::StaticBroker => "STATIC_BROKER_CONFIG",
        ConfigSource::Default => "DEFAULT_CONFIG",
        ConfigSource::ClientMetrics => "CLIENT_METRICS_CONFIG",
    };
    let synonyms: Vec<_> = config
        .synonyms
        .iter()
        .map(|synonym| {
            format!(
                "{}:{}={}",
                source(synonym.source),
                synonym.name,
                synonym.value.as_deref().unwrap_or("null")
            )
        })
        .collect();
    format!(
        "TOPIC|{topic}|{}|{}|{}|{}|ro={}|s={}|[{}]",
        config.name,
        config.value.as_deref().unwrap_or("null"),
        source(config.source),
        format!("{:?}", config.value_type).to_uppercase(),
        config.is_read_only,
        config.is_sensitive,
        synonyms.join(", ")
    )
}

fn described(topic: &str, layers: &Layers<'_>) -> Vec<String> {
    shown_topic_keys(|key| layers.topic.contains_key(key))
        .map(|key| line(topic, &describe_topic_key(key, layers)))
        .collect()
}

#[test]
fn a_topic_with_defaults_is_described_as_by_apache_kafka() {
    let all_brokers = set(&[("log.retention.ms", "200000"), ("min.insync.replicas", "1")]);
    let config = config(&[]);
    let layers =
        Layers { topic: &Set::new(), broker: &Set::new(), all_brokers: &all_brokers, config: &config };
    let expected: Vec<&str> =
        include_str!("../../../testdata/described/topic-with-defaults.txt").lines().collect();
    assert_eq!(described("plain", &layers), expected);
}

#[test]
fn every_layer_counts_and_is_listed_as_by_apache_kafka() {
    let topic = set(&[("cleanup.policy", "compact"), ("segment.bytes", "1048576")]);
    let broker = set(&[("log.segment.bytes", "2000000"), ("log.cleaner.threads", "2")]);
    let all_brokers = set(&[
        ("log.segment.bytes", "3000000"),
        ("log.roll.ms", "888888888"),
        ("log.retention.ms", "200000"),
        ("min.insync.replicas", "1"),
    ]);
    let config = config(&[
        ("log.retention.hours", "24"),
        ("log.retention.minutes", "100"),
        ("log.roll.hours", "30"),
        ("log.roll.jitter.ms", "5"),
        ("log.flush.interval.ms", "1000"),
    ]);
    let layers = Layers { topic: &topic, broker: &broker, all_brokers: &all_brokers, config: &config };
    let expected: Vec<&str> =
        include_str!("../../../testdata/described/topic-with-layers.txt").lines().collect();
    assert_eq!(described("orders", &layers), expected);
}

#[test]
fn coarser_units_count_where_finer_ones_are_not_set() {
    let empty = Set::new();
    let values = |said: &[(&str, &str)]| {
        let config = config(said);
        let layers = Layers { topic: &empty, broker: &empty, all_brokers: &empty, config: &config };
        let number = |key| layers.topic_value(key).map(|value| value.parse::<i64>().unwrap());
        (number(&TOPIC.retention_time), number(&TOPIC.segment_roll))
    };
    assert_eq!(values(&[]), (None, None));
    assert_eq!(
        values(&[("log.retention.hours", "2"), ("log.roll.hours", "1")]),
        (Some(7_200_000), Some(3_600_000))
    );
    assert_eq!(values(&[("log.retention.hours", "2"), ("log.retention.minutes", "3")]).0, Some(180_000));
    assert_eq!(values(&[("log.retention.minutes", "3"), ("log.retention.ms", "-1")]).0, Some(-1));
}

#[test]
fn a_broker_key_shows_its_places_and_whether_it_can_change() {
    let (empty, broker) = (Set::new(), set(&[("log.segment.bytes", " 2000000 ")]));
    let config = config(&[
        ("log.segment.bytes", "1500000"),
        ("ssl.key.password", "secret"),
        ("delete.topic.enable", "FALSE"),
    ]);
    let layers = Layers { topic: &empty, broker: &broker, all_brokers: &empty, config: &config };
    let describe = |name: &str| describe_broker_key(&broker_key(name).unwrap(), &layers);

    let segment = describe("log.segment.bytes");
    assert_eq!((segment.value.as_deref(), segment.source), (Some("2000000"), ConfigSource::DynamicBroker));
    assert_eq!(segment.synonyms.len(), 3);
    assert!(!segment.is_read_only);

    let password = describe("ssl.key.password");
    assert!(password.is_sensitive && password.value.is_none());
    assert!(password.synonyms.iter().all(|synonym| synonym.value.is_none()));

    let delete = describe("delete.topic.enable");
    assert_eq!((delete.value.as_deref(), delete.is_read_only), (Some("false"), true));
    // Apache Kafka can change it while it runs; here nothing would follow from that.
    assert!(describe("num.io.threads").is_read_only);
}

#[test]
fn all_brokers_show_only_what_was_set_on_them() {
    let set = set(&[("log.retention.ms", "5")]);
    let shown: Vec<_> = broker_keys().filter_map(|key| describe_all_brokers_key(&key, &set)).collect();
    assert_eq!(shown.len(), 1);
    assert_eq!((shown[0].name, shown[0].value.as_deref()), ("log.retention.ms", Some("5")));
    assert_eq!(shown[0].source, ConfigSource::DynamicDefaultBroker);
}

#[test]
fn values_have_one_writing() {
    assert_eq!(canonical(ValueType::Boolean, " TRUE ", ""), "true");
    assert_eq!(canonical(ValueType::List, "delete, compact,delete", ""), "delete,compact");
    assert_eq!(canonical(ValueType::Double, "2", ""), "2.0");
    assert_eq!(canonical(ValueType::Double, "1.7976931348623157E308", ""), "1.7976931348623157E308");
    assert_eq!(canonical(ValueType::String, " a b ", ""), "a b");
    assert_eq!(canonical(ValueType::Int, " 007", ""), "7");
    assert_eq!(canonical(ValueType::Long, "x", "5"), "5");
}
