//! Scripts for the fetcher: who is asked for what, when.

use kestrel_protocol::TopicId;
use kestrel_protocol::messages::fetch::FetchableTopicResponse;

use super::*;
use crate::config::{AutoOffsetReset, ConsumerConfig};
use crate::consumer::fetch::completed::{CompletedFetch, FetchedRecords};
use crate::consumer::position::leader_view;
use crate::consumer::testing::{BatchSpec, Clock, TOPIC_ID, at, backoff, settings, snapshot};
use crate::record::TopicPartition;

/// A fetcher with its surroundings; partitions 0 and 1 of `clicks` are led by node 1, partition 2 by node 2.
struct Script {
    clock: Clock,
    now: u64,
    settings: ConsumerSettings,
    subscription: SubscriptionState,
    buffer: FetchBuffer,
    fetcher: Fetcher,
}

impl Script {
    fn new(config: &ConsumerConfig) -> Self {
        let clock = Clock::start();
        let mut subscription = SubscriptionState::new(AutoOffsetReset::Earliest, backoff());
        subscription.assign(&[0, 1, 2].map(|number| TopicPartition::new("clicks", number)));
        let picture = snapshot(TOPIC_ID, &[(1, 5), (1, 5), (2, 5)]);
        for number in 0..3 {
            let id = AssignmentId(number);
            let view = leader_view(&picture, &subscription.get(id).unwrap().name).unwrap();
            subscription.handle_leader(id, view, clock.at(0));
            subscription.get_mut(id).unwrap().seek(at(100, -1));
        }
        let buffer = FetchBuffer::default();
        Self {
            clock,
            now: 0,
            settings: settings(config),
            subscription,
            buffer,
            fetcher: Fetcher::new(backoff()),
        }
    }

    /// The requests as text: `node lane [partition@offset ...] <max bytes`.
    fn poll(&mut self) -> Vec<String> {
        let now = self.clock.at(self.now);
        let work = self.fetcher.poll(&self.subscription, &self.buffer, 0, &self.settings, now);
        let show = |work: FetchWork| {
            let partitions = work.request.topics.iter().flat_map(|topic| &topic.partitions);
            let partitions: Vec<_> =
                partitions.map(|p| format!("{}@{}", p.partition, p.fetch_offset)).collect();
            format!("{} {:?} [{}] <{}", work.node, work.lane, partitions.join(" "), work.request.max_bytes)
        };
        work.into_iter().map(show).collect()
    }

    /// FetchNode 1 answers with `count` records of `partition`, which wait from then on.
    fn answer(&mut self, lane: Lane, partition: i32, count: i32) {
        let data =
            PartitionData { partition_index: partition, high_watermark: 1000, ..PartitionData::default() };
        let topic =
            FetchableTopicResponse { topic_id: TOPIC_ID, partitions: vec![data], ..Default::default() };
        let response = FetchResponse { session_id: 9, responses: vec![topic], ..FetchResponse::default() };
        let outcome = self.fetcher.handle_answer(NodeId(1), lane, response, self.clock.at(self.now));
        let answer = outcome.answers.first().unwrap();
        assert_eq!(answer.leader_epoch, LeaderEpoch(5));
        let records = BatchSpec::of(answer.fetch_offset, count).build();
        let scan = CompletedFetch::scan(FetchedRecords {
            position_id: answer.position_id,
            topic: "clicks".into(),
            partition,
            position: at(answer.fetch_offset, -1),
            frame_bytes: records.len(),
            records,
            aborted: None,
        });
        let fetch = scan.fetch.unwrap();
        self.subscription.get_mut(answer.position_id.id).unwrap().advance(fetch.end());
        self.buffer.push(fetch);
    }
}

#[test]
fn every_leader_is_asked_once_until_it_answers() {
    let mut script = Script::new(&ConsumerConfig::default());
    assert_eq!(script.poll(), ["1 Main [0@100 1@100] <2097152", "2 Main [2@100] <1048576"]);
    assert_eq!(script.poll(), [""; 0]);
    script.answer(Lane::Main, 0, 3);
    // All partitions of the node again; the session names only what changed.
    assert_eq!(script.poll(), ["1 Main [0@103] <2097152"]);
}

#[test]
fn a_node_is_not_asked_while_enough_of_it_waits() {
    let config = ConsumerConfig::default().max_partition_fetch_bytes(2000);
    let mut script = Script::new(&config);
    script.poll();
    script.answer(Lane::Main, 0, 200);
    assert!(!script.fetcher.lacks_room());
    assert_eq!(script.poll(), [""; 0], "more than half of what an answer may bring");
    assert!(script.fetcher.lacks_room());
    let taken = script.buffer.take(|_| true);
    assert!(taken.is_some());
    assert_eq!(script.poll(), ["1 Main [0@300] <4000"]);
    assert!(!script.fetcher.lacks_room());
}

