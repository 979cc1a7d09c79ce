//! Topic settings: each key once, ranges, combinations, and what reaches the log.

use std::collections::BTreeMap;

use bytestring::ByteString;

use super::super::effective::Layers;
use super::super::keys::broker_key;
use super::super::{BrokerConfig, RawSettings};
use super::*;

fn topic(entries: &[(&'static str, &'static str)]) -> TopicSettings {
    let topic: BTreeMap<ByteString, ByteString> = entries
        .iter()
        .map(|(key, value)| (ByteString::from_static(key), ByteString::from_static(value)))
        .collect();
    let config = BrokerConfig::new(&RawSettings::default()).unwrap();
    let empty = BTreeMap::new();
    Layers { topic: &topic, broker: &empty, all_brokers: &empty, config: &config }.topic_settings()
}

#[test]
fn each_key_is_there_once_in_order_and_takes_its_own_default() {
    let names: Vec<_> = topic_keys().map(|key| key.name).collect();
    assert!(names.is_sorted_by(|a, b| a < b), "{names:?}");
    for key in topic_keys() {
        assert!(key.default.is_none_or(|default| key.check(default).is_ok()), "{}", key.name);
        assert!(key.summary().ends_with('.'), "{}", key.name);
        for synonym in key.synonyms {
            assert!(broker_key(synonym.name).is_some(), "{}", synonym.name);
        }
    }
}

#[test]
fn values_outside_of_the_range_are_refused() {
    let cases = [
        ("retention.ms", "x", "expected a whole number from -1 to 9223372036854775807"),
        ("segment.bytes", "10", "expected a whole number from 1048576 to 2147483647"),
        ("cleanup.policy", "delete,foo", "expected a list of compact, delete"),
        ("compression.gzip.level", "0", "expected -1, or a whole number from 1 to 9"),
        ("min.cleanable.dirty.ratio", "2", "expected a number from 0 to 1"),
        ("preallocate", "yes", "expected true or false"),
        (
            "leader.replication.throttled.replicas",
            "0:x",
            "expected the literal '*' or a list of PARTITION:BROKER",
        ),
    ];
    for (name, value, expected) in cases {
        let refusal = topic_key(name).unwrap().check(value).unwrap_err();
        assert_eq!(format!("expected {refusal}"), expected);
    }
    for (name, value) in [
        ("retention.ms", " 1000 "),
        ("preallocate", " TRUE "),
        ("cleanup.policy", ""),
        ("cleanup.policy", "delete,compact"),
        ("follower.replication.throttled.replicas", "0:1, 1:1"),
        ("follower.replication.throttled.replicas", "*"),
        ("internal.segment.bytes", "100"),
    ] {
        assert_eq!(topic_key(name).unwrap().check(value), Ok(()), "{name}={value}");
    }
}

#[test]
fn values_must_go_together() {
    let lags = [("min.compaction.lag.ms", "10"), ("max.compaction.lag.ms", "5")];
    assert!(topic(&lags).check().unwrap_err().contains("min.compaction.lag.ms (10)"));
    assert!(topic(&[("remote.storage.enable", "true")]).check().is_err());
    assert_eq!(topic(&[]).check(), Ok(()));
}

#[test]
fn the_defaults_are_those_of_the_log() {
    assert_eq!(topic(&[]).log_config(), LogConfig::default());
}

#[test]
fn each_value_reaches_the_log() {
    let entries = [
        ("segment.bytes", "2000000"),
        ("segment.ms", "1000"),
        ("segment.index.bytes", "4096"),
        ("index.interval.bytes", "1"),
        ("max.message.bytes", "77"),
        ("cleanup.policy", "compact,delete"),
        ("retention.ms", "60000"),
        ("retention.bytes", "5"),
        ("file.delete.delay.ms", "6"),
        ("compression.type", "gzip"),
        ("compression.gzip.level", "9"),
        ("message.timestamp.type", "LogAppendTime"),
        ("message.timestamp.before.max.ms", "5"),
        ("message.timestamp.after.max.ms", "9223372036854775807"),
        ("flush.messages", "3"),
        ("flush.ms", "4"),
        ("min.cleanable.dirty.ratio", "0.25"),
        ("min.compaction.lag.ms", "7"),
        ("max.compaction.lag.ms", "800"),
        ("delete.retention.ms", "9"),
    ];
    let expected = LogConfig {
        segment_bytes: 2_000_000,
        segment_roll: Duration::from_millis(800),
        segment_index_bytes: 4096,
        index_interval_bytes: 1,
        max_message_bytes: 77,
        compact: true,
        compaction: Compaction {
            min_dirty_ratio: 0.25,
            min_lag: Duration::from_millis(7),
            max_lag: Some(Duration::from_millis(800)),
            delete_retention: Duration::from_millis(9),
        },
        retention: Retention { time: Some(Duration::from_secs(60)), bytes: Some(5) },
        file_delete_delay: Duration::from_millis(6),
        compression: CompressionType::Codec(Codec::new(Compression::Gzip, Some(9)).unwrap()),
        timestamp_type: TimestampType::LogAppend,
        timestamp_before_max: Some(Duration::from_millis(5)),
        timestamp_after_max: None,
        flush_messages: Some(3),
        flush_interval: Some(Duration::from_millis(4)),
    };
    assert_eq!(topic(&entries).log_config(), expected);
    assert!(topic(&entries).cleanup_policy.deletes);
    assert!(!topic(&[("cleanup.policy", "compact")]).cleanup_policy.deletes);
    let internal = [("internal.segment.bytes", "100"), ("segment.bytes", "2000000")];
    assert_eq!(topic(&internal).log_config().segment_bytes, 100);
}

#[test]
fn only_the_policy_delete_limits_the_past() {
    fn retention(entries: &'static [(&str, &str)]) -> Retention {
        topic(entries).log_config().retention
    }
    assert_eq!(
        retention(&[("retention.ms", "0"), ("retention.bytes", "0")]),
        Retention { time: Some(Duration::ZERO), bytes: Some(0) }
    );
    assert_eq!(retention(&[("retention.ms", "-1"), ("retention.bytes", "-1")]), Retention::default());
    assert_eq!(retention(&[("retention.ms", "5"), ("cleanup.policy", "compact")]), Retention::default());
    assert_eq!(retention(&[("retention.ms", "5"), ("cleanup.policy", "")]), Retention::default());
}

#[test]
fn every_compression_is_understood() {
    let compression = |name| topic(&[("compression.type", name)]).log_config().compression;
    assert_eq!(compression("producer"), CompressionType::Producer);
    assert_eq!(compression("uncompressed"), CompressionType::Codec(Codec::NONE));
    for codec in [Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd] {
        assert_eq!(compression(codec.name()), CompressionType::Codec(Codec::new(codec, None).unwrap()));
    }
}
