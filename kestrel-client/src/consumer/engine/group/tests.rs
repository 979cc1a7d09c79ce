//! Scripts for the engine in a group: where partitions begin, what is done, what goes when partitions do.

use std::task::Waker;
use std::time::Duration;

use bytes::Bytes;
use kestrel_protocol::messages::fetch::{FetchResponse, FetchableTopicResponse, PartitionData};
use kestrel_protocol::{ErrorCode, LeaderEpoch, NodeId};

use super::super::{Offer, Recheck, Work};
use super::*;
use crate::config::{AutoOffsetReset, ConsumerConfig};
use crate::consumer::fetch::{CompletedFetch, Lane, OpenOptions};
use crate::consumer::testing::{BatchSpec, Clock, TOPIC_ID, at, backoff, settings, snapshot};
use crate::record::Timestamp;

const OPTIONS: OpenOptions = OpenOptions { check_crcs: true, max_decompressed_batch_bytes: 1 << 20 };

/// A member's engine, with partitions of `clicks` that node 1 leads in epoch 5.
struct Member {
    clock: Clock,
    now: u64,
    engine: Engine,
}

fn partition(number: i32) -> TopicPartition {
    TopicPartition::new("clicks", number)
}

fn partitions(numbers: &[i32]) -> BTreeSet<TopicPartition> {
    numbers.iter().map(|&number| partition(number)).collect()
}

impl Member {
    fn new(config: ConsumerConfig) -> Self {
        let clock = Clock::start();
        let settings = settings(&config.auto_offset_reset(AutoOffsetReset::Latest));
        let mut engine = Engine::new(Arc::new(settings), Duration::from_secs(300), &backoff());
        engine.enter_group();
        Self { clock, now: 0, engine }
    }

    fn take_on(&mut self, numbers: &[i32]) {
        self.engine.take_on(&partitions(numbers), &BTreeMap::new(), &BTreeSet::new());
        let picture = snapshot(TOPIC_ID, &[(1, 5), (1, 5)]);
        self.engine.handle_metadata(&picture, self.clock.at(self.now));
    }

    /// The position_ids of the partitions whose committed offset is asked for.
    fn asks_committed(&mut self) -> Vec<(TopicPartition, PositionId)> {
        self.engine.poll_committed(self.clock.at(self.now))
    }

    /// Takes on partition 0, which the group has committed at `offset`.
    fn begin_at(&mut self, offset: i64) {
        self.take_on(&[0]);
        let (_, position_id) = self.asks_committed().remove(0);
        self.engine.handle_committed(position_id, Some(at(offset, -1)));
    }

    fn poll(&mut self) -> Work {
        self.engine.poll(self.clock.at(self.now), Timestamp::from_millis(0))
    }

    /// The offset from which node 1 is asked for records.
    fn fetches_from(&mut self) -> Option<i64> {
        let work = self.poll();
        Some(work.fetches.first()?.request.topics.first()?.partitions[0].fetch_offset)
    }

    fn answer(&mut self, records: Bytes) {
        let data =
            PartitionData { high_watermark: 1000, records: Some(records.into()), ..PartitionData::default() };
        let topic =
            FetchableTopicResponse { topic_id: TOPIC_ID, partitions: vec![data], ..Default::default() };
        let response = FetchResponse { session_id: 1, responses: vec![topic], ..FetchResponse::default() };
        self.engine.handle_fetch(NodeId(1), Lane::Main, Ok(response), self.clock.at(self.now));
    }

    /// Fetches three records of partition 0 from `offset` on.
    fn answer_from(&mut self, offset: i64) {
        self.poll();
        self.answer(BatchSpec::of(offset, 3).build());
    }

    fn position_of(&self, number: i32) -> Option<i64> {
        let id = self.engine.assigned_id(&partition(number))?;
        self.engine.subscription.get(id)?.fetch_offset()
    }

    fn take(&mut self) -> Option<Box<CompletedFetch>> {
        match self.engine.take(Waker::noop()) {
            Offer::Records(fetch) => Some(fetch),
            Offer::Nothing => None,
            other => panic!("{other:?}"),
        }
    }

    /// Hands out the next record of `fetch`: what the caller had before is done.
    fn next(&mut self, fetch: &mut CompletedFetch) -> i64 {
        self.engine.progress().ask(Some(fetch.next_offset()));
        let batch = fetch.open_batch(OPTIONS).unwrap().expect("there is a record");
        let offset = batch.records.next_view().unwrap().unwrap().offset;
        fetch.hand_out(offset);
        self.engine.progress().hand_out(fetch.next_offset());
        offset
    }

