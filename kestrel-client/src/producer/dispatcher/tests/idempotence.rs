//! Order and duplicates when requests fail: the mistakes of other clients, each as a script.

use super::rig::*;
use crate::producer::Delivery;
use kestrel_protocol::ErrorCode;

fn rig() -> Rig {
    Rig::new(&Options::default())
}

/// A retriable failure of the first of several requests: all go again, in order, under the same numbers.
#[test]
fn order_survives_a_retry_with_several_in_flight() {
    let mut rig = rig();
    let deliveries = rig.send_all(&["1", "2", "3"]);
    let (shipments, text) = rig.sent();
    assert_eq!(text, "1@0:1 | 2@0:2 | 3@0:3");
    let mut shipments = shipments.into_iter();
    rig.answer(shipments.next().unwrap(), ErrorCode::NotEnoughReplicas, -1);
    rig.sleep(LONG_BACKOFF);
    assert_eq!(rig.sent().1, "", "nothing goes while others are on their way");
    for shipment in shipments {
        rig.answer(shipment, ErrorCode::OutOfOrderSequenceNumber, -1);
    }
    rig.sleep(LONG_BACKOFF);
    let (shipments, text) = rig.sent();
    assert_eq!(text, "1@0:1 | 2@0:2 | 3@0:3");
    for (offset, shipment) in (0..).zip(shipments) {
        rig.answer(shipment, ErrorCode::None, offset);
    }
    assert_eq!(offsets(deliveries), [0, 1, 2]);
}

#[test]
fn new_batches_stay_behind_what_has_to_be_sent_again() {
    let mut rig = rig();
    let _deliveries = rig.send_all(&["1", "2"]);
    let (shipments, _) = rig.sent();
    for shipment in shipments {
        rig.answer(shipment, ErrorCode::NotEnoughReplicas, -1);
    }
    let _later = rig.send(0, "3");
    rig.sleep(LONG_BACKOFF);
    assert_eq!(rig.sent().1, "1@0:1 | 2@0:2 | 3@0:3");
}

/// With new ones behind it, a broker that stored it and now refuses it may forget that it has it.
#[test]
fn nothing_new_goes_behind_what_may_be_stored() {
    let mut rig = rig();
    let _deliveries = rig.send_all(&["1", "2"]);
    let (shipments, _) = rig.sent();
    for shipment in shipments {
        rig.lose(shipment);
    }
    let _later = rig.send_all(&["3", "4"]);
    rig.sleep(LONG_BACKOFF);
    let (shipments, text) = rig.sent();
    assert_eq!(text, "1@0:1 | 2@0:2");
    let mut shipments = shipments.into_iter();
    rig.answer(shipments.next().unwrap(), ErrorCode::None, 1);
    assert_eq!(rig.sent().1, "", "the second may be stored, and is not confirmed");
    rig.answer(shipments.next().unwrap(), ErrorCode::None, 2);
    assert_eq!(rig.sent().1, "3@0:3 | 4@0:4");
}

/// A later batch is stored, so this one is, although the broker has forgotten it: to number it anew would store it twice.
#[test]
fn what_is_followed_by_a_stored_batch_is_stored() {
    let mut rig = rig();
    let first = rig.send(0, "1");
    let second = rig.send(0, "2");
    let mut shipments = rig.shipments();
    rig.answer(shipments.remove(0), ErrorCode::NotEnoughReplicasAfterAppend, -1);
    rig.answer(shipments.remove(0), ErrorCode::None, 2);
    rig.sleep(LONG_BACKOFF);
    let (mut shipments, text) = rig.sent();
    assert_eq!(text, "1@0:1");
    rig.answer(shipments.remove(0), ErrorCode::OutOfOrderSequenceNumber, -1);
    assert_eq!(outcome(first).unwrap().unwrap().offset, None, "no one knows where");
    assert_eq!(offsets(vec![second]), [2]);
    let _third = rig.send(0, "3");
    assert_eq!(rig.sent().1, "3@0:3", "no new epoch was needed");
}

/// The answer was lost after the broker had stored the batch.
#[test]
fn a_duplicate_is_a_success() {
    let mut rig = rig();
    let forgotten = rig.send(0, "1");
    let remembered = rig.send(0, "2");
    let (shipments, _) = rig.sent();
    shipments.into_iter().for_each(|shipment| rig.lose(shipment));
    rig.sleep(LONG_BACKOFF);
    let answers = [(ErrorCode::DuplicateSequenceNumber, -1), (ErrorCode::None, 9)];
    for ((code, offset), shipment) in answers.into_iter().zip(rig.shipments()) {
        rig.answer(shipment, code, offset);
    }
    assert_eq!(outcome(forgotten).unwrap().unwrap().offset, None, "the broker has forgotten where");
    assert_eq!(outcome(remembered).unwrap().unwrap().offset, Some(9));
}

