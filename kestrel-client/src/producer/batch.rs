//! One batch of one partition on its way: the records, the state that their deliveries share, and its place in the order.
//!
//! Opened by the accumulator, numbered by the dispatcher, carried by the sender, which also settles it: the dispatcher says
//! with what. However it ends, its deliveries resolve: a batch that is dropped without an outcome fails them.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use bytes::Bytes;
use kestrel_protocol::record::{
    BuilderOptions, ProducerStamp, RecordBatch, RecordBatchBuilder, increment_sequence,
};

use super::delivery::{BatchState, Outcome};
use super::memory::{Memory, Reservation};
use super::partition_id::PartitionId;
use crate::error::Error;
use crate::record::Timestamp;
use crate::spans::BatchSpan;

/// The most that a record can expand to when a batch is taken apart: it was made by this producer.
const OWN_RECORDS_LIMIT_BYTES: usize = i32::MAX as usize;

/// Records of one partition, and what is owed for them. In a box: it passes through many hands between append and answer.
#[derive(Debug)]
pub(crate) struct ProducerBatch(Box<Fields>);

/// The fields of a batch.
#[derive(Debug)]
pub(crate) struct Fields {
    partition: PartitionId,
    owed: Owed,
    contents: Contents,
    /// Compression, and whether it belongs to a transaction: each batch has its own.
    options: BuilderOptions,
    pub(crate) created_at: Instant,
    /// Identity and sequence, once the batch was sent with one.
    pub(crate) stamp: Option<ProducerStamp>,
    /// Where it comes among the batches of its partition: its number, and for a part the index of its first record.
    pub(crate) order: (u64, u32),
    /// How often it was sent.
    pub(crate) attempts: u32,
    /// When it was sent for the first time.
    sent_at: Option<Instant>,
    /// Its size before compression, once it is built.
    uncompressed_bytes: usize,
    /// Why it was not stored the last time.
    pub(crate) last_error: Option<Error>,
    /// Whether an attempt may have stored it without our knowing.
    pub(crate) possibly_written: bool,
    reservation: Option<Reservation>,
    span: BatchSpan,
}

impl Deref for ProducerBatch {
    type Target = Fields;

    #[inline]
    fn deref(&self) -> &Fields {
        &self.0
    }
}

impl DerefMut for ProducerBatch {
    #[inline]
    fn deref_mut(&mut self) -> &mut Fields {
        &mut self.0
    }
}

#[derive(Debug)]
enum Contents {
    /// Records can be added.
    Open(RecordBatchBuilder),
    /// The bytes that go to the broker.
    Built(RecordBatch),
    /// For a moment, while one becomes the other.
    Moving,
}

/// Fails the deliveries if no outcome was set before it is dropped.
#[derive(Debug)]
struct Owed {
    state: Arc<BatchState>,
    ending: Ending,
    /// Whether it is on its way, or may be stored since an earlier attempt.
    is_in_doubt: bool,
}

/// Why a producer has ended, once it has.
pub(crate) type Ending = Arc<OnceLock<Error>>;

impl Drop for Owed {
    fn drop(&mut self) {
        if !self.state.is_settled() {
            self.state.settle(Outcome::Failed(self.error()));
        }
    }
}

impl Owed {
    fn error(&self) -> Error {
        let possibly_written = self.is_in_doubt;
        match self.ending.get() {
            Some(Error::Ended { what, cause, .. }) => {
                Error::Ended { what, cause: Arc::clone(cause), possibly_written }
            }
            Some(error @ Error::ProducerFailed { .. }) => error.clone(),
            _ if possibly_written => Error::Ended {
                what: "producer",
                cause: "it was closed, and its runtime shut down, before a broker had answered".into(),
                possibly_written,
            },
            _ => Error::closed("producer"),
        }
    }
}

/// What became of a batch that was to be taken apart.
#[derive(Debug)]
pub(crate) enum Split {
    /// The parts, in order, and the outcome that leads deliveries of the whole to them.
    Parts(Vec<ProducerBatch>, Settled),
    /// A single record can't be taken apart.
    Whole(ProducerBatch),
}

/// A batch with its outcome, which its deliveries are to be given.
#[derive(Debug)]
pub(crate) struct Settled {
    pub(crate) state: Arc<BatchState>,
    pub(crate) outcome: Outcome,
    /// The batch itself, unless it is still on its way.
    batch: Option<ProducerBatch>,
}

