//! Where records become batches: the side of the producer that user tasks see.
//!
//! `send` appends here, from any task, synchronously; the sender task takes batches out. One short lock per partition,
//! one reservation of memory and one allocation per batch, nothing per record. The sender is woken only when it sleeps
//! and something is ready, or is going to be before its timer fires.
//!
//! ```text
//!   user tasks ── append ──▶ TopicQueue ──▶ PartitionQueue { sealed batches, open batch }
//!                               │ sticky partition          │ a batch was opened or sealed
//!                               ▼                           ▼
//!                            Layout (grows with          Signals ──▶ sender task ── take ──▶ Dispatcher
//!                            the topic)
//! ```

mod queue;
mod signals;
mod topic;

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::{Duration, Instant};

use kestrel_protocol::record::{BuilderOptions, HEADER_BYTES, record_size};

use super::delivery::Delivery;
use super::memory::{Memory, Reservation};
use super::partitioner::{Choice, PartitionInput, Partitioner};
use crate::environment;
use crate::error::Error;
use crate::metadata::TopicView;
use crate::record::Timestamp;

pub(crate) use queue::{PartitionQueue, QueueView, SlotId};
pub(crate) use signals::{SendAtOnce, Signals};
pub(crate) use topic::TopicQueue;
use topic::{Layout, Sticky};

/// What the accumulator has to know of the producer's settings.
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
    next_slot: AtomicU32,
    random: AtomicU64,
    /// Why nothing can be appended any more.
    ended: OnceLock<Error>,
}

/// A record as the producer has it in hand: borrowed parts, copied once by [`Accumulator::append`].
#[derive(Debug, Clone)]
pub(crate) struct RecordParts<'a, H> {
    pub(crate) partition: Option<i32>,
    pub(crate) timestamp: Timestamp,
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) value: Option<&'a [u8]>,
    pub(crate) headers: H,
}

/// What became of an append.
#[derive(Debug)]
pub(crate) enum Appended {
    /// The record is in a batch.
    Accepted(Delivery),
    /// A batch has to be opened, and there is no memory for it: this many bytes.
    NeedsMemory(usize),
}

/// What became of an append to one partition.
enum Tried {
    Accepted(Delivery),
    NeedsMemory(usize),
    /// A batch boundary, and the sticky partition has had its share.
    Switch,
}

/// The partition that a record goes to.
struct Target<'l> {
    queue: &'l Arc<PartitionQueue>,
    /// As what it is the sticky one; `None` when it was chosen.
    sticky: Option<Sticky>,
}

impl Accumulator {
    pub(crate) fn new(settings: AccumulatorSettings, clock: Clock, seed: u64) -> Self {
        Self {
            signals: Signals::new(clock()),
            clock,
            memory: Memory::new(settings.buffer_memory, settings.batch_size),
            settings,
            topics: RwLock::default(),
            next_slot: AtomicU32::new(0),
            random: AtomicU64::new(seed),
            ended: OnceLock::new(),
        }
    }