    fn committable(&mut self) -> Vec<(i32, i64)> {
        let all = self.engine.committable();
        all.iter().map(|one| (one.partition.partition, one.position.offset)).collect()
    }
}

#[test]
fn partitions_begin_where_the_group_has_committed() {
    let mut member = Member::new(ConsumerConfig::default());
    assert!(member.take().is_none(), "nothing assigned is not the end");
    member.take_on(&[0, 1]);
    let work = member.poll();
    assert!(work.fetches.is_empty() && work.lookups.is_empty(), "nothing begins before the group was asked");
    let asked = member.asks_committed();
    assert_eq!((asked.len(), member.asks_committed().len()), (2, 0));
    member.engine.handle_committed(asked[0].1, Some(at(7, -1)));
    member.engine.handle_committed(asked[1].1, None);
    let work = member.poll();
    assert_eq!(work.fetches[0].request.topics[0].partitions[0].fetch_offset, 7);
    assert_eq!(work.lookups.len(), 1, "where there is no commit, auto.offset.reset says");
    assert_eq!(member.committable(), [], "nothing is new to the group");
}

#[test]
fn a_committed_epoch_is_checked_against_the_log() {
    let mut member = Member::new(ConsumerConfig::default());
    member.take_on(&[0]);
    let (_, position_id) = member.asks_committed().remove(0);
    member.engine.handle_committed(position_id, Some(at(7, 4)));
    let work = member.poll();
    assert_eq!((work.fetches.len(), work.lookups.len()), (0, 1), "OffsetForLeaderEpoch comes first");
}

/// Row 25: an offset that cannot be told now, as to a member that is out of date, is asked for again. The partition does not
/// begin elsewhere meanwhile.
#[test]
fn what_is_not_told_is_not_reset() {
    let mut member = Member::new(ConsumerConfig::default());
    member.take_on(&[0]);
    for _ in 0..10 {
        let (_, position_id) = member.asks_committed().remove(0);
        let now = member.clock.at(member.now);
        member.engine.handle_committed_failure(position_id, Error::closed("broker"), false, now);
        assert!(member.asks_committed().is_empty(), "after a pause");
        let work = member.poll();
        assert!(work.fetches.is_empty() && work.lookups.is_empty());
        member.now += 2_000;
    }
    let (_, position_id) = member.asks_committed().remove(0);
    member.engine.handle_committed(position_id, Some(at(3, -1)));
    assert_eq!(member.fetches_from(), Some(3));
}

/// Row 26: a partition that is assigned before the cluster shows its topic is kept, and read once it does.
#[test]
fn what_is_not_known_yet_is_kept() {
    let mut member = Member::new(ConsumerConfig::default());
    member.engine.take_on(&partitions(&[0, 1]), &BTreeMap::new(), &BTreeSet::new());
    for (_, position_id) in member.asks_committed() {
        member.engine.handle_committed(position_id, Some(at(3, -1)));
    }
    assert!(member.poll().fetches.is_empty(), "nobody leads it yet, as far as is known");
    member.engine.handle_metadata(&snapshot(TOPIC_ID, &[(1, 5)]), member.clock.at(0));
    assert_eq!(
        member.engine.assignment().len(),
        2,
        "the cluster shows one of them, and the other is kept too"
    );
    assert_eq!(member.fetches_from(), Some(3));
    member.engine.handle_metadata(&snapshot(TOPIC_ID, &[(1, 5), (2, 5)]), member.clock.at(0));
    let fetches = member.poll().fetches;
    assert_eq!(fetches.iter().map(|fetch| fetch.node).collect::<Vec<_>>(), [NodeId(2)]);
}

/// Row 20: a record that was handed out is not done before the next one is asked for.
#[test]
fn what_is_handed_out_is_not_done_yet() {
    let mut member = Member::new(ConsumerConfig::default());
    member.begin_at(0);
    member.fetches_from();
    member.answer(BatchSpec::of(0, 3).build());
    let mut fetch = member.take().unwrap();
    assert_eq!(member.committable(), [(0, 0)]);
    for offset in 0..3 {
        assert_eq!(member.next(&mut fetch), offset);
        assert_eq!(member.committable(), [(0, offset)], "record {offset} is being worked on");
    }
    // The end of the run is reached only by asking for more.
    member.engine.progress().ask(Some(fetch.next_offset()));
    member.engine.release();
    assert_eq!(member.committable(), [(0, 3)]);
}

