//! Where records become batches: the side of the producer that user tasks see.
//!
//! Records are appended here, from any task, synchronously; the sender draws batches out. One short lock per partition, one
//! reservation of memory and one allocation per batch, nothing per record. It calls nobody: an append says whether the
//! sender has to look ([`Attempt::is_due`]), which it has only when it sleeps and something is ready, or is going to be
//! before its timer fires.
//!
//! ```text
//!   user tasks ── append ──▶ TopicQueue ──▶ PartitionQueue { sealed batches, open batch } ── draw ──▶ sender
//!                               │ sticky partition          │ a batch was opened or sealed             ▲
//!                               ▼                           ▼                                          │
//!                            Layout (grows with          Signals ── partitions with news ──────────────┘
//!                            the topic)
//! ```

mod parts;
mod queue;
mod signals;
mod topic;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kestrel_protocol::record::{BuilderOptions, HEADER_BYTES};
use parking_lot::RwLock;

use super::batch::Ending;
use super::delivery::Delivery;
use super::memory::{Memory, Reservation};
use super::partition_id::PartitionId;
use super::partitioner::{Choice, PartitionInput, Partitioner};
use crate::environment;
use crate::error::Error;
use crate::metadata::{TopicUse, TopicView};

pub(crate) use parts::RecordParts;
pub(crate) use queue::{Backlog, Drawn, PartitionQueue};
pub(crate) use signals::Signals;
use topic::Layout;
pub(crate) use topic::TopicQueue;

/// The producer's settings that the accumulator needs.
#[derive(Debug, Clone)]
pub(crate) struct AccumulatorSettings {
    pub(crate) batch_size: usize,
    pub(crate) linger: Duration,
    pub(crate) buffer_memory: usize,
    pub(crate) max_request_size: usize,
    pub(crate) builder: BuilderOptions,
}

/// Tells the time when a batch is opened: records are too many to read a clock for each.
pub(crate) type Clock = Box<dyn Fn() -> Instant + Send + Sync>;

/// All open and sealed batches of a producer.
pub(crate) struct Accumulator {
    settings: AccumulatorSettings,
    clock: Clock,
    memory: Memory,
    topics: RwLock<HashMap<Arc<str>, Arc<TopicQueue>>>,
    signals: Signals,
    next_partition: AtomicU32,
    random: AtomicU64,
    /// Why nothing can be appended any more.
    ended: Ending,
}

/// What is kept of a record between two tries to append it.
#[derive(Debug, Default)]
pub(crate) struct Attempt {
    /// What the partitioner chose: it is asked once per record.
    pub(crate) choice: Option<Choice>,
    /// Memory that was set aside for it.
    pub(crate) reservation: Option<Reservation>,
    /// Whether the sender has to look at what was sealed or opened on the way: for the caller to see to, and to reset.
    pub(crate) is_due: bool,
    /// Whether a batch was opened on the way, which takes memory.
    pub(crate) has_opened: bool,
}

/// The result of an append.
#[derive(Debug)]
pub(crate) enum Appended {
    /// The record is in a batch.
    Accepted(Delivery),
    /// A batch has to be opened, and there is no memory for it: this many bytes.
    NeedsMemory(usize),
    /// The topic is not kept in the metadata any more.
    NeedsTopic,
    /// The topic has no partition of this number, as far as is known.
    NeedsPartition(i32),
}

/// The result of an append to one partition.
enum Tried {
    Accepted(Delivery),
    NeedsMemory(usize),
    /// The sticky partition has had its share: another one's turn.
    Switch,
}

impl Accumulator {
    pub(crate) fn new(settings: AccumulatorSettings, clock: Clock, seed: u64) -> Self {
        Self {
            signals: Signals::new(clock()),
            clock,
            memory: Memory::new(settings.buffer_memory, settings.batch_size),
            settings,
            topics: RwLock::default(),
            next_partition: AtomicU32::new(0),
            random: AtomicU64::new(seed),
            ended: Ending::default(),
        }
    }

    /// Appends a record to the open batch of its partition, or opens one with memory that was set aside or is free.
    #[inline]
    pub(crate) fn append(
        &self,
        topic: &TopicQueue,
        partitioner: &dyn Partitioner,
        record: &RecordParts<'_>,
        attempt: &mut Attempt,
    ) -> Result<Appended, Error> {
        self.check_open()?;
        let size_bytes = self.check_size(record)?;
        let layout = topic.layout();
        if !layout.is_kept() {
            return Ok(Appended::NeedsTopic);
        }
        let choose = || Self::choose(topic, partitioner, record, layout.queues.len());
        let choice = *attempt.choice.get_or_insert_with(choose);
        let (index, sticky_bytes) = match choice {
            Choice::Partition(partition) => (usize::try_from(partition).unwrap_or(usize::MAX), None),
            Choice::Sticky => (topic.sticky(), Some(size_bytes)),
        };
        if let Some(queue) = layout.queues.get(index) {
            match queue.append(self, record, sticky_bytes, attempt) {
                Tried::Accepted(delivery) => {
                    topic.note_use();
                    return Ok(Appended::Accepted(delivery));
                }
                Tried::NeedsMemory(bytes) => return Ok(Appended::NeedsMemory(bytes)),
                Tried::Switch => {}
            }
        } else if let Choice::Partition(partition) = choice {
            return Self::find_none(topic, &layout, partition).map(Appended::NeedsPartition);
        }
        self.switch(topic, &layout, index)?;
        drop(layout);
        self.append(topic, partitioner, record, attempt)
    }

