//! The settings of one producer: what was said, and what it means.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use kestrel_protocol::record::{Codec, Compression};

use super::keys::{Key, flag, keys, millis, number};
use crate::environment::FOREVER;
use crate::error::Error;
use crate::partitioner::{Crc32, Fnv1a, Murmur2, Partitioner, RoundRobin};

/// The most requests in flight with which a broker still recognises every duplicate.
const MAX_IN_FLIGHT_WITH_IDEMPOTENCE: usize = 5;
/// The largest `batch.size` and `max.request.size`, in bytes.
const LARGEST_BATCH_BYTES: usize = 1024 * 1024 * 1024;

/// Who has to have a record before it counts as stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Acks {
    /// All in-sync replicas (`acks=all`): the default, and what idempotence needs.
    #[default]
    All,
    /// The leader alone (`acks=1`): a record can be lost when the leader fails.
    Leader,
    /// No one (`acks=0`): a record counts as stored when it was written to the socket, and its offset is never known.
    None,
}

impl Acks {
    /// The number on the wire.
    pub(crate) const fn on_the_wire(self) -> i16 {
        match self {
            Self::All => -1,
            Self::Leader => 1,
            Self::None => 0,
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "all" | "-1" => Ok(Self::All),
            "1" => Ok(Self::Leader),
            "0" => Ok(Self::None),
            _ => Err("expected all, 1 or 0".to_owned()),
        }
    }
}

/// What was said, before it is checked.
#[derive(Clone)]
pub(crate) struct ProducerConfig {
    pub(crate) acks: Acks,
    /// `None`: on unless another setting rules it out.
    pub(crate) enable_idempotence: Option<bool>,
    pub(crate) linger: Duration,
    pub(crate) batch_size: usize,
    pub(crate) buffer_memory: usize,
    pub(crate) max_in_flight: usize,
    pub(crate) retries: u32,
    pub(crate) delivery_timeout: Option<Duration>,
    pub(crate) max_block: Duration,
    pub(crate) metadata_max_idle: Duration,
    pub(crate) max_request_size: usize,
    pub(crate) compression: Compression,
    pub(crate) compression_level: Option<i32>,
    /// Levels that were given for one codec each; the one of the codec in use counts.
    pub(crate) codec_levels: Vec<(Compression, i32)>,
    pub(crate) partitioner: Arc<dyn Partitioner>,
}

impl Default for ProducerConfig {
    fn default() -> Self {
        Self {
            acks: Acks::All,
            enable_idempotence: None,
            linger: Duration::from_millis(5),
            batch_size: 16 * 1024,
            buffer_memory: 32 * 1024 * 1024,
            max_in_flight: 5,
            retries: i32::MAX.cast_unsigned(),
            delivery_timeout: None,
            max_block: Duration::from_secs(60),
            metadata_max_idle: Duration::from_secs(5 * 60),
            max_request_size: 1024 * 1024,
            compression: Compression::None,
            compression_level: None,
            codec_levels: Vec::new(),
            partitioner: Arc::new(Murmur2),
        }
    }
}

impl fmt::Debug for ProducerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProducerConfig")
            .field("acks", &self.acks)
            .field("linger", &self.linger)
            .field("batch_size", &self.batch_size)
            .field("compression", &self.compression)
            .finish_non_exhaustive()
    }
}

/// What it means: checked, complete, unchanging.
#[derive(Clone)]
pub(crate) struct ProducerSettings {
    pub(crate) acks: Acks,
    pub(crate) idempotent: bool,
    pub(crate) linger: Duration,
    pub(crate) batch_size: usize,
    pub(crate) buffer_memory: usize,
    pub(crate) max_in_flight: usize,
    pub(crate) retries: u32,
    pub(crate) delivery_timeout: Duration,
    pub(crate) max_block: Duration,
    pub(crate) metadata_max_idle: Duration,
    pub(crate) max_request_size: usize,
    pub(crate) codec: Codec,
    pub(crate) partitioner: Arc<dyn Partitioner>,
}

/// The default of `delivery.timeout.ms`.
const DEFAULT_DELIVERY_TIMEOUT: Duration = Duration::from_secs(120);

