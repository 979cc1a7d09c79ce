//! The keys of the log cleaner: read anew for each log that is cleaned, since they may change on a running broker. Pure.

use std::time::Duration;

use kestrel_settings::Scope::Dynamic;
use kestrel_settings::settings;

use crate::log::CleanerSettings;

settings! {
    /// The log cleaner as its keys have it.
    pub(crate) struct CleanerConfig, keys CLEANER: CleanerKeys;

    /// How many milliseconds the log cleaner rests when no log is worth compacting; below 50 it is 50.
    backoff: Duration, "log.cleaner.backoff.ms", Long, "15000", [0..], scope: Dynamic;
    /// How many bytes of memory the log cleaner may take for the keys of a log, at 24 bytes each; it takes what the keys need,
    /// and half as much again while it grows. A log with more keys is compacted in parts.
    dedupe_buffer_bytes: usize, "log.cleaner.dedupe.buffer.size", Long, "134217728", [any], scope: Dynamic;
    /// Which part of log.cleaner.dedupe.buffer.size may be filled, from 0.1 to 0.95: the fuller, the slower.
    load_factor: f64, "log.cleaner.io.buffer.load.factor", Double, "0.9", [any], scope: Dynamic;
    /// How many bytes of memory the log cleaner reads and writes with, half for each; a larger record batch takes more.
    io_buffer_bytes: usize, "log.cleaner.io.buffer.size", Int, "524288", [0..], scope: Dynamic;
    /// How many bytes the log cleaner reads and writes per second at most, on average over the compaction of a log.
    max_bytes_per_second: f64, "log.cleaner.io.max.bytes.per.second", Double, "1.7976931348623157E308", [any], scope: Dynamic;
    /// With 0 nothing is compacted. Any other number means one thread, which compacts one log after the other.
    threads: i32, "log.cleaner.threads", Int, "1", [0..], scope: Dynamic;
}

/// How long the cleaner rests at least, whatever the backoff: looking at every log costs something.
const LEAST_BACKOFF: Duration = Duration::from_millis(50);

impl CleanerConfig {
    /// What the keys mean to the cleaner; none while `log.cleaner.threads` is 0.
    pub(crate) fn settings(&self) -> Option<CleanerSettings> {
        let settings = CleanerSettings {
            backoff: self.backoff.max(LEAST_BACKOFF),
            dedupe_buffer_bytes: self.dedupe_buffer_bytes,
            load_factor: self.load_factor,
            io_buffer_bytes: self.io_buffer_bytes,
            max_bytes_per_second: self.max_bytes_per_second,
        };
        (self.threads > 0).then_some(settings)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::config::{BrokerConfig, Layers, RawSettings};

    #[test]
    fn the_defaults_are_those_of_apache_kafka_and_what_is_set_later_counts() {
        let config = BrokerConfig::new(&RawSettings::default()).unwrap();
        let settings = |broker: &[(&'static str, &'static str)], all: &[(&'static str, &'static str)]| {
            let set = |keys: &[(&'static str, &'static str)]| -> BTreeMap<_, _> {
                keys.iter().map(|&(key, value)| (key.into(), value.into())).collect()
            };
            let (none, broker, all_brokers) = (set(&[]), set(broker), set(all));
            Layers { topic: &none, broker: &broker, all_brokers: &all_brokers, config: &config }
                .cleaner_config()
                .settings()
        };
        let defaults = CleanerSettings {
            backoff: Duration::from_secs(15),
            dedupe_buffer_bytes: 128 << 20,
            load_factor: 0.9,
            io_buffer_bytes: 512 << 10,
            max_bytes_per_second: f64::MAX,
        };
        assert_eq!(settings(&[], &[]), Some(defaults));
        let (backoff, rate) = (CLEANER.backoff.name, CLEANER.max_bytes_per_second.name);
        let changed = settings(&[(backoff, "100")], &[(backoff, "7"), (rate, "1e6")]).unwrap();
        assert_eq!((changed.backoff.as_millis(), changed.max_bytes_per_second), (100, 1e6));
        assert_eq!(settings(&[], &[(backoff, "0")]).unwrap().backoff, LEAST_BACKOFF);
        assert_eq!(settings(&[], &[(CLEANER.threads.name, "0")]), None);
    }
}
