//! A number that grows, and a number of those who are inside of something.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A number that only grows, from 0.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// Counts one.
    pub(crate) fn count(&self) {
        self.add(1);
    }

    /// Counts several.
    pub(crate) fn add(&self, number: u64) {
        self.0.fetch_add(number, Ordering::Relaxed);
    }

    /// Counts bytes in memory.
    pub(crate) fn add_bytes(&self, bytes: usize) {
        self.add(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    /// The number now.
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How many are inside of something, such as a wait. Shared by [`Arc`]: each who is inside holds it.
#[derive(Debug, Default)]
pub(crate) struct Gauge(AtomicU64);

/// One that is inside; counted until it is dropped.
#[derive(Debug)]
pub(crate) struct Inside(Arc<Gauge>);

impl Gauge {
    /// Counts one in.
    pub(crate) fn enter(self: &Arc<Self>) -> Inside {
        self.0.fetch_add(1, Ordering::Relaxed);
        Inside(Arc::clone(self))
    }

    /// The number now.
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_inside_are_counted_until_they_leave() {
        let gauge = Arc::new(Gauge::default());
        let first = gauge.enter();
        let second = gauge.enter();
        assert_eq!(gauge.get(), 2);
        drop(first);
        assert_eq!(gauge.get(), 1);
        drop(second);
        assert_eq!(gauge.get(), 0);
    }
}
