//! The settings of a consumer, and what they mean together; those of members of a group are in `group`.

use std::ops::Deref;
use std::time::Duration;

use kestrel_settings::{Value, parse_iso_duration};

use super::checks::{check_rows, fits};
use super::group::GroupConfig;
use super::setters::{setters, table};
use crate::error::{Error, Result};

/// The rows of a consumer's settings.
macro_rules! consumer_settings {
    ($make:ident! $($of:tt)*) => { $make! { $($of)* {
        /// Where to begin without a position: earliest, latest, none or by_duration:PT1H (KIP-1106).
        auto_offset_reset: AutoOffsetReset, "auto.offset.reset", String, "latest", [any];
        /// Whether records of open and aborted transactions are read: read_uncommitted or read_committed.
        isolation_level: IsolationLevel, "isolation.level", String, "read_uncommitted", ["read_uncommitted" | "read_committed"];
        /// How many bytes a broker waits for before it answers a fetch.
        fetch_min_bytes: i32, "fetch.min.bytes", Int, "1", [0..];
        /// How many bytes a broker may put into one answer.
        ///
        /// The first batch of an answer comes whole even when it is larger (KIP-74). An answer is never asked to bring more than a
        /// quarter of `fetch.buffer.bytes`, unless `max.partition.fetch.bytes` or `fetch.min.bytes` is more.
        fetch_max_bytes: i32, "fetch.max.bytes", Int, "52428800", [1..];
        /// How many bytes of one partition a broker may put into one answer.
        ///
        /// Raise it when a single partition has to fill a link with a long round trip.
        max_partition_fetch_bytes: i32, "max.partition.fetch.bytes" | "fetch.message.max.bytes", Int, "1048576", [1..];
        /// How long a broker waits for fetch.min.bytes before it answers with less; below `request.timeout.ms`.
        fetch_max_wait: Duration, "fetch.max.wait.ms" | "fetch.wait.max.ms", Long, "500", [0..];
        /// Whether the checksum of each batch is verified.
        check_crcs: bool, "check.crcs", Boolean, "true", [any];
        /// How many records a batch gathers at most. Record batches are not split: a larger one comes whole.
        max_poll_records: usize, "max.poll.records", Long, "500", [1..];
        /// The rack of this client: brokers with a replica in it are read from (KIP-392).
        client_rack: String, "client.rack", String, "", [any] => (rack: impl Into<String> = rack.into());
        /// How long questions about offsets and positions may take, retries included, and how long deserializers may take to get ready
        /// for a record.
        default_api_timeout: Duration, "default.api.timeout.ms", Long, "60000", [0..];
        /// The group of a consumer that is made with `configured_consumer`.
        group_id: String, "group.id", String, null, [any] => (none);
        /// How many fetched bytes may wait for the caller (Kestrel's own).
        ///
        /// Records of paused partitions are kept beside it, at most two times `max.partition.fetch.bytes` each. A single batch that
        /// is larger than the bound still comes through.
        fetch_buffer_bytes: usize, "fetch.buffer.bytes", Long, "67108864", [1..];
        /// How many bytes a record batch may have when it is decompressed (Kestrel's own).
        ///
        /// It keeps a small hostile batch from filling the memory.
        max_decompressed_batch_bytes: usize, "max.decompressed.batch.bytes", Long, "134217728", [1..];
    } } };
}
pub(crate) use consumer_settings;

consumer_settings! {
    table!
    /// Settings of consumers: each has Kafka's name in snake case, and Kafka's default, unless its documentation says that it is
    /// Kestrel's own.
    ///
    /// For [`ConsumerBuilder::config`](crate::ConsumerBuilder::config), to give several consumers the same.
    ///
    /// ```
    /// use kestrel_client::{AutoOffsetReset, ConsumerConfig};
    /// let config = ConsumerConfig::default().auto_offset_reset(AutoOffsetReset::Earliest).max_poll_records(1_000);
    /// ```
    #[must_use]
    pub struct ConsumerConfig, keys CONSUMER: ConsumerKeys, with group: GroupConfig;
}

consumer_settings!(setters! [] ConsumerConfig, []);

/// Where a consumer begins when it has no position, or when its position is no longer in the log (`auto.offset.reset`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AutoOffsetReset {
    /// At the first record that the log holds.
    Earliest,
    /// After the last record: only what comes from now on is read. The default, as in Kafka.
    #[default]
    Latest,
    /// Nowhere: an error asks the caller to seek.
    None,
    /// At the first record whose timestamp is at most this long ago, and at the end when there is none (KIP-1106).
    ByDuration(Duration),
}

