//! Setting the offsets of a group to somewhere else: an end of the log, a time, an offset, some records further.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::admin::offsets::{ListedOffset, OffsetSpec, list_offsets};
use crate::admin::settle::at_least;
use crate::admin::{Admin, AdminResults};
use crate::config::IsolationLevel;
use crate::consumer::OffsetAndMetadata;
use crate::error::{Error, Result};
use crate::error::{PositionError, PositionProblem};
use crate::into::IntoName;
use crate::record::{Timestamp, TopicPartition};

/// Where the offsets of a group are set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResetTo {
    /// The first record that the partition holds.
    Earliest,
    /// The end of the partition: only what comes later is read.
    Latest,
    /// The first record whose timestamp is this one or later; the end of the partition if there is none. Times before 1970
    /// are errors, and so is [`Timestamp::NONE`].
    Timestamp(Timestamp),
    /// This offset, 0 or more, or the nearest one that the partition holds.
    Offset(i64),
    /// So many records further than what is committed, or back when it is negative; not beyond what the partition holds.
    ShiftBy(i64),
}

/// What became of the offset of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct OffsetReset {
    /// The offset that was committed before; `None` when none was.
    pub before: Option<i64>,
    /// What is committed now.
    pub after: i64,
}

impl Admin {
    /// Sets the offsets of a group that has no members, within what the partitions hold.
    ///
    /// Without records that can be read between them, `Earliest` and `Latest` are the same. What the group has committed for
    /// other partitions stays.
    ///
    /// ```no_run
    /// # async fn f(admin: kestrel_client::Admin) -> Result<(), kestrel_client::Error> {
    /// use kestrel_client::admin::ResetTo;
    /// use kestrel_client::Timestamp;
    /// use std::time::{Duration, SystemTime};
    ///
    /// let an_hour_ago = Timestamp::from(SystemTime::now() - Duration::from_secs(3600));
    /// let partitions = [("clicks", 0), ("clicks", 1)];
    /// for (partition, reset) in admin.reset_group_offsets("billing", partitions, ResetTo::Timestamp(an_hour_ago)).await {
    ///     println!("{partition}: {:?}", reset?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Per partition: [`Error::InvalidArgument`] for a negative offset or time; [`Error::Position`] when there is nothing committed to shift, [`Error::UnknownTopic`],
    /// [`Error::UnknownPartition`], and those of [`Self::alter_group_offsets`].
    pub async fn reset_group_offsets(
        &self,
        group: impl IntoName,
        partitions: impl IntoIterator<Item = impl Into<TopicPartition>>,
        to: ResetTo,
    ) -> AdminResults<TopicPartition, OffsetReset> {
        let group = group.into_name();
        let partitions: Vec<TopicPartition> = partitions.into_iter().map(Into::into).collect();
        let planned = self.plan_reset(&group, &partitions, to).await;
        let offsets: Vec<_> = partitions
            .iter()
            .filter_map(|partition| {
                let reset = planned.get(partition)?.as_ref().ok()?;
                Some((partition.clone(), OffsetAndMetadata::new(reset.after)))
            })
            .collect();
        let mut altered: HashMap<_, _> = self.alter_group_offsets(group, offsets).await.into_iter().collect();
        let result = |partition: TopicPartition| {
            let planned = planned.get(&partition).cloned().unwrap_or_else(|| Err(no_offset(&partition)));
            let result = match altered.remove(&partition) {
                Some(Err(error)) => Err(error),
                Some(Ok(())) | None => planned,
            };
            (partition, result)
        };
        AdminResults(partitions.into_iter().map(result).collect())
    }

    /// What each partition's offset is and where it goes.
    async fn plan_reset(
        &self,
        group: &Arc<str>,
        partitions: &[TopicPartition],
        to: ResetTo,
    ) -> HashMap<TopicPartition, Result<OffsetReset>> {
        if let Err(error) = check(to) {
            return partitions.iter().map(|partition| (partition.clone(), Err(error.clone()))).collect();
        }
        let committed = match self.list_group_offsets([Arc::clone(group)]).await.into_result() {
            Ok(mut groups) => groups.pop().map(|(_, offsets)| offsets).unwrap_or_default(),
            Err(error) => return partitions.iter().map(|p| (p.clone(), Err(error.clone()))).collect(),
        };
        let specs = [Some(OffsetSpec::Earliest), Some(OffsetSpec::Latest), time_spec(to)];
        let asked: Vec<_> = partitions
            .iter()
            .flat_map(|partition| specs.into_iter().flatten().map(|spec| (partition.clone(), spec)))
            .collect();
        let listed = list_offsets(&self.client, asked, IsolationLevel::ReadUncommitted, self.timeout).await;
        let mut found: BTreeMap<TopicPartition, Vec<Result<ListedOffset>>> = BTreeMap::new();
        for (partition, answer) in listed {
            found.entry(partition).or_default().push(answer);
        }
        let mut plan = |partition: &TopicPartition| {
            let answers = found.remove(partition).unwrap_or_default();
            let before = committed.get(partition).map(|committed| committed.offset);
            let bounds = answers.into_iter().collect::<Result<Vec<_>>>()?;
            let offsets: Vec<_> = bounds.iter().map(|bound| bound.offset).collect();
            let bounds = Bounds::read(&offsets).ok_or_else(|| no_offset(partition))?;
            let after = target(to, before, bounds).ok_or_else(|| no_offset(partition))?;
            Ok(OffsetReset { before, after })
        };
        partitions.iter().map(|partition| (partition.clone(), plan(partition))).collect()
    }
}

