//! A stop between any two records: the next machine brings to an end what was decided, and nothing else.

use super::*;
use crate::coordinator::runtime::tests::script::replay_segment;

#[test]
fn what_was_decided_is_brought_to_its_end() {
    for outcome in [Commit, Abort] {
        let mut harness = Harness::ongoing();
        let next = harness.end(producer(FIRST, 0), outcome).unwrap();
        let markers = harness.take_markers();
        for _ in 0..2 {
            harness.script.restart();
            assert_eq!(harness.take_markers(), markers, "which of them are stored nobody knows");
        }
        harness.marked(&[]);
        assert_eq!(harness.state(), TransactionState::completed(outcome));
        harness.script.restart();
        assert!(harness.script.asks.is_empty());
        assert_eq!(
            harness.end(producer(FIRST, 0), outcome),
            Ok(next),
            "the answer was lost with the coordinator"
        );
    }
}

#[test]
fn an_empty_abort_is_completed_by_the_next_machine() {
    let mut harness = Harness::with_producer();
    let decided = harness.metadata().prepared(
        metadata::Decision {
            outcome: Abort,
            producer: producer(FIRST, 1),
            next_producer_id: ProducerId::NONE,
            client_version: TransactionVersion::V2,
        },
        harness.script.now.wall,
    );
    harness.script.apply(vec![decided.into_record(ID.into(), TransactionVersion::V2)].into());
    harness.script.restart();
    assert_eq!(harness.state(), CompleteAbort);
    assert!(harness.script.asks.is_empty());
}

#[test]
fn what_was_not_decided_is_open_until_its_time_is_over() {
    let mut harness = Harness::ongoing();
    harness.script.restart();
    assert!(harness.script.asks.is_empty());
    assert_eq!(harness.state(), Ongoing);
    assert_eq!(harness.add(producer(FIRST, 0), &[4]), Some(Ok(())));
    harness.script.restart();
    harness.script.pass(TIMEOUT + Duration::from_secs(10));
    assert_eq!(harness.take_markers().outcome, Abort);
}

#[test]
fn those_who_waited_are_gone_with_the_machine() {
    let mut harness = Harness::ongoing();
    let next = harness.end(producer(FIRST, 0), Commit).unwrap();
    let mut waiting = harness.adding(next, &[1]);
    harness.script.restart();
    assert_eq!(waiting.take(), None);
    harness.write_markers();
    assert!(harness.metadata().partitions.is_empty());
}

#[test]
fn transactions_of_apache_kafka_go_on() {
    let settings = || ShardSettings { settings: defaults(), version: TransactionVersion::V2.into() };
    let load = |segment: &'static [u8]| {
        let mut shard = TransactionShard::new(settings());
        replay_segment(segment, &mut shard).unwrap();
        shard
    };
    let open = load(include_bytes!("../../../../testdata/transaction-state/partition-4.log"));
    assert_eq!((open.stored["open"].state, open.stored["open"].producer), (Ongoing, producer(2, 0)));
    let java = load(include_bytes!("../../../../testdata/transaction-state/partition-7.log"));
    assert_eq!(
        (java.stored["java-v2"].state, java.stored["java-v2"].producer),
        (CompleteCommit, producer(0, 2))
    );
}
