//! The batches of one partition that the sender has not taken yet.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use kestrel_protocol::record::RecordBatchBuilder;

use super::{Accumulator, AccumulatorSettings, Attempt, RecordParts, Signals, Tried};
use crate::environment::after;
use crate::producer::batch::{Opening, ProducerBatch};
use crate::producer::delivery::{BatchState, Delivery};
use crate::producer::memory::Reservation;
use crate::producer::partition_id::PartitionKey;

/// The batches of one partition that the sender has not taken yet: sealed ones, oldest first, then the open one.
#[derive(Debug)]
pub(crate) struct PartitionQueue {
    key: PartitionKey,
    batches: Mutex<Batches>,
}

#[derive(Debug, Default)]
struct Batches {
    sealed: VecDeque<ProducerBatch>,
    open: Option<ProducerBatch>,
    /// What has come since this became the sticky partition, in bytes.
    sticky_bytes: usize,
    /// The sender has been told and has not looked yet.
    signalled: bool,
}

/// What a queue holds, in figures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Backlog {
    /// How many batches can go at once.
    pub(crate) sealed: usize,
    /// When the open batch was opened.
    pub(crate) opened_at: Option<Instant>,
    /// When the oldest batch was opened.
    pub(crate) oldest_at: Option<Instant>,
}

/// A batch that was taken from a queue, if there was one, and what is left there.
#[derive(Debug, Default)]
pub(crate) struct Drawn {
    pub(crate) batch: Option<ProducerBatch>,
    pub(crate) backlog: Backlog,
}

impl PartitionQueue {
    pub(super) fn new(key: PartitionKey) -> Self {
        Self { key, batches: Mutex::default() }
    }

    pub(crate) const fn key(&self) -> &PartitionKey {
        &self.key
    }

    /// Appends to the open batch; when there is none or it is full, opens another. `sticky_bytes` is the size of a record that
    /// is here because this is the sticky partition.
    #[inline]
    pub(super) fn append(
        self: &Arc<Self>,
        accumulator: &Accumulator,
        record: &RecordParts<'_>,
        sticky_bytes: Option<usize>,
        attempt: &mut Attempt,
    ) -> Tried {
        let mut batches = self.batches();
        let share = accumulator.settings().batch_size;
        let may_stay = sticky_bytes.is_none() || batches.sticky_bytes < 2 * share;
        if may_stay
            && let Some(open) = &mut batches.open
            && let Some(index) = append_to(open, record)
        {
            let delivery = Delivery::new(Arc::clone(open.state()), index, record.timestamp);
            batches.sticky_bytes += sticky_bytes.unwrap_or(0);
            return Tried::Accepted(delivery);
        }
        self.append_anew(batches, accumulator, record, sticky_bytes, attempt)
    }

    /// Has the sticky partition switched if this one has had its share; or else seals the open batch, if there is one, and
    /// appends to a new one.
    #[cold]
    fn append_anew(
        self: &Arc<Self>,
        mut batches: MutexGuard<'_, Batches>,
        accumulator: &Accumulator,
        record: &RecordParts<'_>,
        sticky_bytes: Option<usize>,
        attempt: &mut Attempt,
    ) -> Tried {
        let share = accumulator.settings().batch_size;
        let has_had = sticky_bytes.map_or(0, |_| batches.sticky_bytes);
        if has_had >= 2 * share {
            batches.sticky_bytes = 0;
            return Tried::Switch;
        }
        let was_full = batches.seal();
        if has_had >= share {
            batches.sticky_bytes = 0;
            attempt.is_due |= self.signal(batches, accumulator.signals(), was_full, None);
            return Tried::Switch;
        }
        let settings = accumulator.settings();
        let bytes = accumulator.batch_bytes(record);
        let reservation = take_reservation(&mut attempt.reservation, bytes);
        let Some(reservation) = reservation.or_else(|| accumulator.memory().try_reserve(bytes)) else {
            attempt.is_due |= self.signal(batches, accumulator.signals(), was_full, None);
            accumulator.signals().press();
            return Tried::NeedsMemory(bytes);
        };
        let mut open = self.open_batch(accumulator, bytes, reservation);
        let linger_ends_at = after(open.created_at, settings.linger);
        let index = append_to(&mut open, record).expect("the first record of a batch always fits");
        let delivery = Delivery::new(Arc::clone(open.state()), index, record.timestamp);
        batches.open = Some(open);
        batches.sticky_bytes += sticky_bytes.unwrap_or(0);
        attempt.has_opened = true;
        attempt.is_due |= self.signal(batches, accumulator.signals(), was_full, Some(linger_ends_at));
        Tried::Accepted(delivery)
    }