#[test]
fn the_buffer_bounds_what_may_be_under_way() {
    let mut script = Script::new(&ConsumerConfig::default().fetch_buffer_bytes(1_500_000));
    assert_eq!(script.poll(), ["1 Main [0@100 1@100] <1048576", "2 Main [2@100] <451424"]);
    let mut script = Script::new(&ConsumerConfig::default().fetch_buffer_bytes(1_000_000));
    assert_eq!(script.poll(), ["1 Main [0@100 1@100] <1000000"]);
}

#[test]
fn an_answer_is_at_most_a_quarter_of_the_buffer() {
    let mut script = Script::new(&ConsumerConfig::default().fetch_buffer_bytes(6_000_000));
    assert_eq!(script.poll(), ["1 Main [0@100 1@100] <1500000", "2 Main [2@100] <1048576"]);
    let config = ConsumerConfig::default().fetch_buffer_bytes(6_000_000).fetch_min_bytes(1_600_000);
    assert_eq!(Script::new(&config).poll(), ["1 Main [0@100 1@100] <1600000", "2 Main [2@100] <1048576"]);
}

#[test]
fn paused_partitions_are_not_asked_for_and_hold_no_one_up() {
    let mut script = Script::new(&ConsumerConfig::default().max_partition_fetch_bytes(2000));
    script.poll();
    script.answer(Lane::Main, 0, 150);
    script.subscription.get_mut(AssignmentId(0)).unwrap().paused = true;
    assert_eq!(script.poll(), ["1 Main [] <2000"], "partition 1 is in the session as it was");
}

#[test]
fn a_moved_partition_does_not_wait_for_the_request_under_way() {
    let mut script = Script::new(&ConsumerConfig::default());
    script.poll();
    script.subscription.get_mut(AssignmentId(1)).unwrap().seek(at(7, -1));
    assert_eq!(script.poll(), ["1 Side [1@7] <1048576"]);
    assert_eq!(script.poll(), [""; 0]);
    script.answer(Lane::Side, 1, 3);
    assert_eq!(script.poll(), ["1 Side [1@10] <1048576"]);
    script.answer(Lane::Main, 0, 1);
    // What the side lane is asking for is left to it.
    assert_eq!(script.poll(), ["1 Main [0@101] <1048576"]);
    script.answer(Lane::Side, 1, 3);
    assert_eq!(script.poll(), ["1 Side [1@13] <1048576"]);
}

#[test]
fn a_failed_node_is_left_alone_for_a_while_and_asked_in_full() {
    let mut script = Script::new(&ConsumerConfig::default());
    script.poll();
    script.answer(Lane::Main, 0, 3);
    script.poll();
    assert_eq!(script.fetcher.handle_failure(NodeId(1), Lane::Main, script.clock.at(0)).0.len(), 2);
    assert_eq!(script.poll(), [""; 0]);
    assert!(script.fetcher.next_deadline(script.clock.at(0)).is_some());
    script.now = 121;
    assert_eq!(script.poll(), ["1 Main [0@103 1@100] <2097152"]);
}

#[test]
fn a_lost_session_is_asked_again_at_once() {
    let mut script = Script::new(&ConsumerConfig::default());
    script.poll();
    let response =
        FetchResponse { error_code: ErrorCode::FetchSessionIdNotFound, ..FetchResponse::default() };
    let outcome = script.fetcher.handle_answer(NodeId(1), Lane::Main, response, script.clock.at(0));
    assert!(outcome.answers.is_empty() && outcome.error.is_none());
    assert_eq!(script.poll(), ["1 Main [0@100 1@100] <2097152"]);
}

#[test]
fn those_served_last_come_last() {
    let mut script = Script::new(&ConsumerConfig::default());
    script.subscription.get_mut(AssignmentId(0)).unwrap().last_served = 9;
    assert_eq!(script.poll()[0], "1 Main [1@100 0@100] <2097152");
}

#[test]
fn answers_about_what_was_not_asked_are_dropped() {
    let mut script = Script::new(&ConsumerConfig::default());
    script.poll();
    let data = PartitionData { partition_index: 77, ..PartitionData::default() };
    let other = TopicId::from_u128(99);
    let topic =
        |topic_id| FetchableTopicResponse { topic_id, partitions: vec![data.clone()], ..Default::default() };
    let response =
        FetchResponse { responses: vec![topic(TOPIC_ID), topic(other)], ..FetchResponse::default() };
    let outcome = script.fetcher.handle_answer(NodeId(1), Lane::Main, response, script.clock.at(0));
    assert!(outcome.answers.is_empty());
}
