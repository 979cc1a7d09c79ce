//! TopicQueue: the partitions of one topic as the producer sees them, and the sticky one among them (KIP-794).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

use kestrel_protocol::NodeId;
use parking_lot::{RwLock, RwLockReadGuard};

use super::queue::PartitionQueue;
use crate::error::Error;
use crate::metadata::{TopicUse, TopicView};
use crate::producer::partition_id::{PartitionId, PartitionKey};

/// A topic that this producer writes to.
#[derive(Debug)]
pub(crate) struct TopicQueue {
    name: Arc<str>,
    layout: RwLock<Layout>,
    /// Whether a record was appended since the last `take_use`.
    is_used: AtomicBool,
    /// The number of the sticky partition.
    sticky: AtomicUsize,
    counter: AtomicU32,
}

/// The partitions, by number, and which of them have a leader.
#[derive(Debug, Default)]
pub(crate) struct Layout {
    pub(crate) queues: Vec<Arc<PartitionQueue>>,
    available: Vec<usize>,
    /// The version of the metadata that it is from.
    version: u64,
    state: Interest,
}

/// Whether the producer keeps a topic in the metadata.
#[derive(Debug, Default)]
enum Interest {
    /// Nothing is appended before it was looked up.
    #[default]
    Forgotten,
    Kept {
        _topic_use: Option<TopicUse>,
    },
}

impl Layout {
    /// Whether records can be appended.
    #[inline]
    pub(super) const fn is_kept(&self) -> bool {
        matches!(self.state, Interest::Kept { .. })
    }
}

impl TopicQueue {
    pub(super) fn new(name: Arc<str>) -> Self {
        Self {
            name,
            layout: RwLock::default(),
            is_used: AtomicBool::new(true),
            sticky: AtomicUsize::new(0),
            counter: AtomicU32::new(0),
        }
    }

    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The partitions. Not to be kept across an await or an update.
    pub(crate) fn layout(&self) -> RwLockReadGuard<'_, Layout> {
        self.layout.read()
    }

    pub(super) fn counter(&self) -> &AtomicU32 {
        &self.counter
    }

    /// Lets records be appended from now on, and keeps the topic in the metadata.
    pub(super) fn keep(&self, topic_use: Option<TopicUse>) {
        self.is_used.store(true, Ordering::Relaxed);
        let mut layout = self.layout.write();
        let before = std::mem::replace(&mut layout.state, Interest::Kept { _topic_use: topic_use });
        drop(layout);
        drop(before);
    }

    /// Lets the topic leave the metadata, unless there are records for it.
    pub(crate) fn forget(&self) {
        let mut layout = self.layout.write();
        // An append holds the layout's lock: none comes between this look and the change.
        if layout.queues.iter().any(|queue| !queue.is_empty()) {
            return;
        }
        let before = std::mem::take(&mut layout.state);
        drop(layout);
        drop(before);
    }

    /// Whether records can be appended: it was looked up, and not forgotten since.
    pub(crate) fn is_kept(&self) -> bool {
        self.layout().is_kept()
    }

    /// Notes that a record was appended: cheap when that is known.
    #[inline]
    pub(super) fn note_use(&self) {
        if !self.is_used.load(Ordering::Relaxed) {
            self.is_used.store(true, Ordering::Relaxed);
        }
    }

    /// Whether a record was appended since the last call.
    pub(crate) fn take_use(&self) -> bool {
        self.is_used.swap(false, Ordering::Relaxed)
    }

    /// The error of a partition that the topic does not have.
    pub(crate) fn unknown_partition(&self, partition: i32, partition_count: usize) -> Error {
        Error::UnknownPartition { topic: Arc::clone(&self.name), partition, partition_count }
    }

    /// Adds queues for partitions that are new, drops those beyond the last one, notes which partitions have a leader.
    pub(super) fn update(&self, view: &TopicView, version: u64, mut next_id: impl FnMut() -> PartitionId) {
        let mut layout = self.layout.write();
        if version < layout.version {
            return;
        }
        layout.version = version;
        let known = layout.queues.len();
        for index in known..view.partitions.len() {
            let index = i32::try_from(index).unwrap_or(i32::MAX);
            let key = PartitionKey { id: next_id(), topic: Arc::clone(&self.name), index };
            layout.queues.push(Arc::new(PartitionQueue::new(key)));
        }
        layout.queues.truncate(view.partitions.len());
        let has_leader = |index: &usize| {
            view.partitions.get(*index).is_some_and(|partition| partition.leader != NodeId::NONE)
        };
        layout.available = (0..view.partitions.len()).filter(has_leader).collect();
    }

    /// The number of the sticky partition. The topic may have fewer partitions by now.
    #[inline]
    pub(super) fn sticky(&self) -> usize {
        self.sticky.load(Ordering::Relaxed)
    }

    /// Makes another partition sticky, any that has a leader. Of two callers at a time, the second leaves the choice of the first.
    pub(super) fn switch(&self, from: usize, layout: &Layout, random: u64) {
        let below = |count: usize| {
            let count = u64::try_from(count).unwrap_or(u64::MAX).max(1);
            usize::try_from(random % count).unwrap_or(0)
        };
        let next = match layout.available.get(below(layout.available.len())) {
            Some(partition) => *partition,
            None => below(layout.queues.len()),
        };
        let _ = self.sticky.compare_exchange(from, next, Ordering::Relaxed, Ordering::Relaxed);
    }
}
