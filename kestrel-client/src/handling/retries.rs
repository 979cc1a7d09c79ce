//! Retries: what comes after an attempt that has failed. A machine: no I/O, no clock.

use std::time::Duration;

use super::failure::Failure;
use crate::net::ExponentialBackoff;

/// How often and how long a record is tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Retries {
    pub(super) attempts: u32,
    pub(super) first_pause: Duration,
    pub(super) longest_pause: Duration,
    /// From the first attempt to the begin of the last one.
    pub(super) limit: Option<Duration>,
}

/// What comes after an attempt that has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Another one, after a pause.
    Again { after: Duration },
    /// None: the record gets its remedy.
    Remedy,
}

impl Retries {
    /// The pauses between the attempts on one record.
    pub(super) const fn pauses(&self, seed: u64) -> ExponentialBackoff {
        ExponentialBackoff::new(self.first_pause, self.longest_pause, seed)
    }

    /// What comes after the `attempt`th attempt, `elapsed` after the first one was begun.
    pub(super) fn after(
        &self,
        failure: &Failure,
        attempt: u32,
        elapsed: Duration,
        pauses: &mut ExponentialBackoff,
    ) -> Next {
        if !failure.is_passing() || attempt >= self.attempts {
            return Next::Remedy;
        }
        let after = pauses.delay(attempt);
        match self.limit {
            Some(limit) if elapsed.saturating_add(after) > limit => Next::Remedy,
            _ => Next::Again { after },
        }
    }
}

impl Default for Retries {
    fn default() -> Self {
        Self {
            attempts: 10,
            first_pause: Duration::from_millis(100),
            longest_pause: Duration::from_secs(10),
            limit: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// The pauses until the remedy, of work that takes no time and fails in passing.
    fn pauses(retries: &Retries) -> Vec<Duration> {
        let (mut pauses, mut elapsed, mut found) = (retries.pauses(7), Duration::ZERO, Vec::new());
        for attempt in 1.. {
            match retries.after(&Failure::passing("no answer"), attempt, elapsed, &mut pauses) {
                Next::Again { after } => {
                    elapsed += after;
                    found.push(after);
                }
                Next::Remedy => break,
            }
        }
        found
    }

    fn is_about(pause: Duration, nominal: Duration) -> bool {
        pause >= nominal * 4 / 5 && pause <= nominal * 6 / 5
    }

    #[test]
    fn a_passing_failure_is_tried_as_often_as_it_may_be_and_each_pause_is_longer() {
        let retries = Retries { attempts: 6, first_pause: SECOND, longest_pause: 5 * SECOND, limit: None };
        let pauses = pauses(&retries);
        assert_eq!(pauses.len(), 5);
        for (pause, nominal) in pauses.into_iter().zip([1, 2, 4, 5, 5]) {
            assert!(is_about(pause, nominal * SECOND), "{pause:?}: {nominal} s");
        }
    }

    #[test]
    fn one_attempt_has_no_pause_and_a_lasting_failure_no_second_attempt() {
        assert!(pauses(&Retries { attempts: 1, ..Retries::default() }).is_empty());
        let retries = Retries::default();
        let next = retries.after(&Failure::lasting("no number"), 1, Duration::ZERO, &mut retries.pauses(7));
        assert_eq!(next, Next::Remedy);
    }

    #[test]
    fn a_pause_that_would_end_too_late_is_not_begun() {
        let retries = Retries {
            attempts: u32::MAX,
            first_pause: SECOND,
            longest_pause: 4 * SECOND,
            limit: Some(30 * SECOND),
        };
        let total: Duration = pauses(&retries).into_iter().sum();
        assert!(total <= 30 * SECOND && total > 20 * SECOND, "{total:?}");
        let mut pauses = retries.pauses(7);
        let failure = Failure::passing("no answer");
        assert_eq!(retries.after(&failure, 1, 30 * SECOND, &mut pauses), Next::Remedy);
        assert!(matches!(retries.after(&failure, 1, SECOND, &mut pauses), Next::Again { .. }));
    }
}
