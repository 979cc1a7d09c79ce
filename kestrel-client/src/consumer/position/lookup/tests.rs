//! Scripts for lookups: resets, range checks, validation of leader epochs.

use kestrel_protocol::messages::list_offsets::ListOffsetsTopicResponse;
use kestrel_protocol::messages::offset_for_leader_epoch::OffsetForLeaderTopicResult;

use super::*;
use crate::consumer::position::leader_view;
use crate::consumer::testing::{Clock, TOPIC_ID, at, backoff, snapshot};
use crate::record::TopicPartition;

const ID: AssignmentId = AssignmentId(0);
const WALL: Timestamp = Timestamp::from_millis(1_000_000);

/// One partition, `clicks` 0, led by node 1 in epoch 5.
struct Script {
    clock: Clock,
    now: u64,
    subscription: SubscriptionState,
    isolation: IsolationLevel,
}

impl Script {
    fn new(reset: AutoOffsetReset) -> Self {
        let clock = Clock::start();
        let mut subscription = SubscriptionState::new(reset, backoff());
        subscription.assign(&[TopicPartition::new("clicks", 0)]);
        let view = leader_view(&snapshot(TOPIC_ID, &[(1, 5)]), &subscription.get(ID).unwrap().name).unwrap();
        subscription.handle_leader(ID, view, clock.at(0));
        Self { clock, now: 0, subscription, isolation: IsolationLevel::ReadUncommitted }
    }

    fn in_state(reset: AutoOffsetReset, state: FetchState) -> Self {
        let mut script = Self::new(reset);
        script.partition().enter(state);
        script
    }

    fn partition(&mut self) -> &mut AssignedPartition {
        self.subscription.get_mut(ID).unwrap()
    }

    fn poll(&mut self) -> Option<Lookup> {
        let now = self.clock.at(self.now);
        let mut lookups = poll_lookups(&mut self.subscription, self.isolation, now, WALL);
        assert!(lookups.len() <= 1);
        lookups.pop()
    }

    /// The timestamp that ListOffsets asks for.
    fn asked_timestamp(lookup: &Lookup) -> i64 {
        let LookupRequest::Offsets(request) = &lookup.request else { panic!("{lookup:?}") };
        assert_eq!(request.topics[0].partitions[0].current_leader_epoch, LeaderEpoch(5));
        request.topics[0].partitions[0].timestamp
    }

    fn answer_offset(&mut self, lookup: &Lookup, code: ErrorCode, offset: i64) -> LookupOutcome {
        let answer = ListOffsetsPartitionResponse {
            error_code: code,
            offset,
            leader_epoch: LeaderEpoch(4),
            ..ListOffsetsPartitionResponse::default()
        };
        let topic = ListOffsetsTopicResponse { name: "clicks".into(), partitions: vec![answer] };
        let response = ListOffsetsResponse { topics: vec![topic], ..ListOffsetsResponse::default() };
        handle_offsets(&mut self.subscription, &lookup.asked, response, self.clock.at(self.now))
    }

    fn answer_epoch(
        &mut self,
        lookup: &Lookup,
        code: ErrorCode,
        epoch: i32,
        end_offset: i64,
    ) -> LookupOutcome {
        let LookupRequest::LeaderEpochs(_) = &lookup.request else { panic!("{lookup:?}") };
        let answer =
            EpochEndOffset { error_code: code, partition: 0, leader_epoch: LeaderEpoch(epoch), end_offset };
        let topic = OffsetForLeaderTopicResult { topic: "clicks".into(), partitions: vec![answer] };
        let response = OffsetForLeaderEpochResponse { topics: vec![topic], ..Default::default() };
        handle_leader_epochs(&mut self.subscription, &lookup.asked, response, self.clock.at(self.now))
    }

    fn state(&self) -> FetchState {
        self.subscription.get(ID).unwrap().state()
    }

    fn report(&mut self) -> Option<PositionProblem> {
        match self.subscription.take_report(|_, _| true)? {
            Error::Position(error) => Some(error.problem),
            other => panic!("{other}"),
        }
    }
}

