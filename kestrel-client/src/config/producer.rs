//! The settings of one producer, and what they mean together.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use kestrel_protocol::record::{Codec, Compression};
use kestrel_settings::{Chosen, Value};

use super::checks::check_rows;
use super::setters::{setters, table};
use crate::environment::FOREVER;
use crate::error::Error;
use crate::partitioner::{Crc32, Fnv1a, Murmur2, Partitioner, RoundRobin};

/// The rows of a producer's settings.
macro_rules! producer_settings {
    ($make:ident! $($of:tt)*) => { $make! { $($of)* {
        /// Who has to have a record before it counts as stored: all in-sync replicas, the leader (1), or no one (0).
        acks: Acks, "acks" | "request.required.acks", String, "all", ["all" | "-1" | "1" | "0"];
        /// Whether a retry can neither duplicate nor reorder records (KIP-98).
        ///
        /// The default gives way when `acks`, `retries` or more than five requests in flight rule it out.
        enable_idempotence: Chosen<bool>, "enable.idempotence", Boolean, "true", [any]
            => (enabled: bool = kestrel_settings::Chosen::new(enabled));
        /// How long a record may wait for others to share a batch with; 0 for not at all.
        linger: Duration, "linger.ms" | "queue.buffering.max.ms", Long, "5", [0..];
        /// How many bytes a batch may have before it is sent, counted before compression. A larger record has a batch of its own.
        batch_size: usize, "batch.size", Long, "65536", [0..=1_073_741_824];
        /// How many bytes may wait in the producer before `send` waits. Each open batch takes `batch.size` of it.
        buffer_memory: usize, "buffer.memory", Long, "33554432", [1..];
        /// How many requests a broker may have at once; 5 are the most that idempotence allows.
        max_in_flight_requests_per_connection: usize, "max.in.flight.requests.per.connection" | "max.in.flight", Long, "5", [1..];
        /// How often a batch may be sent again within the delivery timeout.
        retries: u32, "retries" | "message.send.max.retries", Long, "2147483647", [0..];
        /// How long an accepted record may take to be stored before its delivery fails.
        ///
        /// At least `linger.ms` and `request.timeout.ms` together; the default grows with them.
        delivery_timeout: Chosen<Duration>, "delivery.timeout.ms" | "message.timeout.ms", Long, "120000", [0..]
            => (timeout: Duration = kestrel_settings::Chosen::new(timeout));
        /// How long `send` may wait for memory or for a topic's metadata, and how long serializers may take to get ready.
        max_block: Duration, "max.block.ms", Long, "60000", [0..];
        /// After how long without a record a topic is forgotten. The next record to it looks it up again.
        metadata_max_idle: Duration, "metadata.max.idle.ms", Long, "300000", [1..];
        /// The largest request, and so the largest record, in bytes.
        max_request_size: usize, "max.request.size" | "message.max.bytes", Long, "1048576", [1..=1_073_741_824];
        /// The id of a producer that is made with `configured_transactional_producer`.
        transactional_id: String, "transactional.id", String, null, [any] => (none);
        /// How long a transaction may be open, counted from its first record, before the broker aborts it.
        ///
        /// At most the broker's `transaction.max.timeout.ms`, 15 minutes by default.
        transaction_timeout: Duration, "transaction.timeout.ms", Int, "60000", [1..];
        /// The codec of the batches. Each codec is a cargo feature of its name.
        compression: BatchCompression, "compression.type" | "compression.codec", String, "none",
            ["none" | "gzip" | "snappy" | "lz4" | "zstd"] => (compression: Compression = compression.into());
        /// The codec's level, whichever codec it is. Without one, the level of the codec in use counts.
        compression_level: Option<i32>, "compression.level", Int, null, [any] => (level: i32 = Some(level));
        /// The level when the codec is gzip; -1 is zlib's own default.
        compression_gzip_level: i32, "compression.gzip.level", Int, "-1", [-1 | 1..=9];
        /// The level when the codec is lz4: taken as Apache Kafka takes it, and the same for each.
        compression_lz4_level: i32, "compression.lz4.level", Int, "9", [1..=17];
        /// The level when the codec is zstd.
        compression_zstd_level: i32, "compression.zstd.level", Int, "3", [-131_072..=22];
        /// Which partition a record goes to: murmur2, round_robin, crc32, fnv1a, or one of the program's own.
        partitioner: SharedPartitioner, "partitioner" | "partitioner.class", String, "murmur2", [any]
            => (partitioner: impl Partitioner = std::sync::Arc::new(partitioner).into());
    } } };
}
pub(crate) use producer_settings;