/// Refuses negative numbers: -1 could mean the end, or the beginning.
fn check(to: ResetTo) -> Result<()> {
    match to {
        ResetTo::Offset(offset) => at_least("offset", offset, 0),
        ResetTo::Timestamp(timestamp) => OffsetSpec::Timestamp(timestamp).check(),
        ResetTo::Earliest | ResetTo::Latest | ResetTo::ShiftBy(_) => Ok(()),
    }
}

/// What has to be asked besides the ends of the log.
const fn time_spec(to: ResetTo) -> Option<OffsetSpec> {
    match to {
        ResetTo::Timestamp(timestamp) => Some(OffsetSpec::Timestamp(timestamp)),
        _ => None,
    }
}

/// What a partition holds.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    start: i64,
    end: i64,
    /// The first record at or after the time that was asked for.
    at_time: Option<i64>,
}

impl Bounds {
    fn read(offsets: &[Option<i64>]) -> Option<Self> {
        match *offsets {
            [start, end, ref time @ ..] => {
                Some(Self { start: start?, end: end?, at_time: time.first().copied().flatten() })
            }
            _ => None,
        }
    }
}

/// Where an offset goes; `None` when there is none to shift.
fn target(to: ResetTo, before: Option<i64>, bounds: Bounds) -> Option<i64> {
    let wanted = match to {
        ResetTo::Earliest => bounds.start,
        ResetTo::Latest => bounds.end,
        ResetTo::Timestamp(_) => bounds.at_time.unwrap_or(bounds.end),
        ResetTo::Offset(offset) => offset,
        ResetTo::ShiftBy(records) => before?.saturating_add(records),
    };
    Some(wanted.min(bounds.end).max(bounds.start))
}

fn no_offset(partition: &TopicPartition) -> Error {
    PositionError::new(partition.topic.clone(), partition.partition, PositionProblem::NoOffset).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { start: 10, end: 20, at_time: Some(15) };

    #[test]
    fn an_offset_goes_where_it_is_told_within_what_the_partition_holds() {
        let time = ResetTo::Timestamp(Timestamp::from_millis(1));
        for (to, expected) in [
            (ResetTo::Earliest, 10),
            (ResetTo::Latest, 20),
            (time, 15),
            (ResetTo::Offset(12), 12),
            (ResetTo::Offset(3), 10),
            (ResetTo::Offset(99), 20),
            (ResetTo::ShiftBy(-2), 11),
            (ResetTo::ShiftBy(-100), 10),
            (ResetTo::ShiftBy(i64::MAX), 20),
        ] {
            assert_eq!(target(to, Some(13), BOUNDS), Some(expected), "{to:?}");
        }
        assert_eq!(target(time, None, Bounds { at_time: None, ..BOUNDS }), Some(20));
        assert_eq!(target(ResetTo::ShiftBy(1), None, BOUNDS), None);
    }

    #[test]
    fn numbers_that_may_mean_anything_are_refused() {
        for to in [
            ResetTo::Timestamp(Timestamp::NONE),
            ResetTo::Timestamp(Timestamp::from_millis(-2)),
            ResetTo::Timestamp(Timestamp::from_millis(i64::MIN)),
            ResetTo::Offset(-1),
        ] {
            assert!(check(to).is_err(), "{to:?}");
        }
        for to in [ResetTo::Timestamp(Timestamp::from_millis(0)), ResetTo::Offset(0), ResetTo::ShiftBy(-1)] {
            assert!(check(to).is_ok(), "{to:?}");
        }
    }

    #[test]
    fn bounds_need_both_ends() {
        assert!(Bounds::read(&[Some(1), None]).is_none());
        assert!(Bounds::read(&[Some(1)]).is_none());
        let bounds = Bounds::read(&[Some(1), Some(2), None]).unwrap();
        assert_eq!((bounds.start, bounds.end, bounds.at_time), (1, 2, None));
    }
}
