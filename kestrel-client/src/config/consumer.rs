//! The settings of a consumer: Kafka's keys as setters, their defaults and what they allow.
//!
//! The consumer's builder fills a [`ConsumerConfig`]; [`ConsumerConfig::settings`] checks it once, and only the checked
//! [`ConsumerSettings`] travel inside.

use std::time::Duration;

use super::group::{GroupSettings, assignors};
use super::keys::{Key, fits, flag, keys, millis, number};
use crate::error::{Error, Result};

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

/// What was said about a consumer: every setting has Kafka's name and Kafka's default, unless its documentation says that
/// it is Kestrel's own.
///
/// ```
/// use kestrel_client::{AutoOffsetReset, ConsumerConfig};
/// let config = ConsumerConfig::default().auto_offset_reset(AutoOffsetReset::Earliest).max_poll_records(1_000);
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct ConsumerConfig {
    settings: ConsumerSettings,
}

/// The settings of a consumer, checked: what travels inside.
#[derive(Debug, Clone)]
pub(crate) struct ConsumerSettings {
    pub(crate) auto_offset_reset: AutoOffsetReset,
    pub(crate) isolation_level: IsolationLevel,
    pub(crate) fetch_min_bytes: i32,
    pub(crate) fetch_max_bytes: i32,
    pub(crate) max_partition_fetch_bytes: i32,
    pub(crate) fetch_max_wait: Duration,
    pub(crate) check_crcs: bool,
    pub(crate) max_poll_records: usize,
    pub(crate) client_rack: String,
    pub(crate) fetch_buffer_bytes: usize,
    pub(crate) max_decompressed_batch_bytes: usize,
    pub(crate) default_api_timeout: Duration,
    pub(crate) group: GroupSettings,
}

keys! {
    /// The settings of a consumer.
    CONSUMER: ConsumerConfig {
        "auto.offset.reset", "latest", "Where to begin without a position: earliest, latest, none or by_duration:PT1H (KIP-1106).",
            |c, text| c.settings.auto_offset_reset = reset(text)?;
        "isolation.level", "read_uncommitted", "Whether records of open and aborted transactions are read: read_uncommitted or read_committed.",
            |c, text| c.settings.isolation_level = isolation(text)?;
        "fetch.min.bytes", "1", "How many bytes a broker waits for before it answers a fetch.",
            |c, text| c.settings.fetch_min_bytes = number(text)?;
        "fetch.max.bytes", "52428800", "How many bytes a broker may put into one answer.",
            |c, text| c.settings.fetch_max_bytes = number(text)?;
        "max.partition.fetch.bytes" | "fetch.message.max.bytes", "1048576", "How many bytes of one partition a broker may put into one answer.",
            |c, text| c.settings.max_partition_fetch_bytes = number(text)?;
        "fetch.max.wait.ms" | "fetch.wait.max.ms", "500", "How long a broker waits for fetch.min.bytes.",
            |c, text| c.settings.fetch_max_wait = millis(text)?;
        "check.crcs", "true", "Whether the checksum of each batch is verified.",
            |c, text| c.settings.check_crcs = flag(text)?;
        "max.poll.records", "500", "How many records a batch gathers at most.",
            |c, text| c.settings.max_poll_records = number(text)?;
        "client.rack", "", "The rack of this client: brokers with a replica in it are read from (KIP-392).",
            |c, text| c.settings.client_rack = text.to_owned();
        "default.api.timeout.ms", "60000", "How long a consumer's questions about offsets may take.",
            |c, text| c.settings.default_api_timeout = millis(text)?;
        "group.id", "", "The group of a consumer that is made with `configured_consumer`.",
            |_c, text| if text.is_empty() { return Err("must not be empty".to_owned()); };
        "group.instance.id", "", "A name for the member that outlives its process (KIP-345).",
            |c, text| c.settings.group.instance_id = (!text.is_empty()).then(|| text.to_owned());
        "session.timeout.ms", "45000", "How long a member may be silent before the group goes on without it.",
            |c, text| c.settings.group.session_timeout = millis(text)?;
        "heartbeat.interval.ms", "3000", "How often a member tells the coordinator that it is there.",
            |c, text| c.settings.group.heartbeat_interval = millis(text)?;
        "max.poll.interval.ms", "300000", "How long the application may take between two polls, and so how long a rebalance waits.",
            |c, text| c.settings.group.max_poll_interval = millis(text)?;
        "partition.assignment.strategy", "range,cooperative-sticky", "How partitions are divided among members: range, roundrobin, sticky, cooperative-sticky.",
            |c, text| c.settings.group.assignors = assignors(text)?;
        "enable.auto.commit" | "auto.commit.enable", "true", "Whether offsets are committed each auto.commit.interval.ms.",
            |c, text| { c.settings.group.auto_commit = flag(text)?; c.settings.group.update_policy() };
        "auto.commit.interval.ms", "5000", "How often offsets are committed, if they are by themselves.",
            |c, text| { c.settings.group.auto_commit_interval = millis(text)?; c.settings.group.update_policy() };
        "keep.pauses", "false", "Whether partitions that come back to a member are still paused (Kestrel's own).",
            |c, text| c.settings.group.keep_pauses = flag(text)?;
        "max.open.records", "100000", "How many records of a partition may be open at once when each is acknowledged (Kestrel's own).",
            |c, text| c.settings.group.max_open_records = number(text)?;
        "leave.group.on.drop", "true", "Whether a consumer that is dropped leaves its group in the background (Kestrel's own).",
            |c, text| c.settings.group.leave_on_drop = flag(text)?;
        "fetch.buffer.bytes", "67108864", "How many fetched bytes may wait for the caller (Kestrel's own).",
            |c, text| c.settings.fetch_buffer_bytes = number(text)?;
        "max.decompressed.batch.bytes", "134217728", "How large a record batch may be when it is decompressed (Kestrel's own).",
            |c, text| c.settings.max_decompressed_batch_bytes = number(text)?;
    }
}

