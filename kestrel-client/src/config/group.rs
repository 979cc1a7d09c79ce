//! The settings of a consumer in a group: membership, assignment, when offsets are committed.
//!
//! Part of [`ConsumerConfig`]: consumers with assigned partitions have them too and do not look at them.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use kestrel_settings::Value;

use super::checks::{check_rows, fits};
use super::consumer::ConsumerConfig;
use super::setters::{setters, table};
use crate::assignor::{Assignor, CooperativeSticky, Range, RoundRobin, Sticky};
use crate::error::{Error, Result};

/// The rows of a member's settings.
macro_rules! group_settings {
    ($make:ident! $($of:tt)*) => { $make! { $($of)* {
        /// A name for the member that outlives its process (KIP-345).
        ///
        /// A member with a name keeps its partitions over a restart that takes less than `session.timeout.ms`; closing the consumer
        /// does not give them up. A second member with the same name replaces the first, which then fails.
        group_instance_id: Option<String>, "group.instance.id", String, null, [any]
            => (id: impl Into<String> = Some(id.into()));
        /// How long a member may be silent before the group goes on without it.
        ///
        /// The broker has bounds for it (`group.min.session.timeout.ms`, `group.max.session.timeout.ms`).
        session_timeout: Duration, "session.timeout.ms", Long, "45000", [0..];
        /// How often a member tells the coordinator that it is there; below the session timeout.
        ///
        /// It is also how soon a member hears of a rebalance.
        heartbeat_interval: Duration, "heartbeat.interval.ms", Long, "3000", [1..];
        /// How long the application may take between two polls, and so how long a rebalance waits.
        ///
        /// A member that takes longer leaves the group, and comes back when it asks again.
        max_poll_interval: Duration, "max.poll.interval.ms", Long, "300000", [1..];
        /// How partitions are divided among members, the preferred way first: range, roundrobin, sticky, cooperative-sticky.
        ///
        /// By default ranges, and a way to change to the other one without stopping the group. With `CooperativeSticky` alone,
        /// members keep reading through a rebalance what they keep (KIP-429).
        partition_assignment_strategy: Assignors, "partition.assignment.strategy", List, "range,cooperative-sticky", [any]
            => (assignors: impl IntoIterator<Item = Arc<dyn Assignor>> = assignors.into_iter().collect());
        /// Whether offsets are committed each auto.commit.interval.ms: see `commit_policy`.
        enable_auto_commit: AutoCommit, "enable.auto.commit" | "auto.commit.enable", Boolean, "true", [any] => (none);
        /// How often offsets are committed, if they are by themselves: see `commit_policy`.
        auto_commit_interval: Duration, "auto.commit.interval.ms", Long, "5000", [0..] => (none);
        /// Whether partitions that come back to a member are still paused (Kestrel's own).
        ///
        /// A pause that nobody remembers stops a partition for good.
        keep_pauses: bool, "keep.pauses", Boolean, "false", [any];
        /// How many records of a partition may be open at once when each is acknowledged (Kestrel's own).
        ///
        /// They are counted from the first one that is not acknowledged to the last one that was handed out; each costs a bit. When
        /// that many are open, nothing more of the partition is handed out until the first one is acknowledged. When that takes
        /// longer than ten seconds, the stream has [`Error::Stalled`] with its offset.
        max_open_records: usize, "max.open.records", Long, "100000", [1..];
        /// Whether a consumer that is dropped leaves its group in the background (Kestrel's own).
        ///
        /// So others take over at once, from what was committed. If not, the group waits for it as for one that vanished:
        /// `session.timeout.ms`. A member with a `group.instance.id` never leaves by being dropped. Leaving needs the runtime: when
        /// that is shut down first, the session ends by itself.
        leave_group_on_drop: bool, "leave.group.on.drop", Boolean, "true", [any];
    } } };
}
pub(crate) use group_settings;

group_settings! {
    table!
    /// The settings of a member.
    pub(crate) struct GroupConfig, keys GROUP: GroupKeys;
}

group_settings!(setters! [] ConsumerConfig, [.group]);

impl ConsumerConfig {
    /// When offsets are committed without being asked to. Default: each 5 s.
    ///
    /// Properties `enable.auto.commit`, default `true`, and `auto.commit.interval.ms`, default `5000`, values `1..`.
    pub fn commit_policy(mut self, policy: CommitPolicy) -> Self {
        self.group.set_commit_policy(policy);
        self
    }
}

/// When a consumer of a group commits offsets by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CommitPolicy {
    /// Each time this long has passed, when partitions are given up, and when the consumer is closed: everything that the
    /// caller is done with. A record counts as done when the next one is asked for, so what was handed out and not yet
    /// worked on is not committed; closing changes nothing about that. The default, with 5 s (`enable.auto.commit`, `auto.commit.interval.ms`).
    Interval(Duration),
    /// What was acknowledged with [`ConsumerRecord::ack`](crate::ConsumerRecord::ack), up to the first record of each
    /// partition that was not: within a second, when partitions are given up, and when the consumer is closed.
    ///
    /// Every record has to be acknowledged, also one that failed or that no deserializer accepts: one that is forgotten stops
    /// its partition after [`max_open_records`](ConsumerConfig::max_open_records), which the stream reports.
    OnAck,
    /// Never: only [`Consumer::commit`](crate::Consumer::commit) and its siblings do.
    Manual,
}

/// Whether offsets are committed by themselves. That they are when records are acknowledged can be said by a program alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AutoCommit {
    /// At an interval.
    On,
    /// Not at all.
    Off,
    /// When records are acknowledged.
    OnAck,
}

