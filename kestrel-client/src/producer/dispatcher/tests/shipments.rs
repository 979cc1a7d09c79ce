//! Which batches go when: linger, windows, leaders, flush, expiry, splitting.

use super::super::{ProduceAnswer, Shipment};
use super::rig::*;
use crate::error::{Error, Severity};
use kestrel_protocol::{ErrorCode, NodeId};
use std::time::Duration;

fn one_per_batch() -> Rig {
    Rig::new(&Options::default())
}

fn lingering() -> Rig {
    Rig::new(&Options { linger: 5 * MILLI, batch_size: 1000, partitions: 2, ..Options::default() })
}

#[test]
fn a_batch_lingers_until_its_time_or_until_it_is_full() {
    let mut rig = lingering();
    let _deliveries = [rig.send(0, "a"), rig.send(0, "b")];
    assert_eq!(rig.sent().1, "");
    assert_eq!(rig.dispatcher.next_deadline(), Some(rig.now + 5 * MILLI));
    rig.sleep(5 * MILLI);
    assert_eq!(rig.sent().1, "a+b@0:1");
    let large = "x".repeat(600);
    let _deliveries = [rig.send(1, &large), rig.send(1, &large)];
    let (shipments, _) = rig.sent();
    assert_eq!(shipments.len(), 1, "the full batch goes, the open one lingers");
}

#[test]
fn one_request_takes_a_batch_of_each_partition() {
    let mut rig = Rig::new(&Options { partitions: 3, ..Options::default() });
    let _deliveries = [rig.send(0, "a"), rig.send(1, "b"), rig.send(2, "c"), rig.send(1, "d")];
    assert_eq!(rig.sent().1, "a@0:1 b@0:1 c@0:1 | d@0:2");
}

#[test]
fn a_broker_has_no_more_requests_than_the_window_allows() {
    let mut rig = one_per_batch();
    let deliveries = rig.send_all(&["1", "2", "3", "4", "5", "6", "7"]);
    let (mut shipments, text) = rig.sent();
    assert_eq!(text, "1@0:1 | 2@0:2 | 3@0:3 | 4@0:4 | 5@0:5");
    rig.answer(shipments.remove(0), ErrorCode::None, 0);
    let (more, text) = rig.sent();
    assert_eq!(text, "6@0:6");
    for (offset, shipment) in (1..).zip(shipments.into_iter().chain(more)) {
        rig.answer(shipment, ErrorCode::None, offset);
    }
    let (last, _) = rig.sent();
    for shipment in last {
        rig.answer(shipment, ErrorCode::None, 6);
    }
    assert_eq!(offsets(deliveries), [0, 1, 2, 3, 4, 5, 6]);
    assert!(rig.dispatcher.is_idle());
}

#[test]
fn nothing_goes_before_there_is_an_identity() {
    let mut rig = Rig::new(&Options { idempotent: false, ..Options::default() });
    let _delivery = rig.send(0, "a");
    assert_eq!(rig.sent().1, "a@-1:-1", "without idempotence there is nothing to wait for");
}

#[test]
fn a_flush_ends_the_linger_and_names_who_waits() {
    let mut rig = lingering();
    let deliveries = vec![rig.send(0, "a"), rig.send(1, "b")];
    rig.take_news();
    rig.seal_all();
    let (mut shipments, text) = rig.sent();
    assert_eq!(text.split(' ').count(), 2, "{text}");
    assert_eq!(rig.dispatcher.unsettled().count(), 2);
    rig.answer(shipments.remove(0), ErrorCode::None, 4);
    assert_eq!(offsets(deliveries), [4, 4]);
    assert_eq!(rig.dispatcher.unsettled().count(), 0);
}

#[test]
fn a_partition_without_a_leader_waits_for_one() {
    let mut rig = one_per_batch();
    rig.leaders(&[(-1, 1)]);
    let _delivery = rig.send(0, "a");
    assert_eq!(rig.sent().1, "");
    assert!(rig.dispatcher.poll_metadata_wanted());
    rig.leaders(&[(3, 2)]);
    assert_eq!(rig.dispatcher.poll_connect(), Some(NodeId(3)));
    assert_eq!(rig.sent().1, "", "not connected yet");
    rig.dispatcher.handle_connected(NodeId(3));
    let (shipments, text) = rig.sent();
    assert_eq!((shipments[0].node, &*text), (NodeId(3), "a@0:1"));
}

