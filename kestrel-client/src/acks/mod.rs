//! Acks: counts which of the records that were handed out are done, one by one, in any order, from any task.
//!
//! ```text
//!   consumer's task             PartitionAcks (one per assignment)            any task
//!     hand_out(offset) ──────►  ┌ done ┬ done ┬ open ┬ done ┬ open ┐  ◄────── AckToken::ack
//!         gives a token         └──────┴──────┴──▲───┴──────┴──────┘
//!                                                └ committable: what is before it is all done
//! ```
//!
//! A [`PartitionAcks`] belongs to one assignment of one partition: a partition that is given up, or whose position is set
//! anew, gets another one, so that tokens of the old one change nothing any more. The engine keeps them and commits what
//! they say; nothing here does I/O. The lock inside is held for a few instructions and never while anything waits.
//!
//! Memory is bounded by the window: at most `max_open_records` between the first record that is not done and the last one
//! that was handed out, with one bit for each, and 24 bytes for each gap between their offsets. When it is full, nothing more
//! is handed out of the partition until the first one is done.

mod window;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kestrel_protocol::LeaderEpoch;
use parking_lot::{Mutex, MutexGuard};

use self::window::Window;

/// The records of one assignment of a partition that were handed out.
pub(crate) struct PartitionAcks {
    window: Mutex<Window>,
    /// Whether someone waits for acks.
    is_awaited: AtomicBool,
    /// Called after an ack while somebody waits.
    on_progress: Box<dyn Fn() + Send + Sync>,
}

/// Up to where everything is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AckedPosition {
    /// The offset to commit: that of the first record that is not done.
    pub(crate) offset: i64,
    /// The epoch of the leader that appended the last record before it, when one was handed out and had one.
    pub(crate) leader_epoch: Option<LeaderEpoch>,
}

impl PartitionAcks {
    /// Creates an empty window. `on_progress` is called after acks while [`Self::await_progress`] is on, by the task
    /// that acks: it must not block.
    pub(crate) fn new(max_open_records: usize, on_progress: impl Fn() + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self {
            window: Mutex::new(Window::new(max_open_records)),
            is_awaited: AtomicBool::new(false),
            on_progress: Box::new(on_progress),
        })
    }

    /// A record is being handed out; offsets only grow. `None` when the window is full: it must not be handed out then.
    pub(crate) fn hand_out(
        self: &Arc<Self>,
        offset: i64,
        leader_epoch: Option<LeaderEpoch>,
    ) -> Option<AckToken> {
        let index = self.window().hand_out(offset, leader_epoch)?;
        Some(AckToken { acks: Arc::clone(self), index })
    }

    /// As [`Self::hand_out`], for a batch that begins at `offset`: it counts as one record, and its token says that all before
    /// `end_offset` is done.
    pub(crate) fn hand_out_batch(
        self: &Arc<Self>,
        offset: i64,
        end_offset: i64,
        leader_epoch: Option<LeaderEpoch>,
    ) -> Option<AckToken> {
        let mut window = self.window();
        let index = window.hand_out(offset, leader_epoch)?;
        window.extend(end_offset);
        drop(window);
        Some(AckToken { acks: Arc::clone(self), index })
    }

    /// Whether another record may be handed out.
    pub(crate) fn has_room(&self) -> bool {
        self.window().has_room()
    }

    /// The number of records that were handed out and are not done.
    pub(crate) fn open_records(&self) -> usize {
        self.window().open_records()
    }

    /// The offset to commit when the caller has asked for what comes at `position`, which was read before this is called.
    pub(crate) fn committable(&self, position: i64) -> AckedPosition {
        let window = self.window();
        let all_done = || window.done_end().map_or(position, |end| end.max(position));
        let offset = window.first_open().unwrap_or_else(all_done);
        AckedPosition { offset, leader_epoch: window.last_done_epoch() }
    }

    /// The offset after the last record of those that are done one after the other; `None` when the first one is not.
    pub(crate) fn done_end(&self) -> Option<i64> {
        self.window().done_end()
    }

    /// The offset of the first record that was handed out and is not done.
    pub(crate) fn first_open(&self) -> Option<i64> {
        self.window().first_open()
    }

    /// Whether a record was said to be done after the assignment was over.
    pub(crate) fn has_late_acks(&self) -> bool {
        self.window().has_late()
    }

    /// Whether there are tokens left.
    pub(crate) fn has_tokens(self: &Arc<Self>) -> bool {
        Arc::strong_count(self) > 1
    }

    /// The assignment is over: tokens change nothing from now on.
    pub(crate) fn close(&self) {
        self.window().close();
    }

    /// Turns the calls of `on_progress` on or off.
    pub(crate) fn await_progress(&self, awaited: bool) {
        self.is_awaited.store(awaited, Ordering::SeqCst);
    }

    fn finish(&self, index: u64) {
        let is_new = self.window().finish(index);
        if is_new && self.is_awaited.load(Ordering::SeqCst) {
            (self.on_progress)();
        }
    }

    fn window(&self) -> MutexGuard<'_, Window> {
        // Every change of the window is complete before anything could panic.
        self.window.lock()
    }
}

impl fmt::Debug for PartitionAcks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PartitionAcks").field("window", &*self.window()).finish_non_exhaustive()
    }
}

/// Says of one record that it is done. Goes to any task; a few instructions, no memory.
///
/// Every record of a consumer with `CommitPolicy::OnAck` has one, and
/// [`ConsumerRecord::ack`](crate::ConsumerRecord::ack) uses it; take it out with
/// [`ConsumerRecord::ack_token`](crate::ConsumerRecord::ack_token) where the record itself goes elsewhere. Records may be
/// done in any order: what is committed is the offset of the first one that is not. A token that is dropped without
/// [`Self::ack`] leaves its record open, so that it and all after it are read again by whoever gets the partition next.
/// A token of a partition that the consumer has given up does nothing.
#[derive(Clone)]
pub struct AckToken {
    acks: Arc<PartitionAcks>,
    index: u64,
}

impl AckToken {
    /// The record is done. Saying so again changes nothing.
    pub fn ack(&self) {
        self.acks.finish(self.index);
    }

    /// Whether acks do nothing any more: the record's partition was given up, or its position was set anew.
    pub(crate) fn is_void(&self) -> bool {
        self.acks.window().is_closed()
    }
}

impl fmt::Debug for AckToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AckToken").field("index", &self.index).finish_non_exhaustive()
    }
}

/// The token of a record, if it has one. No part of what the record says: records are equal whatever their tokens are.
#[derive(Debug, Clone, Default)]
pub(crate) struct RecordAck(pub(crate) Option<AckToken>);

impl PartialEq for RecordAck {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests;
