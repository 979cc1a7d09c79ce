//! EndTxn: what it is answered with in each state, and that a late one ends nothing that came later (KIP-890).

use super::*;

/// The answers to a commit and an abort in a state.
type Row = (TransactionState, Result<Transaction, ErrorCode>, Result<Transaction, ErrorCode>);

fn check(rows: [Row; 6], client: TransactionVersion, who: impl Fn(Transaction) -> Transaction) {
    for (state, commit, abort) in rows {
        for (outcome, expected) in [(Commit, commit), (Abort, abort)] {
            let (mut harness, current) = Harness::in_state(state);
            assert_eq!(harness.end_as(client, who(current), outcome), expected, "{outcome:?} in {state:?}");
            harness.assert_replay_equals_live();
        }
    }
}

#[test]
fn the_second_version_in_each_state() {
    let invalid = Err(ErrorCode::InvalidTxnState);
    let concurrent = Err(ErrorCode::ConcurrentTransactions);
    let rows = [
        (Empty, invalid, Ok(producer(FIRST, 1))),
        (Ongoing, Ok(producer(FIRST, 1)), Ok(producer(FIRST, 1))),
        (PrepareCommit, concurrent, concurrent),
        (PrepareAbort, concurrent, concurrent),
        (CompleteCommit, invalid, Ok(producer(FIRST, 2))),
        (CompleteAbort, invalid, Ok(producer(FIRST, 2))),
    ];
    check(rows, TransactionVersion::V2, |current| current);
}

#[test]
fn the_second_version_again_when_its_answer_was_lost() {
    let invalid = Err(ErrorCode::InvalidTxnState);
    let concurrent = Err(ErrorCode::ConcurrentTransactions);
    let fenced = Err(ErrorCode::ProducerFenced);
    let rows = [
        (Empty, fenced, fenced),
        (Ongoing, fenced, fenced),
        (PrepareCommit, concurrent, concurrent),
        (PrepareAbort, concurrent, concurrent),
        (CompleteCommit, Ok(producer(FIRST, 1)), invalid),
        (CompleteAbort, invalid, Ok(producer(FIRST, 1))),
    ];
    check(rows, TransactionVersion::V2, |Transaction { producer_id, producer_epoch }| Transaction {
        producer_id,
        producer_epoch: ProducerEpoch(producer_epoch.0 - 1),
    });
}

#[test]
fn the_first_version_in_each_state() {
    let invalid = Err(ErrorCode::InvalidTxnState);
    let concurrent = Err(ErrorCode::ConcurrentTransactions);
    let rows = [
        (Empty, invalid, invalid),
        (Ongoing, Ok(producer(FIRST, 0)), Ok(producer(FIRST, 0))),
        (PrepareCommit, concurrent, concurrent),
        (PrepareAbort, concurrent, concurrent),
        (CompleteCommit, Ok(producer(FIRST, 1)), invalid),
        (CompleteAbort, invalid, Ok(producer(FIRST, 1))),
    ];
    check(rows, TransactionVersion::V0, |current| current);
}

#[test]
fn whoever_is_not_the_producer_ends_nothing() {
    for client in [TransactionVersion::V0, TransactionVersion::V2] {
        let mut harness = Harness::new();
        assert_eq!(harness.end_as(client, producer(1, 0), Commit), Err(ErrorCode::InvalidProducerIdMapping));
        let mut harness = Harness::ongoing();
        for (who, expected) in [
            (producer(FIRST + 1, 0), ErrorCode::InvalidProducerIdMapping),
            (producer(FIRST, 1), ErrorCode::ProducerFenced),
            (producer(FIRST, -1), ErrorCode::ProducerFenced),
        ] {
            assert_eq!(harness.end_as(client, who, Commit), Err(expected), "{client:?} {who:?}");
        }
        assert_eq!(harness.state(), Ongoing);
        let nameless = Ending {
            transactional_id: "".into(),
            producer: producer(FIRST, 0),
            outcome: Commit,
            client_version: client,
        };
        let refused = harness.with_spare(|shard, spare, now| shard.end(&nameless, spare, now));
        assert_eq!(refused, Err(ErrorCode::InvalidRequest));
    }
}

#[test]
fn the_markers_have_the_epoch_that_fences_the_transaction() {
    for (client, epoch) in [(TransactionVersion::V0, 0), (TransactionVersion::V2, 1)] {
        for outcome in [Commit, Abort] {
            let mut harness = Harness::ongoing();
            harness.end_as(client, producer(FIRST, 0), outcome).unwrap();
            let markers = harness.take_markers();
            let expected = Markers {
                transactional_id: ID.into(),
                producer: producer(FIRST, epoch),
                outcome,
                version: client,
                partitions: vec![part(0), part(1)],
            };
            assert_eq!(markers, expected);
            assert_eq!(harness.state(), TransactionState::prepared(outcome), "until they are stored");
            harness.marked(&[]);
            assert_eq!(harness.state(), TransactionState::completed(outcome));
            assert!(harness.metadata().partitions.is_empty());
            harness.assert_replay_equals_live();
        }
    }
}

#[test]
fn partitions_out_of_service_are_asked_again_and_nothing_is_complete_before() {
    let mut harness = Harness::ongoing();
    harness.end(producer(FIRST, 0), Commit).unwrap();
    harness.take_markers();
    harness.marked(&[1]);
    assert_eq!(harness.state(), PrepareCommit);
    assert!(harness.script.asks.is_empty(), "not at once");
    for _ in 0..3 {
        harness.script.pass(Duration::from_millis(500));
        assert_eq!(harness.take_markers().partitions, [part(1)]);
        harness.marked(&[1]);
    }
    harness.script.pass(Duration::from_millis(500));
    harness.write_markers();
    assert_eq!(harness.state(), CompleteCommit);
}

#[test]
fn a_late_end_never_ends_a_later_transaction() {
    let mut harness = Harness::ongoing();
    let second = harness.end(producer(FIRST, 0), Commit).unwrap();
    harness.write_markers();
    harness.add(second, &[3]).unwrap().unwrap();
    for outcome in [Commit, Abort] {
        assert_eq!(harness.end(producer(FIRST, 0), outcome), Err(ErrorCode::ProducerFenced));
    }
    assert_eq!(harness.state(), Ongoing);
    harness.end(second, Abort).unwrap();
    harness.write_markers();
    for outcome in [Commit, Abort] {
        assert_eq!(harness.end(producer(FIRST, 0), outcome), Err(ErrorCode::ProducerFenced));
    }
    assert_eq!(harness.state(), CompleteAbort);
}

#[test]
fn an_abort_of_nothing_has_an_epoch_and_no_markers() {
    let mut harness = Harness::with_producer();
    let records = harness.script.log_len();
    assert_eq!(harness.end(producer(FIRST, 0), Abort), Ok(producer(FIRST, 1)));
    assert!(harness.script.asks.is_empty());
    assert_eq!((harness.state(), harness.script.log_len()), (CompleteAbort, records + 2));
    assert_eq!(harness.metadata().started_at, harness.script.now.wall);
    harness.assert_replay_equals_live();
}

#[test]
fn what_could_not_be_marked_is_counted_for_each_transaction_by_itself() {
    let mut harness = Harness::ongoing();
    harness.end(producer(FIRST, 0), Commit).unwrap();
    harness.take_markers();
    harness.marked(&[1]);
    assert_eq!(harness.script.machine.sessions[ID].failures, 1);
    harness.marked(&[]);
    assert_eq!((harness.state(), harness.script.machine.sessions[ID].failures), (CompleteCommit, 0));
}