producer_settings! {
    table!
    /// Settings of producers: each has Kafka's name in snake case.
    ///
    /// For [`ProducerBuilder::config`](crate::ProducerBuilder::config), to give several producers the same.
    ///
    /// ```
    /// use kestrel_client::{Compression, ProducerConfig};
    /// use std::time::Duration;
    ///
    /// let config = ProducerConfig::default().linger(Duration::from_millis(20)).compression(Compression::None);
    /// ```
    #[must_use]
    pub struct ProducerConfig, keys PRODUCER: ProducerKeys;
}

producer_settings!(setters! [] ProducerConfig, []);

/// The most requests in flight with which a broker still recognises every duplicate.
const MAX_IN_FLIGHT_WITH_IDEMPOTENCE: usize = 5;

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
}

impl Value for Acks {
    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "all" | "-1" => Ok(Self::All),
            "1" => Ok(Self::Leader),
            "0" => Ok(Self::None),
            _ => Err("all, 1 or 0".to_owned()),
        }
    }

    fn print(&self) -> String {
        match self {
            Self::All => "all".to_owned(),
            Self::Leader | Self::None => self.on_the_wire().to_string(),
        }
    }
}

/// The codec of batches, as a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BatchCompression(Compression);

impl From<Compression> for BatchCompression {
    fn from(codec: Compression) -> Self {
        Self(codec)
    }
}

impl Value for BatchCompression {
    fn parse(text: &str) -> Result<Self, String> {
        text.parse().map(Self).map_err(|error| format!("{error}"))
    }

    fn print(&self) -> String {
        self.0.name().to_owned()
    }
}

/// A partitioner, as a setting.
#[derive(Clone)]
pub(crate) struct SharedPartitioner(Arc<dyn Partitioner>);

impl<P: Partitioner> From<Arc<P>> for SharedPartitioner {
    fn from(partitioner: Arc<P>) -> Self {
        Self(partitioner)
    }
}

impl Deref for SharedPartitioner {
    type Target = dyn Partitioner;

    fn deref(&self) -> &dyn Partitioner {
        &*self.0
    }
}

impl fmt::Debug for SharedPartitioner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a partitioner")
    }
}

impl Value for SharedPartitioner {
    fn parse(text: &str) -> Result<Self, String> {
        // Java says the name of a class; none is its default.
        match text.strip_prefix("org.apache.kafka.clients.producer.").unwrap_or(text) {
            "" | "murmur2" | "murmur2_random" | "internals.DefaultPartitioner" => {
                Ok(Arc::new(Murmur2).into())
            }
            "round_robin" | "RoundRobinPartitioner" => Ok(Arc::new(RoundRobin).into()),
            "crc32" | "consistent_random" => Ok(Arc::new(Crc32).into()),
            "fnv1a" | "fnv1a_random" => Ok(Arc::new(Fnv1a).into()),
            _ => Err("murmur2, round_robin, crc32 or fnv1a".to_owned()),
        }
    }

    /// The program may have its own, which has no name.
    fn print(&self) -> String {
        String::new()
    }
}

/// The settings of a producer, checked: what gives way to other settings is decided.
#[derive(Debug, Clone)]
pub(crate) struct ProducerSettings {
    config: ProducerConfig,
    /// The codec with its level.
    pub(crate) codec: Codec,
}

impl Deref for ProducerSettings {
    type Target = ProducerConfig;

    fn deref(&self) -> &ProducerConfig {
        &self.config
    }
}

impl ProducerConfig {
    /// Checks the settings together.
    pub(crate) fn check(mut self, request_timeout: Duration) -> Result<ProducerSettings, Error> {
        check_rows(Self::ROWS, &self)?;
        let is_idempotent = self.check_idempotence()?;
        if !is_idempotent && self.max_in_flight_requests_per_connection > 1 && self.retries > 0 {
            tracing::warn!(
                max_in_flight = self.max_in_flight_requests_per_connection,
                "without idempotence, records can change places when a request is retried; \
                 max.in.flight.requests.per.connection=1 prevents that"
            );
        }
        if self.batch_size > self.buffer_memory {
            return Err(Error::config(PRODUCER.buffer_memory.name, "must not be below batch.size"));
        }
        let codec = Codec::new(self.compression.0, self.level())
            .map_err(|error| Error::config(PRODUCER.compression.name, error.to_string()))?;
        self.enable_idempotence = Chosen::new(is_idempotent);
        self.delivery_timeout = Chosen::new(self.check_delivery_timeout(request_timeout)?);
        self.batch_size = self.batch_size.max(1);
        Ok(ProducerSettings { config: self, codec })
    }