/// Two batches whose answers are lost; the first one times out, the second does not.
fn first_of_two_times_out(rig: &mut Rig) -> Delivery {
    let lost = rig.send(0, "1");
    let (mut shipments, _) = rig.sent();
    rig.sleep(DELIVERY_TIMEOUT / 2);
    let next = rig.send(0, "2");
    shipments.extend(rig.shipments());
    shipments.into_iter().for_each(|shipment| rig.lose(shipment));
    rig.sleep(DELIVERY_TIMEOUT / 2);
    assert!(outcome(lost).unwrap().unwrap_err().possibly_written());
    next
}

/// A batch that timed out was stored after all: the ones behind it keep their numbers, and nothing is fatal.
#[test]
fn a_batch_that_timed_out_may_turn_out_to_be_stored() {
    let mut rig = rig();
    let next = first_of_two_times_out(&mut rig);
    let (mut shipments, text) = rig.sent();
    assert_eq!(text, "2@0:2", "the broker will say whether it has number 0");
    rig.answer(shipments.remove(0), ErrorCode::None, 1);
    assert_eq!(offsets(vec![next]), [1]);
    let _third = rig.send(0, "3");
    assert_eq!(rig.sent().1, "3@0:3", "no new epoch was needed");
}

/// The same, and it was not stored: there is a gap, which a new epoch closes. Nothing is skipped in silence.
#[test]
fn a_batch_that_timed_out_leaves_no_gap() {
    let mut rig = rig();
    let next = first_of_two_times_out(&mut rig);
    let (mut shipments, _) = rig.sent();
    rig.answer(shipments.remove(0), ErrorCode::OutOfOrderSequenceNumber, -1);
    rig.sleep(LONG_BACKOFF);
    let (mut shipments, text) = rig.sent();
    assert_eq!(text, "2@1:0");
    rig.answer(shipments.remove(0), ErrorCode::None, 0);
    assert_eq!(offsets(vec![next]), [0]);
    let _third = rig.send(0, "3");
    assert_eq!(rig.sent().1, "3@1:1");
}

/// The only batch times out and nothing is left that could show whether it was stored: a new epoch at once.
#[test]
fn a_lone_batch_that_timed_out_needs_a_new_epoch() {
    let mut rig = rig();
    let lost = rig.send(0, "1");
    let (mut shipments, _) = rig.sent();
    rig.lose(shipments.remove(0));
    rig.sleep(DELIVERY_TIMEOUT);
    assert!(outcome(lost).unwrap().unwrap_err().possibly_written());
    let _next = rig.send(0, "2");
    assert_eq!(rig.sent().1, "2@1:0");
}

/// It timed out while it was on its way, and the late answer says that it is stored: no gap, no new epoch.
#[test]
fn a_late_answer_still_counts_for_the_sequence() {
    let mut rig = rig();
    let lost = rig.send(0, "1");
    let (mut shipments, _) = rig.sent();
    rig.sleep(DELIVERY_TIMEOUT);
    assert!(outcome(lost).unwrap().unwrap_err().possibly_written());
    rig.answer(shipments.remove(0), ErrorCode::None, 0);
    let _next = rig.send(0, "2");
    assert_eq!(rig.sent().1, "2@0:2");
}

/// A new epoch for one partition does not touch the numbers of batches of others that are on their way.
#[test]
fn a_new_epoch_leaves_other_partitions_alone() {
    let mut rig = Rig::new(&Options { partitions: 2, ..Options::default() });
    let _large = rig.send(0, "large");
    let (mut shipments, _) = rig.sent();
    let _other = rig.send(1, "other");
    let (mut others, text) = rig.sent();
    assert_eq!(text, "other@0:1");
    rig.answer(shipments.remove(0), ErrorCode::MessageTooLarge, -1);
    let _next = rig.send(0, "next");
    assert_eq!(rig.sent().1, "next@1:0");
    rig.lose(others.remove(0));
    rig.sleep(LONG_BACKOFF);
    let (mut others, text) = rig.sent();
    assert_eq!(text, "other@0:1", "its outcome is unknown: it goes again as it was");
    rig.answer(others.remove(0), ErrorCode::None, 0);
    let _more = rig.send(1, "more");
    assert_eq!(rig.sent().1, "more@1:0", "now the partition can change to the new epoch");
}

/// What comes before a gap may be stored, so it keeps its number until that is known.
#[test]
fn what_may_be_stored_is_not_numbered_anew() {
    let mut rig = rig();
    let first = rig.send(0, "1");
    let refused = rig.send(0, "2");
    let (shipments, _) = rig.sent();
    let mut shipments = shipments.into_iter();
    rig.lose(shipments.next().unwrap());
    rig.answer(shipments.next().unwrap(), ErrorCode::InvalidRecord, -1);
    assert_eq!(outcome(refused).unwrap().unwrap_err().code(), Some(ErrorCode::InvalidRecord));
    rig.sleep(LONG_BACKOFF);
    let (mut shipments, text) = rig.sent();
    assert_eq!(text, "1@0:1");
    rig.answer(shipments.remove(0), ErrorCode::None, 0);
    assert_eq!(offsets(vec![first]), [0]);
    let _next = rig.send(0, "3");
    assert_eq!(rig.sent().1, "3@1:0");
}