impl Value for AutoCommit {
    fn parse(text: &str) -> Result<Self, String> {
        bool::parse(text).map(|is_on| if is_on { Self::On } else { Self::Off })
    }

    fn print(&self) -> String {
        (*self == Self::On).to_string()
    }
}

/// Ways to divide partitions, the preferred one first.
#[derive(Debug, Clone)]
pub(crate) struct Assignors(Vec<Arc<dyn Assignor>>);

impl Deref for Assignors {
    type Target = Vec<Arc<dyn Assignor>>;

    fn deref(&self) -> &Vec<Arc<dyn Assignor>> {
        &self.0
    }
}

impl FromIterator<Arc<dyn Assignor>> for Assignors {
    fn from_iter<I: IntoIterator<Item = Arc<dyn Assignor>>>(assignors: I) -> Self {
        Self(assignors.into_iter().collect())
    }
}

/// By the names of Kafka's property, or of Java's classes.
impl Value for Assignors {
    fn parse(text: &str) -> Result<Self, String> {
        kestrel_settings::list(text).map(assignor).collect()
    }

    fn print(&self) -> String {
        self.0.iter().map(|assignor| assignor.name()).collect::<Vec<_>>().join(",")
    }
}

fn assignor(name: &str) -> Result<Arc<dyn Assignor>, String> {
    match name.strip_prefix("org.apache.kafka.clients.consumer.").unwrap_or(name) {
        "range" | "RangeAssignor" => Ok(Arc::new(Range)),
        "roundrobin" | "RoundRobinAssignor" => Ok(Arc::new(RoundRobin)),
        "sticky" | "StickyAssignor" => Ok(Arc::new(Sticky)),
        "cooperative-sticky" | "CooperativeStickyAssignor" => Ok(Arc::new(CooperativeSticky)),
        _ => Err("range, roundrobin, sticky or cooperative-sticky, separated by commas".to_owned()),
    }
}

impl GroupConfig {
    /// When offsets are committed.
    pub(crate) const fn commit_policy(&self) -> CommitPolicy {
        match self.enable_auto_commit {
            AutoCommit::On => CommitPolicy::Interval(self.auto_commit_interval),
            AutoCommit::Off => CommitPolicy::Manual,
            AutoCommit::OnAck => CommitPolicy::OnAck,
        }
    }

    pub(crate) const fn set_commit_policy(&mut self, policy: CommitPolicy) {
        self.enable_auto_commit = match policy {
            CommitPolicy::Interval(interval) => {
                self.auto_commit_interval = interval;
                AutoCommit::On
            }
            CommitPolicy::OnAck => AutoCommit::OnAck,
            CommitPolicy::Manual => AutoCommit::Off,
        };
    }

    pub(super) fn check(&self) -> Result<()> {
        check_rows(Self::ROWS, self)?;
        if self.heartbeat_interval >= self.session_timeout {
            let problem = format!(
                "{:?} has to be below session.timeout.ms, which is {:?}; a third of it is usual",
                self.heartbeat_interval, self.session_timeout
            );
            return Err(Error::config(GROUP.heartbeat_interval.name, problem));
        }
        if self.group_instance_id.as_ref().is_some_and(String::is_empty) {
            return Err(Error::config(GROUP.group_instance_id.name, "must not be empty"));
        }
        fits(&GROUP.group_instance_id, self.group_instance_id.as_deref().unwrap_or_default())?;
        if self.commit_policy() == CommitPolicy::Interval(Duration::ZERO) {
            return Err(Error::config(GROUP.auto_commit_interval.name, "has to be above 0"));
        }
        if self.partition_assignment_strategy.is_empty() {
            return Err(Error::config(GROUP.partition_assignment_strategy.name, "names no assignor"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::consumer::ConsumerConfig;
    use super::*;

    fn check(config: &ConsumerConfig) -> Result<GroupConfig> {
        config.clone().check(Duration::from_secs(30)).map(|settings| settings.group.clone())
    }

    #[test]
    fn a_policy_and_its_properties_say_the_same() {
        let policy = |config: ConsumerConfig| config.group.commit_policy();
        let default = ConsumerConfig::default();
        assert_eq!(policy(default.clone()), CommitPolicy::Interval(Duration::from_secs(5)));
        for chosen in
            [CommitPolicy::OnAck, CommitPolicy::Manual, CommitPolicy::Interval(Duration::from_secs(1))]
        {
            assert_eq!(policy(default.clone().commit_policy(chosen)), chosen);
        }
    }

    #[test]
    fn what_cannot_work_is_refused_by_its_key() {
        let text = |config: ConsumerConfig| check(&config).unwrap_err().to_string();
        let config = ConsumerConfig::default().heartbeat_interval(Duration::from_secs(45));
        assert!(text(config).starts_with("heartbeat.interval.ms: 45s has to be below"));
        let config = ConsumerConfig::default().commit_policy(CommitPolicy::Interval(Duration::ZERO));
        assert!(text(config).starts_with("auto.commit.interval.ms"));
        let config = ConsumerConfig::default().partition_assignment_strategy([]);
        assert!(text(config).starts_with("partition.assignment.strategy"));
    }

    #[test]
    fn assignors_are_known_by_protocol_and_by_class() {
        let names = |text: &str| {
            Assignors::parse(text).unwrap().iter().map(|one| one.name().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(names("range, sticky"), ["range", "sticky"]);
        assert_eq!(
            names("org.apache.kafka.clients.consumer.CooperativeStickyAssignor"),
            ["cooperative-sticky"]
        );
        assert_eq!(names("roundrobin"), ["roundrobin"]);
        assert!(Assignors::parse("first-come").is_err());
    }
}
