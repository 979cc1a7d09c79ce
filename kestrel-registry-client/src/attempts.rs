//! Attempts: which of several addresses is tried next, and when. A machine: it knows no socket and no clock.
//!
//! ```text
//!   the address that answered last ──► the next one ──► ... each at once, as long as there is one that was not tried
//!                 ▲                                          │
//!                 └───────────── after a pause ◄─────────────┘ until nothing is left of the retries
//! ```

use std::time::Duration;

use hyper::StatusCode;

/// The pause before the first repetition, and the longest one.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// One request's attempts.
#[derive(Debug)]
pub(crate) struct Attempts {
    addresses: usize,
    /// The address of the first attempt.
    first: usize,
    made: usize,
    retries: usize,
    /// Whether to do it twice is as good as once.
    is_repeatable: bool,
}

/// What came of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// There is an answer.
    Answered(StatusCode),
    /// The registry has seen nothing of the request.
    NotSent,
    /// The registry may have done what was asked.
    Lost,
    /// It would be the same again.
    Final,
}

/// What to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// What came of it is what comes of the request.
    Done,
    /// Try again after so long, at [`Attempts::address`].
    Again(Duration),
}

impl Attempts {
    pub(crate) const fn new(addresses: usize, first: usize, retries: usize, is_repeatable: bool) -> Self {
        Self { addresses, first, made: 0, retries, is_repeatable }
    }

    /// The address to try.
    pub(crate) const fn address(&self) -> usize {
        (self.first + self.made) % self.addresses
    }

    /// An attempt has ended. `random` spreads the pauses of many clients.
    pub(crate) fn handle_outcome(&mut self, outcome: Outcome, random: u64) -> Next {
        self.made += 1;
        let may_repeat = match outcome {
            Outcome::Answered(status) => self.is_repeatable && may_pass(status),
            Outcome::NotSent => true,
            Outcome::Lost => self.is_repeatable,
            Outcome::Final => false,
        };
        if !may_repeat || self.made >= self.addresses + self.retries {
            return Next::Done;
        }
        match self.made.checked_sub(self.addresses) {
            None => Next::Again(Duration::ZERO),
            Some(repetition) => Next::Again(pause(repetition, random)),
        }
    }
}

/// Whether another answer may follow to the same request.
pub(crate) fn may_pass(status: StatusCode) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS
        || status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED
}

/// Twice as long each time, of which half at least.
fn pause(repetition: usize, random: u64) -> Duration {
    let doublings = u32::try_from(repetition).unwrap_or(u32::MAX).min(16);
    let longest = FIRST_PAUSE.saturating_mul(1 << doublings).min(LONGEST_PAUSE);
    let share = u32::try_from(random % 1024).unwrap_or_default();
    longest / 2 + longest / 2 / 1024 * share
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The addresses that are tried when each attempt ends like this, and the pauses before them.
    fn tried(mut attempts: Attempts, outcome: Outcome) -> Vec<(usize, u128)> {
        let mut tried = vec![(attempts.address(), 0)];
        while let Next::Again(pause) = attempts.handle_outcome(outcome, 0) {
            tried.push((attempts.address(), pause.as_millis()));
        }
        tried
    }

    #[test]
    fn every_address_is_tried_before_there_is_a_pause() {
        let attempts = Attempts::new(3, 1, 3, true);
        let expected = [(1, 0), (2, 0), (0, 0), (1, 50), (2, 100), (0, 200)];
        assert_eq!(tried(attempts, Outcome::NotSent), expected);
        assert_eq!(tried(Attempts::new(1, 0, 2, true), Outcome::Lost), [(0, 0), (0, 50), (0, 100)]);
        assert_eq!(tried(Attempts::new(1, 0, 0, true), Outcome::Lost), [(0, 0)]);
    }

    #[test]
    fn what_may_have_been_done_is_repeated_only_if_that_is_harmless() {
        let times = |outcome, is_repeatable| tried(Attempts::new(1, 0, 2, is_repeatable), outcome).len();
        let answered = |status: u16| Outcome::Answered(StatusCode::from_u16(status).unwrap());
        for (outcome, repeatable, not) in [
            (Outcome::NotSent, 3, 3),
            (Outcome::Lost, 3, 1),
            (Outcome::Final, 1, 1),
            (answered(503), 3, 1),
            (answered(500), 3, 1),
            (answered(429), 3, 1),
            (answered(501), 1, 1),
            (answered(200), 1, 1),
            (answered(404), 1, 1),
            (answered(409), 1, 1),
        ] {
            assert_eq!((times(outcome, true), times(outcome, false)), (repeatable, not), "{outcome:?}");
        }
    }

    #[test]
    fn pauses_are_spread_and_bounded() {
        assert_eq!(pause(0, 0), Duration::from_millis(50));
        assert!((Duration::from_millis(99)..=Duration::from_millis(100)).contains(&pause(0, 1023)));
        assert!((0..100).all(|repetition| pause(repetition, u64::MAX) <= LONGEST_PAUSE));
        assert!(pause(usize::MAX, 0) >= LONGEST_PAUSE / 2);
    }
}