#[test]
fn what_goes_to_a_new_leader_waits_for_what_is_on_its_way_to_the_old_one() {
    let mut rig = one_per_batch();
    rig.dispatcher.handle_connected(NodeId(3));
    let deliveries = rig.send_all(&["1", "2"]);
    let (mut shipments, _) = rig.sent();
    rig.leaders(&[(3, 1)]);
    let third = rig.send(0, "3");
    assert_eq!(rig.sent().1, "");
    rig.answer(shipments.remove(0), ErrorCode::None, 0);
    rig.answer(shipments.remove(0), ErrorCode::NotLeaderOrFollower, -1);
    assert!(rig.dispatcher.poll_metadata_wanted());
    rig.sleep(LONG_BACKOFF);
    for (offset, expected) in [(1, "2@0:2"), (2, "3@0:3")] {
        let (mut shipments, text) = rig.sent();
        assert_eq!((shipments[0].node, &*text), (NodeId(3), expected));
        rig.answer(shipments.remove(0), ErrorCode::None, offset);
    }
    assert_eq!(offsets(deliveries), [0, 1]);
    assert_eq!(offsets(vec![third]), [2]);
}

#[test]
fn a_new_leader_ends_the_backoff() {
    let mut rig = one_per_batch();
    rig.dispatcher.handle_connected(NodeId(3));
    let _delivery = rig.send(0, "1");
    let (mut shipments, _) = rig.sent();
    rig.answer(shipments.remove(0), ErrorCode::NotLeaderOrFollower, -1);
    assert_eq!(rig.sent().1, "");
    rig.leaders(&[(3, 1)]);
    assert_eq!(rig.sent().1, "1@0:1");
}

#[test]
fn a_delivery_takes_no_longer_than_its_timeout_wherever_it_is() {
    let mut rig = Rig::new(&Options { partitions: 3, ..Options::default() });
    rig.leaders(&[(0, 0), (-1, 0), (0, 0)]);
    let in_flight = rig.send(0, "in flight");
    let leaderless = rig.send(1, "leaderless");
    let retried = rig.send(2, "retried");
    let (mut shipments, _) = rig.sent();
    let shipment = shipments.remove(0);
    let mut batches = shipment.batches.into_iter();
    let (first, second) = (batches.next().unwrap(), batches.next().unwrap());
    rig.reply(
        Shipment { node: shipment.node, batches: vec![second] },
        &refused(ErrorCode::NotEnoughReplicas),
    );
    rig.sleep(LONG_BACKOFF);
    assert_eq!(rig.dispatcher.next_deadline(), Some(rig.now - LONG_BACKOFF + DELIVERY_TIMEOUT));
    rig.sleep(DELIVERY_TIMEOUT - LONG_BACKOFF);
    let error = |delivery| outcome(delivery).expect("settled").unwrap_err();
    let text = error(in_flight);
    assert!(text.possibly_written(), "{text}");
    assert!(!error(leaderless).possibly_written());
    let text = error(retried);
    assert!(!text.possibly_written(), "{text}");
    assert_eq!(text.code(), Some(ErrorCode::NotEnoughReplicas), "the cause is inside");
    assert_eq!(text.severity(), Severity::Retriable);
    // The late answer finds no one who waits.
    rig.reply(Shipment { node: NodeId(0), batches: vec![first] }, &refused(ErrorCode::RequestTimedOut));
    assert!(rig.dispatcher.is_idle());
    assert_eq!(rig.sent().1, "");
}

fn refused(error_code: ErrorCode) -> ProduceAnswer {
    ProduceAnswer::Response(kestrel_protocol::messages::produce::PartitionProduceResponse {
        error_code,
        base_offset: -1,
        ..Default::default()
    })
}

#[test]
fn a_batch_that_is_too_large_is_halved_until_it_fits() {
    let mut rig = Rig::new(&Options { linger: MILLI, batch_size: 10_000, ..Options::default() });
    let deliveries: Vec<_> = ["a", "b", "c", "d"].map(|value| rig.send(0, value)).into_iter().collect();
    rig.sleep(2 * MILLI);
    let (mut shipments, text) = rig.sent();
    assert_eq!(text, "a+b+c+d@0:1");
    rig.answer(shipments.remove(0), ErrorCode::MessageTooLarge, -1);
    let (mut shipments, text) = rig.sent();
    assert_eq!(text, "a+b@0:1 | c+d@0:3");
    rig.answer(shipments.remove(0), ErrorCode::MessageTooLarge, -1);
    rig.answer(shipments.remove(0), ErrorCode::OutOfOrderSequenceNumber, -1);
    rig.sleep(LONG_BACKOFF);
    let (shipments, text) = rig.sent();
    assert_eq!(text, "a@0:1 | b@0:2 | c+d@0:3");
    for (offset, shipment) in [0, 1, 2].into_iter().zip(shipments) {
        rig.answer(shipment, ErrorCode::None, offset);
    }
    assert_eq!(offsets(deliveries), [0, 1, 2, 3]);
}

