//! Batches in transactions: what is held back, what is dropped, and under which numbers the next transaction begins.

use kestrel_protocol::{ErrorCode, NodeId};

use super::rig::*;
use crate::error::Error;
use crate::producer::transaction::{Standing, TransactionAnswer, TransactionRequest, TransactionVersion};

fn rig(version: TransactionVersion) -> Rig {
    let transactional_id = Some("billing-1".into());
    let mut rig = Rig::new(&Options { transactional_id, partitions: 2, primed: false, ..Options::default() });
    assert!(matches!(rig.ask(), Some(TransactionRequest::FindCoordinator)));
    rig.coordinator(TransactionAnswer::Coordinator(Ok(NodeId(1))));
    assert!(matches!(rig.ask(), Some(TransactionRequest::InitProducerId { former: None, .. })));
    rig.dispatcher.handle_finalized(version);
    rig.coordinator(TransactionAnswer::Identity(Ok(identity(7, 0))));
    assert!(rig.dispatcher.handle_begin(rig.now));
    rig
}

fn end(rig: &mut Rig, is_commit: bool, next: Option<(i64, i16)>) {
    let asked = rig.ask();
    assert!(
        matches!(&asked, Some(TransactionRequest::End { is_commit: asked, .. }) if *asked == is_commit),
        "{asked:?}"
    );
    rig.coordinator(TransactionAnswer::Ended(Ok(next.map(|(id, epoch)| identity(id, epoch)))));
}

fn failure(delivery: crate::producer::Delivery) -> Error {
    outcome(delivery).expect("settled").unwrap_err()
}

#[test]
fn in_version_1_a_batch_waits_until_its_partition_was_added() {
    let mut rig = rig(TransactionVersion::V1);
    let first = rig.send(0, "a");
    assert_eq!(rig.sent().1, "");
    let asked = rig.ask();
    let Some(TransactionRequest::AddPartitions { partitions, .. }) = asked else { panic!("{asked:?}") };
    let codes = partitions.iter().map(|key| (key.id, ErrorCode::None)).collect();
    rig.coordinator(TransactionAnswer::Partitions(Ok(codes)));
    let (shipments, text) = rig.sent();
    assert_eq!(text, "a@0:0");
    for shipment in shipments {
        rig.answer(shipment, ErrorCode::None, 5);
    }
    assert_eq!(offsets(vec![first]), [5]);
    rig.dispatcher.handle_commit();
    end(&mut rig, true, None);
    // The numbers count on, and the partition is added anew.
    assert!(rig.dispatcher.handle_begin(rig.now));
    let _second = rig.send(0, "b");
    assert_eq!(rig.sent().1, "");
    assert!(matches!(rig.ask(), Some(TransactionRequest::AddPartitions { .. })));
}

#[test]
fn in_version_2_a_batch_goes_at_once_and_the_next_transaction_counts_anew() {
    let mut rig = rig(TransactionVersion::V2);
    let _first = rig.send(0, "a");
    let (shipments, text) = rig.sent();
    assert_eq!(text, "a@0:0");
    rig.dispatcher.handle_commit();
    assert!(rig.ask().is_none(), "it is on its way");
    for shipment in shipments {
        rig.answer(shipment, ErrorCode::None, 0);
    }
    end(&mut rig, true, Some((7, 1)));
    assert!(rig.dispatcher.handle_begin(rig.now));
    let _second = rig.send(0, "b");
    assert_eq!(rig.sent().1, "b@1:0");
}

/// Rows 3 and 4: a record that is given up leaves a gap, or may be stored. Nothing behind it is sent, all is told why, and the
/// next transaction is beyond it.
#[test]
fn a_record_that_is_lost_takes_the_transaction_with_it() {
    let mut rig = rig(TransactionVersion::V2);
    let in_doubt = rig.send(0, "a");
    let (shipments, _) = rig.sent();
    let behind = rig.send(0, "b");
    let elsewhere = rig.send(1, "c");
    rig.sleep(DELIVERY_TIMEOUT);
    assert!(failure(in_doubt).possibly_written());
    assert!(matches!(rig.dispatcher.standing(), Some(Standing::Failed(_))));
    rig.drop_refused();
    assert!(matches!(failure(behind), Error::Timeout { .. }));
    assert!(matches!(failure(elsewhere), Error::Timeout { .. }));
    let late = rig.send(1, "d");
    assert_eq!(rig.sent().1, "");
    rig.drop_refused();
    let Error::TransactionFailed { cause } = failure(late) else { panic!("another error") };
    assert!(matches!(*cause, Error::Timeout { .. }));
    rig.dispatcher.handle_abort();
    assert!(rig.ask().is_none(), "it is on its way, and must not come behind the marker");
    for shipment in shipments {
        rig.lose(shipment);
    }
    end(&mut rig, false, Some((7, 1)));
    assert!(rig.dispatcher.handle_begin(rig.now));
    let _next = rig.send(0, "e");
    assert_eq!(rig.sent().1, "e@1:0");
}

