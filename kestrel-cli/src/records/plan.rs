//! Plan: which offsets of each partition are read. Pure: the shell asks the cluster for what the logs hold.

use std::ops::Range;

use kestrel_client::Timestamp;
use kestrel_filter::Bounds;

use super::place::Place;

/// What is to be read of every partition.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    from: Place,
    /// `None` where the end is followed.
    to: Option<Place>,
    now: Timestamp,
    /// Where the records can be that the filter takes, if there is one.
    bounds: Option<Bounds>,
}

/// What a log holds, and where in it the times of a plan begin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct LogView {
    pub(crate) log: Range<i64>,
    /// The first record of each time of [`Plan::times`], in that order; `None` where there is none.
    pub(crate) found: Vec<Option<i64>>,
}

impl Plan {
    /// A plan that is made at `now`; without `to` the end is followed.
    pub(crate) const fn new(from: Place, to: Option<Place>, now: Timestamp, bounds: Option<Bounds>) -> Self {
        Self { from, to, now, bounds }
    }

    /// Whether records of this partition can be wanted.
    pub(crate) fn may_want(&self, partition: i32) -> bool {
        self.bounds.as_ref().is_none_or(|bounds| bounds.partitions().contains(partition.into()))
    }

    /// The times to search the logs for.
    pub(crate) fn times(&self) -> Vec<Timestamp> {
        let ends = [self.from.time(self.now), self.to.and_then(|to| to.time(self.now)), self.least_time()];
        ends.into_iter().flatten().collect()
    }

    /// The time before which the filter takes nothing. There is no such time after which it takes nothing: a record with a
    /// smaller timestamp may come after one with a larger.
    fn least_time(&self) -> Option<Timestamp> {
        let first = self.bounds.as_ref()?.timestamps_millis().first()?;
        (first > 0).then(|| Timestamp::from_millis(first))
    }

    /// The offsets to be read of a partition.
    pub(crate) fn range(&self, view: &LogView) -> Range<i64> {
        let mut found = view.found.iter().copied();
        let mut resolve = |place: Place| {
            let found = place.time(self.now).and_then(|_| found.next().flatten());
            place.resolve(&view.log, found)
        };
        let mut start = resolve(self.from);
        let mut end = self.to.map_or(i64::MAX, &mut resolve);
        if self.least_time().is_some() {
            start = start.max(found.next().flatten().unwrap_or(view.log.end));
        }
        if let Some(offsets) = self.bounds.as_ref().map(Bounds::offsets) {
            start = start.max(offsets.first().unwrap_or(view.log.end));
            end = end.min(offsets.last().map_or(start, |last| last.saturating_add(1)));
        }
        start..end.max(start)
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use kestrel_filter::{Context, Filter};

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(10_000);

    fn plan(from: &str, to: Option<&str>, filter: Option<&str>) -> Plan {
        let place = |text: &str| text.parse::<Place>().unwrap();
        let bounds =
            filter.map(|text| Filter::parse(text).unwrap().bounds(&Context::at(SystemTime::UNIX_EPOCH)));
        Plan::new(place(from), to.map(place), NOW, bounds)
    }

    fn range(plan: &Plan, found: &[Option<i64>]) -> Range<i64> {
        assert_eq!(plan.times().len(), found.len(), "{:?}", plan.times());
        plan.range(&LogView { log: 100..200, found: found.to_vec() })
    }

    #[test]
    fn a_plan_has_two_ends() {
        assert_eq!(range(&plan("beginning", Some("end"), None), &[]), 100..200);
        assert_eq!(range(&plan("-10", Some("end"), None), &[]), 190..200);
        assert_eq!(range(&plan("150", Some("160"), None), &[]), 150..160);
        assert_eq!(range(&plan("160", Some("150"), None), &[]), 160..160);
        assert_eq!(range(&plan("end", None, None), &[]), 200..i64::MAX);
        assert_eq!(range(&plan("-2s", Some("-1s"), None), &[Some(120), Some(130)]), 120..130);
        assert_eq!(range(&plan("beginning", Some("-1s"), None), &[None]), 100..200);
        assert_eq!(plan("-2s", None, None).times(), [Timestamp::from_millis(8_000)]);
    }

    #[test]
    fn a_filter_narrows_it() {
        let at = |filter| plan("beginning", Some("end"), Some(filter));
        assert_eq!(range(&at("offset >= 150 and offset < 160"), &[]), 150..160);
        assert_eq!(range(&at("offset < 50"), &[]), 100..100);
        assert_eq!(range(&at(r#"timestamp >= time(5000)"#), &[Some(170)]), 170..200);
        assert_eq!(range(&at(r#"timestamp >= time(5000)"#), &[None]), 200..200);
        assert_eq!(range(&at(r#"timestamp < time(5000)"#), &[]), 100..200);
        let partitions = at("partition in [1, 2]");
        assert!(partitions.may_want(2) && !partitions.may_want(3));
        assert!(at("value.x > 1").may_want(3));
        let followed = plan("-2s", None, Some("offset < 150 and timestamp > time(9000)"));
        assert_eq!(range(&followed, &[Some(120), Some(130)]), 130..150);
    }
}
