//! What became of the records that a filter was asked about. Pure.

use std::fmt;

use crate::undecided::Undecided;

/// How many records a filter took, how many it did not, and of how many it was undecided, for which reasons.
///
/// Whoever filters counts every answer and shows the sum at the end, so that nothing is left out in silence.
///
/// ```
/// use std::time::SystemTime;
///
/// use kestrel_filter::{Context, Filter, PlainRecord, Tally};
///
/// let filter = Filter::parse("value.magnitude >= 4.5")?;
/// let (context, mut tally) = (Context::at(SystemTime::UNIX_EPOCH), Tally::default());
/// for value in [r#"{"magnitude": 4.7}"#, r#"{"magnitude": 1.2}"#, "{}", "{}"] {
///     let record = PlainRecord::new("earthquakes", 0, 0).with_value(value.as_bytes());
///     tally.count(&filter.matches(&record, &context));
/// }
/// assert_eq!((tally.taken(), tally.left(), tally.undecided()), (1, 1, 2));
/// assert_eq!(tally.to_string(), "1 of 4 records; undecided about 2:\n  2 because `value.magnitude` is missing");
/// # Ok::<(), kestrel_filter::FilterError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Tally {
    taken: u64,
    left: u64,
    undecided: u64,
    /// The first of each kind, and how many there were.
    reasons: Vec<(Undecided, u64)>,
}

impl Tally {
    /// How many reasons are told apart; what comes later counts as undecided for other reasons.
    pub const MAX_REASONS: usize = 8;

    /// Counts the answer about one record.
    pub fn count(&mut self, answer: &Result<bool, Undecided>) {
        match answer {
            Ok(true) => self.taken += 1,
            Ok(false) => self.left += 1,
            Err(undecided) => self.count_undecided(undecided),
        }
    }

    fn count_undecided(&mut self, undecided: &Undecided) {
        self.undecided += 1;
        let is_full = self.reasons.len() >= Self::MAX_REASONS;
        match self.reasons.iter_mut().find(|(reason, _)| reason.is_like(undecided)) {
            Some((_, count)) => *count += 1,
            None if is_full => {}
            None => self.reasons.push((undecided.clone(), 1)),
        }
    }

    /// How many records the filter took.
    #[must_use]
    pub const fn taken(&self) -> u64 {
        self.taken
    }

    /// How many records the filter did not take.
    #[must_use]
    pub const fn left(&self) -> u64 {
        self.left
    }

    /// Of how many records the filter was undecided.
    #[must_use]
    pub const fn undecided(&self) -> u64 {
        self.undecided
    }

    /// The reasons in the order in which they came, the first [`MAX_REASONS`](Self::MAX_REASONS) of them, and how many records had each.
    pub fn reasons(&self) -> impl Iterator<Item = (&Undecided, u64)> {
        self.reasons.iter().map(|(reason, count)| (reason, *count))
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} records", self.taken, self.taken + self.left + self.undecided)?;
        if self.undecided > 0 {
            write!(f, "; undecided about {}:", self.undecided)?;
        }
        for (reason, count) in self.reasons() {
            write!(f, "\n  {count} because {reason}")?;
        }
        match self.undecided - self.reasons().map(|(_, count)| count).sum::<u64>() {
            0 => Ok(()),
            others => write!(f, "\n  {others} for other reasons"),
        }
    }
}
