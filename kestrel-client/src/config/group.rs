//! The settings of a consumer in a group: membership, assignment, when offsets are committed.
//!
//! Part of [`ConsumerConfig`]: consumers with assigned partitions have them too and do not look at them.

use std::sync::Arc;
use std::time::Duration;

use super::consumer::ConsumerConfig;
use super::keys::fits;
use crate::assignor::{Assignor, CooperativeSticky, Range, RoundRobin, Sticky};
use crate::error::{Error, Result};

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

/// The settings of a member, checked.
#[derive(Debug, Clone)]
pub(crate) struct GroupSettings {
    pub(crate) instance_id: Option<String>,
    pub(crate) session_timeout: Duration,
    pub(crate) heartbeat_interval: Duration,
    pub(crate) max_poll_interval: Duration,
    pub(crate) assignors: Vec<Arc<dyn Assignor>>,
    pub(crate) commit_policy: CommitPolicy,
    pub(crate) keep_pauses: bool,
    pub(crate) leave_on_drop: bool,
    pub(crate) max_open_records: usize,
    /// The two settings that the policy is made from when it comes as properties.
    pub(super) auto_commit: bool,
    pub(super) auto_commit_interval: Duration,
}

impl Default for GroupSettings {
    fn default() -> Self {
        Self {
            instance_id: None,
            session_timeout: Duration::from_secs(45),
            heartbeat_interval: Duration::from_secs(3),
            max_poll_interval: Duration::from_secs(300),
            assignors: vec![Arc::new(Range), Arc::new(CooperativeSticky)],
            commit_policy: CommitPolicy::Interval(Duration::from_secs(5)),
            keep_pauses: false,
            leave_on_drop: true,
            max_open_records: 100_000,
            auto_commit: true,
            auto_commit_interval: Duration::from_secs(5),
        }
    }
}

impl GroupSettings {
    /// After one of the two properties was read.
    pub(super) fn update_policy(&mut self) {
        self.commit_policy = if self.auto_commit {
            CommitPolicy::Interval(self.auto_commit_interval)
        } else {
            CommitPolicy::Manual
        };
    }

    pub(super) fn check(&self) -> Result<()> {
        let is_above = |key: &'static str, value: Duration| {
            if value.is_zero() {
                return Err(Error::config(key, "has to be above 0"));
            }
            Ok(())
        };
        is_above("heartbeat.interval.ms", self.heartbeat_interval)?;
        is_above("max.poll.interval.ms", self.max_poll_interval)?;
        if self.heartbeat_interval >= self.session_timeout {
            let problem = format!(
                "{:?} has to be below session.timeout.ms, which is {:?}; a third of it is usual",
                self.heartbeat_interval, self.session_timeout
            );
            return Err(Error::config("heartbeat.interval.ms", problem));
        }
        if self.instance_id.as_ref().is_some_and(String::is_empty) {
            return Err(Error::config("group.instance.id", "must not be empty"));
        }
        fits("group.instance.id", self.instance_id.as_deref().unwrap_or_default())?;
        if let CommitPolicy::Interval(interval) = self.commit_policy {
            is_above("auto.commit.interval.ms", interval)?;
        }
        if self.max_open_records == 0 {
            return Err(Error::config("max.open.records", "has to be above 0"));
        }
        if self.assignors.is_empty() {
            return Err(Error::config("partition.assignment.strategy", "names no assignor"));
        }
        Ok(())
    }
}

impl ConsumerConfig {
    /// A name for this member that outlives its process (`group.instance.id`, KIP-345). Default: none.
    ///
    /// A member with a name keeps its partitions over a restart that takes less than `session.timeout.ms`; closing the
    /// consumer does not give them up. A second member with the same name replaces the first, which then fails.
    pub fn group_instance_id(mut self, id: impl Into<String>) -> Self {
        self.group_mut().instance_id = Some(id.into());
        self
    }

    /// How long a member may be silent before the group goes on without it (`session.timeout.ms`). Default: 45 s. The
    /// broker has bounds for it (`group.min.session.timeout.ms`, `group.max.session.timeout.ms`).
    pub fn session_timeout(mut self, timeout: Duration) -> Self {
        self.group_mut().session_timeout = timeout;
        self
    }

    /// How often a member tells the coordinator that it is there (`heartbeat.interval.ms`), above 0 and below the session
    /// timeout. Default: 3 s. It is also how soon a member hears of a rebalance.
    pub fn heartbeat_interval(mut self, interval: Duration) -> Self {
        self.group_mut().heartbeat_interval = interval;
        self
    }