#[test]
fn a_position_has_the_epoch_of_the_record_before_it() {
    let mut member = Member::new(ConsumerConfig::default());
    member.begin_at(0);
    member.fetches_from();
    let batch = |base_offset, epoch| BatchSpec { epoch, ..BatchSpec::of(base_offset, 2) }.build();
    member.answer(crate::consumer::testing::concat([batch(0, 3), batch(2, 5)]));
    let mut fetch = member.take().unwrap();
    let mut epochs = Vec::new();
    for _ in 0..4 {
        member.next(&mut fetch);
        epochs.push(member.engine.committable()[0].position.epoch.map(|LeaderEpoch(epoch)| epoch));
    }
    member.engine.progress().ask(Some(fetch.next_offset()));
    epochs.push(member.engine.committable()[0].position.epoch.map(|LeaderEpoch(epoch)| epoch));
    assert_eq!(epochs, [None, Some(3), Some(3), Some(5), Some(5)]);
}

#[test]
fn giving_up_takes_what_was_not_handed_out() {
    let mut member = Member::new(ConsumerConfig::default());
    member.begin_at(0);
    member.fetches_from();
    member.answer(BatchSpec::of(0, 3).build());
    let mut fetch = member.take().unwrap();
    member.next(&mut fetch);
    let given_up = partitions(&[0]);
    member.engine.begin_revoke(&given_up);
    assert!(member.engine.is_in_hand(&given_up), "the caller works on a record of it");
    member.engine.progress().ask(Some(fetch.next_offset()));
    assert!(!member.engine.is_in_hand(&given_up));
    assert_eq!(member.engine.recheck(&fetch).unwrap(), Recheck::Void, "the rest is not handed out");
    assert_eq!(member.committable(), [(0, 1)], "the record is done, and can be committed still");
    assert_eq!(member.fetches_from(), None);
    member.engine.take_on_nothing();
    assert_eq!(member.committable(), []);
}

/// Row 18: what becomes of commits and rebalances is no business of the fetches of what a member keeps.
#[test]
fn what_is_kept_is_fetched_through_a_rebalance() {
    let mut member = Member::new(ConsumerConfig::default());
    member.begin_at(0);
    member.fetches_from();
    member.take_on(&[0, 1]);
    member.engine.begin_revoke(&partitions(&[1]));
    member.answer(BatchSpec::of(0, 3).build());
    let mut fetch = member.take().expect("what was under way still counts");
    assert_eq!(member.next(&mut fetch), 0);
    member.take_on(&[0]);
    assert_eq!(member.engine.recheck(&fetch).unwrap(), Recheck::GoOn);
    assert_eq!(member.next(&mut fetch), 1);
    assert_eq!(member.fetches_from(), Some(3));
}

/// Row 23: a pause ends with the assignment, unless it is asked to outlive it.
#[test]
fn a_pause_ends_with_the_assignment() {
    for keep in [false, true] {
        let mut member = Member::new(ConsumerConfig::default().keep_pauses(keep));
        member.begin_at(0);
        member.engine.set_paused(&partition(0), true).unwrap();
        member.engine.begin_revoke(&partitions(&[0]));
        member.engine.take_on_nothing();
        member.take_on(&[0]);
        assert_eq!(member.engine.paused().len(), usize::from(keep));
    }
}

/// Row 12: what was done of a topic that was deleted says nothing about the one that was made anew.
#[test]
fn a_topic_that_was_made_anew_has_nothing_to_commit() {
    let mut member = Member::new(ConsumerConfig::default());
    member.begin_at(0);
    member.fetches_from();
    member.answer(BatchSpec::of(0, 3).build());
    let mut fetch = member.take().unwrap();
    member.next(&mut fetch);
    member.engine.progress().ask(Some(fetch.next_offset()));
    assert_eq!(member.committable(), [(0, 1)]);
    let anew = snapshot(TopicId::from_u128(8), &[(1, 0)]);
    member.engine.handle_metadata(&anew, member.clock.at(0));
    assert_eq!(member.committable(), []);
}

