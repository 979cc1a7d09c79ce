//! Reading records: from an open batch to keys and values of an application's types. Knows no consumer and no position.
//!
//! ```text
//!   OpenBatch ── next view ──► PartCopier ── owned bytes ──► Decoders ──► ConsumerRecord<K, V>, or the poison that it is
//!                                                              │ not ready: Readiness waits, the batch stands where it stood
//!   OpenBatch ── all views ──► Batch ── RecordRef ──► Decoders, when the caller asks
//! ```
//!
//! Called in the caller's task. Whatever hands out records reads them here: consumers today, tables and share groups later.

mod batch;
mod copier;
mod decoders;
mod open_batch;
mod readiness;

use std::sync::Arc;
use std::task::{Poll, ready};

use bytes::Bytes;
use kestrel_protocol::record::Records;
use kestrel_protocol::{DecodeError, LeaderEpoch};
use kestrel_serde::{SerdeContext, SerdeError};

pub use self::batch::{Batch, BatchRecords, RecordRef};
use self::copier::{PartBuffer, PartCopier};
use self::decoders::Decode;
pub(crate) use self::decoders::Decoders;
pub(crate) use self::open_batch::{OpenBatch, known_epoch};
pub(crate) use self::readiness::Readiness;
use crate::acks::{AckToken, RecordAck};
use crate::error::{DeserializeError, Result};
use crate::record::{ConsumerRecord, Timestamp};

/// Reads typed records out of open batches.
#[derive(Debug)]
pub(crate) struct RecordReader<K, V> {
    decoders: Decoders<K, V>,
    copier: PartCopier,
}

/// What became of one attempt to read a record.
pub(crate) enum Reading<K, V> {
    /// The record at `offset`, or [`Error::Deserialize`](crate::Error::Deserialize) with its bytes.
    Record { offset: i64, record: Result<ConsumerRecord<K, V>> },
    /// A deserializer has to get ready first: nothing was read.
    NotReady,
    /// All records of the batch were read.
    End,
}

impl<K, V> RecordReader<K, V> {
    pub(crate) fn new(decoders: Decoders<K, V>) -> Self {
        Self { decoders, copier: PartCopier::default() }
    }

    pub(crate) const fn decoders(&self) -> &Decoders<K, V> {
        &self.decoders
    }

    /// Reads the next record of `batch`, which is of partition `partition` of `topic`; `ack` makes its token.
    ///
    /// # Errors
    /// The bytes are no record.
    pub(crate) fn read(
        &mut self,
        (topic, partition): (Arc<str>, i32),
        batch: &mut OpenBatch,
        readiness: &mut Readiness,
        ack: impl FnOnce(i64, Option<LeaderEpoch>) -> Option<AckToken>,
    ) -> Result<Reading<K, V>, DecodeError> {
        let OpenBatch { records, leader_epoch, pinned_bytes, .. } = batch;
        // A second handle on the bytes, because a view borrows the records.
        let data = records.data().clone();
        let buffer = PartBuffer { data: &data, pinned_bytes: *pinned_bytes };
        let (mark, timestamp_type, leader_epoch) = (records.mark(), records.timestamp_type(), *leader_epoch);
        let Some(view) = records.next_view() else { return Ok(Reading::End) };
        let view = view?;
        let offset = view.offset;
        let key = view.key.map(|part| self.copier.own(buffer, part));
        let value = view.value.map(|part| self.copier.own(buffer, part));
        let decoded = self.decoders.poll(&topic, (key.as_ref(), value.as_ref()), readiness.take(offset));
        let Poll::Ready(decoded) = decoded else {
            records.rewind(mark);
            *readiness = Readiness::wait(offset, self.decoders.ready(&topic, key, value));
            return Ok(Reading::NotReady);
        };
        let record = ConsumerRecord {
            topic,
            partition,
            offset,
            timestamp: Timestamp::from_millis(view.timestamp),
            timestamp_type,
            key,
            value,
            headers: self.copier.headers(buffer, view.headers),
            leader_epoch,
            ack: RecordAck(ack(offset, leader_epoch)),
        };
        let record = match decoded {
            Ok((key, value)) => Ok(record.with_parts(key, value)),
            Err(cause) => Err(DeserializeError::into_error(record, cause)),
        };
        Ok(Reading::Record { offset, record })
    }

    /// Waits, by what it gives, for the first record of a batch that a deserializer has to get ready for; `None` when there is
    /// none after the one that `readiness` knows. What is said of bytes that are never read comes with the record itself.
    pub(crate) fn first_unready(
        &self,
        topic: &Arc<str>,
        records: &Records,
        readiness: &Readiness,
    ) -> Option<Readiness> {
        if !self.decoders.may_wait() {
            return None;
        }
        let share = |part: &[u8]| records.data().slice_ref(part);
        let views = records.views().map_while(Result::ok);
        let mut parts = views
            .filter(|view| !readiness.has_reached(view.offset))
            .map(|view| (view.offset, view.key.map(share), view.value.map(share)));
        let is_unready = |(_, key, value): &(i64, Option<Bytes>, Option<Bytes>)| {
            !self.decoders.are_ready(topic, key.as_ref(), value.as_ref())
        };
        let (offset, key, value) = parts.find(is_unready)?;
        Some(Readiness::wait(offset, self.decoders.ready(topic, key, value)))
    }
}

/// A key and a value; `None` is null.
type Pair<K, V> = (Option<K>, Option<V>);

impl<K, V> Decoders<K, V> {
    /// Decodes a key and a value; pending while a deserializer has to get ready for them. `known` is what came of that before.
    fn poll(
        &self,
        topic: &str,
        (key, value): Pair<&Bytes, &Bytes>,
        known: Option<Result<(), SerdeError>>,
    ) -> Poll<Result<Pair<K, V>, SerdeError>> {
        let is_ready = match known {
            Some(Err(error)) => return Poll::Ready(Err(error)),
            Some(Ok(())) => true,
            None => false,
        };
        let key = ready!(poll_part(&*self.key, SerdeContext::key(topic), key, is_ready));
        let value = ready!(poll_part(&*self.value, SerdeContext::value(topic), value, is_ready));
        Poll::Ready(key.and_then(|key| Ok((key, value?))))
    }
}

fn poll_part<T>(
    decoder: &dyn Decode<T>,
    ctx: SerdeContext<'_>,
    bytes: Option<&Bytes>,
    is_ready: bool,
) -> Poll<Result<Option<T>, SerdeError>> {
    let Some(bytes) = bytes else { return Poll::Ready(Ok(None)) };
    if is_ready {
        return Poll::Ready(decoder.decode(ctx, bytes).map(Some));
    }
    decoder.poll_decode(ctx, bytes).map_ok(Some)
}