    /// Memory for a batch that begins with `record`; `None` when there is none at the moment.
    ///
    /// # Errors
    /// As [`Self::append`], for a record that is too large.
    pub(crate) fn set_aside(&self, record: &RecordParts<'_>) -> Result<Option<Reservation>, Error> {
        self.check_open()?;
        self.check_size(record)?;
        let reservation = self.memory.try_reserve(self.batch_bytes(record));
        if reservation.is_none() {
            self.signals.press();
        }
        Ok(reservation)
    }

    /// The queue of a topic, with a partition queue for each partition of `view`, which is from the metadata of `version`.
    /// `topic_use` keeps the topic in the metadata until the producer forgets it.
    pub(crate) fn topic(
        &self,
        view: &TopicView,
        version: u64,
        topic_use: Option<TopicUse>,
    ) -> Arc<TopicQueue> {
        let topic = self.known_topic(&view.name).unwrap_or_else(|| {
            let mut topics = self.topics.write();
            let new = || Arc::new(TopicQueue::new(Arc::clone(&view.name)));
            Arc::clone(topics.entry(Arc::clone(&view.name)).or_insert_with(new))
        });
        let is_new = topic.layout().queues.is_empty();
        self.update_topic(&topic, view, version);
        topic.keep(topic_use);
        if is_new {
            topic.switch(topic.sticky(), &topic.layout(), self.next_random());
        }
        topic
    }

    /// The queue of a topic that was used before.
    pub(crate) fn known_topic(&self, name: &str) -> Option<Arc<TopicQueue>> {
        self.topics.read().get(name).cloned()
    }

    /// All topics that were used.
    pub(crate) fn topics(&self) -> Vec<Arc<TopicQueue>> {
        self.topics.read().values().cloned().collect()
    }

    /// Takes over what is new about a topic: more partitions, other leaders. An older version than the last changes nothing.
    pub(crate) fn update_topic(&self, topic: &TopicQueue, view: &TopicView, version: u64) {
        topic.update(view, version, || PartitionId(self.next_partition.fetch_add(1, Ordering::Relaxed)));
    }

    /// Refuses all appends from now on with `error`, which ends waits for memory. What was appended stays.
    pub(crate) fn end(&self, error: Error) {
        let _ = self.ended.set(error);
        self.memory.close();
    }

    /// The place for the error that ends the producer.
    pub(super) fn ending(&self) -> Ending {
        Arc::clone(&self.ended)
    }

    /// Drops all batches that were not taken, which fails their deliveries, and forgets all topics.
    pub(crate) fn clear(&self) {
        for topic in self.topics() {
            for queue in &topic.layout().queues {
                queue.clear();
            }
            topic.forget();
        }
    }

    /// Fails when the producer is closed or has failed.
    pub(crate) fn check_open(&self) -> Result<(), Error> {
        match self.ended.get() {
            None => Ok(()),
            Some(error) => Err(error.clone()),
        }
    }

    pub(crate) fn memory(&self) -> &Memory {
        &self.memory
    }

    pub(crate) fn signals(&self) -> &Signals {
        &self.signals
    }

    pub(crate) fn settings(&self) -> &AccumulatorSettings {
        &self.settings
    }

    /// The memory that a batch takes which begins with `record`.
    fn batch_bytes(&self, record: &RecordParts<'_>) -> usize {
        self.settings.batch_size.max(record.size_bytes() + HEADER_BYTES)
    }

    /// The size of a record that is not too large.
    #[inline]
    fn check_size(&self, record: &RecordParts<'_>) -> Result<usize, Error> {
        let size_bytes = record.size_bytes();
        let AccumulatorSettings { max_request_size, buffer_memory, .. } = self.settings;
        if size_bytes + HEADER_BYTES <= max_request_size.min(buffer_memory) {
            return Ok(size_bytes);
        }
        Err(self.too_large(size_bytes + HEADER_BYTES))
    }

    #[cold]
    fn too_large(&self, size_bytes: usize) -> Error {
        let AccumulatorSettings { max_request_size, buffer_memory, .. } = self.settings;
        let (limit_bytes, setting) = match size_bytes > max_request_size {
            true => (max_request_size, "max.request.size"),
            false => (buffer_memory, "buffer.memory"),
        };
        Error::RecordTooLarge { size_bytes, limit_bytes, setting }
    }

    /// A chosen partition that is not there: the number of one that there may be by now.
    #[cold]
    fn find_none(topic: &TopicQueue, layout: &Layout, partition: i32) -> Result<i32, Error> {
        if layout.queues.is_empty() {
            return Err(Error::UnknownTopic { topic: Arc::clone(topic.name()) });
        }
        if partition < 0 {
            return Err(topic.unknown_partition(partition, layout.queues.len()));
        }
        Ok(partition)
    }

    #[inline]
    fn choose(
        topic: &TopicQueue,
        partitioner: &dyn Partitioner,
        record: &RecordParts<'_>,
        partition_count: usize,
    ) -> Choice {
        if let Some(partition) = record.partition {
            return Choice::Partition(partition);
        }
        let count = i32::try_from(partition_count).unwrap_or(i32::MAX);
        let input = PartitionInput::new(topic.name(), record.key, record.value, count, topic.counter());
        partitioner.partition(&input)
    }

    /// Makes another partition sticky than the one of number `from`.
    #[cold]
    fn switch(&self, topic: &TopicQueue, layout: &Layout, from: usize) -> Result<(), Error> {
        if layout.queues.is_empty() {
            return Err(Error::UnknownTopic { topic: Arc::clone(topic.name()) });
        }
        topic.switch(from, layout, self.next_random());
        Ok(())
    }

    fn next_random(&self) -> u64 {
        environment::mix(self.random.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed))
    }

    fn now(&self) -> Instant {
        (self.clock)()
    }
}

impl fmt::Debug for Accumulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accumulator").field("settings", &self.settings).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod benches;
#[cfg(test)]
mod tests;