#[test]
fn acks_hold_what_may_be_committed() {
    let mut member = Member::new(ConsumerConfig::default().commit_policy(CommitPolicy::OnAck));
    member.begin_at(0);
    member.fetches_from();
    member.answer(BatchSpec::of(0, 3).build());
    let mut fetch = member.take().unwrap();
    let acks = fetch.acks.clone().unwrap();
    let mut tokens = Vec::new();
    for _ in 0..3 {
        let offset = member.next(&mut fetch);
        tokens.extend(acks.hand_out(offset, None));
    }
    member.engine.progress().ask(Some(fetch.next_offset()));
    tokens[1].ack();
    assert_eq!(member.committable(), [(0, 0)]);
    tokens[0].ack();
    assert_eq!(member.committable(), [(0, 2)]);
    // A seek is a new beginning: what was open before does not matter any more, nor what is said of it.
    member.engine.seek(&partition(0), 1).unwrap();
    assert_eq!(member.committable(), [(0, 1)]);
    tokens[2].ack();
    assert_eq!(member.committable(), [(0, 1)]);
}

#[test]
fn a_refusal_that_lasts_is_reported_and_asked_again() {
    let mut member = Member::new(ConsumerConfig::default());
    member.take_on(&[0]);
    let (_, position_id) = member.asks_committed().remove(0);
    let refused = crate::error::BrokerError::new(
        kestrel_protocol::ApiKey::OffsetFetch,
        ErrorCode::TopicAuthorizationFailed,
    );
    let now = member.clock.at(0);
    member.engine.handle_committed_failure(position_id, refused.into(), true, now);
    assert!(matches!(member.engine.take(Waker::noop()), Offer::Problem(Error::Broker(_))));
    member.now = 2_000;
    assert_eq!(member.asks_committed().len(), 1);
}

/// A member at offset 0 of partition 0 that was handed out `handed_out` records of ten.
fn reader(policy: CommitPolicy, handed_out: usize) -> (Member, Box<CompletedFetch>) {
    let mut member = Member::new(ConsumerConfig::default().commit_policy(policy));
    member.begin_at(0);
    member.fetches_from();
    member.answer(BatchSpec::of(0, 10).build());
    let mut fetch = member.take().unwrap();
    for _ in 0..handed_out {
        member.next(&mut fetch);
    }
    (member, fetch)
}

/// The partitions for which the next commit fails.
fn losses(member: &mut Member) -> Vec<i32> {
    member.engine.report_losses().iter().map(|partition| partition.partition).collect()
}

#[test]
fn what_was_handed_out_and_is_lost_fails_the_next_commits() {
    for handed_out in [1, 3] {
        let (mut member, _) = reader(CommitPolicy::Manual, handed_out);
        member.engine.take_on_nothing();
        assert_eq!(losses(&mut member), [0]);
        assert_eq!(losses(&mut member), [0]);
        // The caller goes on to something else.
        member.engine.progress().ask(None);
        assert_eq!(losses(&mut member), [0], "to ask is not to have");
        member.engine.progress().hand_out(0);
        assert_eq!(losses(&mut member), Vec::<i32>::new());
    }
    let (mut member, _) = reader(CommitPolicy::Manual, 0);
    member.engine.take_on_nothing();
    assert_eq!(losses(&mut member), Vec::<i32>::new(), "nothing was handed out");
}

#[test]
fn what_was_committed_is_not_lost() {
    let (mut member, fetch) = reader(CommitPolicy::Manual, 3);
    let id = member.engine.committable().remove(0).id;
    member.engine.progress().finish(Some(fetch.next_offset()));
    assert_eq!(member.committable(), [(0, 3)], "a commit takes the last record too");
    assert!(member.engine.is_in_hand(&partitions(&[0])), "and it is in the caller's hands still");
    member.engine.note_committed(&partition(0), id, 3);
    member.engine.take_on_nothing();
    assert_eq!(losses(&mut member), Vec::<i32>::new());
    // The answer to a commit comes after the partition has gone.
    let (mut member, fetch) = reader(CommitPolicy::Manual, 3);
    let id = member.engine.committable().remove(0).id;
    member.engine.progress().finish(Some(fetch.next_offset()));
    member.engine.take_on_nothing();
    member.engine.note_committed(&partition(0), id, 3);
    assert_eq!(losses(&mut member), Vec::<i32>::new());
}

#[test]
fn a_topic_that_was_made_anew_fails_the_commit_of_the_old_one() {
    let (mut member, _) = reader(CommitPolicy::Manual, 3);
    member.engine.handle_metadata(&snapshot(TopicId::from_u128(8), &[(1, 0)]), member.clock.at(0));
    assert_eq!(losses(&mut member), [0]);
}

/// Where the caller sends itself is where it stands: that takes nothing away.
#[test]
fn a_seek_is_no_loss() {
    let (mut member, _) = reader(CommitPolicy::Manual, 3);
    member.engine.seek(&partition(0), 1).unwrap();
    assert_eq!(member.committable(), [(0, 1)]);
    member.engine.take_on_nothing();
    assert_eq!(losses(&mut member), Vec::<i32>::new());
}