    /// How long the application may work on what it was handed out before the member leaves the group
    /// (`max.poll.interval.ms`), above 0. Default: 5 min. It comes back when it asks again. Rebalances wait this long.
    pub fn max_poll_interval(mut self, interval: Duration) -> Self {
        self.group_mut().max_poll_interval = interval;
        self
    }

    /// How partitions are divided among the members, the preferred way first (`partition.assignment.strategy`). Default:
    /// [`Range`], then [`CooperativeSticky`]: ranges, and a way to change to the other one without stopping the group.
    ///
    /// With [`CooperativeSticky`] alone, members keep reading through a rebalance what they keep (KIP-429).
    pub fn partition_assignment_strategy(
        mut self,
        assignors: impl IntoIterator<Item = Arc<dyn Assignor>>,
    ) -> Self {
        self.group_mut().assignors = assignors.into_iter().collect();
        self
    }

    /// When offsets are committed without being asked to (`enable.auto.commit`, `auto.commit.interval.ms`). Default: each
    /// 5 s.
    pub fn commit_policy(mut self, policy: CommitPolicy) -> Self {
        self.group_mut().commit_policy = policy;
        self
    }

    /// Whether a paused partition that the group takes away is still paused when it comes back to this member. Default:
    /// false, because a pause that nobody remembers stops a partition for good. Kestrel's own setting.
    pub fn keep_pauses(mut self, keep: bool) -> Self {
        self.group_mut().keep_pauses = keep;
        self
    }

    /// How many records of a partition may be open at once with [`CommitPolicy::OnAck`], from the first one that is not
    /// acknowledged to the last one that was handed out; 1 or more. Default: 100,000. Kestrel's own setting: each costs a bit.
    ///
    /// When that many are open, nothing more of the partition is handed out until the first one is acknowledged. When that
    /// takes longer than ten seconds, the stream has [`Error::Stalled`] with its offset.
    pub fn max_open_records(mut self, records: usize) -> Self {
        self.group_mut().max_open_records = records;
        self
    }

    /// Whether a consumer that is dropped without [`close`](crate::Consumer::close) leaves its group in the background, so that
    /// others take over at once, from what was committed. Default: true. Kestrel's own setting.
    ///
    /// If not, the group waits for it as for one that vanished: `session.timeout.ms`. A member with a
    /// [`group_instance_id`](Self::group_instance_id) never leaves by being dropped. Leaving needs the runtime: when that is
    /// shut down first, the session ends by itself.
    pub fn leave_group_on_drop(mut self, leave: bool) -> Self {
        self.group_mut().leave_on_drop = leave;
        self
    }
}

/// Assignors by the names of Kafka's property, or of Java's classes.
pub(super) fn assignors(text: &str) -> Result<Vec<Arc<dyn Assignor>>, String> {
    text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(assignor).collect()
}

fn assignor(name: &str) -> Result<Arc<dyn Assignor>, String> {
    match name.strip_prefix("org.apache.kafka.clients.consumer.").unwrap_or(name) {
        "range" | "RangeAssignor" => Ok(Arc::new(Range)),
        "roundrobin" | "RoundRobinAssignor" => Ok(Arc::new(RoundRobin)),
        "sticky" | "StickyAssignor" => Ok(Arc::new(Sticky)),
        "cooperative-sticky" | "CooperativeStickyAssignor" => Ok(Arc::new(CooperativeSticky)),
        _ => Err("expected range, roundrobin, sticky or cooperative-sticky, separated by commas".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(config: &ConsumerConfig) -> Result<GroupSettings> {
        config.settings(Duration::from_secs(30)).map(|settings| settings.group)
    }

    #[test]
    fn defaults_are_kafkas() {
        let settings = check(&ConsumerConfig::default()).unwrap();
        assert_eq!(settings.session_timeout, Duration::from_secs(45));
        assert_eq!(settings.heartbeat_interval, Duration::from_secs(3));
        assert_eq!(settings.max_poll_interval, Duration::from_secs(300));
        assert_eq!(settings.commit_policy, CommitPolicy::Interval(Duration::from_secs(5)));
        let names: Vec<_> = settings.assignors.iter().map(|assignor| assignor.name()).collect();
        assert_eq!(names, ["range", "cooperative-sticky"]);
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
        let names =
            |text: &str| assignors(text).unwrap().iter().map(|one| one.name().to_owned()).collect::<Vec<_>>();
        assert_eq!(names("range, sticky"), ["range", "sticky"]);
        assert_eq!(
            names("org.apache.kafka.clients.consumer.CooperativeStickyAssignor"),
            ["cooperative-sticky"]
        );
        assert_eq!(names("roundrobin"), ["roundrobin"]);
        assert!(assignors("first-come").is_err());
    }
}
