//! How long to wait before trying again: doubling, bounded, with jitter.
//!
//! Used for reconnects, metadata refreshes and batch retries. Pure: the randomness comes from a seed.

use std::time::Duration;

use crate::environment::next_random;

/// Part of a delay by which it may differ from its nominal value, in percent of it.
const JITTER_PERCENT: u64 = 20;

/// Delays that double from `initial` to `max`, each up to 20% shorter or longer so that clients do not march in step.
#[derive(Debug, Clone)]
pub(crate) struct ExponentialBackoff {
    initial: Duration,
    max: Duration,
    random: u64,
}

impl ExponentialBackoff {
    pub(crate) const fn new(initial: Duration, max: Duration, seed: u64) -> Self {
        Self { initial, max, random: seed }
    }

    /// The delay after `failures` failures in a row: none after none.
    pub(crate) fn delay(&mut self, failures: u32) -> Duration {
        let Some(doublings) = failures.checked_sub(1) else { return Duration::ZERO };
        let factor = 2u32.checked_pow(doublings).unwrap_or(u32::MAX);
        let nominal = self.initial.saturating_mul(factor).min(self.max);
        let percent = 100 - JITTER_PERCENT + next_random(&mut self.random) % (2 * JITTER_PERCENT + 1);
        let percent = u32::try_from(percent).unwrap_or(100);
        nominal.saturating_mul(percent) / 100
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_bound_within_the_jitter() {
        let mut backoff = ExponentialBackoff::new(Duration::from_millis(100), Duration::from_millis(1000), 7);
        assert_eq!(backoff.delay(0), Duration::ZERO);
        for (failures, nominal) in [(1, 100), (2, 200), (3, 400), (4, 800), (5, 1000), (500, 1000)] {
            for _ in 0..50 {
                let delay = backoff.delay(failures).as_millis();
                assert!(delay >= nominal * 8 / 10 && delay <= nominal * 12 / 10, "{failures}: {delay}");
            }
        }
    }
}