impl Settled {
    /// The outcome of a batch that is on its way, and may be answered all the same.
    pub(crate) const fn on_its_way(state: Arc<BatchState>, outcome: Outcome) -> Self {
        Self { state, outcome, batch: None }
    }

    /// Resolves the deliveries, unless an earlier outcome has. Gives the batch, unless it is still on its way.
    pub(crate) fn deliver(self) -> Option<ProducerBatch> {
        if let Some(batch) = &self.batch {
            batch.note_outcome(&self.outcome);
        }
        self.state.settle(self.outcome);
        self.batch
    }
}

/// What a batch is opened with.
#[derive(Debug)]
pub(crate) struct Opening {
    pub(crate) state: Arc<BatchState>,
    pub(crate) ending: Ending,
    pub(crate) options: BuilderOptions,
    pub(crate) builder: RecordBatchBuilder,
    pub(crate) reservation: Reservation,
    pub(crate) created_at: Instant,
}

impl ProducerBatch {
    /// An empty batch for `partition`.
    pub(crate) fn open(partition: PartitionId, opening: Opening) -> Self {
        let Opening { state, ending, options, builder, reservation, created_at } = opening;
        Self(Box::new(Fields {
            span: BatchSpan::open(state.topic(), state.partition()),
            partition,
            owed: Owed { state, ending, is_in_doubt: false },
            contents: Contents::Open(builder),
            options,
            created_at,
            stamp: None,
            order: (0, 0),
            attempts: 0,
            sent_at: None,
            uncompressed_bytes: 0,
            last_error: None,
            possibly_written: false,
            reservation: Some(reservation),
        }))
    }

    pub(crate) fn partition_id(&self) -> PartitionId {
        self.partition
    }

    pub(crate) fn state(&self) -> &Arc<BatchState> {
        &self.owed.state
    }

    /// It goes out now.
    pub(crate) fn note_sent(&mut self, now: Instant) {
        self.sent_at.get_or_insert(now);
        self.attempts += 1;
        self.owed.is_in_doubt = true;
    }

    /// It has come back without being stored, as far as is known.
    pub(crate) fn note_back(&mut self) {
        self.owed.is_in_doubt = self.possibly_written;
    }

    /// The builder, while records can be added.
    pub(crate) fn builder(&mut self) -> Option<&mut RecordBatchBuilder> {
        match &mut self.contents {
            Contents::Open(builder) => Some(builder),
            _ => None,
        }
    }

    pub(crate) fn record_count(&self) -> i32 {
        match &self.contents {
            Contents::Open(builder) => builder.record_count(),
            Contents::Built(batch) => batch.header().record_count,
            Contents::Moving => 0,
        }
    }

    /// How large it is, or will be at most unless compression makes it larger.
    pub(crate) fn size_bytes(&self) -> usize {
        match &self.contents {
            Contents::Open(builder) => builder.uncompressed_bytes(),
            Contents::Built(batch) => batch.bytes().len(),
            Contents::Moving => 0,
        }
    }

    /// Its size before compression.
    pub(crate) fn uncompressed_bytes(&self) -> usize {
        match &self.contents {
            Contents::Open(builder) => builder.uncompressed_bytes(),
            _ => self.uncompressed_bytes,
        }
    }

    /// When it was sent for the first time.
    pub(crate) fn sent_at(&self) -> Option<Instant> {
        self.sent_at
    }

    /// Whether building it is work that takes time: compressing.
    pub(crate) fn needs_building(&self) -> bool {
        matches!(self.contents, Contents::Open(_))
    }

    /// Makes the bytes that go to the broker, with the stamp; compresses. Does nothing when they are there.
    pub(crate) fn build(&mut self) {
        let stamp = self.stamp.unwrap_or(ProducerStamp::NONE);
        self.uncompressed_bytes = self.uncompressed_bytes();
        self.contents = match std::mem::replace(&mut self.contents, Contents::Moving) {
            Contents::Open(builder) => Contents::Built(builder.build(stamp)),
            built => built,
        };
    }

    /// Gives the batch another identity and sequence, also when it was built with an old one.
    pub(crate) fn restamp(&mut self, stamp: ProducerStamp) {
        self.stamp = Some(stamp);
        self.contents = match std::mem::replace(&mut self.contents, Contents::Moving) {
            Contents::Built(batch) => Contents::Built(batch.restamped(stamp)),
            open => open,
        };
    }