#[test]
fn acks_that_are_lost_fail_the_next_commits() {
    let tokens = |member: &mut Member, fetch: &mut CompletedFetch| {
        let acks = fetch.acks.clone().unwrap();
        [(); 3].map(|()| acks.hand_out(member.next(fetch), None).unwrap())
    };
    // Acknowledged, and gone before it was committed.
    let (mut member, mut fetch) = reader(CommitPolicy::OnAck, 0);
    tokens(&mut member, &mut fetch)[0].ack();
    member.engine.take_on_nothing();
    assert_eq!(losses(&mut member), [0]);
    // Gone, and acknowledged then.
    let (mut member, mut fetch) = reader(CommitPolicy::OnAck, 0);
    let tokens = tokens(&mut member, &mut fetch);
    member.engine.take_on_nothing();
    assert_eq!(losses(&mut member), Vec::<i32>::new(), "nothing was said to be done");
    tokens[2].ack();
    assert_eq!(losses(&mut member), [0]);
}

/// An ack that is forgotten stops its partition, and that is said with its offset.
#[test]
fn an_ack_that_is_forgotten_is_reported() {
    let config = ConsumerConfig::default().commit_policy(CommitPolicy::OnAck).max_open_records(3);
    let mut member = Member::new(config);
    member.begin_at(0);
    member.fetches_from();
    member.answer(BatchSpec::of(0, 10).build());
    let mut fetch = member.take().unwrap();
    let acks = fetch.acks.clone().unwrap();
    let tokens = [(); 3].map(|()| acks.hand_out(member.next(&mut fetch), None).unwrap());
    tokens[0].ack();
    let next = member.next(&mut fetch);
    tokens[2].ack();
    drop(acks.hand_out(next, None).unwrap());
    member.engine.put_back(fetch);
    let mut stalls = Vec::new();
    for _ in 0..60 {
        member.now += 500;
        member.poll();
        match member.engine.take(Waker::noop()) {
            Offer::Problem(Error::Stalled(stall)) => stalls.push(stall),
            Offer::Nothing => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(stalls.len(), 4, "after ten seconds, and every five: {stalls:?}");
    assert!(stalls[0].waits_for.contains("offset 1 ") && stalls[0].waits_for.contains("max.open.records"));
    tokens[1].ack();
    assert!(member.take().is_some());
}

/// An aborted transaction is read again, also when nothing was committed before it: not from what is the end of the log by now.
#[test]
fn what_has_no_commit_is_read_again_from_where_it_began() {
    let mut member = Member::new(ConsumerConfig::default().commit_policy(CommitPolicy::Manual));
    member.take_on(&[0, 1]);
    let none = |member: &mut Member| {
        for (_, position_id) in member.asks_committed() {
            member.engine.handle_committed(position_id, None);
        }
    };
    none(&mut member);
    assert_eq!(member.poll().lookups.len(), 1, "both ends are asked for");
    member.engine.go_back_to_committed();
    none(&mut member);
    let work = member.poll();
    assert!(work.fetches.is_empty() && work.lookups.len() == 1, "what was not found is looked for again");
    // The one began at the end of its log, the other where the caller has sent it.
    let id = member.engine.assigned_id(&partition(0)).unwrap();
    member.engine.subscription.get_mut(id).unwrap().start_at(at(7, -1));
    member.engine.seek(&partition(1), 3).unwrap();
    member.answer_from(7);
    let mut fetch = member.take().unwrap();
    assert_eq!(member.next(&mut fetch), 7);
    member.engine.go_back_to_committed();
    none(&mut member);
    assert_eq!(member.engine.recheck(&fetch).unwrap(), Recheck::Void);
    assert_eq!(member.position_of(0), Some(7));
    assert_eq!(member.position_of(1), Some(3));
    assert_eq!(member.committable(), [(0, 7), (1, 3)]);
}

#[test]
fn what_began_where_a_listener_said_begins_there_again() {
    let mut member = Member::new(ConsumerConfig::default().commit_policy(CommitPolicy::Manual));
    member.engine.take_on(&partitions(&[0]), &BTreeMap::from([(partition(0), 5)]), &BTreeSet::new());
    member.engine.go_back_to_committed();
    let (_, position_id) = member.asks_committed().remove(0);
    member.engine.handle_committed(position_id, None);
    assert_eq!(member.position_of(0), Some(5));
}
