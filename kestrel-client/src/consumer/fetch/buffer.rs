//! FetchBuffer: what was fetched and waits for the caller, in the order in which it came.
//!
//! Part of the [`Engine`](crate::consumer::engine::Engine): the driver puts in, the caller's task takes out. Nothing leaves it
//! unread except by a seek, the end of an assignment, or a truncated log.

use std::collections::VecDeque;

use super::completed::CompletedFetch;
use crate::consumer::position::AssignmentId;

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
    pub(crate) fn take(&mut self, may_take: impl Fn(AssignmentId) -> bool) -> Option<Box<CompletedFetch>> {
        let index = self.queue.iter().position(|fetch| may_take(fetch.position_id.id))?;
        self.queue.remove(index)
    }

    /// Drops what waits of a partition.
    pub(crate) fn drop_partition(&mut self, id: AssignmentId) {
        self.queue.retain(|fetch| fetch.position_id.id != id);
    }

    /// The first fetch that waits of a partition.
    pub(crate) fn first(&self, id: AssignmentId) -> Option<&CompletedFetch> {
        self.queue.iter().find(|fetch| fetch.position_id.id == id).map(|fetch| &**fetch)
    }

    /// Lets go of large frames that only a paused partition keeps in memory.
    pub(crate) fn detach(&mut self, id: AssignmentId) {
        self.queue.iter_mut().filter(|fetch| fetch.position_id.id == id).for_each(|fetch| fetch.detach());
    }

    /// The bytes that wait, by partition.
    pub(crate) fn sizes(&self) -> impl Iterator<Item = (AssignmentId, usize)> {
        self.queue.iter().map(|fetch| (fetch.position_id.id, fetch.size_bytes()))
    }
}
