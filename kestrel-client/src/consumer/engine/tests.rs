//! Scripts for the engine: from fetch answers to deliveries, through everything that goes wrong between.

use bytes::Bytes;
use kestrel_protocol::ErrorCode;
use kestrel_protocol::messages::fetch::{
    FetchResponse, FetchableTopicResponse, LeaderIdAndEpoch, PartitionData,
};
use kestrel_protocol::messages::offset_for_leader_epoch::{EpochEndOffset, OffsetForLeaderTopicResult};
use kestrel_protocol::{DecodeError, DecodeErrorKind, LeaderEpoch, TopicId};

use super::super::testing::{BatchSpec, Clock, TOPIC_ID, at, backoff, concat, settings, snapshot};
use super::*;
use crate::config::{ConsumerConfig, IsolationLevel};
use crate::consumer::fetch::{Lane, OpenOptions};
use crate::consumer::position::{LookupRequest, StartAt};
use crate::error::StallError;

const OPTIONS: OpenOptions = OpenOptions { check_crcs: true, max_decompressed_batch_bytes: 1 << 20 };
const WALL: Timestamp = Timestamp::from_millis(0);

/// An engine with partition 0 of `clicks`, led by node 1 in epoch 5, at offset 0.
struct Script {
    clock: Clock,
    now: u64,
    engine: Engine,
    id: AssignmentId,
    partition: TopicPartition,
}

impl Script {
    fn new(reset: AutoOffsetReset) -> Self {
        Self::with(&ConsumerConfig::default().auto_offset_reset(reset))
    }

    fn with(config: &ConsumerConfig) -> Self {
        let clock = Clock::start();
        let settings = settings(config);
        let mut engine = Engine::new(Arc::new(settings), Duration::from_secs(300), &backoff());
        let partition = TopicPartition::new("clicks", 0);
        engine.assign(std::slice::from_ref(&partition));
        engine.handle_metadata(&snapshot(TOPIC_ID, &[(1, 5)]), clock.at(0));
        engine.seek(&partition, 0).unwrap();
        let id = engine.subscription.id(&partition).unwrap();
        Self { clock, now: 0, engine, id, partition }
    }

    fn poll(&mut self) -> Work {
        self.engine.poll(self.clock.at(self.now), WALL)
    }

    /// Polls; the offset that node 1 or 2 is asked for, with the node.
    fn asked(&mut self) -> Option<(i32, i64)> {
        let work = self.poll();
        let fetch = work.fetches.first()?;
        let offset = fetch.request.topics.first().map_or(-1, |topic| topic.partitions[0].fetch_offset);
        Some((fetch.node.0, offset))
    }

    fn answer_with(&mut self, node: i32, lane: Lane, data: PartitionData) -> FetchNews {
        let topic =
            FetchableTopicResponse { topic_id: TOPIC_ID, partitions: vec![data], ..Default::default() };
        let response = FetchResponse { session_id: 1, responses: vec![topic], ..FetchResponse::default() };
        self.engine.handle_fetch(NodeId(node), lane, Ok(response), self.clock.at(self.now))
    }

    fn answer(&mut self, records: Bytes) {
        let data =
            PartitionData { high_watermark: 1000, records: Some(records.into()), ..PartitionData::default() };
        self.answer_with(1, Lane::Main, data);
    }

    fn refuse(&mut self, code: ErrorCode) {
        self.answer_with(1, Lane::Main, PartitionData { error_code: code, ..PartitionData::default() });
    }

    fn take(&mut self) -> Offer {
        self.engine.take(Waker::noop())
    }

    fn take_records(&mut self) -> Box<CompletedFetch> {
        match self.take() {
            Offer::Records(fetch) => fetch,
            other => panic!("{other:?}"),
        }
    }

    fn take_problem(&mut self) -> Error {
        match self.take() {
            Offer::Problem(error) => error,
            other => panic!("{other:?}"),
        }
    }

