//! CallerProgress: where the caller's task stands in the run that it has taken, readable without a lock.
//!
//! Written by the caller's task at each record, read under the engine's lock. A record that was handed out counts as done
//! when the next one is asked for, or when the caller commits: what is handed out and not done is never committed by itself.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering, fence};

use tokio::sync::Notify;

/// The progress of the caller's task in the run of batches that it has taken.
#[derive(Debug, Default)]
pub(crate) struct CallerProgress {
    /// The offset below which all of the run is done.
    done_offset: AtomicI64,
    /// The offset of the run that is handed out next.
    next_offset: AtomicI64,
    /// The count of hand-outs.
    hand_outs: AtomicU64,
    /// The count of hand-outs when the caller asked last.
    asked_after: AtomicU64,
    /// The count of hand-outs when the caller last said that all of it is done.
    done_after: AtomicU64,
    /// The count of the caller's polls.
    polls: AtomicU64,
    /// Whether someone waits for the caller to ask.
    is_awaited: AtomicBool,
    /// Rung by acks that someone waits for: once for the group's driver, and for all who wait for records to be done.
    acked: Notify,
    drained: Notify,
}

impl CallerProgress {
    /// The caller asks for more, so all before `next_offset` of its run is done. [`Self::is_awaited`] has to follow.
    pub(crate) fn ask(&self, next_offset: Option<i64>) {
        self.ask_on(next_offset);
        self.let_go();
    }

    /// As [`Self::ask`], but the caller works on what it has been handed out before until it lets go of it.
    pub(crate) fn ask_on(&self, next_offset: Option<i64>) {
        self.finish(next_offset);
        // The caller's task is the only writer, so this need not be one step.
        self.polls.store(self.polls.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    /// All before `next_offset` of the run is done, although the caller asks for nothing.
    pub(crate) fn finish(&self, next_offset: Option<i64>) {
        if let Some(next_offset) = next_offset {
            self.done_offset.store(next_offset, Ordering::Release);
        }
        self.done_after.store(self.hand_outs(), Ordering::Release);
    }

    /// The caller works on nothing any more, done or not. [`Self::is_awaited`] has to follow.
    pub(crate) fn let_go(&self) {
        self.asked_after.store(self.hand_outs(), Ordering::Release);
    }

    /// Whether someone waits for the caller to ask. After it the caller sees what those who wait have marked, or they see all
    /// that it noted before.
    pub(crate) fn is_awaited(&self) -> bool {
        // A fence costs as much as the rest of handing out a record does: one for each is enough.
        fence(Ordering::SeqCst);
        self.is_awaited.load(Ordering::Relaxed)
    }

    /// Notes that something is being handed out, and that `next_offset` comes after it.
    pub(crate) fn hand_out(&self, next_offset: i64) {
        self.next_offset.store(next_offset, Ordering::Release);
        self.hand_outs.store(self.hand_outs.load(Ordering::Relaxed) + 1, Ordering::Release);
    }

    /// The count of hand-outs.
    pub(crate) fn hand_outs(&self) -> u64 {
        self.hand_outs.load(Ordering::Acquire)
    }

    /// A run was taken, whose first record is at `offset`.
    pub(crate) fn begin(&self, offset: i64) {
        self.next_offset.store(offset, Ordering::Release);
        self.done_offset.store(offset, Ordering::Release);
    }

    pub(crate) fn done_offset(&self) -> i64 {
        self.done_offset.load(Ordering::Acquire)
    }

    pub(crate) fn next_offset(&self) -> i64 {
        self.next_offset.load(Ordering::Acquire)
    }

    /// Whether something was handed out since the caller asked last.
    pub(crate) fn is_busy(&self) -> bool {
        self.hand_outs() > self.asked_after.load(Ordering::Acquire)
    }

    /// Whether something was handed out that does not count as done.
    pub(crate) fn is_open(&self) -> bool {
        self.hand_outs() > self.done_after.load(Ordering::Acquire)
    }

    /// A record is done, and someone waits for that.
    pub(crate) fn ring(&self) {
        self.acked.notify_one();
        self.drained.notify_waiters();
    }

    pub(crate) fn acked(&self) -> &Notify {
        &self.acked
    }

    pub(crate) fn drained(&self) -> &Notify {
        &self.drained
    }

    pub(crate) fn polls(&self) -> u64 {
        self.polls.load(Ordering::Relaxed)
    }

    /// Turns the calls of a waiting driver on or off. What is read of the caller after this call is what it noted last, or it
    /// will tell.
    pub(crate) fn await_caller(&self, awaited: bool) {
        self.is_awaited.store(awaited, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }
}
