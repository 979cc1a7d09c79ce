//! Keys that people bring and no broker of Apache Kafka 4 has, and what to do instead. Pure.

/// What to do about a key that is not in the table; `None` when nothing is known of it.
pub(super) fn advice(key: &str) -> Option<&'static str> {
    let exact = ADVICE.iter().find(|(name, _)| *name == key);
    let by_prefix = || PREFIXES.iter().find(|(prefix, _)| key.starts_with(prefix));
    exact.or_else(by_prefix).map(|(_, advice)| *advice)
}

/// Keys that Apache Kafka once had, and keys of clients.
#[rustfmt::skip]
const ADVICE: &[(&str, &str)] = &[
    ("advertised.host.name", "Apache Kafka 3 dropped it: say advertised.listeners=PLAINTEXT://HOST:PORT"),
    ("advertised.port", "Apache Kafka 3 dropped it: say advertised.listeners=PLAINTEXT://HOST:PORT"),
    ("bootstrap.servers", "that is a setting of clients: leave it out, and say listeners for where this broker listens"),
    ("broker.id.generation.enable", "Apache Kafka 4 dropped it: leave it out, and say node.id (default 1)"),
    ("client.id", "that is a setting of clients: leave it out"),
    ("control.plane.listener.name", "Apache Kafka 4 dropped it with ZooKeeper: leave it out"),
    ("group.id", "that is a setting of consumers: leave it out"),
    ("host.name", "Apache Kafka 3 dropped it: say listeners=PLAINTEXT://HOST:PORT"),
    ("inter.broker.protocol.version", "Apache Kafka 4 dropped it: leave it out, the data folder says its own version"),
    ("log.message.format.version", "Apache Kafka 4 dropped it: leave it out, records are written in the one current format"),
    ("log.message.timestamp.difference.max.ms", "Apache Kafka 4 dropped it: say log.message.timestamp.before.max.ms and log.message.timestamp.after.max.ms"),
    ("message.format.version", "Apache Kafka 4 dropped it: leave it out, records are written in the one current format"),
    ("offsets.commit.required.acks", "Apache Kafka 4 dropped it: leave it out, a commit is answered when it is stored"),
    ("port", "Apache Kafka 3 dropped it: say listeners=PLAINTEXT://HOST:PORT"),
    ("replica.fetch.wait.ms", "its name is replica.fetch.wait.max.ms; there is one node, so leave it out"),
    ("reserved.broker.max.id", "Apache Kafka 4 dropped it: leave it out, and say node.id (default 1)"),
];

/// Families of keys.
#[rustfmt::skip]
const PREFIXES: &[(&str, &str)] = &[
    ("zookeeper.", "Apache Kafka 4 has no ZooKeeper any more, and Kestrel never had: leave it out, nothing takes its place"),
    ("confluent.", "that is a setting of Confluent's products: leave it out"),
    ("delegation.token.master.", "Apache Kafka 4 dropped it: leave it out, delegation tokens are not there yet"),
    ("password.encoder.", "Apache Kafka 4 dropped it with ZooKeeper: leave it out"),
    ("KAFKA_", "that is a variable of a container image: the key is its lower case after KAFKA_, with dots for underscores"),
];

#[cfg(test)]
mod tests {
    use super::super::keys::{broker_key, broker_keys};
    use super::*;

    #[test]
    fn advice_is_for_keys_that_are_not_there() {
        for (key, advice) in ADVICE.iter().chain(PREFIXES) {
            assert!(broker_key(key).is_none(), "{key} is in the table");
            assert!(!advice.ends_with('.'), "{key}");
        }
        assert!(broker_keys().all(|key| advice(key.name).is_none()));
    }

    #[test]
    fn a_family_shares_its_advice() {
        assert!(advice("zookeeper.connection.timeout.ms").unwrap().contains("no ZooKeeper"));
        assert!(advice("port").unwrap().contains("listeners=PLAINTEXT://HOST:PORT"));
        assert_eq!(advice("ports"), None);
    }
}
