//! Lag: how far groups are behind what they read, in records and in time. Pure but for the times, which it is handed a way to ask for.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytestring::ByteString;
use kestrel_protocol::Timestamp;

use crate::coordinator::GroupStanding;
use crate::partition::PartitionStanding;

/// What a group has left of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TopicLag {
    pub(super) group: ByteString,
    pub(super) topic: ByteString,
    /// By number; the topic's partitions that are there.
    pub(super) partitions: Vec<PartitionLag>,
}

/// What a group has left of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PartitionLag {
    pub(super) partition: i32,
    /// The offset that was committed last; -1 where none was, as kafka_exporter has it.
    pub(super) committed_offset: i64,
    /// The records between that and the high watermark; -1 where nothing was committed, none where the partition is offline.
    pub(super) records: Option<i64>,
    /// How old the oldest of these is; none where that cannot be told.
    pub(super) age: Option<Duration>,
}

/// What stands for an offset that was not committed.
const NONE_COMMITTED: i64 = -1;

/// The partitions of the topics, by topic and number.
type Partitions<'a> = BTreeMap<(&'a str, i32), &'a PartitionStanding>;

/// Compares what groups have committed with where the partitions are, of topics that `partition_count` knows. `time_of` tells the
/// time of the first record from an offset on; it is not asked of what was read to the end.
pub(super) fn lags(
    groups: &[GroupStanding],
    partitions: &[PartitionStanding],
    partition_count: impl Fn(&str) -> Option<i32>,
    now: Timestamp,
    mut time_of: impl FnMut(&str, i32, i64) -> Option<Timestamp>,
) -> Vec<TopicLag> {
    let partitions: Partitions<'_> =
        partitions.iter().map(|standing| ((&*standing.topic, standing.index), standing)).collect();
    let mut lags = Vec::new();
    for group in groups {
        let committed: BTreeMap<(&str, i32), i64> = group
            .offsets
            .iter()
            .map(|(topic, partition, offset)| ((&**topic, *partition), *offset))
            .collect();
        let topics: BTreeSet<&ByteString> = group.offsets.iter().map(|(topic, ..)| topic).collect();
        for topic in topics {
            let Some(count) = partition_count(topic) else { continue };
            let lag_of = |partition| {
                let committed = committed.get(&(&**topic, partition)).copied();
                let standing = partitions.get(&(&**topic, partition)).copied();
                PartitionLag::new(partition, committed, standing, now, |offset| {
                    time_of(topic, partition, offset)
                })
            };
            let partitions = (0..count).map(lag_of).collect();
            lags.push(TopicLag { group: group.id.clone(), topic: topic.clone(), partitions });
        }
    }
    lags
}

impl PartitionLag {
    fn new(
        partition: i32,
        committed: Option<i64>,
        standing: Option<&PartitionStanding>,
        now: Timestamp,
        time_of: impl FnOnce(i64) -> Option<Timestamp>,
    ) -> Self {
        let Some(committed_offset) = committed else {
            let records = standing.map(|_| NONE_COMMITTED);
            return Self { partition, committed_offset: NONE_COMMITTED, records, age: None };
        };
        let records = standing.map(|standing| standing.watermarks.high - committed_offset);
        let age = records.and_then(|records| match records {
            ..=0 => Some(Duration::ZERO),
            _ => time_of(committed_offset).map(|time| age(time, now)),
        });
        Self { partition, committed_offset, records, age }
    }
}

/// How old something of this time is; what is of the future is new.
fn age(time: Timestamp, now: Timestamp) -> Duration {
    let millis = now.as_millis().saturating_sub(time.as_millis());
    Duration::from_millis(u64::try_from(millis).unwrap_or_default())
}

impl TopicLag {
    /// The committed offsets together, those that are not there counted as kafka_exporter does.
    pub(super) fn committed_sum(&self) -> i64 {
        self.partitions.iter().map(|lag| lag.committed_offset).sum()
    }

    /// The records of all partitions together.
    pub(super) fn records(&self) -> i64 {
        let committed = self.partitions.iter().filter(|lag| lag.committed_offset != NONE_COMMITTED);
        committed.filter_map(|lag| lag.records).sum()
    }

    /// How old the oldest record is that is left; none where that cannot be told of any partition.
    pub(super) fn age(&self) -> Option<Duration> {
        self.partitions.iter().filter_map(|lag| lag.age).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::partition::PartitionStanding;

    fn standing(topic: &str, index: i32, high: i64) -> PartitionStanding {
        PartitionStanding::of(topic, index, high)
    }

    fn group(id: &str, offsets: &[(&str, i32, i64)]) -> GroupStanding {
        let offsets = offsets.iter().map(|(topic, partition, offset)| ((*topic).into(), *partition, *offset));
        GroupStanding { id: id.into(), members: 0, offsets: offsets.collect() }
    }

    /// Partitions `a-0` to 30, `a-1` to 5, `a-2` offline; the record at offset n is of millisecond 1000 n.
    fn lags_of(group: GroupStanding) -> Vec<TopicLag> {
        let partitions = [standing("a", 0, 30), standing("a", 1, 5)];
        let count = |topic: &str| (topic == "a").then_some(3);
        let time_of = |_: &str, _, offset| Some(Timestamp::from_millis(1000 * offset));
        lags(&[group], &partitions, count, Timestamp::from_millis(31_000), time_of)
    }

    #[test]
    fn lag_is_what_is_between_the_commit_and_the_high_watermark() {
        let lag = &lags_of(group("g", &[("a", 0, 10), ("a", 2, 4)]))[0];
        let found = |place: usize| (lag.partitions[place].committed_offset, lag.partitions[place].records);
        assert_eq!([found(0), found(1), found(2)], [(10, Some(20)), (-1, Some(-1)), (4, None)]);
        assert_eq!((lag.committed_sum(), lag.records()), (13, 20));
        assert_eq!(lag.age(), Some(Duration::from_secs(21)));
    }

    #[test]
    fn who_has_read_everything_has_no_lag_of_time() {
        let lag = &lags_of(group("g", &[("a", 0, 30), ("a", 1, 7)]))[0];
        assert_eq!((lag.records(), lag.age()), (-2, Some(Duration::ZERO)));
    }

    #[test]
    fn a_topic_that_is_gone_is_left_out() {
        assert_eq!(lags_of(group("g", &[("gone", 0, 3)])), []);
        assert_eq!(lags_of(group("g", &[])), []);
    }

    #[test]
    fn a_record_of_the_future_is_new() {
        assert_eq!(age(Timestamp::from_millis(5), Timestamp::from_millis(3)), Duration::ZERO);
        assert_eq!(age(Timestamp::from_millis(3), Timestamp::from_millis(5)), Duration::from_millis(2));
    }
}
