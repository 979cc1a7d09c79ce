//! The plan of a reset: where each offset goes, within what its partition holds. Pure.

use std::collections::BTreeMap;

use kestrel_client::admin::OffsetSpec;
use kestrel_client::{Timestamp, TopicPartition};

/// Where offsets are to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Earliest,
    Latest,
    Current,
    Offset(i64),
    Time(Timestamp),
    Shift(i64),
    /// To the ones that are named, one by one.
    Named,
}

/// What a partition holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Bounds {
    start: i64,
    end: i64,
    /// The first record of the time that is wanted, or later.
    at_time: Option<i64>,
}

impl Bounds {
    /// Takes an answer in.
    pub(super) fn learn(&mut self, spec: OffsetSpec, offset: Option<i64>) {
        match spec {
            OffsetSpec::Earliest => self.start = offset.unwrap_or_default(),
            OffsetSpec::Latest => self.end = offset.unwrap_or_default(),
            _ => self.at_time = offset,
        }
    }
}

/// What becomes of an offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) partition: TopicPartition,
    pub(super) before: Option<i64>,
    pub(super) after: i64,
}

/// The steps of a reset. A partition that has nothing to shift, and is not named, has none.
pub(super) fn plan(
    wanted: Wanted,
    named: Option<&BTreeMap<TopicPartition, i64>>,
    committed: &BTreeMap<TopicPartition, i64>,
    bounds: &BTreeMap<TopicPartition, Bounds>,
) -> Vec<Step> {
    let step = |(partition, bounds): (&TopicPartition, &Bounds)| {
        let before = committed.get(partition).copied();
        let wanted = match wanted {
            Wanted::Earliest => bounds.start,
            Wanted::Latest => bounds.end,
            // Where it is, also if the partition does not hold it any more.
            Wanted::Current => return Some(Step { partition: partition.clone(), before, after: before? }),
            Wanted::Offset(offset) => offset,
            Wanted::Time(_) => bounds.at_time.unwrap_or(bounds.end),
            Wanted::Shift(records) => before?.saturating_add(records),
            Wanted::Named => *named?.get(partition)?,
        };
        let after = wanted.min(bounds.end).max(bounds.start);
        Some(Step { partition: partition.clone(), before, after })
    };
    bounds.iter().filter_map(step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where the offset 13 of a partition goes that holds 10 to 20, and 15 at the time that is wanted.
    fn after(wanted: Wanted, committed: Option<i64>) -> Option<i64> {
        let partition = TopicPartition::new("orders", 0);
        let committed = committed.map(|offset| (partition.clone(), offset)).into_iter().collect();
        let named = BTreeMap::from([(partition.clone(), 99)]);
        let bounds = BTreeMap::from([(partition, Bounds { start: 10, end: 20, at_time: Some(15) })]);
        plan(wanted, Some(&named), &committed, &bounds).first().map(|step| step.after)
    }

    #[test]
    fn offsets_go_where_they_are_told_within_what_the_partition_holds() {
        for (wanted, expected) in [
            (Wanted::Earliest, 10),
            (Wanted::Latest, 20),
            (Wanted::Current, 13),
            (Wanted::Offset(12), 12),
            (Wanted::Offset(3), 10),
            (Wanted::Time(Timestamp::from_millis(1)), 15),
            (Wanted::Shift(-2), 11),
            (Wanted::Shift(-100), 10),
            (Wanted::Shift(i64::MAX), 20),
            (Wanted::Named, 20),
        ] {
            assert_eq!(after(wanted, Some(13)), Some(expected), "{wanted:?}");
        }
    }

    #[test]
    fn without_an_offset_there_is_nothing_to_shift_or_to_keep() {
        assert_eq!(after(Wanted::Shift(1), None), None);
        assert_eq!(after(Wanted::Current, None), None);
        assert_eq!(after(Wanted::Latest, None), Some(20));
    }

    #[test]
    fn a_time_after_the_last_record_is_the_end() {
        let mut bounds = Bounds::default();
        for (spec, offset) in [
            (OffsetSpec::Earliest, Some(10)),
            (OffsetSpec::Latest, Some(20)),
            (OffsetSpec::Timestamp(Timestamp::from_millis(1)), None),
        ] {
            bounds.learn(spec, offset);
        }
        let partition = TopicPartition::new("orders", 0);
        let bounds = BTreeMap::from([(partition, bounds)]);
        let steps = plan(Wanted::Time(Timestamp::from_millis(1)), None, &BTreeMap::new(), &bounds);
        assert_eq!(steps.first().map(|step| step.after), Some(20));
    }
}