/// Whether records of transactions that are open or were aborted are read (`isolation.level`, KIP-98).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum IsolationLevel {
    /// All records up to the high watermark, whatever became of their transactions. The default, as in Kafka.
    #[default]
    ReadUncommitted,
    /// Records of committed transactions and records without one, up to the last stable offset.
    ReadCommitted,
}

impl IsolationLevel {
    /// The number on the wire.
    pub(crate) const fn id(self) -> i8 {
        match self {
            Self::ReadUncommitted => 0,
            Self::ReadCommitted => 1,
        }
    }
}

impl Value for AutoOffsetReset {
    fn parse(text: &str) -> Result<Self, String> {
        match (text, text.strip_prefix("by_duration:")) {
            ("earliest" | "smallest" | "beginning", _) => Ok(Self::Earliest),
            ("latest" | "largest" | "end", _) => Ok(Self::Latest),
            ("none" | "error", _) => Ok(Self::None),
            (_, Some(duration)) => parse_iso_duration(duration)
                .map(Self::ByDuration)
                .ok_or_else(|| "a duration such as PT1H30M or P7D".to_owned()),
            _ => Err("earliest, latest, none or by_duration:".to_owned()),
        }
    }

    fn print(&self) -> String {
        match self {
            Self::Earliest => "earliest".to_owned(),
            Self::Latest => "latest".to_owned(),
            Self::None => "none".to_owned(),
            Self::ByDuration(duration) => format!("by_duration:PT{}S", duration.as_secs_f64()),
        }
    }
}

impl Value for IsolationLevel {
    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "read_uncommitted" => Ok(Self::ReadUncommitted),
            "read_committed" => Ok(Self::ReadCommitted),
            _ => Err("read_uncommitted or read_committed".to_owned()),
        }
    }

    fn print(&self) -> String {
        match self {
            Self::ReadUncommitted => "read_uncommitted".to_owned(),
            Self::ReadCommitted => "read_committed".to_owned(),
        }
    }
}

/// The settings of a consumer, checked.
#[derive(Debug, Clone)]
pub(crate) struct ConsumerSettings(ConsumerConfig);

impl Deref for ConsumerSettings {
    type Target = ConsumerConfig;

    fn deref(&self) -> &ConsumerConfig {
        &self.0
    }
}

impl ConsumerConfig {
    /// Checks the settings together.
    pub(crate) fn check(self, request_timeout: Duration) -> Result<ConsumerSettings> {
        check_rows(Self::ROWS, &self)?;
        self.group.check()?;
        fits(&CONSUMER.client_rack, &self.client_rack)?;
        if self.fetch_max_wait >= request_timeout {
            let problem = format!(
                "{:?} has to be below request.timeout.ms, which is {request_timeout:?}",
                self.fetch_max_wait
            );
            return Err(Error::config(CONSUMER.fetch_max_wait.name, problem));
        }
        Ok(ConsumerSettings(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

    #[test]
    fn properties_say_the_same_as_setters() {
        let of = |text: &str| AutoOffsetReset::parse(text).unwrap();
        for reset in [
            AutoOffsetReset::Earliest,
            AutoOffsetReset::Latest,
            AutoOffsetReset::None,
            AutoOffsetReset::ByDuration(Duration::from_millis(4500)),
        ] {
            assert_eq!(of(&reset.print()), reset);
        }
        assert_eq!(of("by_duration:P1D"), AutoOffsetReset::ByDuration(Duration::from_secs(86_400)));
        for wrong in ["", "by_duration:", "by_duration:-PT1S", "soon"] {
            assert!(AutoOffsetReset::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_cannot_work_is_refused_by_its_key() {
        let text = |config: ConsumerConfig| config.check(REQUEST_TIMEOUT).unwrap_err().to_string();
        assert!(text(ConsumerConfig::default().max_poll_records(0)).starts_with("max.poll.records: `0`"));
        assert!(text(ConsumerConfig::default().fetch_min_bytes(-1)).starts_with("fetch.min.bytes: `-1`"));
        assert!(
            text(ConsumerConfig::default().fetch_max_wait(REQUEST_TIMEOUT)).starts_with("fetch.max.wait.ms")
        );
    }
}
