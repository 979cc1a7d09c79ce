//! Control records that Kafka never wrote: later versions, unknown kinds, damage.

use super::super::RecordView;
use super::super::control::{
    ControlPlace, ControlRecord, EndTransactionMarker, LeaderChange, TransactionOutcome, control_batch,
    end_transaction_batch,
};
use super::{LIMIT_BYTES, kind};
use crate::error::DecodeErrorKind;
use crate::types::{LeaderEpoch, NodeId, ProducerEpoch, ProducerId};

const PLACE: ControlPlace = ControlPlace { base_offset: 5, leader_epoch: LeaderEpoch(3), timestamp: 1_000 };

fn record<'a>(key: &'a [u8], value: Option<&'a [u8]>) -> RecordView<'a> {
    RecordView { offset: 0, timestamp: 0, key: Some(key), value, headers: Default::default() }
}

#[test]
fn what_was_built_is_parsed() {
    let records = [
        ControlRecord::SnapshotHeader { last_contained_log_timestamp: 77 },
        ControlRecord::KRaftVersion(1),
        ControlRecord::LeaderChange(LeaderChange {
            leader_id: NodeId(1),
            voters: vec![NodeId(1), NodeId(2)],
            granting_voters: vec![],
        }),
        ControlRecord::SnapshotFooter,
    ];
    let batch = control_batch(PLACE, &records);
    assert!(batch.header().is_control() && !batch.header().is_transactional());
    assert_eq!((batch.header().base_offset, batch.header().next_offset()), (5, 9));
    let mut read = batch.records(LIMIT_BYTES).unwrap();
    for expected in records {
        assert_eq!(ControlRecord::parse(&read.next_view().unwrap().unwrap()), Ok(expected));
    }
}

#[test]
fn a_marker_is_transactional_and_carries_its_producer() {
    let marker = EndTransactionMarker { outcome: TransactionOutcome::Abort, coordinator_epoch: 4 };
    let batch = end_transaction_batch(PLACE, ProducerId(9), ProducerEpoch(1), marker);
    assert!(batch.header().is_control() && batch.header().is_transactional());
    assert_eq!((batch.header().producer_id, batch.header().base_sequence), (ProducerId(9), -1));
    let mut records = batch.records(LIMIT_BYTES).unwrap();
    let parsed = ControlRecord::parse(&records.next_view().unwrap().unwrap());
    assert_eq!(parsed, Ok(ControlRecord::EndTransaction(marker)));
}

#[test]
fn kinds_that_are_not_interpreted_are_named() {
    assert_eq!(ControlRecord::parse(&record(b"\0\0\0\x07", Some(b"\0\0"))), Ok(ControlRecord::Other(7)));
    assert_eq!(ControlRecord::parse(&record(b"\0\0\x7f\xff", None)), Ok(ControlRecord::Other(0x7fff)));
}

#[test]
fn later_versions_are_read_as_far_as_they_are_known() {
    let marker = EndTransactionMarker { outcome: TransactionOutcome::Commit, coordinator_epoch: 2 };
    let later = record(b"\0\x01\0\x01..", Some(b"\0\x05\0\0\0\x02 more"));
    assert_eq!(ControlRecord::parse(&later), Ok(ControlRecord::EndTransaction(marker)));
    // Version 1 of a leader change has each voter's directory id; version 2 does not exist.
    let directory = [1; 16];
    let change = [&b"\0\x01\0\0\0\x07\x02\0\0\0\x07"[..], &directory, b"\0\x01\0"].concat();
    let expected =
        LeaderChange { leader_id: NodeId(7), voters: vec![NodeId(7)], granting_voters: Vec::new() };
    let parsed = ControlRecord::parse(&record(b"\0\0\0\x02", Some(&change)));
    assert_eq!(parsed, Ok(ControlRecord::LeaderChange(expected)));
    let change = record(b"\0\0\0\x02", Some(b"\0\x02\0\0\0\x07\x01\x01\0"));
    assert_eq!(kind(ControlRecord::parse(&change)), DecodeErrorKind::UnsupportedVersion(2));
}

#[test]
fn damaged_control_records_are_refused() {
    assert_eq!(kind(ControlRecord::parse(&record(b"\0\0\0", Some(b"")))), DecodeErrorKind::Truncated);
    assert_eq!(kind(ControlRecord::parse(&record(b"\0\0\0\0", Some(b"\0")))), DecodeErrorKind::Truncated);
    assert_eq!(kind(ControlRecord::parse(&record(b"\0\0\0\0", None))), DecodeErrorKind::UnexpectedNull);
    let negative = record(b"\xff\xff\0\0", Some(b"\0\0\0\0\0\0"));
    assert_eq!(kind(ControlRecord::parse(&negative)), DecodeErrorKind::UnsupportedVersion(-1));
    let many_voters = record(b"\0\0\0\x02", Some(b"\0\0\0\0\0\x01\xff\xff\xff\xff\x0f"));
    assert!(matches!(kind(ControlRecord::parse(&many_voters)), DecodeErrorKind::InvalidLength(_)));
}
