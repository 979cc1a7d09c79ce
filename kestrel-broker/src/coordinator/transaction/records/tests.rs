//! The records are those of Apache Kafka: what a real node wrote is read, and written again with the same bytes.

use kestrel_protocol::record::RecordBatches;
use kestrel_protocol::{ProducerEpoch, Timestamp};

use super::*;

/// `__transaction_state` of a node of Apache Kafka 4.3.1, by transactional id; see `testdata/README.md`.
const SEGMENTS: [(&str, &[u8]); 3] = [
    ("open", include_bytes!("../../../../testdata/transaction-state/partition-4.log")),
    ("librdkafka-v1", include_bytes!("../../../../testdata/transaction-state/partition-5.log")),
    ("java-v2", include_bytes!("../../../../testdata/transaction-state/partition-7.log")),
];

/// The keys and values of a segment.
fn contents(segment: &'static [u8]) -> Vec<(Bytes, Option<Bytes>)> {
    let batches = RecordBatches::new(Bytes::from_static(segment)).map(Result::unwrap);
    let records =
        batches.flat_map(|batch| batch.records(1 << 20).unwrap().map(Result::unwrap).collect::<Vec<_>>());
    records.map(|record| (record.key.unwrap(), record.value)).collect()
}

fn decoded(segment: &'static [u8]) -> Vec<TransactionRecord> {
    contents(segment).into_iter().map(|(key, value)| TransactionRecord::decode(key, value).unwrap()).collect()
}

fn metadata() -> TransactionMetadata {
    decoded(SEGMENTS[2].1)[1].metadata.clone().unwrap()
}

#[test]
fn records_of_apache_kafka_come_back_byte_for_byte() {
    for (transactional_id, segment) in SEGMENTS {
        let contents = contents(segment);
        assert!(!contents.is_empty());
        for (key, value) in contents {
            let record = TransactionRecord::decode(key.clone(), value.clone()).unwrap();
            assert_eq!(record.transactional_id, transactional_id);
            let (written_key, written) = record.encode();
            assert_eq!(
                (written_key.clone(), written.as_ref().map(Bytes::len)),
                (key, value.as_ref().map(Bytes::len))
            );
            // The partitions of a topic have no order there, and the numbers' here.
            if record.metadata.as_ref().is_none_or(|metadata| metadata.partitions.len() < 2) {
                assert_eq!(written, value);
            }
            assert_eq!(TransactionRecord::decode(written_key, written), Ok(record));
        }
    }
}

#[test]
fn a_transaction_of_apache_kafka_is_what_its_client_did() {
    use TransactionState::*;
    let states = |segment| -> Vec<_> {
        let records = decoded(segment).into_iter().map(|record| record.metadata.unwrap());
        records
            .map(|metadata| (metadata.state, metadata.producer.producer_epoch.0, metadata.client_version.0))
            .collect()
    };
    assert_eq!(states(SEGMENTS[0].1), [(Empty, 0, 0), (Ongoing, 0, 0)]);
    let v1 = [Empty, Ongoing, PrepareCommit, CompleteCommit, Ongoing, PrepareAbort, CompleteAbort];
    assert_eq!(states(SEGMENTS[1].1), v1.map(|state| (state, 0, 0)));
    let v2 = [(Empty, 0, 0), (Ongoing, 0, 2), (PrepareCommit, 1, 2), (CompleteCommit, 1, 2)];
    assert_eq!(states(SEGMENTS[2].1)[..4], v2);
    let ongoing = metadata();
    assert_eq!(ongoing.partitions.into_iter().collect::<Vec<_>>(), [("t".into(), 0)]);
    assert_eq!((ongoing.timeout, ongoing.previous_producer_id), (Duration::from_secs(60), ProducerId(0)));
    assert_eq!((ongoing.started_at, ongoing.updated_at), (ongoing.updated_at, ongoing.started_at));
    assert!(ongoing.started_at > Timestamp::from_millis(1_700_000_000_000));
}

#[test]
fn the_first_version_of_records_has_no_room_for_tags() {
    let record = metadata().into_record("t".into(), TransactionVersion::V0);
    let (key, value) = record.encode();
    assert_eq!(value.as_ref().unwrap()[..2], [0, 0]);
    assert_eq!(TransactionRecord::decode(key, value), Ok(record.clone()));
    let kept = record.metadata.unwrap();
    assert_eq!((kept.previous_producer_id, kept.client_version), (ProducerId::NONE, TransactionVersion::V0));
    assert_eq!((kept.producer, kept.partitions), (metadata().producer, metadata().partitions));
    for version in [TransactionVersion::V1, TransactionVersion::V2] {
        assert_eq!(metadata().into_record("t".into(), version).encode().1.unwrap()[..2], [0, 1]);
    }
}

#[test]
fn every_field_is_kept() {
    let all = TransactionMetadata {
        producer: Transaction { producer_id: ProducerId(1 << 40), producer_epoch: ProducerEpoch(i16::MAX) },
        previous_producer_id: ProducerId(7),
        next_producer_id: ProducerId(9),
        state: TransactionState::PrepareAbort,
        partitions: [("a".into(), 1), ("a".into(), 3), ("b".into(), 0)].into(),
        ..metadata()
    };
    let record = TransactionRecord { transactional_id: "t".into(), metadata: Some(all) };
    let (key, value) = record.encode();
    assert_eq!(TransactionRecord::decode(key, value), Ok(record));
}

#[test]
fn what_is_not_known_is_skipped_and_what_is_damaged_is_not() {
    let foreign = TransactionRecord::decode(Bytes::from_static(&[0, 1, 0, 1, b't']), None);
    assert!(matches!(foreign, Err(Unreadable::Foreign(_))));
    let record = TransactionRecord { transactional_id: "t".into(), metadata: Some(metadata()) };
    let (key, value) = record.encode();
    let value = value.unwrap();
    let is_damaged =
        |key, value| matches!(TransactionRecord::decode(key, value), Err(Unreadable::Damaged(_)));
    assert!(is_damaged(key.slice(..key.len() - 1), None));
    assert!(is_damaged(key.clone(), Some(value.slice(..value.len() - 1))));
    // The state that no transaction has.
    let mut odd = value.to_vec();
    let state = 2 + 8 + 2 + 4;
    assert_eq!(odd[state], 1);
    odd[state] = 9;
    assert!(is_damaged(key.clone(), Some(odd.into())));
    // KIP-915: a version of the future has further tagged fields; the last of ours is the client's version.
    let mut future = value.to_vec();
    future[1] = 9;
    let tags = future.len() - (1 + 2 + size_of::<i64>() + 2 + size_of::<i16>());
    assert_eq!(future[tags], 2, "two tagged fields");
    future[tags] = 3;
    future.extend([42, 1, 7]);
    assert_eq!(TransactionRecord::decode(key, Some(future.into())), Ok(record));
}