/// The broker lost its state of the producer (an unclean election): a new epoch, and nothing is lost.
#[test]
fn a_broker_that_forgot_the_producer_is_met_with_a_new_epoch() {
    for code in
        [ErrorCode::OutOfOrderSequenceNumber, ErrorCode::UnknownProducerId, ErrorCode::InvalidProducerEpoch]
    {
        let mut rig = rig();
        let first = rig.send(0, "1");
        let (mut shipments, _) = rig.sent();
        rig.answer(shipments.remove(0), ErrorCode::None, 0);
        let rest = rig.send_all(&["2", "3"]);
        let (shipments, text) = rig.sent();
        assert_eq!(text, "2@0:2 | 3@0:3");
        shipments.into_iter().for_each(|shipment| rig.answer(shipment, code, -1));
        rig.sleep(LONG_BACKOFF);
        for (offset, expected) in [(1, "2@1:0"), (2, "3@1:1")] {
            let (mut shipments, text) = rig.sent();
            assert_eq!(text, expected, "{code}: one at a time until the broker knows the new epoch");
            rig.answer(shipments.remove(0), ErrorCode::None, offset);
        }
        assert_eq!(offsets(vec![first]), [0]);
        assert_eq!(offsets(rest), [1, 2]);
    }
}

#[test]
fn when_the_epochs_are_used_up_a_new_producer_id_is_asked_for() {
    let mut rig = rig();
    rig.identity(7, i16::MAX);
    rig.prime();
    let _large = rig.send(0, "large");
    let next = rig.send(0, "next");
    let (shipments, text) = rig.sent();
    assert_eq!(text, "large@32767:1 | next@32767:2");
    let mut shipments = shipments.into_iter();
    rig.answer(shipments.next().unwrap(), ErrorCode::MessageTooLarge, -1);
    rig.answer(shipments.next().unwrap(), ErrorCode::OutOfOrderSequenceNumber, -1);
    rig.sleep(LONG_BACKOFF);
    assert_eq!(rig.sent().1, "", "there is no identity to send it under");
    assert!(rig.dispatcher.poll_identity_request(rig.now));
    rig.identity(8, 0);
    let (mut shipments, text) = rig.sent();
    assert_eq!(text, "next@0:0");
    rig.answer(shipments.remove(0), ErrorCode::None, 0);
    assert_eq!(offsets(vec![next]), [0]);
}

/// Whatever was ready before: a batch without a number could be doubled by a retry.
#[test]
fn while_a_new_producer_id_is_asked_for_nothing_goes_without_one() {
    let mut rig = Rig::new(&Options { partitions: 2, ..Options::default() });
    rig.identity(7, i16::MAX);
    rig.prime();
    let _large = rig.send(0, "large");
    let mut shipments = rig.shipments();
    let _ready = rig.send(1, "ready");
    rig.take_news();
    rig.answer(shipments.remove(0), ErrorCode::MessageTooLarge, -1);
    let _next = rig.send(0, "next");
    assert_eq!(rig.sent().1, "", "neither partition has an identity");
    assert!(rig.dispatcher.poll_identity_request(rig.now));
    assert_eq!(rig.dispatcher.next_deadline(), Some(rig.now + DELIVERY_TIMEOUT), "nothing to do but wait");
    rig.identity(8, 0);
    let (_, text) = rig.sent();
    assert_eq!(text, "ready@0:0 next@0:0");
}

/// A broker that knows nothing of a producer takes any number from it: the second batch must not overtake the first.
#[test]
fn the_first_batch_of_a_partition_goes_alone() {
    let mut rig = Rig::new(&Options { primed: false, ..Options::default() });
    let _deliveries = rig.send_all(&["1", "2", "3"]);
    let (mut shipments, text) = rig.sent();
    assert_eq!(text, "1@0:0");
    rig.answer(shipments.remove(0), ErrorCode::None, 0);
    assert_eq!(rig.sent().1, "2@0:1 | 3@0:2");
}

#[test]
fn asking_for_an_identity_is_tried_again_unless_it_is_forbidden() {
    let mut rig = rig();
    rig.identity(7, i16::MAX);
    let _large = rig.send(0, "large");
    let (mut shipments, _) = rig.sent();
    rig.answer(shipments.remove(0), ErrorCode::MessageTooLarge, -1);
    let waiting = rig.send(0, "waiting");
    assert_eq!(rig.sent().1, "");
    assert!(rig.dispatcher.poll_identity_request(rig.now));
    let error = |code| crate::error::BrokerError::new(kestrel_protocol::ApiKey::InitProducerId, code).into();
    rig.dispatcher.handle_identity_error(error(ErrorCode::CoordinatorLoadInProgress), rig.now);
    assert!(!rig.dispatcher.poll_identity_request(rig.now), "not at once");
    rig.sleep(LONG_BACKOFF);
    assert!(rig.dispatcher.poll_identity_request(rig.now));
    rig.dispatcher.handle_identity_error(error(ErrorCode::ClusterAuthorizationFailed), rig.now);
    rig.deliver();
    let failed = outcome(waiting).unwrap().unwrap_err();
    assert_eq!(failed.code(), Some(ErrorCode::ClusterAuthorizationFailed));
}
