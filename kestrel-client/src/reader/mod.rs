//! Reading records: from an open batch to keys and values of an application's types. Knows no consumer and no position.
//!
//! ```text
//!   OpenBatch ── next view ──► PartCopier ── owned bytes ──► Decoders ──► ConsumerRecord<K, V>
//!                                                              │ not ready: Readiness waits, the batch stands where it stood
//!                                                              │ poison: the batch stands where it stood, for `rejected`
//!   OpenBatch ── all views ──► Batch ── RecordRef ──► Decoders, when the caller asks
//! ```
//!
//! Called in the caller's task. Whatever hands out records reads them here: consumers today, tables and share groups later.

mod batch;
mod copier;
mod decoded;
mod decoders;
mod open_batch;
mod readiness;

use std::sync::Arc;
use std::task::Poll;

use kestrel_protocol::record::Records;
use kestrel_protocol::{DecodeError, LeaderEpoch};

pub(crate) use self::batch::BatchRun;
pub use self::batch::{Batch, BatchRecords, RecordRef};
use self::copier::{PartBuffer, PartCopier};
pub(crate) use self::decoded::Decoded;
pub(crate) use self::decoders::Decoders;
pub(crate) use self::open_batch::{OpenBatch, known_epoch};
pub(crate) use self::readiness::Readiness;
use crate::acks::{AckToken, RecordAck};
use crate::error::DeserializeError;
use crate::format_headers::StoredHeaders;
use crate::record::{ConsumerRecord, Timestamp};

/// Reads typed records out of open batches.
pub(crate) struct RecordReader<K, V> {
    decoders: Decoders<K, V>,
    copier: PartCopier,
}

/// The result of one attempt to read a record.
pub(crate) enum Reading<K, V> {
    Record {
        offset: i64,
        record: ConsumerRecord<K, V>,
    },
    /// The next record is one that no deserializer accepts: it is still the next one, and nobody has its ack token.
    Rejected(DeserializeError),
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
        let stored = StoredHeaders(view.headers);
        let parts = (key.as_ref(), value.as_ref());
        let decoded = self.decoders.poll(&topic, parts, &stored, readiness.take(offset));
        let Poll::Ready(decoded) = decoded else {
            let headers = self.copier.headers(buffer, view.headers);
            records.rewind(mark);
            *readiness = Readiness::wait(offset, self.decoders.ready(&topic, (key, value), headers));
            return Ok(Reading::NotReady);
        };
        let headers = self.copier.headers(buffer, view.headers);
        let timestamp = Timestamp::from_millis(view.timestamp);
        let bare = |key, value, ack| ConsumerRecord {
            topic,
            partition,
            offset,
            timestamp,
            timestamp_type,
            key,
            value,
            headers,
            leader_epoch,
            ack: RecordAck(ack),
        };
        Ok(match decoded {
            Ok((typed_key, typed_value)) => {
                let record = bare(None, None, ack(offset, leader_epoch)).with_parts(typed_key, typed_value);
                Reading::Record { offset, record }
            }
            Err(cause) => {
                records.rewind(mark);
                Reading::Rejected(DeserializeError { record: bare(key, value, None), cause })
            }
        })
    }

    /// Reads the records of a batch before it is handed out. Gives also those that no deserializer accepts, among them those that are not
    /// to blame themselves: see [`SerdeError::is_poison`](kestrel_serde::SerdeError::is_poison).
    pub(crate) fn read_ahead(
        &self,
        (topic, partition): (&Arc<str>, i32),
        batch: &OpenBatch,
    ) -> (Decoded<K, V>, Vec<DeserializeError>) {
        let share = |part: &[u8]| batch.records.data().slice_ref(part);
        let (mut decoded, mut rejected) = (Decoded::with_capacity(batch.records.remaining()), Vec::new());
        for view in batch.records.views().map_while(Result::ok) {
            if !batch.has(&view) {
                decoded.push_unread();
                continue;
            }
            let (key, value) = (view.key.map(share), view.value.map(share));
            let headers = StoredHeaders(view.headers);
            match self.decoders.decode(topic, (key.as_ref(), value.as_ref()), &headers) {
                Ok((key, value)) => decoded.push(key, value),
                Err(cause) => {
                    decoded.push_unread();
                    let record = batch.bare((topic, partition), &view, (key, value));
                    rejected.push(DeserializeError { record, cause });
                }
            }
        }
        (decoded, rejected)
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
        for view in views.filter(|view| !readiness.has_reached(view.offset)) {
            let (key, value) = (view.key.map(share), view.value.map(share));
            let headers = StoredHeaders(view.headers);
            if !self.decoders.are_ready(topic, (key.as_ref(), value.as_ref()), &headers) {
                let headers = view.headers.map(|header| header.to_header(share)).collect();
                return Some(Readiness::wait(view.offset, self.decoders.ready(topic, (key, value), headers)));
            }
        }
        None
    }
}