    /// The bytes, once built.
    pub(crate) fn bytes(&self) -> Option<&Bytes> {
        match &self.contents {
            Contents::Built(batch) => Some(batch.bytes()),
            _ => None,
        }
    }

    fn note_outcome(&self, outcome: &Outcome) {
        match outcome {
            Outcome::Stored { base_offset, .. } => self.span.note(self.record_count(), Ok(*base_offset)),
            Outcome::Failed(error) => self.span.note(self.record_count(), Err(error)),
            Outcome::Split(_) => {}
        }
    }

    /// Gives its memory and its buffer back.
    pub(crate) fn recycle(mut self, memory: &Memory) {
        if let Contents::Built(built) = std::mem::replace(&mut self.contents, Contents::Moving) {
            // Through `BytesMut`, which keeps its memory when it is cleared: `Bytes` may give it back.
            if let Ok(mut bytes) = built.into_bytes().try_into_mut() {
                bytes.clear();
                memory.recycle(bytes.into());
            }
        }
    }

    /// The batch with its outcome.
    pub(crate) fn settled(self, outcome: Outcome) -> Settled {
        Settled { state: Arc::clone(self.state()), outcome, batch: Some(self) }
    }

    /// Takes the batch apart into two of about half the records each, so that the parts are smaller in any case. They keep
    /// the numbers of their records.
    pub(crate) fn split(mut self) -> Split {
        let count = usize::try_from(self.record_count()).unwrap_or(0);
        let Contents::Built(batch) = &self.contents else { return Split::Whole(self) };
        if count < 2 {
            return Split::Whole(self);
        }
        let Ok(records) = batch.records(OWN_RECORDS_LIMIT_BYTES) else { return Split::Whole(self) };
        let (mut front, mut back) = (part_builder(self.options, batch), part_builder(self.options, batch));
        for (index, record) in records.enumerate() {
            let builder = if index < count / 2 { &mut front } else { &mut back };
            let Ok(record) = record else { return Split::Whole(self) };
            let key = record.key.as_deref();
            let appended =
                builder.append(record.timestamp, key, record.value.as_deref(), record.headers.iter());
            if appended.is_err() {
                return Split::Whole(self);
            }
        }
        let reservation = self.reservation.take();
        let parts = [self.part(front, 0, reservation), self.part(back, count / 2, None)];
        let states = parts.iter().map(|(first, part)| (*first, Arc::clone(part.state()))).collect();
        // Without its own memory, which is the parts' now.
        let whole = self.settled(Outcome::Split(states));
        Split::Parts(parts.into_iter().map(|(_, part)| part).collect(), whole)
    }

    fn part(
        &self,
        builder: RecordBatchBuilder,
        first: usize,
        reservation: Option<Reservation>,
    ) -> (u32, Self) {
        let state = self.state();
        let first = u32::try_from(first).unwrap_or(u32::MAX);
        let part = Self(Box::new(Fields {
            partition: self.partition,
            options: self.options,
            owed: Owed {
                state: Arc::new(BatchState::new(Arc::clone(state.topic()), state.partition())),
                ending: Arc::clone(&self.owed.ending),
                is_in_doubt: self.possibly_written,
            },
            contents: Contents::Open(builder),
            created_at: self.created_at,
            stamp: self.stamp.map(|stamp| ProducerStamp {
                base_sequence: increment_sequence(stamp.base_sequence, first.cast_signed()),
                ..stamp
            }),
            order: (self.order.0, self.order.1 + first),
            attempts: self.attempts,
            sent_at: self.sent_at,
            uncompressed_bytes: 0,
            last_error: self.last_error.clone(),
            possibly_written: self.possibly_written,
            reservation,
            span: BatchSpan::open(state.topic(), state.partition()),
        }));
        (first, part)
    }

    /// What an answer says of this batch's records.
    pub(crate) fn stored(base_offset: i64, log_append_time_ms: i64) -> Outcome {
        Outcome::Stored {
            base_offset: (base_offset >= 0).then_some(base_offset),
            log_append_time: (log_append_time_ms >= 0).then(|| Timestamp::from_millis(log_append_time_ms)),
        }
    }
}

fn part_builder(options: BuilderOptions, whole: &RecordBatch) -> RecordBatchBuilder {
    let buffer = Vec::with_capacity(whole.bytes().len() / 2);
    RecordBatchBuilder::with_buffer(options, OWN_RECORDS_LIMIT_BYTES, buffer)
}