    /// As [`Self::check`], for a producer that writes in transactions: nothing gives way, because they need idempotence.
    pub(crate) fn check_transactional(
        mut self,
        request_timeout: Duration,
    ) -> Result<ProducerSettings, Error> {
        if !*self.enable_idempotence && self.enable_idempotence.is_chosen() {
            return Err(Error::config(PRODUCER.enable_idempotence.name, "transactions need it"));
        }
        self.enable_idempotence = Chosen::new(true);
        self.check(request_timeout)
    }

    /// The level of the codec in use.
    fn level(&self) -> Option<i32> {
        self.compression_level.or(match self.compression.0 {
            Compression::Gzip => Some(self.compression_gzip_level),
            Compression::Lz4 => Some(self.compression_lz4_level),
            Compression::Zstd => Some(self.compression_zstd_level),
            _ => None,
        })
    }

    /// Idempotence is on unless it was turned off or another setting rules it out; asked for and ruled out is an error.
    fn check_idempotence(&self) -> Result<bool, Error> {
        let wanted = self.enable_idempotence;
        let obstacle = if self.acks != Acks::All {
            "needs acks=all"
        } else if self.max_in_flight_requests_per_connection > MAX_IN_FLIGHT_WITH_IDEMPOTENCE {
            "needs max.in.flight.requests.per.connection of 5 or less"
        } else if self.retries == 0 {
            "needs retries above 0"
        } else {
            return Ok(*wanted);
        };
        if *wanted && wanted.is_chosen() {
            return Err(Error::config(PRODUCER.enable_idempotence.name, obstacle));
        }
        if *wanted {
            tracing::info!("idempotence is off: it {obstacle}");
        }
        Ok(false)
    }

    /// A delivery has time for lingering and at least one request.
    fn check_delivery_timeout(&self, request_timeout: Duration) -> Result<Duration, Error> {
        let least = self.linger.saturating_add(request_timeout);
        if !self.delivery_timeout.is_chosen() {
            return Ok(least.max(*self.delivery_timeout));
        }
        // Never is as long as never, however it was written.
        if *self.delivery_timeout >= least.min(FOREVER) {
            return Ok(*self.delivery_timeout);
        }
        let problem = "must not be below linger.ms and request.timeout.ms together";
        Err(Error::config(PRODUCER.delivery_timeout.name, problem))
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
        assert!(*check(|_| {}).unwrap().enable_idempotence);
        assert!(!*check(|c| c.acks = Acks::Leader).unwrap().enable_idempotence);
        assert!(!*check(|c| c.max_in_flight_requests_per_connection = 6).unwrap().enable_idempotence);
        assert!(!*check(|c| c.retries = 0).unwrap().enable_idempotence);
        let text = problem(|c| {
            c.enable_idempotence = Chosen::new(true);
            c.acks = Acks::None;
        });
        assert_eq!(text, "enable.idempotence: needs acks=all");
    }

    #[test]
    fn settings_that_contradict_each_other_are_refused() {
        assert!(
            problem(|c| c.delivery_timeout = Chosen::new(Duration::from_secs(30)))
                .starts_with("delivery.timeout.ms")
        );
        assert!(problem(|c| c.batch_size = 64 * 1024 * 1024).starts_with("buffer.memory"));
        assert!(problem(|c| c.max_in_flight_requests_per_connection = 0).starts_with("max.in.flight"));
        assert!(
            problem(|c| {
                c.compression = Compression::Gzip.into();
                c.compression_level = Some(99);
            })
            .starts_with("compression.type")
        );
    }

    #[test]
    fn a_long_linger_stretches_the_default_delivery_timeout() {
        let settings = check(|c| c.linger = Duration::from_secs(200)).unwrap();
        assert_eq!(*settings.delivery_timeout, Duration::from_secs(230));
    }
}