#[test]
fn a_single_record_that_is_too_large_fails_and_the_next_one_goes_on() {
    let mut rig = one_per_batch();
    let large = rig.send(0, "large");
    let next = rig.send(0, "next");
    let (mut shipments, _) = rig.sent();
    rig.answer(shipments.remove(0), ErrorCode::MessageTooLarge, -1);
    let error = outcome(large).unwrap().unwrap_err();
    assert_eq!((error.code(), error.severity()), (Some(ErrorCode::MessageTooLarge), Severity::Invalid));
    rig.answer(shipments.remove(0), ErrorCode::OutOfOrderSequenceNumber, -1);
    rig.sleep(LONG_BACKOFF);
    let (mut shipments, text) = rig.sent();
    assert_eq!(text, "next@1:0", "the gap is closed under a new epoch");
    rig.answer(shipments.remove(0), ErrorCode::None, 0);
    assert_eq!(offsets(vec![next]), [0]);
}

#[test]
fn retries_are_counted_when_they_are_limited() {
    let mut rig = Rig::new(&Options { retries: 1, idempotent: false, ..Options::default() });
    let delivery = rig.send(0, "a");
    for _ in 0..2 {
        let (mut shipments, text) = rig.sent();
        assert_eq!(text, "a@-1:-1");
        rig.answer(shipments.remove(0), ErrorCode::NotEnoughReplicas, -1);
        rig.sleep(LONG_BACKOFF);
    }
    assert_eq!(outcome(delivery).unwrap().unwrap_err().code(), Some(ErrorCode::NotEnoughReplicas));
}

#[test]
fn a_fatal_refusal_ends_the_producer_and_everyone_is_told() {
    let mut rig = one_per_batch();
    let first = rig.send(0, "1");
    let (mut shipments, _) = rig.sent();
    let second = rig.send(0, "2");
    rig.take_news();
    rig.answer(shipments.remove(0), ErrorCode::ClusterAuthorizationFailed, -1);
    assert_eq!(outcome(first).unwrap().unwrap_err().code(), Some(ErrorCode::ClusterAuthorizationFailed));
    assert!(outcome(second).unwrap().is_err());
    assert_eq!(rig.failures.len(), 1);
    assert!(rig.dispatcher.failure().is_some());
}

#[test]
fn a_lost_connection_is_made_again_only_for_what_waits() {
    let mut rig = one_per_batch();
    let gone = Error::closed("connection");
    rig.dispatcher.handle_disconnected(NodeId(0), &gone);
    assert_eq!(rig.dispatcher.poll_connect(), None);
    let _delivery = rig.send(0, "1");
    assert_eq!(rig.sent().1, "");
    assert_eq!(rig.dispatcher.poll_connect(), Some(NodeId(0)));
    assert_eq!(rig.dispatcher.poll_connect(), None, "it is under way");
    rig.sleep(Duration::from_secs(1));
    rig.dispatcher.handle_connected(NodeId(0));
    assert_eq!(rig.sent().1, "1@0:1");
}

/// What is complained of now.
fn complaints(rig: &mut Rig) -> Vec<String> {
    std::iter::from_fn(|| rig.dispatcher.poll_complaint()).map(|error| format!("{error:#}")).collect()
}

#[test]
fn what_keeps_a_batch_is_said_once_by_name() {
    let mut rig = one_per_batch();
    let delivery = rig.send(0, "a");
    for _ in 0..10 {
        let (mut shipments, _) = rig.sent();
        rig.answer(shipments.remove(0), ErrorCode::NotEnoughReplicas, -1);
        rig.sleep(LONG_BACKOFF);
    }
    let said = complaints(&mut rig);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("partition 0 of topic t: NOT_ENOUGH_REPLICAS"), "{said:?}");
    let unreachable = Error::disconnected("0 (nowhere:9092)", "the name cannot be resolved", false);
    for _ in 0..10 {
        rig.dispatcher.handle_unreachable(NodeId(0), &unreachable, rig.now);
    }
    assert_eq!(
        complaints(&mut rig),
        ["the connection to broker 0 (nowhere:9092) failed: the name cannot be resolved"]
    );
    rig.sleep(DELIVERY_TIMEOUT);
    let said = complaints(&mut rig);
    assert!(said.iter().any(|text| text.contains("delivery.timeout.ms")), "{said:?}");
    assert!(outcome(delivery).unwrap().is_err());
}