    fn state(&self) -> FetchState {
        self.engine.subscription.get(self.id).unwrap().state()
    }

    /// The new leader, node 2 in epoch 6, says that epoch `epoch` ends at `end`.
    fn leader_changes_and_says(&mut self, epoch: i32, end_offset: i64) {
        self.engine.handle_metadata(&snapshot(TOPIC_ID, &[(2, 6)]), self.clock.at(self.now));
        let lookup = self.poll().lookups.pop().unwrap();
        assert!(matches!(lookup.request, LookupRequest::LeaderEpochs(_)));
        let answer = EpochEndOffset {
            partition: 0,
            leader_epoch: LeaderEpoch(epoch),
            end_offset,
            ..Default::default()
        };
        let topic = OffsetForLeaderTopicResult { topic: "clicks".into(), partitions: vec![answer] };
        let response = OffsetForLeaderEpochResponse { topics: vec![topic], ..Default::default() };
        let now = self.clock.at(self.now);
        self.engine.handle_lookup(&lookup.asked, Ok(LookupAnswer::LeaderEpochs(response)), now);
    }
}

fn hand_out(fetch: &mut CompletedFetch, count: usize) -> Vec<i64> {
    let mut offsets = Vec::new();
    while offsets.len() < count {
        let Some(batch) = fetch.open_batch(OPTIONS).unwrap() else { break };
        let offset = batch.records.next_view().unwrap().unwrap().offset;
        fetch.hand_out(offset);
        offsets.push(offset);
    }
    offsets
}

fn problem(error: Error) -> PositionProblem {
    match error {
        Error::Position(error) => error.problem,
        other => panic!("{other}"),
    }
}

#[test]
fn the_next_fetch_is_under_way_while_the_caller_works() {
    let mut script = Script::new(AutoOffsetReset::Earliest);
    assert_eq!(script.asked(), Some((1, 0)));
    script.answer(BatchSpec::of(0, 3).build());
    assert_eq!(script.asked(), Some((1, 3)));
    let mut fetch = script.take_records();
    assert_eq!(hand_out(&mut fetch, 9), [0, 1, 2]);
    script.engine.release();
    assert!(matches!(script.take(), Offer::Nothing));
    assert_eq!(script.engine.position(&script.partition.clone()).unwrap(), Some(3));
    assert_eq!(script.engine.readable_end(&script.partition.clone()).unwrap(), Some(1000));
}

#[test]
fn a_seek_drops_what_waits_and_what_is_under_way() {
    let mut script = Script::new(AutoOffsetReset::Earliest);
    script.poll();
    script.answer(BatchSpec::of(0, 3).build());
    script.poll();
    script.engine.seek(&script.partition.clone(), 7).unwrap();
    assert!(matches!(script.take(), Offer::Nothing));
    assert_eq!(script.asked(), Some((1, 7)));
    script.answer(BatchSpec::of(3, 3).build());
    assert!(matches!(script.take(), Offer::Nothing), "the answer is to a question of before the seek");
}

#[test]
fn a_paused_partition_keeps_what_was_fetched() {
    let mut script = Script::new(AutoOffsetReset::Earliest);
    script.poll();
    script.answer(concat([BatchSpec::of(0, 3).build(), BatchSpec::of(3, 3).build()]));
    let mut fetch = script.take_records();
    hand_out(&mut fetch, 2);
    script.engine.set_paused(&script.partition.clone(), true).unwrap();
    script.engine.put_back(fetch);
    assert!(matches!(script.take(), Offer::Nothing));
    assert_eq!(script.asked(), None);
    assert_eq!(script.engine.position(&script.partition.clone()).unwrap(), Some(2));
    script.engine.set_paused(&script.partition.clone(), false).unwrap();
    assert_eq!(hand_out(&mut script.take_records(), 9), [2, 3, 4, 5]);
}

