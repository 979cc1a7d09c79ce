//! The tables against what Apache Kafka says, and against the reference in the documentation.

use std::collections::BTreeMap;
use std::fmt::Write;

use expect_test::expect_file;
use kestrel_settings::{Key, reference};

use super::keys::keys;

/// What Apache Kafka 4.3.1 has in its definitions: name, type, default. Made by `Defaults.java` beside them.
const KAFKAS_PRODUCER: &str =
    include_str!("../../../kestrel-settings/testdata/apache-kafka-4.3.1/producer.tsv");
const KAFKAS_CONSUMER: &str =
    include_str!("../../../kestrel-settings/testdata/apache-kafka-4.3.1/consumer.tsv");
const KAFKAS_ADMIN: &str = include_str!("../../../kestrel-settings/testdata/apache-kafka-4.3.1/admin.tsv");

/// Defaults that are not Apache Kafka's: the key, what Kestrel has, and why.
const DIFFERENCES: &[(&str, &str, &str)] = &[
    (
        "batch.size",
        "65536",
        "records share requests: a quarter to half less CPU time in the producer, two fifths less in the broker",
    ),
    (
        "connections.max.idle.ms",
        "540000",
        "admin calls share connections with producers and consumers, and so have their 9 minutes; Java's own client for them has 5",
    ),
    ("client.id", "kestrel", "a broker's log and quotas tell it from a client that says nothing"),
    (
        "partition.assignment.strategy",
        "range,cooperative-sticky",
        "the same assignors, by the names of their protocols instead of Java's classes",
    ),
    ("partitioner", "murmur2", "the same partitions; Java says so by naming no class"),
];

/// Keys that Apache Kafka's clients have not: Kestrel's own and librdkafka's.
const OTHERS: [&str; 17] = [
    "unknown.keys",
    "receive.message.max.bytes",
    "compression.level",
    "keep.pauses",
    "max.open.records",
    "leave.group.on.drop",
    "fetch.buffer.bytes",
    "max.decompressed.batch.bytes",
    "ssl.ca.location",
    "ssl.certificate.location",
    "ssl.key.location",
    "enable.ssl.certificate.verification",
    "sasl.username",
    "sasl.password",
    "sasl.oauthbearer.extensions",
    "https.ca.location",
    // Java: partitioner.class, which is an alias here.
    "partitioner",
];

fn defaults(kafkas: &str) -> BTreeMap<&str, &str> {
    let columns = |line| -> Vec<&str> { str::split(line, '\t').collect() };
    kafkas.lines().map(columns).map(|columns| (columns[0], columns[2])).collect()
}

#[test]
fn defaults_are_those_of_apache_kafka_but_for_a_few() {
    let (producer, consumer, admin) =
        (defaults(KAFKAS_PRODUCER), defaults(KAFKAS_CONSUMER), defaults(KAFKAS_ADMIN));
    let mut different = BTreeMap::new();
    for (scope, key) in keys() {
        let kafkas = match scope {
            "producer" => vec![&producer],
            "consumer" => vec![&consumer],
            // What all clients share is the same in all of Java's.
            _ => vec![&producer, &consumer, &admin],
        };
        let ours = key.default.unwrap_or("(null)");
        let of_kafka: Vec<&str> =
            kafkas.iter().flat_map(|all| key.names().find_map(|name| all.get(name))).copied().collect();
        assert!(!of_kafka.is_empty() || OTHERS.contains(&key.name), "Apache Kafka has no {}", key.name);
        let is_required = of_kafka.contains(&"(required)") && ours.is_empty();
        // The admin client asks for its bootstrap servers in another way.
        if !is_required && of_kafka.iter().any(|kafkas| *kafkas != ours) {
            different.insert(key.name, ours);
        }
    }
    assert_eq!(different, DIFFERENCES.iter().map(|(key, ours, _)| (*key, *ours)).collect());
}

#[test]
fn the_reference_is_made_of_the_tables() {
    let mut text = "# Settings of kestrel-client\n\nMade of the tables in `kestrel-client/src/config/`; a test compares. To make it \
                    anew: `UPDATE_EXPECT=1 cargo test -p kestrel-client --lib the_reference`.\n\n\
                    Each is a property for `Client::from_properties` and its siblings, and most are setters of the builders, with the \
                    name in snake case and without the unit. As properties, durations are in milliseconds, sizes in bytes.\n\n\
                    ## Defaults that are not Apache Kafka's\n\n"
        .to_owned();
    for (key, ours, why) in DIFFERENCES {
        writeln!(text, "- `{key}`: `{ours}`; {why}.").unwrap();
    }
    for (title, wanted) in [("all clients", "client"), ("producers", "producer"), ("consumers", "consumer")] {
        let of_scope = keys().filter(|(scope, _)| *scope == wanted).map(|(_, key)| *key);
        let keys: Vec<Key> = of_scope.collect();
        write!(text, "\n## Settings of {title}\n\n{}", reference(keys)).unwrap();
    }
    expect_file!["../../../docs/client-settings.md"].assert_eq(&text);
}