#[test]
fn the_policy_says_where_to_begin() {
    for (policy, timestamp) in [
        (AutoOffsetReset::Earliest, -2),
        (AutoOffsetReset::Latest, -1),
        (AutoOffsetReset::ByDuration(Duration::from_secs(600)), 400_000),
        (AutoOffsetReset::ByDuration(Duration::from_secs(6000)), 0),
    ] {
        let mut script = Script::new(policy);
        let lookup = script.poll().unwrap();
        assert_eq!((lookup.node, Script::asked_timestamp(&lookup)), (NodeId(1), timestamp));
        assert!(script.poll().is_none(), "one question at a time");
        script.answer_offset(&lookup, ErrorCode::None, 42);
        assert_eq!(script.state(), FetchState::Fetching(at(42, 4)));
    }
}

#[test]
fn a_duration_without_records_begins_at_the_end() {
    let mut script = Script::new(AutoOffsetReset::ByDuration(Duration::ZERO));
    let lookup = script.poll().unwrap();
    script.answer_offset(&lookup, ErrorCode::None, -1);
    let lookup = script.poll().unwrap();
    assert_eq!(Script::asked_timestamp(&lookup), LATEST_TIMESTAMP);
}

#[test]
fn without_a_policy_the_caller_is_asked_again_and_again() {
    let mut script = Script::new(AutoOffsetReset::None);
    assert!(script.poll().is_none());
    assert_eq!(script.report(), Some(PositionProblem::NoOffset));
    assert!(script.poll().is_none());
    assert_eq!(script.report(), None);
    script.now = 130;
    script.poll();
    assert_eq!(script.report(), Some(PositionProblem::NoOffset));
    script.partition().seek(at(3, -1));
    script.now = 10_000;
    assert!(script.poll().is_none());
    assert_eq!(script.report(), None);
}

#[test]
fn refusals_that_pass_are_retried_and_others_reported() {
    let mut script = Script::new(AutoOffsetReset::Earliest);
    let lookup = script.poll().unwrap();
    assert!(script.answer_offset(&lookup, ErrorCode::NotLeaderOrFollower, -1).wants_metadata);
    assert!(script.poll().is_none());
    script.now = 130;
    let lookup = script.poll().unwrap();
    assert!(!script.answer_offset(&lookup, ErrorCode::TopicAuthorizationFailed, -1).wants_metadata);
    let error = script.subscription.take_report(|_, _| true).unwrap();
    assert_eq!(error.code(), Some(ErrorCode::TopicAuthorizationFailed));
}

#[test]
fn silence_about_a_partition_is_a_failure() {
    let mut script = Script::new(AutoOffsetReset::Earliest);
    let lookup = script.poll().unwrap();
    let now = script.clock.at(0);
    handle_offsets(&mut script.subscription, &lookup.asked, ListOffsetsResponse::default(), now);
    script.now = 130;
    let lookup = script.poll().unwrap();
    handle_lookup_failure(
        &mut script.subscription,
        &lookup.asked,
        &Error::closed("broker"),
        script.clock.at(130),
    );
    script.now = 500;
    assert!(script.poll().is_some());
}

#[test]
fn an_answer_from_before_a_seek_changes_nothing() {
    let mut script = Script::new(AutoOffsetReset::Earliest);
    let lookup = script.poll().unwrap();
    script.partition().seek(at(7, -1));
    script.answer_offset(&lookup, ErrorCode::None, 42);
    assert_eq!(script.state(), FetchState::Fetching(at(7, -1)));
}

/// Asks for start and end after an out-of-range position, and answers both.
fn check_range(script: &mut Script, start: i64, end: i64) -> LookupOutcome {
    script.isolation = IsolationLevel::ReadCommitted;
    let lookup = script.poll().unwrap();
    assert_eq!(Script::asked_timestamp(&lookup), EARLIEST_TIMESTAMP);
    script.answer_offset(&lookup, ErrorCode::None, start);
    let lookup = script.poll().unwrap();
    assert_eq!(Script::asked_timestamp(&lookup), LATEST_TIMESTAMP);
    let LookupRequest::Offsets(request) = &lookup.request else { panic!() };
    assert_eq!(request.isolation_level, 0, "open transactions are in range too");
    script.answer_offset(&lookup, ErrorCode::None, end)
}

fn out_of_range(reset: AutoOffsetReset, position: FetchPosition) -> Script {
    Script::in_state(reset, FetchState::AwaitingRangeCheck { position, start_offset: None })
}