impl Default for ConsumerConfig {
    fn default() -> Self {
        Self {
            settings: ConsumerSettings {
                auto_offset_reset: AutoOffsetReset::default(),
                isolation_level: IsolationLevel::default(),
                fetch_min_bytes: 1,
                fetch_max_bytes: 50 * 1024 * 1024,
                max_partition_fetch_bytes: 1024 * 1024,
                fetch_max_wait: Duration::from_millis(500),
                check_crcs: true,
                max_poll_records: 500,
                client_rack: String::new(),
                fetch_buffer_bytes: 64 * 1024 * 1024,
                max_decompressed_batch_bytes: 128 * 1024 * 1024,
                default_api_timeout: Duration::from_secs(60),
                group: GroupSettings::default(),
            },
        }
    }
}

impl ConsumerConfig {
    /// Where to begin without a position (`auto.offset.reset`). Default: [`AutoOffsetReset::Latest`].
    pub fn auto_offset_reset(mut self, reset: AutoOffsetReset) -> Self {
        self.settings.auto_offset_reset = reset;
        self
    }

    /// Whether records of open and aborted transactions are read (`isolation.level`). Default:
    /// [`IsolationLevel::ReadUncommitted`].
    pub fn isolation_level(mut self, level: IsolationLevel) -> Self {
        self.settings.isolation_level = level;
        self
    }

    /// How many bytes a broker waits for before it answers a fetch, 0 or more (`fetch.min.bytes`). Default: 1.
    pub fn fetch_min_bytes(mut self, bytes: i32) -> Self {
        self.settings.fetch_min_bytes = bytes;
        self
    }

    /// How many bytes a broker may put into one answer, above 0 (`fetch.max.bytes`). Default: 50 MiB. The first batch of
    /// an answer comes whole even when it is larger (KIP-74). An answer is never asked to bring more than a quarter of
    /// [`Self::fetch_buffer_bytes`], unless `max.partition.fetch.bytes` or `fetch.min.bytes` is more.
    pub fn fetch_max_bytes(mut self, bytes: i32) -> Self {
        self.settings.fetch_max_bytes = bytes;
        self
    }

    /// How many bytes of one partition a broker may put into one answer, above 0 (`max.partition.fetch.bytes`).
    /// Default: 1 MiB. Raise it when a single partition has to fill a link with a long round trip.
    pub fn max_partition_fetch_bytes(mut self, bytes: i32) -> Self {
        self.settings.max_partition_fetch_bytes = bytes;
        self
    }

