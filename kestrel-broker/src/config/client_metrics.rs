//! The keys of a subscription of client metrics, a configuration resource of its own (KIP-714).
//!
//! The controller checks with them what is set, DescribeConfigs shows them, and [`telemetry`](crate::telemetry) reads subscriptions by
//! them. The type and the range of the interval are two errors to Apache Kafka, so that the controller looks at the range by itself.

use kestrel_settings::{Key, settings};

/// The milliseconds that a push interval may have.
pub(crate) const INTERVALS_MS: std::ops::RangeInclusive<i32> = 100..=3_600_000;

settings! {
    /// A subscription of client metrics as its keys have it.
    pub(crate) struct ClientMetricsSettings, keys CLIENT_METRICS: ClientMetricsKeys;

    /// How many milliseconds lie between two pushes of a client, from 100 to 3,600,000.
    interval_ms: i32, "interval.ms", Int, "300000", [any];
    /// The clients that are asked, as NAME=PATTERN,...; without any, all of them. NAME is client_instance_id, client_id,
    /// client_software_name, client_software_version, client_source_address or client_source_port.
    criteria: String, "match", List, "", [any];
    /// The prefixes of the names of metrics that clients are to push, or * for all.
    metrics: String, "metrics", List, "", [any];
}

/// The keys of a subscription, by name.
pub(crate) fn client_metrics_keys() -> impl Iterator<Item = &'static Key> {
    ClientMetricsSettings::ROWS.iter().map(|row| &row.key)
}

/// The key of a subscription of this name, if there is one.
pub(crate) fn client_metrics_key(name: &str) -> Option<&'static Key> {
    client_metrics_keys().find(|key| key.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_are_in_order_and_take_their_defaults() {
        let keys: Vec<_> = client_metrics_keys().collect();
        assert!(keys.len() == 3 && keys.is_sorted_by_key(|key| key.name));
        assert!(keys.iter().all(|key| key.check(key.default.unwrap()).is_ok()));
        assert!(INTERVALS_MS.contains(&ClientMetricsSettings::default().interval_ms));
    }
}