/// Row 5: the epoch is raised by the coordinator, when nothing is on its way; not for one partition by itself.
#[test]
fn a_gap_is_closed_by_an_abort_and_not_by_an_epoch_of_our_own() {
    let mut rig = rig(TransactionVersion::V1);
    let _deliveries = [rig.send(0, "a"), rig.send(1, "b")];
    rig.take_news();
    let asked = rig.ask();
    let Some(TransactionRequest::AddPartitions { partitions, .. }) = asked else { panic!("{asked:?}") };
    let codes = partitions.iter().map(|key| (key.id, ErrorCode::None)).collect();
    rig.coordinator(TransactionAnswer::Partitions(Ok(codes)));
    let shipments = rig.shipments();
    for shipment in shipments {
        rig.answer(shipment, ErrorCode::OutOfOrderSequenceNumber, -1);
    }
    let mut outcomes = rig.outcomes();
    outcomes.sort();
    assert_eq!(outcomes, ["0 failed", "1 failed"]);
    let _behind = rig.send(0, "c");
    assert_eq!(rig.sent().1, "");
    rig.dispatcher.handle_abort();
    rig.drop_refused();
    end(&mut rig, false, None);
    let asked = rig.ask();
    let Some(TransactionRequest::InitProducerId { former, .. }) = asked else { panic!("{asked:?}") };
    assert_eq!(former, Some(identity(7, 0)));
    rig.coordinator(TransactionAnswer::Identity(Ok(identity(7, 1))));
    assert!(rig.dispatcher.handle_begin(rig.now));
    let _next = rig.send(0, "d");
    rig.take_news();
    let asked = rig.ask();
    let Some(TransactionRequest::AddPartitions { partitions, .. }) = asked else { panic!("{asked:?}") };
    let codes = partitions.iter().map(|key| (key.id, ErrorCode::None)).collect();
    rig.coordinator(TransactionAnswer::Partitions(Ok(codes)));
    assert_eq!(rig.sent().1, "d@1:0");
}

/// Row 6: what is on its way is not taken back, and nothing of the next transaction goes before it is known what it came to.
#[test]
fn an_abort_drops_what_was_not_sent_and_waits_for_the_rest() {
    let mut rig = rig(TransactionVersion::V2);
    let sent = rig.send(0, "a");
    let (shipments, _) = rig.sent();
    let unsent = rig.send(0, "b");
    rig.take_news();
    rig.dispatcher.handle_abort();
    rig.drop_refused();
    assert!(matches!(failure(unsent), Error::TransactionAborted {}));
    assert!(!rig.dispatcher.handle_begin(rig.now));
    assert!(rig.ask().is_none());
    // What would be sent again is given up.
    for shipment in shipments {
        rig.answer(shipment, ErrorCode::NotEnoughReplicas, -1);
    }
    assert!(matches!(failure(sent), Error::Broker(_)));
    rig.sleep(LONG_BACKOFF);
    assert_eq!(rig.sent().1, "");
    end(&mut rig, false, Some((7, 1)));
    assert!(rig.dispatcher.handle_begin(rig.now));
}

#[test]
fn errors_of_a_batch_mean_what_they_mean_for_transactions() {
    for (code, is_abortable) in [
        (ErrorCode::InvalidProducerEpoch, true),
        (ErrorCode::InvalidProducerIdMapping, true),
        (ErrorCode::TransactionAbortable, true),
        (ErrorCode::InvalidTxnState, true),
        (ErrorCode::MessageTooLarge, true),
        (ErrorCode::ProducerFenced, false),
        (ErrorCode::TransactionalIdAuthorizationFailed, false),
        (ErrorCode::ClusterAuthorizationFailed, false),
    ] {
        let mut rig = rig(TransactionVersion::V2);
        let delivery = rig.send(0, "a");
        for shipment in rig.shipments() {
            rig.answer(shipment, code, -1);
        }
        assert_eq!(failure(delivery).code(), Some(code));
        let is_failed = matches!(rig.dispatcher.standing(), Some(Standing::Failed(_)));
        assert_eq!((is_failed, rig.failures.is_empty()), (is_abortable, is_abortable), "{code}");
        if code == ErrorCode::ProducerFenced {
            assert!(matches!(rig.failures.first(), Some(Error::ProducerFenced { .. })));
        }
    }
}
