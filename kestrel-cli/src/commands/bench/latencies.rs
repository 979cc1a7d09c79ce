//! Latencies: how long each of many things took, in buckets. Pure.

use std::time::Duration;

/// The buckets of each power of two: what is in one is off by a 32nd at most.
const STEPS: u64 = 32;
/// As many as the largest number needs.
const BUCKETS: usize = 60 * 32;

/// How often each latency was.
#[derive(Debug, Clone)]
pub(super) struct Latencies {
    buckets: Vec<u64>,
    count: u64,
    longest: Duration,
}

impl Default for Latencies {
    fn default() -> Self {
        Self { buckets: vec![0; BUCKETS], count: 0, longest: Duration::ZERO }
    }
}

impl Latencies {
    /// Adds one.
    pub(super) fn add(&mut self, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        if let Some(bucket) = self.buckets.get_mut(bucket(micros)) {
            *bucket += 1;
        }
        self.count += 1;
        self.longest = self.longest.max(latency);
    }

    /// How many there are.
    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    /// The latency that this part of all is below: 0.5 is the median, 1.0 the longest. `None` without any.
    pub(super) fn at(&self, rank: f64) -> Option<Duration> {
        if self.count == 0 {
            return None;
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of a count")]
        let wanted = ((self.count as f64 * rank).ceil() as u64).max(1);
        let mut seen = 0;
        let found = self.buckets.iter().position(|count| {
            seen += count;
            seen >= wanted
        });
        Some(found.map_or(self.longest, |bucket| Duration::from_micros(largest_in(bucket)).min(self.longest)))
    }
}

/// The bucket of a number: one of its own for the small ones, and then 32 for each power of two.
fn bucket(number: u64) -> usize {
    let power = (u64::BITS - number.leading_zeros()).saturating_sub(6);
    let bucket = if power == 0 { number } else { u64::from(power) * STEPS + (number >> power) };
    usize::try_from(bucket).unwrap_or(usize::MAX)
}

/// The largest number of a bucket.
fn largest_in(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < 2 * STEPS {
        return bucket;
    }
    let power = bucket / STEPS - 1;
    let largest = (u128::from(bucket - power * STEPS + 1) << power) - 1;
    u64::try_from(largest).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_near_what_they_are_of() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.at(0.5), None);
        for micros in 1..=100_000 {
            latencies.add(Duration::from_micros(micros));
        }
        for (rank, micros) in [(0.5, 50_000.0), (0.95, 95_000.0), (0.99, 99_000.0), (0.00001, 1.0)] {
            let found = latencies.at(rank).unwrap().as_secs_f64() * 1e6;
            assert!((found - micros).abs() <= micros / 30.0 + 1.0, "{rank}: {found}");
        }
        assert_eq!(latencies.at(1.0), Some(Duration::from_micros(100_000)));
    }

    #[test]
    fn buckets_are_in_order_and_hold_what_is_in_them() {
        let mut last = 0;
        for number in 0..5_000 {
            assert!(bucket(number) >= last);
            last = bucket(number);
        }
        for number in (0..5_000).chain((0..63).map(|bit| 1_u64 << bit)).chain([u64::MAX]) {
            let bucket = bucket(number);
            assert!(bucket < BUCKETS && largest_in(bucket) >= number, "{number} in {bucket}");
            assert_eq!(self::bucket(largest_in(bucket)), bucket);
        }
    }
}
