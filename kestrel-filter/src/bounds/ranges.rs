//! Sets of whole numbers as ranges. Pure.

use std::ops::RangeInclusive;

/// Whole numbers of 64 bits, as ranges in ascending order with gaps between them: partitions, offsets or milliseconds.
///
/// ```
/// use std::time::SystemTime;
///
/// use kestrel_filter::{Context, Filter};
///
/// let filter = Filter::parse("partition in [1, 2, 7] and offset >= 100")?;
/// let bounds = filter.bounds(&Context::at(SystemTime::UNIX_EPOCH));
/// assert_eq!(bounds.partitions().iter().collect::<Vec<_>>(), [1..=2, 7..=7]);
/// assert!(bounds.partitions().contains(7) && !bounds.partitions().contains(3));
/// assert_eq!((bounds.offsets().first(), bounds.offsets().last()), (Some(100), Some(i64::MAX)));
/// assert!(bounds.timestamps_millis().is_all());
/// # Ok::<(), kestrel_filter::FilterError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ranges(Vec<(i64, i64)>);

impl Ranges {
    pub(crate) const NONE: Self = Self(Vec::new());

    pub(crate) fn all() -> Self {
        Self(vec![(i64::MIN, i64::MAX)])
    }

    /// The numbers from one to another, both included, of those that have 64 bits.
    pub(crate) fn from_to(first: i128, last: i128) -> Self {
        let (least, most) = (i128::from(i64::MIN), i128::from(i64::MAX));
        if first > last || first > most || last < least {
            return Self::NONE;
        }
        let cut =
            |number: i128| i64::try_from(number.clamp(least, most)).expect("it has been cut to 64 bits");
        Self(vec![(cut(first), cut(last))])
    }

    /// Whether a number is one of these.
    #[must_use]
    pub fn contains(&self, number: i64) -> bool {
        let after = self.0.partition_point(|(first, _)| *first <= number);
        after.checked_sub(1).and_then(|at| self.0.get(at)).is_some_and(|(_, last)| number <= *last)
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it is all of them.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.0 == [(i64::MIN, i64::MAX)]
    }

    /// The smallest number.
    #[must_use]
    pub fn first(&self) -> Option<i64> {
        self.0.first().map(|(first, _)| *first)
    }

    /// The largest number.
    #[must_use]
    pub fn last(&self) -> Option<i64> {
        self.0.last().map(|(_, last)| *last)
    }

    /// The ranges, in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = RangeInclusive<i64>> + '_ {
        self.0.iter().map(|(first, last)| *first..=*last)
    }

    /// What is in one of the sets.
    pub(crate) fn union<'r>(sets: impl IntoIterator<Item = &'r Self>) -> Self {
        let mut ranges: Vec<_> = sets.into_iter().flat_map(|set| set.0.iter().copied()).collect();
        ranges.sort_unstable();
        let mut joined: Vec<(i64, i64)> = Vec::with_capacity(ranges.len());
        for (first, last) in ranges {
            match joined.last_mut() {
                Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
                _ => joined.push((first, last)),
            }
        }
        Self(joined)
    }

    pub(crate) fn complement(&self) -> Self {
        let mut gaps = Vec::with_capacity(self.0.len() + 1);
        // The first number of which nothing is known yet; none after the last there is.
        let mut next = Some(i64::MIN);
        for (first, last) in &self.0 {
            if let Some(begin) = next.filter(|begin| begin < first) {
                gaps.push((begin, first - 1));
            }
            next = last.checked_add(1);
        }
        gaps.extend(next.map(|begin| (begin, i64::MAX)));
        Self(gaps)
    }

    /// What is in all of the sets.
    pub(crate) fn intersection<'r>(sets: impl IntoIterator<Item = &'r Self>) -> Self {
        let outside: Vec<_> = sets.into_iter().map(Self::complement).collect();
        Self::union(&outside).complement()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complement_of_a_complement_is_the_set() {
        for set in [
            Ranges::NONE,
            Ranges::all(),
            Ranges::from_to(3, 7),
            Ranges::from_to(i128::MIN, 7),
            Ranges::from_to(7, i128::MAX),
            Ranges::union([&Ranges::from_to(1, 2), &Ranges::from_to(4, 4)]),
        ] {
            assert_eq!(set.complement().complement(), set);
            assert_eq!(Ranges::union([&set, &set.complement()]), Ranges::all());
            assert_eq!(Ranges::intersection([&set, &set.complement()]), Ranges::NONE);
        }
    }

    #[test]
    fn neighbours_are_joined() {
        let joined = Ranges::union([&Ranges::from_to(4, 5), &Ranges::from_to(1, 3), &Ranges::from_to(2, 4)]);
        assert_eq!(joined, Ranges::from_to(1, 5));
        assert_eq!(Ranges::from_to(1 << 70, 1 << 71), Ranges::NONE);
    }
}