#[test]
fn nothing_assigned_is_an_end() {
    let mut script = Script::new(AutoOffsetReset::Earliest);
    script.engine.assign(&[]);
    assert!(matches!(script.take(), Offer::Ended));
    assert!(script.engine.seek(&script.partition.clone(), 1).is_err());
}

#[test]
fn a_moved_leader_is_followed() {
    let mut script = Script::new(AutoOffsetReset::Earliest);
    script.poll();
    let data = PartitionData {
        error_code: ErrorCode::NotLeaderOrFollower,
        current_leader: LeaderIdAndEpoch { leader_id: NodeId(2), leader_epoch: LeaderEpoch(6) },
        ..PartitionData::default()
    };
    let hints = script.answer_with(1, Lane::Main, data);
    assert_eq!((hints.leaders[0].leader, hints.leaders[0].leader_epoch), (NodeId(2), LeaderEpoch(6)));
    let work = script.poll();
    assert!(work.wants_metadata && work.fetches.is_empty());
    script.engine.handle_metadata(&snapshot(TOPIC_ID, &[(2, 6)]), script.clock.at(0));
    script.now = 130;
    assert_eq!(script.asked(), Some((2, 0)));
    assert!(matches!(script.take(), Offer::Nothing), "none of it is the caller's business");
}

#[test]
fn a_lost_connection_is_tried_again_and_not_reported() {
    let mut script = Script::new(AutoOffsetReset::Earliest);
    script.poll();
    let lost = Err(Error::closed("connection"));
    script.engine.handle_fetch(NodeId(1), Lane::Main, lost, script.clock.at(0));
    let work = script.poll();
    assert!(work.wants_metadata && work.fetches.is_empty());
    assert!(script.engine.next_deadline(script.clock.at(0)).is_some());
    script.now = 130;
    assert_eq!(script.asked(), Some((1, 0)));
}

#[test]
fn out_of_range_is_checked_with_the_leader_before_a_reset() {
    let mut script = Script::new(AutoOffsetReset::Earliest);
    script.poll();
    script.refuse(ErrorCode::OffsetOutOfRange);
    assert_eq!(script.state(), FetchState::AwaitingRangeCheck { position: at(0, -1), start_offset: None });
    // An answer of a leader that is none any more is not even checked.
    let mut script = Script::new(AutoOffsetReset::Earliest);
    script.poll();
    script.engine.handle_metadata(&snapshot(TOPIC_ID, &[(2, 6)]), script.clock.at(0));
    script.refuse(ErrorCode::OffsetOutOfRange);
    assert_eq!(script.state(), FetchState::Fetching(at(0, -1)));
    assert_eq!(script.asked(), Some((2, 0)));
}

#[test]
fn a_preferred_replica_is_left_when_it_fails_or_is_behind() {
    for failure in [None, Some(ErrorCode::OffsetOutOfRange), Some(ErrorCode::ReplicaNotAvailable)] {
        let mut script = Script::new(AutoOffsetReset::Earliest);
        script.poll();
        let redirect = PartitionData { preferred_read_replica: NodeId(2), ..PartitionData::default() };
        script.answer_with(1, Lane::Main, redirect);
        assert_eq!(script.asked(), Some((2, 0)));
        match failure {
            Some(code) => {
                let data = PartitionData { error_code: code, ..PartitionData::default() };
                script.answer_with(2, Lane::Main, data);
            }
            None => {
                let lost = Err(Error::closed("connection"));
                script.engine.handle_fetch(NodeId(2), Lane::Main, lost, script.clock.at(0));
            }
        }
        script.now = 130;
        assert_eq!(script.asked().unwrap().0, 1, "{failure:?}");
    }
}

