//! What the broker keys of the log cleaner mean: read anew for each log that is cleaned, since they may change on a running
//! broker. Pure.

use std::time::Duration;

use super::effective::Layers;
use super::keys::BrokerKey;
use crate::log::CleanerSettings;

/// How long the cleaner rests at least, whatever the backoff: looking at every log costs something.
const LEAST_BACKOFF: Duration = Duration::from_millis(50);

/// Whether a new value of this broker key is taken over while the broker runs.
pub(super) fn is_cleaner_key(key: &BrokerKey) -> bool {
    SETTINGS.contains(&key.name)
}

const BACKOFF: &str = "log.cleaner.backoff.ms";
const DEDUPE_BUFFER: &str = "log.cleaner.dedupe.buffer.size";
const LOAD_FACTOR: &str = "log.cleaner.io.buffer.load.factor";
const IO_BUFFER: &str = "log.cleaner.io.buffer.size";
const MAX_BYTES_PER_SECOND: &str = "log.cleaner.io.max.bytes.per.second";
const THREADS: &str = "log.cleaner.threads";
const SETTINGS: [&str; 6] = [BACKOFF, DEDUPE_BUFFER, LOAD_FACTOR, IO_BUFFER, MAX_BYTES_PER_SECOND, THREADS];

/// The settings of the cleaner; none while `log.cleaner.threads` is 0.
pub(crate) fn cleaner_settings(layers: &Layers<'_>) -> Option<CleanerSettings> {
    let bytes = |key| usize::try_from(number::<i64>(layers, key)).unwrap_or(0);
    let settings = CleanerSettings {
        backoff: Duration::from_millis(number(layers, BACKOFF)).max(LEAST_BACKOFF),
        dedupe_buffer_bytes: bytes(DEDUPE_BUFFER),
        load_factor: number(layers, LOAD_FACTOR),
        io_buffer_bytes: bytes(IO_BUFFER),
        max_bytes_per_second: number(layers, MAX_BYTES_PER_SECOND),
    };
    (number::<i32>(layers, THREADS) > 0).then_some(settings)
}

fn number<N: std::str::FromStr + Default>(layers: &Layers<'_>, key: &str) -> N {
    let default = || BrokerKey::find(key).and_then(|key| key.default?.parse().ok());
    layers.broker_text(key).and_then(|value| value.parse().ok()).or_else(default).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::config::{BrokerConfig, Said};

    #[test]
    fn the_defaults_are_those_of_apache_kafka_and_what_is_set_later_counts() {
        let config = BrokerConfig::new(&Said::default()).unwrap();
        let settings = |broker: &[(&'static str, &'static str)], all: &[(&'static str, &'static str)]| {
            let set = |keys: &[(&'static str, &'static str)]| -> BTreeMap<_, _> {
                keys.iter().map(|&(key, value)| (key.into(), value.into())).collect()
            };
            let (none, broker, all_brokers) = (set(&[]), set(broker), set(all));
            cleaner_settings(&Layers {
                topic: &none,
                broker: &broker,
                all_brokers: &all_brokers,
                config: &config,
            })
        };
        let defaults = CleanerSettings {
            backoff: Duration::from_secs(15),
            dedupe_buffer_bytes: 128 << 20,
            load_factor: 0.9,
            io_buffer_bytes: 512 << 10,
            max_bytes_per_second: f64::MAX,
        };
        assert_eq!(settings(&[], &[]), Some(defaults));
        let changed =
            settings(&[(BACKOFF, "100")], &[(BACKOFF, "7"), (MAX_BYTES_PER_SECOND, "1e6")]).unwrap();
        assert_eq!((changed.backoff.as_millis(), changed.max_bytes_per_second), (100, 1e6));
        assert_eq!(settings(&[], &[(BACKOFF, "0")]).unwrap().backoff, LEAST_BACKOFF);
        assert_eq!(settings(&[], &[(THREADS, "0")]), None);
    }
}