impl ProducerConfig {
    /// Checks the settings together.
    pub(crate) fn check(self, request_timeout: Duration) -> Result<ProducerSettings, Error> {
        let idempotent = self.check_idempotence()?;
        if !idempotent && self.max_in_flight > 1 && self.retries > 0 {
            tracing::warn!(
                max_in_flight = self.max_in_flight,
                "without idempotence, records can change places when a request is retried; \
                 max.in.flight.requests.per.connection=1 prevents that"
            );
        }
        for (key, value) in [
            ("max.in.flight.requests.per.connection", self.max_in_flight),
            ("buffer.memory", self.buffer_memory),
            ("max.request.size", self.max_request_size),
        ] {
            if value == 0 {
                return Err(Error::config(key, "must be above 0"));
            }
        }
        for (key, value) in [("batch.size", self.batch_size), ("max.request.size", self.max_request_size)] {
            if value > LARGEST_BATCH_BYTES {
                return Err(Error::config(key, format!("must not be above {LARGEST_BATCH_BYTES}")));
            }
        }
        if self.metadata_max_idle.is_zero() {
            return Err(Error::config("metadata.max.idle.ms", "must be above 0"));
        }
        if self.batch_size > self.buffer_memory {
            return Err(Error::config("buffer.memory", "must not be below batch.size"));
        }
        let of_codec = self.codec_levels.iter().rev().find(|(codec, _)| *codec == self.compression);
        let level = self.compression_level.or_else(|| of_codec.map(|(_, level)| *level));
        let codec = Codec::new(self.compression, level)
            .map_err(|error| Error::config("compression.type", error.to_string()))?;
        Ok(ProducerSettings {
            acks: self.acks,
            idempotent,
            linger: self.linger,
            batch_size: self.batch_size.max(1),
            buffer_memory: self.buffer_memory,
            max_in_flight: self.max_in_flight,
            retries: self.retries,
            delivery_timeout: self.check_delivery_timeout(request_timeout)?,
            max_block: self.max_block,
            metadata_max_idle: self.metadata_max_idle,
            max_request_size: self.max_request_size,
            codec,
            partitioner: self.partitioner,
        })
    }

    /// Idempotence is on unless it was turned off or another setting rules it out; asked for and ruled out is an error.
    fn check_idempotence(&self) -> Result<bool, Error> {
        let obstacle = if self.acks != Acks::All {
            "needs acks=all"
        } else if self.max_in_flight > MAX_IN_FLIGHT_WITH_IDEMPOTENCE {
            "needs max.in.flight.requests.per.connection of 5 or less"
        } else if self.retries == 0 {
            "needs retries above 0"
        } else {
            return Ok(self.enable_idempotence.unwrap_or(true));
        };
        match self.enable_idempotence {
            Some(true) => Err(Error::config("enable.idempotence", obstacle)),
            Some(false) => Ok(false),
            None => {
                tracing::info!("idempotence is off: it {obstacle}");
                Ok(false)
            }
        }
    }

    /// A delivery has time for lingering and at least one request.
    fn check_delivery_timeout(&self, request_timeout: Duration) -> Result<Duration, Error> {
        let least = self.linger.saturating_add(request_timeout);
        match self.delivery_timeout {
            None => Ok(DEFAULT_DELIVERY_TIMEOUT.max(least)),
            // Never is as long as never, however it was written.
            Some(timeout) if timeout >= least.min(FOREVER) => Ok(timeout),
            Some(_) => {
                let problem = "must not be below linger.ms and request.timeout.ms together";
                Err(Error::config("delivery.timeout.ms", problem))
            }
        }
    }
}

fn partitioner(text: &str) -> Result<Arc<dyn Partitioner>, String> {
    // Java says the name of a class; none is its default.
    let name = text.strip_prefix("org.apache.kafka.clients.producer.").unwrap_or(text);
    match name {
        "" | "murmur2" | "murmur2_random" | "internals.DefaultPartitioner" => Ok(Arc::new(Murmur2)),
        "round_robin" | "RoundRobinPartitioner" => Ok(Arc::new(RoundRobin)),
        "crc32" | "consistent_random" => Ok(Arc::new(Crc32)),
        "fnv1a" | "fnv1a_random" => Ok(Arc::new(Fnv1a)),
        _ => Err("expected murmur2, round_robin, crc32 or fnv1a".to_owned()),
    }
}