#[test]
fn a_cut_below_what_waits_loses_nothing_that_was_handed_out() {
    let mut script = Script::new(AutoOffsetReset::None);
    script.poll();
    script.answer(concat([BatchSpec::of(0, 3).build(), BatchSpec::of(3, 3).build()]));
    // Records 0 and 1 are handed out, the rest is in our hands; the log is cut at 4.
    let mut fetch = script.take_records();
    hand_out(&mut fetch, 2);
    let revision = script.engine.revision();
    script.leader_changes_and_says(1, 4);
    assert!(script.engine.revision() > revision);
    assert_eq!(
        script.engine.recheck(&fetch).unwrap(),
        Recheck::Void,
        "what is in our hands may not be in the log any more"
    );
    assert_eq!(script.state(), FetchState::Fetching(at(2, 1)));
    assert_eq!(script.asked(), Some((2, 2)));
}

#[test]
fn a_cut_below_what_was_handed_out_is_told_or_followed() {
    for policy in [AutoOffsetReset::None, AutoOffsetReset::Latest] {
        let mut script = Script::new(policy);
        script.poll();
        script.answer(BatchSpec::of(0, 6).build());
        let mut fetch = script.take_records();
        assert_eq!(hand_out(&mut fetch, 9).len(), 6);
        script.engine.release();
        script.leader_changes_and_says(0, 4);
        if policy == AutoOffsetReset::None {
            let expected = PositionProblem::Truncated { offset: 6, end_offset: 4 };
            assert_eq!(problem(script.take_problem()), expected);
            assert_eq!(script.state(), FetchState::AwaitingValidation(at(6, 1)));
            script.engine.seek(&script.partition.clone(), 4).unwrap();
            assert_eq!(script.asked(), Some((2, 4)));
        } else {
            assert_eq!(script.state(), FetchState::Fetching(at(4, 0)));
            assert!(matches!(script.take(), Offer::Nothing));
        }
    }
}

#[test]
fn a_recreated_topic_is_told_once_and_read_from_its_beginning() {
    let mut script = Script::new(AutoOffsetReset::Latest);
    script.poll();
    script.answer(BatchSpec::of(0, 3).build());
    let fetch = script.take_records();
    script.refuse(ErrorCode::UnknownTopicId);
    script.engine.handle_metadata(&snapshot(TopicId::from_u128(8), &[(1, 0)]), script.clock.at(0));
    assert_eq!(script.engine.recheck(&fetch).unwrap(), Recheck::Void);
    assert_eq!(problem(script.take_problem()), PositionProblem::Recreated);
    assert!(matches!(script.take(), Offer::Nothing));
    assert_eq!(script.state(), FetchState::AwaitingReset(StartAt::Earliest));
}

#[test]
fn what_went_wrong_is_told_before_the_records_that_came_after_it() {
    let mut script = Script::new(AutoOffsetReset::Latest);
    script.poll();
    script.answer(BatchSpec::of(0, 3).build());
    drop(script.take_records());
    let again = TopicId::from_u128(8);
    script.engine.handle_metadata(&snapshot(again, &[(1, 0)]), script.clock.at(0));
    script.engine.release();
    // The caller looks late: the new topic was fetched already.
    script.engine.subscription.get_mut(script.id).unwrap().start_at(at(0, 0));
    script.poll();
    let data = PartitionData {
        high_watermark: 3,
        records: Some(BatchSpec::of(0, 3).build().into()),
        ..PartitionData::default()
    };
    let topic = FetchableTopicResponse { topic_id: again, partitions: vec![data], ..Default::default() };
    let response = FetchResponse { session_id: 1, responses: vec![topic], ..FetchResponse::default() };
    script.engine.handle_fetch(NodeId(1), Lane::Main, Ok(response), script.clock.at(0));
    assert!(script.engine.buffer.first(script.id).is_some());
    assert_eq!(problem(script.take_problem()), PositionProblem::Recreated);
    assert_eq!(hand_out(&mut script.take_records(), 9), [0, 1, 2]);
}