    /// Appends a record to the open batch of its partition, or opens one with `reservation` or with free memory.
    #[inline]
    pub(crate) fn append<'h, H>(
        &self,
        topic: &TopicQueue,
        partitioner: &dyn Partitioner,
        record: &RecordParts<'_, H>,
        reservation: &mut Option<Reservation>,
    ) -> Result<Appended, Error>
    where
        H: IntoIterator<Item = (&'h str, Option<&'h [u8]>), IntoIter: Clone> + Clone,
    {
        self.check_open()?;
        let size_bytes = self.check_size(record)?;
        let layout = topic.layout();
        let share = self.settings.batch_size;
        loop {
            let Target { queue, sticky } = self.target(topic, &layout, partitioner, record)?;
            let may_switch = sticky.is_some_and(|sticky| sticky.bytes >= share);
            match queue.append(self, record, size_bytes, may_switch, reservation) {
                Tried::Accepted(delivery) => {
                    if sticky.is_some() {
                        topic.count(size_bytes);
                    }
                    return Ok(Appended::Accepted(delivery));
                }
                Tried::NeedsMemory(bytes) => return Ok(Appended::NeedsMemory(bytes)),
                Tried::Switch => {
                    if let Some(sticky) = sticky {
                        self.switch(topic, &layout, sticky);
                    }
                }
            }
        }
    }

    /// The queue of a topic, with a partition queue for each partition of `view`.
    pub(crate) fn topic(&self, view: &TopicView) -> Arc<TopicQueue> {
        if let Some(topic) = self.known_topic(&view.name) {
            return topic;
        }
        let mut topics = self.topics.write().unwrap_or_else(PoisonError::into_inner);
        let topic = topics.entry(Arc::clone(&view.name)).or_insert_with(|| {
            let topic = Arc::new(TopicQueue::new(Arc::clone(&view.name)));
            self.update_topic(&topic, view);
            topic.switch(topic.sticky(), &topic.layout(), self.next_random());
            topic
        });
        Arc::clone(topic)
    }

    /// The queue of a topic that was used before.
    pub(crate) fn known_topic(&self, name: &str) -> Option<Arc<TopicQueue>> {
        self.topics.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// All topics that were used.
    pub(crate) fn topics(&self) -> Vec<Arc<TopicQueue>> {
        self.topics.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Takes over what is new about a topic: more partitions, other leaders.
    pub(crate) fn update_topic(&self, topic: &TopicQueue, view: &TopicView) {
        topic.update(view, || SlotId(self.next_slot.fetch_add(1, Ordering::Relaxed)));
    }

    /// Nothing can be appended from now on; who waits for memory is told. What was appended stays.
    pub(crate) fn end(&self, error: Error) {
        let _ = self.ended.set(error);
        self.memory.close();
    }

    /// Drops all batches that were not taken, which fails their deliveries.
    pub(crate) fn clear(&self) {
        for topic in self.topics() {
            for queue in &topic.layout().queues {
                queue.clear();
            }
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

    fn check_size<'h, H>(&self, record: &RecordParts<'_, H>) -> Result<usize, Error>
    where
        H: IntoIterator<Item = (&'h str, Option<&'h [u8]>)> + Clone,
    {
        let (count, header_bytes) =
            record.headers.clone().into_iter().fold((0, 0), |(count, bytes), header| {
                (count + 1, bytes + header.0.len() + header.1.map_or(0, <[u8]>::len))
            });
        let length = |part: Option<&[u8]>| part.map_or(0, <[u8]>::len);
        let size_bytes = record_size(length(record.key), length(record.value), count, header_bytes);
        let too_large = |limit_bytes, setting| Error::RecordTooLarge {
            size_bytes: size_bytes + HEADER_BYTES,
            limit_bytes,
            setting,
        };
        if size_bytes + HEADER_BYTES > self.settings.max_request_size {
            return Err(too_large(self.settings.max_request_size, "max.request.size"));
        }
        if size_bytes + HEADER_BYTES > self.settings.buffer_memory {
            return Err(too_large(self.settings.buffer_memory, "buffer.memory"));
        }
        Ok(size_bytes)
    }

    /// Where a record goes.
    #[inline]
    fn target<'l, H>(
        &self,
        topic: &TopicQueue,
        layout: &'l Layout,
        partitioner: &dyn Partitioner,
        record: &RecordParts<'_, H>,
    ) -> Result<Target<'l>, Error> {
        let partition_count = layout.queues.len();
        if partition_count == 0 {
            return Err(Error::UnknownTopic { topic: Arc::clone(topic.name()) });
        }
        match Self::choose(topic, partitioner, record, partition_count) {
            Choice::Partition(partition) => {
                let queue = usize::try_from(partition).ok().and_then(|index| layout.queues.get(index));
                let topic = || Arc::clone(topic.name());
                let queue = queue.ok_or_else(|| Error::UnknownPartition {
                    topic: topic(),
                    partition,
                    partition_count,
                })?;
                Ok(Target { queue, sticky: None })
            }
            Choice::Sticky => loop {
                let sticky = topic.sticky();
                match layout.queues.get(sticky.partition) {
                    Some(queue) if sticky.bytes < 2 * self.settings.batch_size => {
                        return Ok(Target { queue, sticky: Some(sticky) });
                    }
                    _ => self.switch(topic, layout, sticky),
                }
            },
        }
    }

    #[inline]
    fn choose<H>(
        topic: &TopicQueue,
        partitioner: &dyn Partitioner,
        record: &RecordParts<'_, H>,
        partition_count: usize,
    ) -> Choice {
        if let Some(partition) = record.partition {
            return Choice::Partition(partition);
        }
        let count = i32::try_from(partition_count).unwrap_or(i32::MAX);
        let input = PartitionInput::new(topic.name(), record.key, record.value, count, topic.counter());
        partitioner.partition(&input)
    }

    #[cold]
    fn switch(&self, topic: &TopicQueue, layout: &Layout, from: Sticky) {
        topic.switch(from, layout, self.next_random());
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
