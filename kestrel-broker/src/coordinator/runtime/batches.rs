//! Records of a coordinator as batches of its log. Pure.

use bytes::{Bytes, BytesMut};
use kestrel_protocol::Timestamp;
use kestrel_protocol::record::{BuilderOptions, ProducerStamp, RecordBatchBuilder};

use super::records::GroupRecord;

/// Records beyond this many bytes go into a further batch: half of what a topic takes by default.
const BATCH_BYTES: usize = 512 << 10;
/// What a record takes, about.
const USUAL_RECORD_BYTES: usize = 128;

/// The records as one batch after the other, as few as possible. A record that is larger than a batch is one by itself.
pub(super) fn batches(records: &[GroupRecord], now: Timestamp) -> Bytes {
    let mut bytes = BytesMut::new();
    let room = (USUAL_RECORD_BYTES * (records.len() + 1)).min(BATCH_BYTES);
    let begin =
        || RecordBatchBuilder::with_buffer(BuilderOptions::default(), BATCH_BYTES, Vec::with_capacity(room));
    let mut batch = begin();
    for record in records {
        let (key, value) = record.encode();
        if batch.append(now.as_millis(), Some(&key), value.as_deref(), []).is_err() {
            let full = std::mem::replace(&mut batch, begin());
            bytes.extend_from_slice(full.build(ProducerStamp::NONE).bytes());
            batch
                .append(now.as_millis(), Some(&key), value.as_deref(), [])
                .expect("the first record of a batch fits");
        }
    }
    if !batch.is_empty() {
        bytes.extend_from_slice(batch.build(ProducerStamp::NONE).bytes());
    }
    bytes.freeze()
}

#[cfg(test)]
mod tests {
    use kestrel_protocol::record::RecordBatches;

    use super::*;

    #[test]
    fn many_records_are_several_batches_and_none_is_lost() {
        let records: Vec<_> = (0..20_000)
            .map(|partition| GroupRecord::offset_tombstone("group".into(), "topic".into(), partition))
            .collect();
        let split: Vec<_> =
            RecordBatches::new(batches(&records, Timestamp::from_millis(7))).map(Result::unwrap).collect();
        assert!(split.len() > 1 && split.iter().all(|batch| batch.bytes().len() <= BATCH_BYTES));
        let count: i32 = split.iter().map(|batch| batch.header().record_count).sum();
        assert_eq!(count, 20_000);
        assert!(batches(&[], Timestamp::from_millis(7)).is_empty());
    }
}