#[test]
fn a_moving_leader_is_no_reason_to_complain_and_a_missing_one_is() {
    let mut rig = one_per_batch();
    let delivery = rig.send(0, "a");
    let (mut shipments, _) = rig.sent();
    rig.answer(shipments.remove(0), ErrorCode::NotLeaderOrFollower, -1);
    rig.leaders(&[(-1, 1)]);
    assert_eq!(complaints(&mut rig), [""; 0]);
    for _ in 0..5 {
        rig.sleep(LONG_BACKOFF);
        rig.leaders(&[(-1, 1)]);
    }
    let said = complaints(&mut rig);
    assert_eq!(said.len(), 1);
    assert!(said[0].contains("LEADER_NOT_AVAILABLE"), "{said:?}");
    rig.sleep(DELIVERY_TIMEOUT);
    assert!(outcome(delivery).unwrap().unwrap_err().code().is_some(), "the delivery names its cause");
}

#[test]
fn outcomes_are_given_in_order_and_delivered_by_whoever_polls() {
    let mut rig =
        Rig::new(&Options { linger: MILLI, batch_size: 10_000, partitions: 2, ..Options::default() });
    let halved = [rig.send(0, "a"), rig.send(0, "b")];
    let refused = rig.send(1, "c");
    rig.sleep(2 * MILLI);
    let (mut shipments, text) = rig.sent();
    assert_eq!(text, "a+b@0:1 c@0:1");
    rig.answer(shipments.remove(0), ErrorCode::MessageTooLarge, -1);
    assert_eq!(rig.outcomes(), ["0 split in 2", "1 failed"]);
    assert!(outcome(refused).unwrap().is_err());
    let (mut shipments, _) = rig.sent();
    let Shipment { node, batches } = shipments.remove(0);
    let stored = ProduceAnswer::Response(kestrel_protocol::messages::produce::PartitionProduceResponse {
        base_offset: 7,
        ..Default::default()
    });
    rig.dispatcher.handle_answers(node, batches.into_iter().map(|batch| (batch, stored.clone())), rig.now);
    let [first, second] = halved;
    assert!(outcome(first).is_none(), "the machine tells nobody");
    rig.answer(shipments.remove(0), ErrorCode::None, 8);
    assert_eq!(rig.outcomes(), ["0 stored 7", "0 stored 8"]);
    assert_eq!(offsets(vec![second]), [8]);
}

#[test]
fn a_failure_of_the_producer_settles_all_that_the_machine_has() {
    let mut rig = Rig::new(&Options { partitions: 3, ..Options::default() });
    let _deliveries = [rig.send(0, "retried"), rig.send(1, "on its way"), rig.send(2, "fatal")];
    let Shipment { node, batches } = rig.shipments().remove(0);
    let mut batches = batches.into_iter().map(|batch| Shipment { node, batches: vec![batch] });
    rig.answer(batches.next().unwrap(), ErrorCode::NotEnoughReplicas, -1);
    let late = batches.next().unwrap();
    rig.answer(batches.next().unwrap(), ErrorCode::ClusterAuthorizationFailed, -1);
    let mut outcomes = rig.outcomes();
    outcomes.sort();
    assert_eq!(outcomes, ["0 failed", "1 failed", "2 failed"]);
    rig.answer(late, ErrorCode::NotEnoughReplicas, -1);
    assert_eq!(rig.outcomes(), ["1 failed"], "it is given back, and its deliveries keep the first outcome");
    assert_eq!(rig.failures.len(), 1);
    rig.sleep(LONG_BACKOFF);
    assert_eq!(rig.sent().1, "");
}

#[test]
fn a_connection_that_ends_counts_once_however_much_it_takes_along() {
    let mut rig = one_per_batch();
    let _deliveries = rig.send_all(&["1", "2", "3", "4", "5"]);
    for shipment in rig.shipments() {
        rig.lose(shipment);
    }
    let (mut shipments, text) = rig.sent();
    assert!(text.starts_with("1@0:1"), "at once, as making a connection has its own backoff: {text}");
    rig.lose(shipments.remove(0));
    shipments.into_iter().for_each(|shipment| rig.lose(shipment));
    rig.sleep(50 * MILLI);
    assert_eq!(rig.sent().1, "", "the second time it waits as for any failure");
    rig.sleep(100 * MILLI);
    assert!(rig.sent().1.starts_with("1@0:1"));
}