keys! {
    /// The settings of a producer.
    PRODUCER: ProducerConfig {
        "acks" | "request.required.acks", "all", "Who has to have a record before it counts as stored: all, 1 or 0.",
            |c, text| c.acks = Acks::parse(text)?;
        "enable.idempotence", "true", "Whether a retry can neither duplicate nor reorder records.",
            |c, text| c.enable_idempotence = Some(flag(text)?);
        "linger.ms" | "queue.buffering.max.ms", "5", "How long a record may wait for others to share a batch with.",
            |c, text| c.linger = millis(text)?;
        "batch.size", "16384", "How many bytes a batch may have before it is sent, before compression.",
            |c, text| c.batch_size = number(text)?;
        "buffer.memory", "33554432", "How many bytes may wait in the producer before `send` waits.",
            |c, text| c.buffer_memory = number(text)?;
        "max.in.flight.requests.per.connection" | "max.in.flight", "5", "How many requests a broker may have at once.",
            |c, text| c.max_in_flight = number(text)?;
        "retries" | "message.send.max.retries", "2147483647", "How often a batch is sent again within the delivery timeout.",
            |c, text| c.retries = number(text)?;
        "delivery.timeout.ms" | "message.timeout.ms", "120000", "How long an accepted record may take to be stored.",
            |c, text| c.delivery_timeout = Some(millis(text)?);
        "max.block.ms", "60000", "How long `send` may wait for memory or for a topic's metadata.",
            |c, text| c.max_block = millis(text)?;
        "metadata.max.idle.ms", "300000", "After how long without a record a topic is not asked for any more.",
            |c, text| c.metadata_max_idle = millis(text)?;
        "max.request.size" | "message.max.bytes", "1048576", "The largest request, and so the largest record, in bytes.",
            |c, text| c.max_request_size = number(text)?;
        "compression.type" | "compression.codec", "none", "none, gzip, snappy, lz4 or zstd.",
            |c, text| c.compression = text.parse().map_err(|error| format!("{error}"))?;
        "compression.level", "", "The codec's level, whichever codec it is; its own default when absent.",
            |c, text| c.compression_level = Some(number(text)?);
        "compression.gzip.level", "6", "The level when the codec is gzip: 1 to 9, or -1 for the default.",
            |c, text| c.codec_levels.push((Compression::Gzip, number(text)?));
        "compression.lz4.level", "9", "The level when the codec is lz4: 1 to 17.",
            |c, text| c.codec_levels.push((Compression::Lz4, number(text)?));
        "compression.zstd.level", "3", "The level when the codec is zstd: -131072 to 22.",
            |c, text| c.codec_levels.push((Compression::Zstd, number(text)?));
        "partitioner" | "partitioner.class", "murmur2", "Which partition a record goes to: murmur2, round_robin, crc32 or fnv1a.",
            |c, text| c.partitioner = partitioner(text)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(change: impl FnOnce(&mut ProducerConfig)) -> Result<ProducerSettings, Error> {
        let mut config = ProducerConfig::default();
        change(&mut config);
        config.check(Duration::from_secs(30))
    }

    fn problem(change: impl FnOnce(&mut ProducerConfig)) -> String {
        match check(change) {
            Ok(_) => panic!("expected a problem"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn idempotence_gives_way_unless_it_was_asked_for() {
        assert!(check(|_| {}).unwrap().idempotent);
        assert!(!check(|c| c.acks = Acks::Leader).unwrap().idempotent);
        assert!(!check(|c| c.max_in_flight = 6).unwrap().idempotent);
        assert!(!check(|c| c.retries = 0).unwrap().idempotent);
        let text = problem(|c| {
            c.enable_idempotence = Some(true);
            c.acks = Acks::None;
        });
        assert_eq!(text, "enable.idempotence: needs acks=all");
    }

    #[test]
    fn settings_that_contradict_each_other_are_refused() {
        assert!(
            problem(|c| c.delivery_timeout = Some(Duration::from_secs(30)))
                .starts_with("delivery.timeout.ms")
        );
        assert!(problem(|c| c.batch_size = 64 * 1024 * 1024).starts_with("buffer.memory"));
        assert!(problem(|c| c.max_in_flight = 0).starts_with("max.in.flight"));
        assert!(
            problem(|c| {
                c.compression = Compression::Gzip;
                c.compression_level = Some(99);
            })
            .starts_with("compression.type")
        );
    }

    #[test]
    fn a_long_linger_stretches_the_default_delivery_timeout() {
        let settings = check(|c| c.linger = Duration::from_secs(200)).unwrap();
        assert_eq!(settings.delivery_timeout, Duration::from_secs(230));
    }
}
