//! The tables against what Apache Kafka says, and against the reference in the documentation.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use expect_test::expect_file;
use kestrel_settings::{Key, reference};

use super::keys::{AUTHORIZERS_OWN, SYSTEM_PROPERTIES, broker_keys};
use super::shown_broker_keys;
use super::topic::{shown_topic_keys, topic_keys};

/// What a node of Apache Kafka 4.3.1 says of its keys: name, type, default. Made by `Defaults.java` beside it.
const KAFKAS_BROKER: &str = include_str!("../../../kestrel-settings/testdata/apache-kafka-4.3.1/broker.tsv");
const KAFKAS_TOPIC: &str = include_str!("../../../kestrel-settings/testdata/apache-kafka-4.3.1/topic.tsv");

/// Defaults that are not Apache Kafka's: the key, what Kestrel has, and why.
const DIFFERENCES: &[(&str, &str, &str)] = &[
    (
        "listeners",
        "PLAINTEXT://127.0.0.1:9092",
        "a broker that nobody configured is open to its own machine alone",
    ),
    (
        "log.dir",
        "./kestrel-data",
        "a folder that says whose it is, and that a restart of the machine does not empty",
    ),
    ("node.id", "1", "a broker starts with nothing configured; Apache Kafka asks for it"),
    (
        "group.initial.rebalance.delay.ms",
        "0",
        "a first consumer need not wait; Apache Kafka waits 3 s for more members",
    ),
    (
        "sasl.enabled.mechanisms",
        "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
        "what needs nothing but a user and a password; GSSAPI, which is Apache Kafka's, is not there",
    ),
    (
        "socket.listen.backlog.size",
        "1024",
        "the kernel drops what comes beyond, and clients try again after a second only",
    ),
];

/// The keys whose default or type is not the one that Apache Kafka has, and what it is here.
fn differences(kafkas: &str, keys: &[Key]) -> BTreeMap<String, String> {
    let mut different = BTreeMap::new();
    let mut names = BTreeSet::new();
    for line in kafkas.lines() {
        let columns: Vec<&str> = line.split('\t').collect();
        let [name, value_type, default] = columns[..] else { panic!("{line}") };
        names.insert(name);
        let key = keys.iter().find(|key| key.name == name).unwrap_or_else(|| panic!("there is no {name}"));
        assert_eq!(format!("{:?}", key.value_type).to_uppercase(), value_type, "{name}");
        let ours = key.default.unwrap_or("(null)");
        if ours != default {
            different.insert(name.to_owned(), ours.to_owned());
        }
    }
    let more: Vec<_> = keys.iter().map(|key| key.name).filter(|name| !names.contains(name)).collect();
    assert!(more.is_empty(), "Apache Kafka has no {more:?}");
    different
}

#[test]
fn defaults_are_those_of_apache_kafka_but_for_a_few() {
    let expected: BTreeMap<_, _> =
        DIFFERENCES.iter().map(|(key, ours, _)| ((*key).to_owned(), (*ours).to_owned())).collect();
    assert_eq!(differences(KAFKAS_BROKER, &shown_broker_keys()), expected);
    let topic: Vec<Key> = shown_topic_keys(|_| false).copied().collect();
    assert_eq!(differences(KAFKAS_TOPIC, &topic), BTreeMap::new());
}

/// A default that two tables have is one value: what a topic gets that says nothing, and its broker neither.
#[test]
fn the_default_of_a_topic_key_is_that_of_its_broker_key() {
    for key in topic_keys() {
        let defaults = key.synonyms.iter().filter_map(|synonym| {
            let default = broker_keys().find(|key| key.name == synonym.name)?.default?;
            let number = default.parse().map(|number: i64| (number * synonym.factor).to_string());
            Some(number.unwrap_or_else(|_| default.to_owned()))
        });
        // The first that has one, as in Apache Kafka; jitter has one in hours alone.
        if let Some(default) = defaults.into_iter().next() {
            assert_eq!(key.default, Some(&*default), "{}", key.name);
        }
    }
}

#[test]
fn the_reference_is_made_of_the_tables() {
    let hidden = [&AUTHORIZERS_OWN[..], &SYSTEM_PROPERTIES].concat();
    let own = broker_keys().filter(|key| hidden.contains(&key.name));
    let mut documented: Vec<Key> = shown_broker_keys().into_iter().chain(own).collect();
    documented.sort_unstable_by_key(|key| key.name);
    let (without_effect, acted): (Vec<Key>, Vec<Key>) =
        documented.into_iter().partition(|key| key.belongs_to.is_some());
    let mut text = "# Settings of kestrel-broker\n\nMade of the tables in `kestrel-broker/src/config/`; a test compares. To make it \
                    anew: `UPDATE_EXPECT=1 cargo test -p kestrel-broker --lib the_reference`.\n\n\
                    Keys are Apache Kafka's, in a `server.properties` (`--config`), as `--set key=value`, or with \
                    `BrokerBuilder::set`. Durations are in the unit that the key's name ends with, sizes in bytes.\n\n\
                    ## Defaults that are not Apache Kafka's\n\n"
        .to_owned();
    for (key, ours, why) in DIFFERENCES {
        writeln!(text, "- `{key}`: `{ours}`; {why}.").unwrap();
    }
    text.push_str("\n## Keys of the broker\n\n");
    text.push_str(&reference(acted));
    text.push_str(
        "\n## Keys of topics\n\nA topic that does not set a key has the value of the broker's keys in the last column, the first \
         that is set. They may be changed while the broker runs, on the topic and, where they say so above, on the broker.\n\n\
         | key | taken from |\n|---|---|\n",
    );
    for key in shown_topic_keys(|_| false).filter(|key| !key.synonyms.is_empty()) {
        let synonyms: Vec<_> = key.synonyms.iter().map(|synonym| format!("`{}`", synonym.name)).collect();
        writeln!(text, "| `{}` | {} |", key.name, synonyms.join(", ")).unwrap();
    }
    text.push('\n');
    text.push_str(&reference(shown_topic_keys(|_| false).copied()));
    text.push_str("\n## Keys without effect\n\nKnown from Apache Kafka and accepted with a warning, because what they are for is not there yet.\n\n");
    let mut areas: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for key in without_effect {
        areas.entry(key.belongs_to.unwrap_or_default()).or_default().push(format!("`{}`", key.name));
    }
    for (area, names) in areas {
        writeln!(text, "- **{area}**: {}", names.join(", ")).unwrap();
    }
    expect_file!["../../../docs/broker-settings.md"].assert_eq(&text);
}
