//! The producer's memory (`buffer.memory`): reserved per batch, given back when the batch is settled; and batch buffers
//! to use again.
//!
//! Asked by the accumulator when it opens a batch, never per record. Reservations free themselves when they are dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::environment::after;
use crate::error::Error;

/// A part of the producer's memory.
pub(crate) type Reservation = OwnedSemaphorePermit;

/// How long a call may wait (`max.block.ms`), and until when that is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    pub(crate) allowed: Duration,
    pub(crate) ends_at: Instant,
}

impl Patience {
    /// `allowed` from `now` on.
    pub(crate) fn new(allowed: Duration, now: Instant) -> Self {
        Self { allowed, ends_at: after(now, allowed) }
    }
}

/// The budget, and the buffers that were used before.
#[derive(Debug)]
pub(crate) struct Memory {
    limit_bytes: usize,
    /// The size of the buffers that are worth keeping.
    chunk_bytes: usize,
    budget: Arc<Semaphore>,
    spare: Mutex<Vec<Vec<u8>>>,
    /// Calls that wait for memory.
    waiting: AtomicUsize,
}

struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Memory {
    pub(crate) fn new(limit_bytes: usize, chunk_bytes: usize) -> Self {
        Self {
            limit_bytes,
            chunk_bytes,
            budget: Arc::new(Semaphore::new(limit_bytes)),
            spare: Mutex::new(Vec::new()),
            waiting: AtomicUsize::new(0),
        }
    }

    /// What is reserved.
    pub(crate) fn used_bytes(&self) -> usize {
        self.limit_bytes.saturating_sub(self.budget.available_permits())
    }

    /// How many calls wait for memory.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Counts a call that waits, until what it gives is dropped.
    pub(crate) fn begin_waiting(&self) -> impl Drop {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        Waiting(&self.waiting)
    }

    pub(crate) fn limit_bytes(&self) -> usize {
        self.limit_bytes
    }

    /// A reservation, if the memory is there now and no one waits for it.
    pub(crate) fn try_reserve(&self, bytes: usize) -> Option<Reservation> {
        let permits = u32::try_from(bytes).ok()?;
        Arc::clone(&self.budget).try_acquire_many_owned(permits).ok()
    }

    /// A reservation, as soon as the memory is there: first come, first served.
    ///
    /// # Errors
    /// [`Error::Timeout`] when `patience` is over; [`Error::Closed`] when the producer is closed. Cancel-safe.
    pub(crate) async fn reserve(&self, bytes: usize, patience: Patience) -> Result<Reservation, Error> {
        let permits = u32::try_from(bytes).unwrap_or(u32::MAX);
        let acquired = Arc::clone(&self.budget).acquire_many_owned(permits);
        match tokio::time::timeout_at(patience.ends_at.into(), acquired).await {
            Ok(Ok(reservation)) => Ok(reservation),
            Ok(Err(_)) => Err(Error::closed("producer")),
            Err(_) => {
                Err(Error::timeout("waiting for memory (buffer.memory)", patience.allowed, "max.block.ms"))
            }
        }
    }

    /// Ends all waits.
    pub(crate) fn close(&self) {
        self.budget.close();
    }

    /// An empty buffer with room for `bytes`.
    pub(crate) fn buffer(&self, bytes: usize) -> Vec<u8> {
        let spare = if bytes <= self.chunk_bytes { self.spare().pop() } else { None };
        spare.unwrap_or_else(|| Vec::with_capacity(bytes))
    }

    /// Takes back a buffer that is of the usual size.
    pub(crate) fn recycle(&self, mut buffer: Vec<u8>) {
        if buffer.capacity() < self.chunk_bytes || buffer.capacity() > 2 * self.chunk_bytes {
            return;
        }
        let mut spare = self.spare();
        if (spare.len() + 1) * self.chunk_bytes <= self.limit_bytes {
            buffer.clear();
            spare.push(buffer);
        }
    }

    fn spare(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.spare.lock()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patience(seconds: u64) -> Patience {
        Patience::new(Duration::from_secs(seconds), crate::environment::now())
    }

    #[tokio::test(start_paused = true)]
    async fn memory_comes_back_when_a_reservation_is_dropped() {
        let memory = Memory::new(100, 10);
        let first = memory.try_reserve(70).unwrap();
        assert!(memory.try_reserve(31).is_none());
        let error = memory.reserve(31, patience(1)).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "waiting for memory (buffer.memory) did not finish within 1s (setting max.block.ms)"
        );
        drop(first);
        assert!(memory.reserve(100, patience(1)).await.is_ok());
    }

    #[tokio::test]
    async fn closing_ends_the_wait() {
        let memory = Memory::new(10, 10);
        let _all = memory.try_reserve(10).unwrap();
        let (waited, ()) = tokio::join!(memory.reserve(1, patience(60)), async { memory.close() });
        assert!(matches!(waited, Err(Error::Closed { .. })));
        assert!(memory.try_reserve(0).is_none());
    }

    #[test]
    fn buffers_of_the_usual_size_are_used_again() {
        let memory = Memory::new(30, 10);
        let buffer = memory.buffer(10);
        let address = buffer.as_ptr();
        memory.recycle(buffer);
        let again = memory.buffer(8);
        assert_eq!(again.as_ptr(), address);
        memory.recycle(Vec::with_capacity(1000));
        assert!(memory.spare().is_empty());
    }
}
