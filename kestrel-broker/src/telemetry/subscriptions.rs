//! The subscriptions of the cluster, compiled, and what they come to for a client. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use bytestring::ByteString;
use kestrel_protocol::Uuid;
use tracing::warn;

use super::client::Client;
use super::java_set::{in_javas_order, java_hash};
use super::subscription::{ALL_METRICS, Subscription};

/// The push interval of clients that no subscription is for: they ask again after that.
const DEFAULT_PUSH_INTERVAL: Duration = Duration::from_secs(300);

/// The configuration of a subscription.
pub(super) type Configs = BTreeMap<ByteString, ByteString>;

/// The subscriptions of the cluster.
#[derive(Debug, Default)]
pub(super) struct Subscriptions {
    /// The metadata that they are of.
    offset: Option<i64>,
    /// Counts their changes.
    version: u64,
    configs: BTreeMap<ByteString, Configs>,
    compiled: Vec<Subscription>,
}

/// What a client is to push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Says what the rest is: a client pushes for the id that it was told.
    pub(super) subscription_id: i32,
    pub(super) push_interval: Duration,
    /// Prefixes of names, in the order in which Apache Kafka has them.
    pub(super) metrics: Vec<String>,
}

impl Subscriptions {
    /// Whether the metadata has gone on.
    pub(super) fn is_behind(&self, offset: i64) -> bool {
        self.offset.is_none_or(|known| known < offset)
    }

    /// The number of their changes: what was decided by another number is decided again.
    pub(super) const fn version(&self) -> u64 {
        self.version
    }

    /// Takes over the subscriptions of the metadata as of an offset.
    pub(super) fn replace<'a>(
        &mut self,
        offset: i64,
        configs: impl Iterator<Item = (&'a ByteString, &'a Configs)>,
    ) {
        self.offset = Some(offset);
        let configs: BTreeMap<_, _> =
            configs.map(|(name, configs)| (name.clone(), configs.clone())).collect();
        if configs == self.configs {
            return;
        }
        self.version += 1;
        self.compiled = configs.iter().filter_map(|(name, configs)| compiled(name, configs)).collect();
        self.configs = configs;
    }

    /// What a client is to push, by all subscriptions that are for it.
    pub(super) fn wanted_of(&self, client: &Client<'_>) -> Wanted {
        let for_it = || self.compiled.iter().filter(|one| one.criteria.are_met_by(client));
        let metrics = || for_it().flat_map(|one| one.metrics.iter().map(String::as_str));
        let metrics = if metrics().any(|name| name == ALL_METRICS) {
            vec![ALL_METRICS]
        } else {
            in_javas_order(metrics())
        };
        let shortest = for_it().map(|one| one.push_interval).min().unwrap_or(DEFAULT_PUSH_INTERVAL);
        let push_interval = shortest.min(DEFAULT_PUSH_INTERVAL);
        Wanted {
            subscription_id: subscription_id(&metrics, push_interval, client.instance_id),
            push_interval,
            metrics: metrics.into_iter().map(str::to_owned).collect(),
        }
    }
}

fn compiled(name: &str, configs: &Configs) -> Option<Subscription> {
    match Subscription::read(configs) {
        Ok(subscription) => Some(subscription),
        Err(why) => {
            warn!("the subscription {name:?} of client metrics is nobody's: {why}");
            None
        }
    }
}

/// The id of what a client is to push, computed as Apache Kafka does, so that it stays when a folder changes hands.
fn subscription_id(metrics: &[&str], push_interval: Duration, instance_id: Uuid) -> i32 {
    let text = format!("[{}]{}", metrics.join(", "), push_interval.as_millis());
    crc32c::crc32c(text.as_bytes()).cast_signed() ^ java_hash(instance_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(client_id: &str) -> Client<'_> {
        let software = ("librdkafka".into(), "2.11.0".into());
        Client { instance_id: Uuid::from_u128(0x1234), client_id, software, peer: ([127, 0, 0, 1], 1).into() }
    }

    fn configs(pairs: &[(&str, &str)]) -> Configs {
        pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect()
    }

    fn subscribe(subscriptions: &mut Subscriptions, offset: i64, all: &[(&str, Configs)]) {
        let all: Vec<(ByteString, Configs)> =
            all.iter().map(|(name, configs)| ((*name).into(), configs.clone())).collect();
        subscriptions.replace(offset, all.iter().map(|(name, configs)| (name, configs)));
    }

    #[test]
    fn who_is_not_meant_is_asked_for_nothing_every_five_minutes() {
        let mut subscriptions = Subscriptions::default();
        let nothing = subscriptions.wanted_of(&client("a"));
        assert_eq!((nothing.push_interval, nothing.metrics.len()), (DEFAULT_PUSH_INTERVAL, 0));
        // CRC32C of "[]300000", with the hash of the id.
        assert_eq!(nothing.subscription_id, crc32c::crc32c(b"[]300000").cast_signed() ^ 0x1234);
        let of_b = configs(&[("metrics", "*"), ("match", "client_id=b")]);
        subscribe(&mut subscriptions, 3, &[("only-b", of_b)]);
        assert_eq!(subscriptions.wanted_of(&client("a")), nothing);
        assert_eq!(subscriptions.wanted_of(&client("b")).metrics, ["*"]);
    }

    #[test]
    fn subscriptions_add_up_and_the_shortest_interval_counts() {
        let mut subscriptions = Subscriptions::default();
        let first = configs(&[
            ("metrics", "org.apache.kafka.producer.,org.apache.kafka.consumer."),
            ("interval.ms", "60000"),
        ]);
        let second = configs(&[("metrics", "org.apache.kafka.producer."), ("interval.ms", "100")]);
        subscribe(&mut subscriptions, 1, &[("one", first.clone()), ("two", second.clone())]);
        let both = subscriptions.wanted_of(&client("a"));
        assert_eq!((both.push_interval, both.metrics.len()), (Duration::from_millis(100), 2));
        let everything = configs(&[("metrics", "*"), ("interval.ms", "3600000")]);
        subscribe(&mut subscriptions, 2, &[("one", first), ("two", second), ("z", everything)]);
        let all = subscriptions.wanted_of(&client("a"));
        assert_eq!(
            (all.push_interval, &all.metrics[..]),
            (Duration::from_millis(100), &["*".to_owned()][..])
        );
        assert_ne!(all.subscription_id, both.subscription_id);
    }

    #[test]
    fn only_a_change_is_one() {
        let mut subscriptions = Subscriptions::default();
        assert!(subscriptions.is_behind(0));
        subscribe(&mut subscriptions, 5, &[]);
        assert!(!subscriptions.is_behind(5) && subscriptions.is_behind(6));
        assert_eq!(subscriptions.version(), 0);
        let one = configs(&[("metrics", "*")]);
        subscribe(&mut subscriptions, 6, &[("one", one.clone())]);
        subscribe(&mut subscriptions, 7, &[("one", one)]);
        assert_eq!(subscriptions.version(), 1);
        // One that only Java can read is nobody's, and the others stay.
        let javas = configs(&[("metrics", "x."), ("match", "client_id=(?<!a)b")]);
        let sound = configs(&[("metrics", "y.")]);
        subscribe(&mut subscriptions, 8, &[("javas", javas), ("sound", sound)]);
        assert_eq!(subscriptions.wanted_of(&client("b")).metrics, ["y."]);
    }
}
