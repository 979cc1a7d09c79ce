//! InitProducerId: epochs, fencing, and producers that ask again (KIP-360).

use super::*;

#[test]
fn each_producer_fences_the_one_before() {
    let mut harness = Harness::new();
    assert_eq!(harness.init(None), Ok(producer(FIRST, 0)));
    assert_eq!(harness.init(None), Ok(producer(FIRST, 1)));
    assert_eq!(harness.add(producer(FIRST, 0), &[0]), Some(Err(ErrorCode::ProducerFenced)));
    assert_eq!(harness.init(Some(producer(FIRST, 0))), Err(ErrorCode::ProducerFenced));
    assert_eq!(harness.state(), Empty);
    harness.assert_replay_equals_live();
}

#[test]
fn a_name_and_a_timeout_are_needed() {
    let mut harness = Harness::new();
    assert_eq!(harness.init_of("", None, TIMEOUT), Err(ErrorCode::InvalidRequest));
    for (timeout, expected) in [
        (Duration::ZERO, Err(ErrorCode::InvalidTransactionTimeout)),
        (Duration::from_millis(900_001), Err(ErrorCode::InvalidTransactionTimeout)),
        (Duration::from_millis(900_000), Ok(producer(FIRST, 0))),
        (Duration::from_millis(1), Ok(producer(FIRST, 1))),
    ] {
        assert_eq!(harness.init_of(ID, None, timeout), expected, "{timeout:?}");
    }
    assert_eq!(harness.metadata().timeout, Duration::from_millis(1));
    let without = Initialization { transactional_id: ID.into(), timeout: None, expected: None };
    let refused = harness.with_spare(|shard, spare, now| shard.init(&without, spare, now));
    assert_eq!(refused, Err(ErrorCode::InvalidTransactionTimeout));
}

#[test]
fn in_each_state_it_is_what_apache_kafka_says() {
    for state in REAL {
        let (mut harness, last) = Harness::in_state(state);
        let expected = match state {
            Ongoing | PrepareCommit | PrepareAbort => Err(ErrorCode::ConcurrentTransactions),
            _ => Ok(producer(FIRST, last.producer_epoch.0 + 1)),
        };
        assert_eq!(harness.init(None), expected, "{state:?}");
        let after = if state == Ongoing { PrepareAbort } else { harness.state() };
        assert_eq!(harness.state(), after);
        harness.assert_replay_equals_live();
    }
}

#[test]
fn an_open_transaction_is_aborted_with_an_epoch_of_its_own_first() {
    let mut harness = Harness::ongoing();
    assert_eq!(harness.init(None), Err(ErrorCode::ConcurrentTransactions));
    assert_eq!(harness.init(None), Err(ErrorCode::ConcurrentTransactions), "until the markers are stored");
    let markers = harness.write_markers();
    assert_eq!((markers.producer, markers.outcome), (producer(FIRST, 1), Abort));
    assert_eq!(harness.init(None), Ok(producer(FIRST, 2)));
    assert_eq!(harness.end(producer(FIRST, 0), Commit), Err(ErrorCode::ProducerFenced));
    assert!(harness.script.asks.is_empty());
}

#[test]
fn before_the_second_version_too() {
    let mut harness = Harness::at(TransactionVersion::V1);
    harness.init(None).unwrap();
    harness.adding_as(TransactionVersion::V0, producer(FIRST, 0), &[0]).take().unwrap().unwrap();
    assert_eq!(harness.init(None), Err(ErrorCode::ConcurrentTransactions));
    let markers = harness.write_markers();
    assert_eq!((markers.producer, markers.version), (producer(FIRST, 1), TransactionVersion::V0));
    assert_eq!(harness.init(None), Ok(producer(FIRST, 2)));
}

#[test]
fn a_producer_goes_on_after_an_error_and_asks_again() {
    let (mut harness, current) = Harness::in_state(CompleteAbort);
    let next = harness.init(Some(current)).unwrap();
    assert_eq!(next, producer(FIRST, 2));
    // The answer was lost: it is the same.
    assert_eq!(harness.init(Some(current)), Ok(next));
    assert_eq!(harness.init(Some(producer(FIRST, 0))), Err(ErrorCode::ProducerFenced));
    assert_eq!(harness.init(Some(producer(FIRST + 9, 2))), Err(ErrorCode::ProducerFenced));
    // Once another one has come there is nothing to ask again for.
    assert_eq!(harness.init(None), Ok(producer(FIRST, 3)));
    assert_eq!(harness.init(Some(next)), Err(ErrorCode::ProducerFenced));
}

#[test]
fn one_that_is_not_known_any_more_gets_a_new_id() {
    let mut harness = Harness::new();
    assert_eq!(harness.init(Some(producer(7, 3))), Ok(producer(FIRST, 0)));
}