#[test]
fn damage_is_told_after_the_records_before_it_and_fetched_again() {
    let mut script = Script::new(AutoOffsetReset::Earliest);
    script.poll();
    let mut second = BatchSpec::of(3, 3).build().to_vec();
    *second.last_mut().unwrap() ^= 1;
    script.answer(concat([BatchSpec::of(0, 3).build(), Bytes::from(second)]));
    let mut fetch = script.take_records();
    assert_eq!(hand_out(&mut fetch, 3), [0, 1, 2]);
    let damage = fetch.open_batch(OPTIONS).unwrap_err();
    let error = script.engine.refetch(fetch.position_id, fetch.position(), damage).unwrap();
    assert!(matches!(problem(error), PositionProblem::Damaged { offset: 3, next_offset: 6, .. }));
    assert!(script.poll().fetches.is_empty());
    script.now = 130;
    assert_eq!(script.asked(), Some((1, 3)));
}

#[test]
fn damage_in_the_first_header_is_told_once_per_try() {
    let mut script = Script::new(AutoOffsetReset::Earliest);
    script.poll();
    script.answer(Bytes::from_static(&[0; 100]));
    assert!(matches!(problem(script.take_problem()), PositionProblem::Damaged { offset: 0, .. }));
    assert!(script.poll().fetches.is_empty());
    assert!(matches!(script.take(), Offer::Nothing));
    script.now = 130;
    assert!(script.asked().is_some());
}

#[test]
fn refusals_that_do_not_pass_are_told() {
    let mut script = Script::new(AutoOffsetReset::Earliest);
    script.poll();
    script.refuse(ErrorCode::TopicAuthorizationFailed);
    assert_eq!(script.take_problem().code(), Some(ErrorCode::TopicAuthorizationFailed));
}

#[test]
fn what_is_refused_as_a_whole_is_tried_again() {
    let mut script = Script::new(AutoOffsetReset::Earliest);
    script.poll();
    let response = FetchResponse { error_code: ErrorCode::UnknownTopicId, ..FetchResponse::default() };
    script.engine.handle_fetch(NodeId(1), Lane::Main, Ok(response), script.clock.at(0));
    let work = script.poll();
    assert!(work.wants_metadata && work.fetches.is_empty());
    script.now = 130;
    assert_eq!(script.asked(), Some((1, 0)));
}

/// Lets a minute pass, a poll each half second, in which `step` does what the broker and the caller do. The stalls that come
/// of it.
fn stalls_of_a_minute(script: &mut Script, mut step: impl FnMut(&mut Script)) -> Vec<StallError> {
    let mut stalls = Vec::new();
    for _ in 0..120 {
        script.now += 500;
        step(script);
        script.poll();
        while let Offer::Problem(error) = script.take() {
            let Error::Stalled(stall) = error else { panic!("{error}") };
            stalls.push(*stall);
        }
    }
    stalls
}

fn fail_fetch(script: &mut Script, error: Error) {
    script.poll();
    script.engine.handle_fetch(NodeId(1), Lane::Main, Err(error), script.clock.at(script.now));
}

#[test]
fn whatever_keeps_a_partition_from_being_fetched_is_reported() {
    let broker = || Arc::from("one:9092 (id 1)");
    let cause = DecodeError::new(DecodeErrorKind::Truncated, "record batch");
    for (error, remedy) in [
        (Error::disconnected(broker(), "no such host", false), "advertised.listeners"),
        (Error::disconnected(broker(), "too large", true), "receive.message.max.bytes"),
        (Error::MalformedResponse { broker: broker(), cause }, "does not answer"),
        (Error::UnsupportedApi { broker: broker(), api: ApiKey::Fetch }, "too far apart in age"),
        (Error::timeout("a request", Duration::from_secs(30), "request.timeout.ms"), "request.timeout.ms"),
    ] {
        let mut script = Script::new(AutoOffsetReset::Latest);
        let stalls = stalls_of_a_minute(&mut script, |script| fail_fetch(script, error.clone()));
        assert!((9..=11).contains(&stalls.len()), "every five seconds: {}", stalls.len());
        let text = format!("{:#}", Error::from(stalls[0].clone()));
        assert!(text.contains("partition 0 of topic clicks") && text.contains(remedy), "{text}");
        assert!(text.ends_with(&format!("{error:#}")), "{text}");
        assert!(Error::from(stalls[0].clone()).is_retriable());
        // It moves again, and nothing more is said.
        script.now += 2_000;
        script.poll();
        script.answer(BatchSpec::of(0, 3).build());
        script.now += 2_000;
        script.poll();
        script.take_records();
    }
}

