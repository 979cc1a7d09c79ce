//! The batches of one partition that the sender has not taken yet.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use kestrel_protocol::record::{HEADER_BYTES, RecordBatchBuilder};
use parking_lot::{Mutex, MutexGuard};

use super::{Accumulator, RecordParts, Tried};
use crate::environment::after;
use crate::producer::batch::ProducerBatch;
use crate::producer::delivery::{BatchState, Delivery};
use crate::producer::memory::Reservation;

/// A partition of a producer, as a dense number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SlotId(pub(crate) u32);

/// The batches of one partition that the sender has not taken yet: sealed ones, oldest first, then the open one.
#[derive(Debug)]
pub(crate) struct PartitionQueue {
    pub(crate) slot: SlotId,
    pub(crate) topic: Arc<str>,
    pub(crate) partition: i32,
    batches: Mutex<Batches>,
}

#[derive(Debug, Default)]
struct Batches {
    sealed: VecDeque<ProducerBatch>,
    open: Option<ProducerBatch>,
    /// The sender has been told and has not looked yet.
    signalled: bool,
}

/// What the sender wants to know of a queue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct QueueView {
    /// How many batches can go at once.
    pub(crate) sealed: usize,
    /// When the open batch was opened.
    pub(crate) opened_at: Option<Instant>,
    /// When the oldest batch was opened.
    pub(crate) oldest_at: Option<Instant>,
}

impl PartitionQueue {
    pub(super) fn new(slot: SlotId, topic: Arc<str>, partition: i32) -> Self {
        Self { slot, topic, partition, batches: Mutex::default() }
    }

    /// Appends to the open batch; when there is none or it is full, opens another.
    #[inline]
    pub(super) fn append<'h, H>(
        self: &Arc<Self>,
        accumulator: &Accumulator,
        record: &RecordParts<'_, H>,
        size_bytes: usize,
        may_switch: bool,
        reservation: &mut Option<Reservation>,
    ) -> Tried
    where
        H: IntoIterator<Item = (&'h str, Option<&'h [u8]>), IntoIter: Clone> + Clone,
    {
        let mut batches = self.batches();
        if let Some(open) = &mut batches.open
            && let Some(index) = append_to(open, record)
        {
            return Tried::Accepted(Delivery::new(Arc::clone(open.state()), index, record.timestamp));
        }
        self.append_anew(batches, accumulator, record, size_bytes, may_switch, reservation)
    }

    /// Seals the open batch, if there is one, and appends to a new one.
    #[cold]
    fn append_anew<'h, H>(
        self: &Arc<Self>,
        mut batches: MutexGuard<'_, Batches>,
        accumulator: &Accumulator,
        record: &RecordParts<'_, H>,
        size_bytes: usize,
        may_switch: bool,
        reservation: &mut Option<Reservation>,
    ) -> Tried
    where
        H: IntoIterator<Item = (&'h str, Option<&'h [u8]>), IntoIter: Clone> + Clone,
    {
        let was_full = batches.seal();
        if may_switch {
            self.signal(batches, accumulator, was_full, None);
            return Tried::Switch;
        }
        let settings = accumulator.settings();
        let bytes = settings.batch_size.max(size_bytes + HEADER_BYTES);
        let Some(memory) =
            take_reservation(reservation, bytes).or_else(|| accumulator.memory().try_reserve(bytes))
        else {
            self.signal(batches, accumulator, was_full, None);
            accumulator.signals().press();
            return Tried::NeedsMemory(bytes);
        };
        let now = accumulator.now();
        let buffer = accumulator.memory().buffer(bytes);
        let builder = RecordBatchBuilder::with_buffer(settings.builder, settings.batch_size, buffer);
        let state = Arc::new(BatchState::new(Arc::clone(&self.topic), self.partition));
        let mut open = ProducerBatch::open(state, accumulator.ending(), builder, memory, now);
        let index = append_to(&mut open, record).expect("the first record of a batch always fits");
        let delivery = Delivery::new(Arc::clone(open.state()), index, record.timestamp);
        batches.open = Some(open);
        self.signal(batches, accumulator, was_full, Some(after(now, settings.linger)));
        Tried::Accepted(delivery)
    }

    /// Tells the sender, once until it looks: a batch was sealed, or one was opened that lingers until `opened`.
    fn signal(
        self: &Arc<Self>,
        mut batches: MutexGuard<'_, Batches>,
        accumulator: &Accumulator,
        sealed: bool,
        opened: Option<Instant>,
    ) {
        if !sealed && opened.is_none() {
            return;
        }
        let deadline = if sealed { None } else { opened };
        let first = !std::mem::replace(&mut batches.signalled, true);
        drop(batches);
        if first {
            accumulator.signals().add(self, deadline);
        } else {
            accumulator.signals().wake_before(deadline);
        }
    }

    /// What there is to take; the next change is signalled again.
    pub(crate) fn look(&self) -> QueueView {
        let mut batches = self.batches();
        batches.signalled = false;
        batches.view()
    }

    /// No record is added to what is there now: it can all go at once.
    pub(crate) fn seal(&self) -> QueueView {
        let mut batches = self.batches();
        batches.seal();
        batches.view()
    }

    /// Takes the oldest batch, the open one too if there is no other.
    pub(crate) fn take(&self) -> (Option<ProducerBatch>, QueueView) {
        let mut batches = self.batches();
        let taken = batches.sealed.pop_front().or_else(|| batches.open.take());
        (taken, batches.view())
    }

    /// Takes the batches that were opened before `oldest_allowed`.
    pub(crate) fn take_older(&self, oldest_allowed: Instant) -> (Vec<ProducerBatch>, QueueView) {
        let mut batches = self.batches();
        let mut taken = Vec::new();
        while batches.view().oldest_at.is_some_and(|oldest| oldest <= oldest_allowed) {
            let oldest = batches.sealed.pop_front().or_else(|| batches.open.take());
            taken.extend(oldest);
        }
        (taken, batches.view())
    }

    /// Whether all batches were taken.
    pub(super) fn is_empty(&self) -> bool {
        let batches = self.batches();
        batches.sealed.is_empty() && batches.open.is_none()
    }

    /// Who waits for batches that were not taken yet.
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
        self.batches.lock()
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

    fn view(&self) -> QueueView {
        let opened_at = self.open.as_ref().map(|batch| batch.created_at);
        QueueView {
            sealed: self.sealed.len(),
            opened_at,
            oldest_at: self.sealed.front().map(|batch| batch.created_at).or(opened_at),
        }
    }
}

/// Appends to the batch if the record fits; gives its index there.
fn append_to<'h, H>(batch: &mut ProducerBatch, record: &RecordParts<'_, H>) -> Option<u32>
where
    H: IntoIterator<Item = (&'h str, Option<&'h [u8]>), IntoIter: Clone> + Clone,
{
    let builder = batch.builder()?;
    let timestamp = record.timestamp.as_millis();
    let index = builder.append(timestamp, record.key, record.value, record.headers.clone()).ok()?;
    Some(index.cast_unsigned())
}

/// The reservation in hand, if it is large enough; the partition may have changed since it was made.
fn take_reservation(reservation: &mut Option<Reservation>, bytes: usize) -> Option<Reservation> {
    if reservation.as_ref()?.num_permits() < bytes {
        return None;
    }
    reservation.take()
}