    fn open_batch(&self, accumulator: &Accumulator, bytes: usize, reservation: Reservation) -> ProducerBatch {
        let AccumulatorSettings { batch_size, builder: options, .. } = *accumulator.settings();
        let buffer = accumulator.memory().buffer(bytes);
        let opening = Opening {
            state: Arc::new(BatchState::new(Arc::clone(&self.key.topic), self.key.index)),
            ending: accumulator.ending(),
            options,
            builder: RecordBatchBuilder::with_buffer(options, batch_size, buffer),
            reservation,
            created_at: accumulator.now(),
        };
        ProducerBatch::open(self.key.id, opening)
    }

    /// Notes for the sender, once until it looks, that a batch was sealed, or that one was opened that lingers until
    /// `opened`. Gives whether the sender has to be brought to look.
    fn signal(
        self: &Arc<Self>,
        mut batches: MutexGuard<'_, Batches>,
        signals: &Signals,
        sealed: bool,
        opened: Option<Instant>,
    ) -> bool {
        if !sealed && opened.is_none() {
            return false;
        }
        let first = !std::mem::replace(&mut batches.signalled, true);
        drop(batches);
        if first {
            signals.add(self);
        }
        signals.is_due(if sealed { None } else { opened })
    }

    /// What there is to take; the next change is signalled again.
    pub(crate) fn look(&self) -> Backlog {
        let mut batches = self.batches();
        batches.signalled = false;
        batches.backlog()
    }

    /// Lets no record be added to what is there now: it can all go at once.
    pub(crate) fn seal(&self) -> Backlog {
        let mut batches = self.batches();
        batches.seal();
        batches.backlog()
    }

    /// Takes the oldest batch, the open one too if there is no other.
    pub(crate) fn draw(&self) -> Drawn {
        let mut batches = self.batches();
        let batch = batches.sealed.pop_front().or_else(|| batches.open.take());
        Drawn { batch, backlog: batches.backlog() }
    }

    /// Whether all batches were taken.
    pub(super) fn is_empty(&self) -> bool {
        let batches = self.batches();
        batches.sealed.is_empty() && batches.open.is_none()
    }

    /// The states of the batches, oldest first.
    pub(crate) fn states(&self) -> Vec<Arc<BatchState>> {
        let batches = self.batches();
        batches.sealed.iter().chain(&batches.open).map(|batch| Arc::clone(batch.state())).collect()
    }

    /// Drops all batches, which fails their deliveries.
    pub(super) fn clear(&self) {
        let dropped = std::mem::take(&mut *self.batches());
        drop(dropped);
    }

    fn batches(&self) -> MutexGuard<'_, Batches> {
        // The one lock that is taken for each record, and so the standard library's: decision 0027.
        self.batches.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Batches {
    /// Moves the open batch behind the sealed ones; gives whether there was one.
    fn seal(&mut self) -> bool {
        let open = self.open.take();
        let sealed = open.is_some();
        self.sealed.extend(open);
        sealed
    }

    fn backlog(&self) -> Backlog {
        let opened_at = self.open.as_ref().map(|batch| batch.created_at);
        Backlog {
            sealed: self.sealed.len(),
            opened_at,
            oldest_at: self.sealed.front().map(|batch| batch.created_at).or(opened_at),
        }
    }
}

/// Appends to the batch if the record fits; gives its index there.
fn append_to(batch: &mut ProducerBatch, record: &RecordParts<'_>) -> Option<u32> {
    let builder = batch.builder()?;
    let timestamp = record.timestamp.as_millis();
    let index = builder.append(timestamp, record.key, record.value, record.headers()).ok()?;
    Some(index.cast_unsigned())
}

/// The reservation in hand, if it is large enough; the partition may have changed since it was made.
fn take_reservation(reservation: &mut Option<Reservation>, bytes: usize) -> Option<Reservation> {
    if reservation.as_ref()?.num_permits() < bytes {
        return None;
    }
    reservation.take()
}