#[test]
fn lookups_that_fail_are_reported() {
    let mut script = Script::new(AutoOffsetReset::Earliest);
    script.engine.reset(&script.partition.clone(), StartAt::Earliest).unwrap();
    let stalls = stalls_of_a_minute(&mut script, |script| {
        let now = script.clock.at(script.now);
        for lookup in script.poll().lookups {
            let error = Error::disconnected("one", "refused", false);
            script.engine.handle_lookup(&lookup.asked, Err(error), now);
        }
    });
    assert!(!stalls.is_empty() && stalls[0].waits_for.contains("from where"), "{stalls:?}");
}

/// As a broker answers a fetch by a client that exceeds its quota.
#[test]
fn a_client_that_is_held_back_is_told_late_and_why() {
    let mut script = Script::new(AutoOffsetReset::Latest);
    let stalls = stalls_of_a_minute(&mut script, |script| {
        script.poll();
        let throttled = FetchResponse { session_id: 1, throttle_time_ms: 500, ..FetchResponse::default() };
        script.engine.handle_fetch(NodeId(1), Lane::Main, Ok(throttled), script.clock.at(script.now));
    });
    assert!((29..32).contains(&stalls[0].stalled_for.as_secs()), "{stalls:?}");
    assert!(stalls[0].waits_for.contains("consumer_byte_rate"), "{stalls:?}");
}

/// A cause that nobody thought of: answers without an error and without records.
#[test]
fn a_broker_that_has_records_and_gives_none_is_reported() {
    let mut script = Script::new(AutoOffsetReset::Latest);
    let stalls = stalls_of_a_minute(&mut script, |script| {
        script.poll();
        script.answer(Bytes::new());
    });
    assert!(stalls[0].waits_for.contains("up to offset 1000"), "{stalls:?}");
    assert!(stalls[0].cause.is_none());
}

#[test]
fn a_broker_that_says_nothing_at_all_is_reported() {
    let mut script = Script::new(AutoOffsetReset::Latest);
    let stalls = stalls_of_a_minute(&mut script, |_| {});
    assert!(!stalls.is_empty());
    // Nobody leads it.
    let mut script = Script::new(AutoOffsetReset::Latest);
    script.engine.handle_metadata(&snapshot(TOPIC_ID, &[(-1, 6)]), script.clock.at(0));
    let stalls = stalls_of_a_minute(&mut script, |_| {});
    assert!(stalls[0].waits_for.contains("no broker leads it"), "{stalls:?}");
}

/// Whoever is at the end of a log waits as long as there is nothing: brokers do not mention what has not changed.
#[test]
fn to_wait_for_records_is_no_stall() {
    let mut script = Script::new(AutoOffsetReset::Latest);
    script.poll();
    script.answer_with(1, Lane::Main, PartitionData { high_watermark: 0, ..PartitionData::default() });
    let stalls = stalls_of_a_minute(&mut script, |script| {
        script.poll();
        let unchanged = FetchResponse { session_id: 1, ..FetchResponse::default() };
        script.engine.handle_fetch(NodeId(1), Lane::Main, Ok(unchanged), script.clock.at(script.now));
    });
    assert!(stalls.is_empty(), "{stalls:?}");
    // And then the broker falls silent.
    let stalls = stalls_of_a_minute(&mut script, |_| {});
    assert!(!stalls.is_empty());
}