#[test]
fn a_position_that_is_in_range_after_all_is_kept() {
    for policy in [AutoOffsetReset::Earliest, AutoOffsetReset::Latest, AutoOffsetReset::None] {
        let mut script = out_of_range(policy, at(50, 5));
        check_range(&mut script, 0, 50);
        assert_eq!(script.state(), FetchState::Fetching(at(50, 5)));
        assert_eq!(script.report(), None);
    }
}

#[test]
fn a_position_before_the_log_is_reset_or_reported() {
    let mut script = out_of_range(AutoOffsetReset::Latest, at(5, 5));
    check_range(&mut script, 10, 50);
    assert_eq!(script.state(), FetchState::AwaitingReset(StartAt::Policy));

    let mut script = out_of_range(AutoOffsetReset::None, at(5, 5));
    check_range(&mut script, 10, 50);
    let problem = PositionProblem::OutOfRange { offset: 5, start_offset: 10, end_offset: 50 };
    assert_eq!(script.report(), Some(problem));
    assert!(script.poll().is_none());
    script.now = 130;
    assert!(script.poll().is_some(), "checked again: the log may come back");
}

#[test]
fn a_position_behind_the_log_that_was_read_before_means_that_the_log_was_cut() {
    let mut script = out_of_range(AutoOffsetReset::Earliest, at(60, 5));
    assert_eq!(check_range(&mut script, 10, 50).truncated, [ID]);
    assert!(matches!(script.state(), FetchState::Truncated { end: FetchPosition { offset: 50, .. }, .. }));
    // One that the caller made up is treated as the policy says.
    let mut script = out_of_range(AutoOffsetReset::Earliest, at(60, -1));
    assert!(check_range(&mut script, 10, 50).truncated.is_empty());
    assert_eq!(script.state(), FetchState::AwaitingReset(StartAt::Policy));
}

#[test]
fn a_log_that_agrees_is_fetched_on() {
    let mut script = Script::in_state(AutoOffsetReset::Earliest, FetchState::AwaitingValidation(at(50, 3)));
    let lookup = script.poll().unwrap();
    let LookupRequest::LeaderEpochs(request) = &lookup.request else { panic!() };
    let asked = &request.topics[0].partitions[0];
    assert_eq!((asked.leader_epoch, asked.current_leader_epoch), (LeaderEpoch(3), LeaderEpoch(5)));
    assert_eq!(request.replica_id, NodeId::NONE);
    assert!(script.answer_epoch(&lookup, ErrorCode::None, 3, 50).truncated.is_empty());
    assert_eq!(script.state(), FetchState::Fetching(at(50, 3)));
}

#[test]
fn a_shorter_log_was_cut() {
    let mut script = Script::in_state(AutoOffsetReset::Earliest, FetchState::AwaitingValidation(at(50, 3)));
    let lookup = script.poll().unwrap();
    assert_eq!(script.answer_epoch(&lookup, ErrorCode::None, 2, 40).truncated, [ID]);
    assert_eq!(script.state(), FetchState::Truncated { position: at(50, 3), end: at(40, 2) });
    assert!(script.poll().is_none());
}

#[test]
fn validation_never_gets_stuck() {
    let mut script = Script::in_state(AutoOffsetReset::Earliest, FetchState::AwaitingValidation(at(50, 3)));
    for (round, code) in
        [ErrorCode::FencedLeaderEpoch, ErrorCode::UnknownLeaderEpoch, ErrorCode::NotLeaderOrFollower]
            .into_iter()
            .enumerate()
    {
        script.now = 2_000 * u64::try_from(round).unwrap();
        let lookup = script.poll().unwrap();
        assert!(script.answer_epoch(&lookup, code, -1, -1).wants_metadata);
    }
    script.now = 10_000;
    let lookup = script.poll().unwrap();
    script.answer_epoch(&lookup, ErrorCode::None, -1, -1);
    let range_check = FetchState::AwaitingRangeCheck { position: at(50, 3), start_offset: None };
    assert_eq!(script.state(), range_check, "the leader knows nothing of the epoch");

    let mut script = Script::in_state(AutoOffsetReset::Earliest, FetchState::AwaitingValidation(at(50, 3)));
    let lookup = script.poll().unwrap();
    skip_validation(&mut script.subscription, &lookup.asked);
    assert_eq!(script.state(), FetchState::Fetching(at(50, 3)));
}
