//! Partitions that are added and verified, and those who wait for the end of the last transaction.

use super::*;

const PATIENCE: Duration = Duration::from_millis(100);

#[test]
fn the_first_partition_begins_a_transaction() {
    let mut harness = Harness::with_producer();
    harness.script.pass(Duration::from_secs(5));
    let began = harness.script.now.wall;
    assert_eq!(harness.add(producer(FIRST, 0), &[1]), Some(Ok(())));
    harness.script.pass(Duration::from_secs(1));
    assert_eq!(harness.add(producer(FIRST, 0), &[0, 1]), Some(Ok(())));
    let metadata = harness.metadata();
    assert_eq!((metadata.state, metadata.started_at), (Ongoing, began));
    assert_eq!(metadata.partitions.iter().cloned().collect::<Vec<_>>(), [part(0), part(1)]);
    let records = harness.script.log_len();
    assert_eq!(harness.add(producer(FIRST, 0), &[0]), Some(Ok(())));
    assert_eq!(harness.script.log_len(), records, "what is there is not written again");
    harness.assert_replay_equals_live();
}

#[test]
fn it_is_the_producer_who_adds() {
    let mut harness = Harness::new();
    assert_eq!(harness.add(producer(FIRST, 0), &[0]), Some(Err(ErrorCode::InvalidProducerIdMapping)));
    harness.init(None).unwrap();
    for (who, expected) in [
        (producer(FIRST + 1, 0), ErrorCode::InvalidProducerIdMapping),
        (producer(FIRST, 1), ErrorCode::ProducerFenced),
        (producer(FIRST, -1), ErrorCode::ProducerFenced),
    ] {
        assert_eq!(harness.add(who, &[0]), Some(Err(expected)));
        assert_eq!(harness.verify(who, &[0]), Err(expected));
    }
    let nameless = Addition {
        transactional_id: "".into(),
        producer: producer(FIRST, 0),
        partitions: Vec::new(),
        client_version: TransactionVersion::V2,
    };
    let mut reply = harness.script.handle_waiting(|shard, to, now| shard.add(nameless, to, now));
    assert_eq!(reply.take(), Some(Err(ErrorCode::InvalidRequest)));
}

#[test]
fn in_each_state_it_is_what_apache_kafka_says() {
    for state in REAL {
        let (mut harness, current) = Harness::in_state(state);
        let mut added = harness.adding(current, &[2]);
        if matches!(state, PrepareCommit | PrepareAbort) {
            assert_eq!(added.take(), None);
            harness.script.pass(PATIENCE);
            assert_eq!(added.take(), Some(Err(ErrorCode::ConcurrentTransactions)));
            assert_eq!(harness.state(), state);
        } else {
            assert_eq!((added.take(), harness.state()), (Some(Ok(())), Ongoing), "{state:?}");
        }
        harness.assert_replay_equals_live();
    }
}

#[test]
fn verification_says_which_partitions_are_there() {
    let mut harness = Harness::ongoing();
    let verified = harness.verify(producer(FIRST, 0), &[1, 2]);
    assert_eq!(verified, Ok(vec![ErrorCode::None, ErrorCode::TransactionAbortable]));
    let next = harness.end(producer(FIRST, 0), Commit).unwrap();
    assert_eq!(harness.verify(producer(FIRST, 0), &[1]), Err(ErrorCode::ProducerFenced));
    assert_eq!(harness.verify(next, &[1]), Err(ErrorCode::ConcurrentTransactions));
    harness.write_markers();
    assert_eq!(harness.verify(next, &[1]), Ok(vec![ErrorCode::TransactionAbortable]));
}

#[test]
fn those_who_wait_go_on_in_their_order() {
    let mut harness = Harness::ongoing();
    let next = harness.end(producer(FIRST, 0), Commit).unwrap();
    let mut first = harness.adding(next, &[5]);
    let mut fenced = harness.adding(producer(FIRST, 0), &[6]);
    let mut second = harness.adding(next, &[7]);
    harness.script.pass(PATIENCE / 2);
    assert_eq!((first.take(), fenced.take(), second.take()), (None, None, None));
    harness.write_markers();
    assert_eq!((first.take(), second.take()), (Some(Ok(())), Some(Ok(()))));
    assert_eq!(fenced.take(), Some(Err(ErrorCode::ProducerFenced)));
    assert_eq!(harness.metadata().partitions.iter().cloned().collect::<Vec<_>>(), [part(5), part(7)]);
    assert_eq!(harness.metadata().producer, next);
    harness.script.pass(PATIENCE);
    harness.assert_replay_equals_live();
}

#[test]
fn each_waits_for_its_own_time() {
    let mut harness = Harness::ongoing();
    let next = harness.end(producer(FIRST, 0), Commit).unwrap();
    let mut first = harness.adding(next, &[5]);
    harness.script.pass(PATIENCE / 2);
    let mut second = harness.adding(next, &[6]);
    harness.script.pass(PATIENCE / 2);
    assert_eq!(first.take(), Some(Err(ErrorCode::ConcurrentTransactions)));
    assert_eq!(second.take(), None);
    harness.script.pass(PATIENCE / 2);
    assert_eq!(second.take(), Some(Err(ErrorCode::ConcurrentTransactions)));
    harness.write_markers();
    assert_eq!(harness.state(), CompleteCommit);
}