/// Readers of committed records, at the first record of a transaction that does not end.
#[test]
fn a_transaction_that_does_not_end_is_reported_after_a_quarter_of_an_hour() {
    let waiting_at = |isolation_level, last_stable_offset| {
        let mut script = Script::with(&ConsumerConfig::default().isolation_level(isolation_level));
        script.poll();
        let high_watermark = 10;
        let data = PartitionData { high_watermark, last_stable_offset, ..PartitionData::default() };
        script.answer_with(1, Lane::Main, data);
        script
    };
    let unchanged = |script: &mut Script| {
        let unchanged = FetchResponse { session_id: 1, ..FetchResponse::default() };
        script.poll();
        script.engine.handle_fetch(NodeId(1), Lane::Main, Ok(unchanged), script.clock.at(script.now));
    };
    let mut script = waiting_at(IsolationLevel::ReadCommitted, 0);
    for _ in 0..14 {
        assert!(stalls_of_a_minute(&mut script, unchanged).is_empty(), "it may yet end");
    }
    let stalls: Vec<_> = (0..2).flat_map(|_| stalls_of_a_minute(&mut script, unchanged)).collect();
    let text = stalls[0].to_string();
    assert!(text.contains("begins at offset 0") && text.contains("find_hanging_transactions"), "{text}");
    // It ends: there is nothing to report any more.
    let data = PartitionData { high_watermark: 10, last_stable_offset: 0, ..PartitionData::default() };
    script.poll();
    script.answer_with(1, Lane::Main, PartitionData { last_stable_offset: 10, ..data });
    script.engine.seek(&script.partition.clone(), 10).unwrap();
    assert!((0..16).flat_map(|_| stalls_of_a_minute(&mut script, unchanged)).next().is_none());
}

#[test]
fn what_the_caller_holds_up_is_no_stall() {
    let mut script = Script::new(AutoOffsetReset::Latest);
    script.engine.set_paused(&script.partition.clone(), true).unwrap();
    assert!(stalls_of_a_minute(&mut script, |_| {}).is_empty(), "it is paused");
    script.engine.set_paused(&script.partition.clone(), false).unwrap();
    script.poll();
    script.answer(BatchSpec::of(0, 3).build());
    let held = script.take_records();
    assert!(stalls_of_a_minute(&mut script, |_| {}).is_empty(), "the caller is at work");
    script.engine.put_back(held);
    for _ in 0..120 {
        script.now += 500;
        script.poll();
    }
    assert!(!script.engine.subscription.has_reports(), "the caller does not ask");
}

/// The driver saw the picture before it had a partition to look up in it, and no other one comes.
#[test]
fn a_partition_is_looked_up_in_a_picture_that_came_before_it() {
    let mut script = Script::new(AutoOffsetReset::Earliest);
    let other = TopicPartition::new("clicks", 0);
    script.engine.assign(&[]);
    script.engine.handle_metadata(&snapshot(TOPIC_ID, &[(1, 5)]), script.clock.at(1));
    assert!(script.poll().lookups.is_empty());
    script.engine.assign(std::slice::from_ref(&other));
    assert_eq!(script.poll().lookups.len(), 1);
}

#[test]
fn a_partition_that_is_assigned_after_a_look_at_none_is_watched_too() {
    let mut script = Script::new(AutoOffsetReset::Earliest);
    script.engine.assign(&[]);
    script.poll();
    assert_eq!(script.engine.next_deadline(script.clock.at(0)), None);
    script.now = 100;
    script.engine.assign(&[TopicPartition::new("unheard-of", 0)]);
    script.poll();
    // Nothing else happens: only deadlines wake the driver.
    while script.now < 15_000 && !script.engine.subscription.has_reports() {
        let due = script.engine.next_deadline(script.clock.at(script.now)).unwrap();
        script.now =
            u64::try_from(due.duration_since(script.clock.at(0)).as_millis()).unwrap().max(script.now + 1);
        script.poll();
    }
    let error = script.take_problem();
    assert!(matches!(error, Error::Stalled(_)), "{error:?}");
}

