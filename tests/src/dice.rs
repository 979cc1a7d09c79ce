//! The choices of a test that a seed decides. Used by the churn of groups and by the kill loop.

use std::time::Duration;

/// A sequence of numbers that a seed decides: splitmix64, so that a seed means the same everywhere.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// The sequence of this seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub const fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `sides`.
    ///
    /// # Panics
    /// When there are no sides.
    pub fn roll(&mut self, sides: usize) -> usize {
        usize::try_from(self.next_u64() % sides as u64).expect("it is below a usize")
    }

    /// True once in `times`, on average.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.roll(times) == 0
    }

    /// A time between the two, to the microsecond.
    pub fn between(&mut self, least: Duration, most: Duration) -> Duration {
        let micros = u64::try_from(most.saturating_sub(least).as_micros()).unwrap_or(u64::MAX);
        least + Duration::from_micros(self.next_u64() % micros.max(1))
    }

    /// Brings the items into another order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.roll(last + 1));
        }
    }

    /// A sequence of its own, for someone who rolls at the same time.
    #[must_use]
    pub const fn split(&mut self) -> Self {
        Self(self.next_u64())
    }
}
