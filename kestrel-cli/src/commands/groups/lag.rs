//! Lags: how far behind a group is, in records.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kestrel_client::admin::OffsetSpec;
use kestrel_client::{Admin, IsolationLevel, TopicPartition};

use crate::failure::Failure;

/// What a group has committed, beside where the logs end.
#[derive(Debug, Default)]
pub(super) struct Lags {
    partitions: BTreeMap<TopicPartition, Lag>,
}

/// How far behind a group is in a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lag {
    /// The offset that was committed; `None` when none was.
    pub(super) committed: Option<i64>,
    /// Where the log ends; `None` when the caller may not know.
    pub(super) end: Option<i64>,
}

impl Lag {
    /// How many offsets are before the group: at most so many records.
    pub(super) fn records(self) -> Option<i64> {
        self.committed.zip(self.end).map(|(committed, end)| (end - committed).max(0))
    }
}

impl Lags {
    /// The lags of groups, where they have committed something.
    pub(super) async fn of_groups(
        admin: &Admin,
        groups: &[Arc<str>],
    ) -> Result<Vec<(Arc<str>, Self)>, Failure> {
        let committed = admin.list_group_offsets(groups).await.into_result()?;
        let partitions: BTreeSet<_> = committed.iter().flat_map(|(_, offsets)| offsets.keys()).collect();
        let ends = log_ends(admin, partitions.into_iter().cloned()).await;
        let lags = committed.into_iter().map(|(group, offsets)| {
            let lag = |(partition, offset): (TopicPartition, kestrel_client::OffsetAndMetadata)| {
                let end = ends.get(&partition).copied();
                (partition, Lag { committed: Some(offset.offset), end })
            };
            (group, Self { partitions: offsets.into_iter().map(lag).collect() })
        });
        Ok(lags.collect())
    }

    /// Adds partitions that the group has and has committed nothing for.
    pub(super) async fn add(&mut self, admin: &Admin, assigned: impl IntoIterator<Item = TopicPartition>) {
        let is_new = |partition: &TopicPartition| !self.partitions.contains_key(partition);
        let ends = log_ends(admin, assigned.into_iter().filter(is_new).collect::<Vec<_>>()).await;
        let lag = |(partition, end)| (partition, Lag { committed: None, end: Some(end) });
        self.partitions.extend(ends.into_iter().map(lag));
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&TopicPartition, Lag)> {
        self.partitions.iter().map(|(partition, lag)| (partition, *lag))
    }

    /// How many partitions there are.
    pub(super) fn count(&self) -> usize {
        self.partitions.len()
    }

    /// The sum of all partitions whose lag is known; `None` when it is of none.
    pub(super) fn total(&self) -> Option<i64> {
        let known: Vec<_> = self.partitions.values().filter_map(|lag| lag.records()).collect();
        (!known.is_empty()).then(|| known.iter().sum())
    }
}

/// Where the logs of partitions end, of those whose leaders say it.
async fn log_ends(
    admin: &Admin,
    partitions: impl IntoIterator<Item = TopicPartition>,
) -> BTreeMap<TopicPartition, i64> {
    let specs = partitions.into_iter().map(|partition| (partition, OffsetSpec::Latest));
    let listed = admin.list_offsets(specs, IsolationLevel::ReadUncommitted).await.into_iter();
    listed.filter_map(|(partition, listed)| Some((partition, listed.ok()?.offset?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lag(committed: i64, end: Option<i64>) -> Lag {
        Lag { committed: Some(committed), end }
    }

    #[test]
    fn a_lag_is_never_negative_and_may_be_unknown() {
        assert_eq!(lag(3, Some(10)).records(), Some(7));
        // The log was truncated, or its end is from before the commit.
        assert_eq!(lag(12, Some(10)).records(), Some(0));
        assert_eq!(lag(3, None).records(), None);
        assert_eq!(Lag { committed: None, end: Some(10) }.records(), None);
    }

    #[test]
    fn the_total_is_of_what_is_known() {
        let lags = |lags: &[Lag]| {
            let numbered = (0..).zip(lags).map(|(number, lag)| (TopicPartition::new("t", number), *lag));
            Lags { partitions: numbered.collect() }.total()
        };
        assert_eq!(lags(&[lag(3, Some(10)), lag(0, None), lag(1, Some(2))]), Some(8));
        assert_eq!(lags(&[lag(0, None)]), None);
        assert_eq!(lags(&[]), None);
    }
}