/// A partition with three records, of which the caller has taken the first and been handed nothing.
fn with_records() -> (Script, Box<CompletedFetch>) {
    let mut script = Script::new(AutoOffsetReset::Latest);
    script.poll();
    script.answer(BatchSpec::of(0, 3).build());
    let fetch = script.take_records();
    (script, fetch)
}

#[test]
fn a_parked_partition_gives_nothing_until_its_caller_has_what_it_waits_for() {
    let (mut script, fetch) = with_records();
    let position_id = fetch.position_id;
    assert!(script.engine.park(fetch));
    assert!(matches!(script.take(), Offer::Nothing));
    assert_eq!(script.engine.position(&script.partition.clone()).unwrap(), Some(0));
    script.poll();
    assert!(script.poll().fetches.is_empty(), "what it has is enough");
    script.engine.unpark(position_id);
    assert_eq!(hand_out(&mut script.take_records(), 3), [0, 1, 2]);
}

#[test]
fn a_parked_partition_that_does_not_move_is_reported() {
    let (mut script, fetch) = with_records();
    script.engine.park(fetch);
    let stalls = stalls_of_a_minute(&mut script, |_| {});
    assert!((9..=11).contains(&stalls.len()), "every five seconds: {}", stalls.len());
    assert!(stalls[0].waits_for.contains("dead letter"), "{}", stalls[0]);
}

#[test]
fn a_record_that_is_held_is_offered_again_after_a_pause_that_grows() {
    let (mut script, mut fetch) = with_records();
    for pause in [100, 200, 400, 800, 1000, 1000] {
        assert!(script.engine.hold(fetch));
        script.poll();
        script.now += pause * 7 / 10;
        script.poll();
        assert!(matches!(script.take(), Offer::Nothing), "{pause} ms are not over");
        script.now += pause * 6 / 10;
        script.poll();
        fetch = script.take_records();
        assert_eq!(fetch.next_offset(), 0, "what was fetched is kept");
    }
    // The caller goes past it: the next hold is the first again.
    hand_out(&mut fetch, 1);
    script.engine.progress().hand_out(1);
    script.engine.progress().ask(Some(1));
    script.engine.hold(fetch);
    script.poll();
    script.now += 130;
    script.poll();
    assert_eq!(script.take_records().next_offset(), 1);
}

#[test]
fn whoever_seeks_past_a_held_record_does_not_wait_for_it() {
    let (mut script, fetch) = with_records();
    let (position_id, revision) = (fetch.position_id, script.engine.revision());
    script.engine.hold(fetch);
    script.engine.seek(&script.partition.clone(), 1).unwrap();
    assert!(script.engine.revision() > revision && !script.engine.is_current(position_id));
    assert_eq!(script.asked(), Some((1, 1)));
}

#[test]
fn what_is_fetched_again_is_told() {
    let mut script = Script::new(AutoOffsetReset::Latest);
    for failures in 1..3 {
        script.now += 2_000;
        script.poll();
        let failed = Err(Error::disconnected("one", "reset", true));
        let news = script.engine.handle_fetch(NodeId(1), Lane::Main, failed, script.clock.at(script.now));
        let told: Vec<_> =
            news.retries.iter().map(|retry| (retry.pause.failures, &retry.partition)).collect();
        assert_eq!(told, [(failures, &None)]);
    }
    script.now += 2_000;
    script.poll();
    let refused = PartitionData { error_code: ErrorCode::NotLeaderOrFollower, ..PartitionData::default() };
    let news = script.answer_with(1, Lane::Main, refused);
    assert_eq!(news.retries[0].partition.as_ref(), Some(&script.partition));
    assert!(news.retries[0].pause.backoff > Duration::ZERO);
}
