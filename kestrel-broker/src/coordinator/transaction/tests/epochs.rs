//! Epochs that run out: a new producer id takes over, and whoever has not heard of it learns it.

use super::*;

/// The last epoch that a producer is given.
const LAST: i16 = i16::MAX - 1;

/// One whose producer has its last epoch.
fn exhausted() -> Harness {
    let mut harness = Harness::with_producer();
    let last = TransactionMetadata { producer: producer(FIRST, LAST), ..harness.metadata().clone() };
    let record = last.into_record(ID.into(), TransactionVersion::V2);
    harness.script.apply(vec![record].into());
    harness
}

#[test]
fn whoever_begins_gets_another_id() {
    let mut harness = exhausted();
    assert_eq!(harness.init(None), Ok(producer(FIRST + 1, 0)));
    assert_eq!(harness.init(Some(producer(FIRST, LAST))), Err(ErrorCode::ProducerFenced));
    harness.assert_replay_equals_live();
}

#[test]
fn whoever_goes_on_gets_another_id_and_the_same_one_again() {
    let mut harness = exhausted();
    let next = producer(FIRST + 1, 0);
    assert_eq!(harness.init(Some(producer(FIRST, LAST))), Ok(next));
    assert_eq!(harness.init(Some(producer(FIRST, LAST))), Ok(next));
    assert_eq!(harness.init(Some(producer(FIRST, LAST - 1))), Err(ErrorCode::ProducerFenced));
}

#[test]
fn the_end_of_a_transaction_gives_another_id() {
    for outcome in [Commit, Abort] {
        let mut harness = exhausted();
        harness.add(producer(FIRST, LAST), &[0]).unwrap().unwrap();
        let next = producer(FIRST + 1, 0);
        assert_eq!(harness.end(producer(FIRST, LAST), outcome), Ok(next));
        // What the next producer writes at once waits, although nothing says yet that it is this one.
        let mut added = harness.adding(next, &[1]);
        assert_eq!(added.take(), None);
        let markers = harness.write_markers();
        assert_eq!(markers.producer, producer(FIRST, i16::MAX), "the last epoch fences");
        assert_eq!(added.take(), Some(Ok(())));
        assert_eq!(harness.metadata().producer, next);
        harness.assert_replay_equals_live();
    }
}

#[test]
fn a_lost_answer_comes_again() {
    let mut harness = exhausted();
    harness.add(producer(FIRST, LAST), &[0]).unwrap().unwrap();
    let next = harness.end(producer(FIRST, LAST), Commit).unwrap();
    assert_eq!(harness.end(producer(FIRST, LAST), Commit), Err(ErrorCode::ConcurrentTransactions));
    harness.write_markers();
    assert_eq!(harness.end(producer(FIRST, LAST), Commit), Ok(next));
    assert_eq!(harness.end(producer(FIRST, LAST), Abort), Err(ErrorCode::InvalidTxnState));
    harness.script.restart();
    assert_eq!(harness.end(producer(FIRST, LAST), Commit), Ok(next));
    // Not once the next transaction has begun.
    harness.add(next, &[0]).unwrap().unwrap();
    assert_eq!(harness.end(producer(FIRST, LAST), Commit), Err(ErrorCode::InvalidProducerIdMapping));
    assert_eq!(harness.state(), Ongoing);
}

#[test]
fn time_and_fencing_ask_for_an_id() {
    let mut harness = exhausted();
    harness.add(producer(FIRST, LAST), &[0]).unwrap().unwrap();
    harness.script.pass(TIMEOUT + Duration::from_secs(10));
    assert_eq!(harness.state(), Ongoing);
    assert!(harness.script.asks.iter().all(|ask| *ask == Ask::ProducerId(ID.into())));
    harness.script.asks.clear();
    let answer = |producer_id| Answer::ProducerId { transactional_id: ID.into(), producer_id };
    harness.script.answer(answer(None));
    assert_eq!(harness.state(), Ongoing, "the next check asks again");
    harness.script.pass(Duration::from_secs(10));
    harness.script.asks.clear();
    harness.script.answer(answer(Some(ProducerId(77))));
    assert_eq!(harness.write_markers().outcome, Abort);
    assert_eq!(harness.metadata().producer, producer(77, 0));

    let mut harness = exhausted();
    harness.add(producer(FIRST, LAST), &[0]).unwrap().unwrap();
    assert_eq!(harness.init(None), Err(ErrorCode::ConcurrentTransactions));
    harness.write_markers();
    assert_eq!(harness.init(None), Ok(producer(FIRST + 1, 1)));
}

#[test]
fn before_the_second_version_the_next_one_who_begins_gets_it() {
    let mut harness = exhausted();
    harness.script.machine.version = TransactionVersion::V1.into();
    let v0 = TransactionVersion::V0;
    harness.adding_as(v0, producer(FIRST, LAST), &[0]).take().unwrap().unwrap();
    assert_eq!(harness.end_as(v0, producer(FIRST, LAST), Commit), Ok(producer(FIRST, LAST)));
    harness.write_markers();
    harness.adding_as(v0, producer(FIRST, LAST), &[0]).take().unwrap().unwrap();
    assert_eq!(harness.init(None), Err(ErrorCode::ConcurrentTransactions));
    assert_eq!(harness.write_markers().producer, producer(FIRST, i16::MAX));
    assert_eq!(harness.init(None), Ok(producer(FIRST + 1, 0)));
}
