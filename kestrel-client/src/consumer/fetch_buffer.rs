//! FetchBuffer: what was fetched and waits for the caller, in the order in which it came.
//!
//! Part of the [`Engine`](super::engine::Engine): the driver puts in, the caller's task takes out. Nothing leaves it
//! unread except by a seek, the end of an assignment, or a truncated log.

use std::collections::VecDeque;

use super::completed_fetch::CompletedFetch;
use super::subscription::PartitionId;

/// Completed fetches in order.
#[derive(Debug, Default)]
pub(crate) struct FetchBuffer {
    queue: VecDeque<Box<CompletedFetch>>,
}

impl FetchBuffer {
    pub(crate) fn push(&mut self, fetch: Box<CompletedFetch>) {
        self.queue.push_back(fetch);
    }

    /// Puts back what was taken and not read to its end: it is the next of its partition again.
    pub(crate) fn put_back(&mut self, fetch: Box<CompletedFetch>) {
        self.queue.push_front(fetch);
    }

    /// The oldest fetch of a partition that may be handed out.
    pub(crate) fn take(&mut self, may_take: impl Fn(PartitionId) -> bool) -> Option<Box<CompletedFetch>> {
        let index = self.queue.iter().position(|fetch| may_take(fetch.ticket.id))?;
        self.queue.remove(index)
    }

    /// Drops what waits of a partition.
    pub(crate) fn drop_partition(&mut self, id: PartitionId) {
        self.queue.retain(|fetch| fetch.ticket.id != id);
    }

    /// The first fetch that waits of a partition.
    pub(crate) fn first(&self, id: PartitionId) -> Option<&CompletedFetch> {
        self.queue.iter().find(|fetch| fetch.ticket.id == id).map(|fetch| &**fetch)
    }

    /// Lets go of large frames that only a paused partition keeps in memory.
    pub(crate) fn detach(&mut self, id: PartitionId) {
        self.queue.iter_mut().filter(|fetch| fetch.ticket.id == id).for_each(|fetch| fetch.detach());
    }

    /// How much waits, by partition.
    pub(crate) fn sizes(&self) -> impl Iterator<Item = (PartitionId, usize)> {
        self.queue.iter().map(|fetch| (fetch.ticket.id, fetch.size_bytes()))
    }
}
