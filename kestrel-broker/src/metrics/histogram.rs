//! How long things took, in buckets with fixed bounds.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::Counter;

/// The upper bounds of the buckets; the last bucket has none.
const BOUNDS: [Duration; 16] = [
    Duration::from_micros(50),
    Duration::from_micros(100),
    Duration::from_micros(250),
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_micros(2500),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(30),
];

/// Durations as they are counted.
#[derive(Debug, Default)]
pub(crate) struct Timings {
    buckets: [AtomicU64; BOUNDS.len() + 1],
    sum_nanos: Counter,
}

impl Timings {
    /// Counts something that took so long.
    pub(crate) fn observe(&self, took: Duration) {
        let bucket = BOUNDS.partition_point(|bound| *bound < took);
        if let Some(bucket) = self.buckets.get(bucket) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.sum_nanos.add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }

    /// What was counted up to now.
    pub(crate) fn snapshot(&self) -> Histogram {
        let counts = self.buckets.each_ref().map(|bucket| bucket.load(Ordering::Relaxed));
        Histogram { counts, sum: Duration::from_nanos(self.sum_nanos.get()) }
    }
}

/// How long things took, counted in 17 buckets from 50 microseconds to 30 seconds and above.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let broker = kestrel_broker::Broker::test().await?;
/// let flushes = broker.metrics().flushes;
/// let mean = flushes.sum().checked_div(u32::try_from(flushes.count())?);
/// println!("{} flushes, {mean:?} each", flushes.count());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Histogram {
    counts: [u64; BOUNDS.len() + 1],
    sum: Duration,
}

impl Histogram {
    /// How many there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// How long all of them took together.
    #[must_use]
    pub const fn sum(&self) -> Duration {
        self.sum
    }

    /// The upper bound of each bucket, itself included, and how many took no longer than that; those above the last bound are in
    /// [`count`](Self::count) alone.
    pub fn buckets(&self) -> impl Iterator<Item = (Duration, u64)> + '_ {
        let mut below = 0;
        BOUNDS.iter().zip(self.counts).map(move |(bound, count)| {
            below += count;
            (*bound, below)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_duration_is_in_the_buckets_that_it_fits() {
        let timings = Timings::default();
        for took in
            [Duration::ZERO, Duration::from_micros(50), Duration::from_micros(51), Duration::from_secs(40)]
        {
            timings.observe(took);
        }
        let histogram = timings.snapshot();
        let buckets: Vec<_> = histogram.buckets().map(|(_, below)| below).collect();
        assert_eq!(buckets, [vec![2], vec![3; 15]].concat());
        assert_eq!(histogram.count(), 4);
        assert_eq!(histogram.sum(), Duration::from_micros(101) + Duration::from_secs(40));
        assert!(BOUNDS.is_sorted());
    }
}
