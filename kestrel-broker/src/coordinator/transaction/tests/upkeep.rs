//! What time does: timeouts, and transactional ids that expire.

use super::*;

const CHECK: Duration = Duration::from_secs(10);
const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);

#[test]
fn a_transaction_that_takes_too_long_is_aborted_and_its_producer_fenced() {
    let mut harness = Harness::ongoing();
    harness.script.pass(TIMEOUT);
    assert_eq!(harness.state(), Ongoing);
    harness.script.pass(CHECK);
    let markers = harness.take_markers();
    assert_eq!(
        (markers.producer, markers.outcome, markers.version),
        (producer(FIRST, 1), Abort, TransactionVersion::V2)
    );
    harness.script.pass(CHECK);
    assert!(harness.script.asks.is_empty(), "once");
    harness.marked(&[]);
    assert_eq!(harness.add(producer(FIRST, 0), &[0]), Some(Err(ErrorCode::ProducerFenced)));
    // Its producer cannot commit, and goes on when it aborts what is aborted.
    assert_eq!(harness.end(producer(FIRST, 0), Commit), Err(ErrorCode::InvalidTxnState));
    assert_eq!(harness.end(producer(FIRST, 0), Abort), Ok(producer(FIRST, 1)));
    harness.assert_replay_equals_live();
}

#[test]
fn before_the_second_version_its_producer_is_fenced_for_good() {
    let mut harness = Harness::at(TransactionVersion::V0);
    harness.init(None).unwrap();
    let v0 = TransactionVersion::V0;
    harness.adding_as(v0, producer(FIRST, 0), &[0]).take().unwrap().unwrap();
    harness.script.pass(TIMEOUT + CHECK);
    assert_eq!(harness.write_markers().producer, producer(FIRST, 1));
    for outcome in [Commit, Abort] {
        for client in [v0, TransactionVersion::V2] {
            let ended = harness.end_as(client, producer(FIRST, 0), outcome);
            assert_eq!(ended, Err(ErrorCode::ProducerFenced), "{client:?}");
        }
    }
    assert_eq!(harness.init(Some(producer(FIRST, 0))), Err(ErrorCode::ProducerFenced));
    harness.assert_replay_equals_live();
}

#[test]
fn the_time_counts_from_the_first_partition_also_over_a_restart() {
    let mut harness = Harness::ongoing();
    harness.script.pass(TIMEOUT / 2);
    harness.add(producer(FIRST, 0), &[7]).unwrap().unwrap();
    harness.script.restart();
    harness.script.pass(TIMEOUT / 2 + CHECK);
    assert_eq!(harness.take_markers().partitions, [part(0), part(1), part(7)]);
}

#[test]
fn a_part_of_a_two_phase_commit_has_no_timeout() {
    let mut harness = Harness::ongoing();
    let never =
        TransactionMetadata { timeout: Duration::from_millis(i32::MAX as u64), ..harness.metadata().clone() };
    harness.script.apply(vec![never.into_record(ID.into(), TransactionVersion::V2)].into());
    harness.script.pass(4 * WEEK);
    assert_eq!(harness.state(), Ongoing);
}

#[test]
fn transactional_ids_that_nobody_uses_expire() {
    for state in REAL {
        let (mut harness, _) = Harness::in_state(state);
        if state == Ongoing {
            harness.script.machine.stored.get_mut(ID).unwrap().timeout = 8 * WEEK;
        }
        harness.script.pass(WEEK - Duration::from_secs(1));
        assert!(harness.script.machine.stored.contains_key(ID));
        harness.script.pass(Duration::from_secs(3601));
        let is_idle = matches!(state, Empty | CompleteCommit | CompleteAbort);
        assert_eq!(harness.script.machine.stored.contains_key(ID), !is_idle, "{state:?}");
        if is_idle {
            assert_eq!(harness.add(producer(FIRST, 0), &[0]), Some(Err(ErrorCode::InvalidProducerIdMapping)));
            assert!(harness.script.machine.sessions.is_empty());
            harness.assert_replay_equals_live();
            let next = harness.next_producer_id;
            assert_eq!(harness.init(None), Ok(producer(next, 0)), "nobody takes an old epoch for a new one");
        }
    }
}

#[test]
fn what_is_used_stays() {
    let mut harness = Harness::with_producer();
    for _ in 0..20 {
        harness.script.pass(WEEK / 2);
        harness.init(None).unwrap();
    }
    assert_eq!(harness.metadata().producer, producer(FIRST, 20));
}

#[test]
fn many_are_aborted_and_forgotten_in_appends_of_a_thousand() {
    let mut harness = Harness::with_producer();
    let metadata = harness.metadata().clone();
    let record = |number: i32, state| {
        let metadata = TransactionMetadata { state, started_at: metadata.updated_at, ..metadata.clone() };
        metadata.into_record(format!("{number}").into(), TransactionVersion::V2)
    };
    let now = harness.script.now;
    harness.script.apply((0..2500).map(|number| record(number, Ongoing)).collect::<Vec<_>>().into());
    let mut late = now;
    late.wall = late.wall.saturating_add(2 * TIMEOUT);
    harness.script.now = late;
    for left in [1500, 500, 0] {
        let effects = harness.script.machine.abort_timed_out(late);
        let is_due = harness.script.machine.next_deadline() == Some(late.instant);
        assert_eq!(is_due, left > 0, "at once again while there are more");
        harness.script.machine.deadlines.cancel(&Timer::Abort);
        harness.script.apply(effects);
        let ongoing = harness.script.machine.stored.values().filter(|one| one.state == Ongoing).count();
        assert_eq!(ongoing, left);
    }
    late.wall = late.wall.saturating_add(2 * WEEK);
    let effects = harness.script.machine.expire(late);
    assert_eq!(harness.script.machine.next_deadline(), Some(late.instant));
    harness.script.apply(effects);
    let idle = harness.script.machine.stored.values().filter(|one| one.state.is_idle()).count();
    assert_eq!(idle, 1501, "without partitions each abort was complete at once; and the first producer");
}
