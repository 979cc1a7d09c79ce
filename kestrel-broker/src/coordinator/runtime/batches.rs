//! Records of a machine as batches of its log. Pure.

use bytes::{Bytes, BytesMut};
use kestrel_protocol::Timestamp;
use kestrel_protocol::record::{BuilderOptions, ProducerStamp, RecordBatchBuilder};

use super::record::LogRecord;
use crate::log::Transaction;

/// Records beyond this many bytes go into a further batch: half of what a topic takes by default.
const BATCH_BYTES: usize = 512 << 10;
/// What a record takes, about.
const USUAL_RECORD_BYTES: usize = 128;

/// The records as one batch after the other, as few as possible. A record that is larger than a batch is one by itself.
pub(super) fn batches<R: LogRecord>(
    records: &[R],
    transaction: Option<Transaction>,
    now: Timestamp,
) -> Bytes {
    let mut bytes = BytesMut::new();
    let options = BuilderOptions { transactional: transaction.is_some(), ..BuilderOptions::default() };
    let stamp = transaction.map_or(ProducerStamp::NONE, Transaction::stamp);
    let room = (USUAL_RECORD_BYTES * (records.len() + 1)).min(BATCH_BYTES);
    let begin = || RecordBatchBuilder::with_buffer(options, BATCH_BYTES, Vec::with_capacity(room));
    let mut batch = begin();
    for record in records {
        let (key, value) = record.encode();
        if batch.append(now.as_millis(), Some(&key), value.as_deref(), []).is_err() {
            let full = std::mem::replace(&mut batch, begin());
            bytes.extend_from_slice(full.build(stamp).bytes());
            batch
                .append(now.as_millis(), Some(&key), value.as_deref(), [])
                .expect("the first record of a batch fits");
        }
    }
    if !batch.is_empty() {
        bytes.extend_from_slice(batch.build(stamp).bytes());
    }
    bytes.freeze()
}

impl Transaction {
    /// The stamp of what a coordinator writes for a producer: its records have no place in the producer's own order.
    const fn stamp(self) -> ProducerStamp {
        let Self { producer_id, producer_epoch } = self;
        ProducerStamp { producer_id, producer_epoch, base_sequence: ProducerStamp::NONE.base_sequence }
    }
}

#[cfg(test)]
mod tests {
    use kestrel_protocol::record::RecordBatches;
    use kestrel_protocol::{ProducerEpoch, ProducerId};

    use super::*;

    /// A record that is its key.
    #[derive(Debug, Clone)]
    struct Named(String);

    impl LogRecord for Named {
        fn decode(key: Bytes, _: Option<Bytes>) -> Result<Self, super::super::record::Unreadable> {
            Ok(Self(String::from_utf8(key.into()).unwrap()))
        }

        fn encode(&self) -> (Bytes, Option<Bytes>) {
            (self.0.clone().into(), None)
        }
    }

    #[test]
    fn many_records_are_several_batches_and_none_is_lost() {
        let records: Vec<_> =
            (0..20_000).map(|number| Named(format!("a name of usual length {number}"))).collect();
        let producer = Transaction { producer_id: ProducerId(7), producer_epoch: ProducerEpoch(2) };
        for transaction in [None, Some(producer)] {
            let bytes = batches(&records, transaction, Timestamp::from_millis(7));
            let split: Vec<_> = RecordBatches::new(bytes).map(Result::unwrap).collect();
            assert!(split.len() > 1 && split.iter().all(|batch| batch.bytes().len() <= BATCH_BYTES));
            let count: i32 = split.iter().map(|batch| batch.header().record_count).sum();
            assert_eq!(count, 20_000);
            for header in split.iter().map(kestrel_protocol::record::RecordBatch::header) {
                let stamp = transaction.map_or(ProducerStamp::NONE, Transaction::stamp);
                assert_eq!((header.is_transactional(), header.producer()), (transaction.is_some(), stamp));
            }
        }
        assert!(batches::<Named>(&[], None, Timestamp::from_millis(7)).is_empty());
    }
}