    /// How long a broker waits for `fetch.min.bytes` before it answers with less (`fetch.max.wait.ms`). Default: 500 ms.
    /// Has to be below `request.timeout.ms`.
    pub fn fetch_max_wait(mut self, wait: Duration) -> Self {
        self.settings.fetch_max_wait = wait;
        self
    }

    /// Whether the checksum of each batch is verified (`check.crcs`). Default: true.
    pub fn check_crcs(mut self, check: bool) -> Self {
        self.settings.check_crcs = check;
        self
    }

    /// How many records [`Consumer::next_batch`](crate::Consumer::next_batch) gathers at most, 1 or more
    /// (`max.poll.records`). Default: 500. Record batches are not split: a larger one comes whole.
    pub fn max_poll_records(mut self, records: usize) -> Self {
        self.settings.max_poll_records = records;
        self
    }

    /// The rack of this client: brokers that have a replica in it are read from (`client.rack`, KIP-392). Default: none.
    pub fn client_rack(mut self, rack: impl Into<String>) -> Self {
        self.settings.client_rack = rack.into();
        self
    }

    /// How long questions about offsets and positions may take, retries included (`default.api.timeout.ms`). Default: 60 s.
    pub fn default_api_timeout(mut self, timeout: Duration) -> Self {
        self.settings.default_api_timeout = timeout;
        self
    }

    /// How many fetched bytes may wait for the caller in all, above 0. Default: 64 MiB. Kestrel's own setting.
    ///
    /// Records of paused partitions are kept beside it, at most two times `max.partition.fetch.bytes` each. A single batch
    /// that is larger than the bound still comes through.
    pub fn fetch_buffer_bytes(mut self, bytes: usize) -> Self {
        self.settings.fetch_buffer_bytes = bytes;
        self
    }

    /// How large one record batch may be when it is decompressed, in bytes, above 0. Default: 128 MiB. Kestrel's own
    /// setting: it keeps a small hostile batch from filling the memory.
    pub fn max_decompressed_batch_bytes(mut self, bytes: usize) -> Self {
        self.settings.max_decompressed_batch_bytes = bytes;
        self
    }

    pub(super) fn group_mut(&mut self) -> &mut GroupSettings {
        &mut self.settings.group
    }

    /// Checks the settings together.
    pub(crate) fn settings(&self, request_timeout: Duration) -> Result<ConsumerSettings> {
        let settings = &self.settings;
        settings.group.check()?;
        fits("client.rack", &settings.client_rack)?;
        at_least("fetch.min.bytes", i64::from(settings.fetch_min_bytes), 0)?;
        at_least("fetch.max.bytes", i64::from(settings.fetch_max_bytes), 1)?;
        at_least("max.partition.fetch.bytes", i64::from(settings.max_partition_fetch_bytes), 1)?;
        at_least("max.poll.records", i64::try_from(settings.max_poll_records).unwrap_or(i64::MAX), 1)?;
        at_least("fetch.buffer.bytes", i64::try_from(settings.fetch_buffer_bytes).unwrap_or(i64::MAX), 1)?;
        at_least(
            "max.decompressed.batch.bytes",
            i64::try_from(settings.max_decompressed_batch_bytes).unwrap_or(i64::MAX),
            1,
        )?;
        if settings.fetch_max_wait >= request_timeout {
            let problem = format!(
                "{:?} has to be below request.timeout.ms, which is {request_timeout:?}",
                settings.fetch_max_wait
            );
            return Err(Error::config("fetch.max.wait.ms", problem));
        }
        Ok(settings.clone())
    }
}

fn reset(text: &str) -> Result<AutoOffsetReset, String> {
    match (text, text.strip_prefix("by_duration:")) {
        ("earliest" | "smallest" | "beginning", _) => Ok(AutoOffsetReset::Earliest),
        ("latest" | "largest" | "end", _) => Ok(AutoOffsetReset::Latest),
        ("none" | "error", _) => Ok(AutoOffsetReset::None),
        (_, Some(duration)) => iso_duration(duration)
            .map(AutoOffsetReset::ByDuration)
            .ok_or_else(|| "expected a duration such as PT1H30M or P7D".to_owned()),
        _ => Err("expected earliest, latest, none or by_duration:".to_owned()),
    }
}

fn isolation(text: &str) -> Result<IsolationLevel, String> {
    match text {
        "read_uncommitted" => Ok(IsolationLevel::ReadUncommitted),
        "read_committed" => Ok(IsolationLevel::ReadCommitted),
        _ => Err("expected read_uncommitted or read_committed".to_owned()),
    }
}

/// A duration in the part of ISO 8601 that Java reads: `PnDTnHnMn.nS`, none of it negative.
fn iso_duration(text: &str) -> Option<Duration> {
    let (days, time) = match text.strip_prefix('P')?.split_once('T') {
        Some((days, time)) if !time.is_empty() => (days, time),
        Some(_) => return None,
        None => (text.strip_prefix('P')?, ""),
    };
    if days.is_empty() && time.is_empty() {
        return None;
    }
    let mut total = units(days, &[('D', 86_400)])?;
    total = total.checked_add(units(time, &[('H', 3_600), ('M', 60), ('S', 1)])?)?;
    Some(total)
}

/// The sum of numbers with units, each unit at most once and in order; only the last unit may have a fraction.
fn units(mut text: &str, units: &[(char, u64)]) -> Option<Duration> {
    let mut total = Duration::ZERO;
    for &(unit, seconds) in units {
        let Some((number, rest)) = text.split_once(unit) else { continue };
        total = total.checked_add(match number.split_once('.') {
            Some((whole, fraction)) if seconds == 1 && fraction.len() <= 9 => {
                let nanos: u32 = format!("{fraction:0<9}").parse().ok()?;
                Duration::new(whole.parse().ok()?, nanos)
            }
            Some(_) => return None,
            None => Duration::from_secs(number.parse::<u64>().ok()?.checked_mul(seconds)?),
        })?;
        text = rest;
    }
    text.is_empty().then_some(total)
}

fn at_least(key: &'static str, value: i64, least: i64) -> Result<()> {
    if value < least {
        return Err(Error::config(key, format!("{value} is not allowed: the least is {least}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

    #[test]
    fn defaults_are_kafkas() {
        let settings = ConsumerConfig::default().settings(REQUEST_TIMEOUT).unwrap();
        assert_eq!(settings.auto_offset_reset, AutoOffsetReset::Latest);
        assert_eq!(settings.isolation_level, IsolationLevel::ReadUncommitted);
        assert_eq!((settings.fetch_min_bytes, settings.fetch_max_bytes), (1, 52_428_800));
        assert_eq!(settings.max_partition_fetch_bytes, 1_048_576);
        assert_eq!(settings.fetch_max_wait, Duration::from_millis(500));
        assert_eq!(settings.max_poll_records, 500);
        assert!(settings.check_crcs);
    }

    #[test]
    fn properties_say_the_same_as_setters() {
        let of = |text| reset(text).unwrap();
        assert_eq!(of("earliest"), AutoOffsetReset::Earliest);
        assert_eq!(
            of("by_duration:P1DT2H3M4.5S"),
            AutoOffsetReset::ByDuration(Duration::from_millis(93_784_500))
        );
        assert_eq!(of("by_duration:PT0S"), AutoOffsetReset::ByDuration(Duration::ZERO));
        for wrong in [
            "",
            "by_duration:",
            "by_duration:P",
            "by_duration:PT",
            "by_duration:-PT1S",
            "by_duration:PT1X",
            "by_duration:PT1M2H",
        ] {
            assert!(reset(wrong).is_err(), "{wrong}");
        }
        for key in CONSUMER.iter().filter(|key| !key.default.is_empty()) {
            (key.set)(&mut ConsumerConfig::default(), key.default).unwrap();
        }
    }

    #[test]
    fn what_cannot_work_is_refused_by_its_key() {
        let text = |config: ConsumerConfig| config.settings(REQUEST_TIMEOUT).unwrap_err().to_string();
        assert!(text(ConsumerConfig::default().max_poll_records(0)).starts_with("max.poll.records: 0"));
        assert!(text(ConsumerConfig::default().fetch_min_bytes(-1)).starts_with("fetch.min.bytes: -1"));
        assert!(
            text(ConsumerConfig::default().fetch_max_wait(REQUEST_TIMEOUT)).starts_with("fetch.max.wait.ms")
        );
    }
}
