//! Scripts for the subscription machine.

use kestrel_protocol::{LeaderEpoch, NodeId};

use super::*;
use crate::consumer::position::FetchPosition;
use crate::consumer::position::leader::Leader;
use crate::consumer::testing::{Clock, TOPIC_ID, at, backoff};
use crate::record::TopicPartition;

fn state(reset: AutoOffsetReset) -> SubscriptionState {
    SubscriptionState::new(reset, backoff())
}

fn partitions(numbers: &[i32]) -> Vec<TopicPartition> {
    numbers.iter().map(|&number| TopicPartition::new("clicks", number)).collect()
}

fn led_by(node: i32, epoch: i32) -> LeaderView {
    let leader = Leader { node: NodeId(node), epoch: LeaderEpoch(epoch) };
    LeaderView::Known { topic_id: TOPIC_ID, leader: Some(leader) }
}

fn missing() -> LeaderView {
    LeaderView::Missing(Error::UnknownTopic { topic: "clicks".into() })
}

#[test]
fn what_stays_assigned_keeps_its_position() {
    let mut state = state(AutoOffsetReset::Latest);
    state.assign(&partitions(&[0, 1]));
    let (zero, one) = (state.id(&partitions(&[0])[0]).unwrap(), state.id(&partitions(&[1])[0]).unwrap());
    state.get_mut(one).unwrap().seek(at(5, -1));
    assert_eq!(state.assign(&partitions(&[1, 2])), vec![zero]);
    assert_eq!(state.id(&partitions(&[1])[0]), Some(one));
    assert_eq!(state.get(one).unwrap().fetch_offset(), Some(5));
    state.assign(&[]);
    assert!(state.is_empty());
    state.assign(&partitions(&[1]));
    assert_ne!(state.id(&partitions(&[1])[0]), Some(one));
}

#[test]
fn answers_to_questions_before_a_seek_are_not_believed() {
    let mut state = state(AutoOffsetReset::Latest);
    state.assign(&partitions(&[0]));
    let id = state.id(&partitions(&[0])[0]).unwrap();
    let position_id = state.get(id).unwrap().position_id(id);
    assert!(state.if_current(position_id).is_some());
    state.get_mut(id).unwrap().seek(at(5, -1));
    assert!(state.if_current(position_id).is_none());
}

#[test]
fn a_newer_leader_epoch_makes_a_known_position_doubtful() {
    let clock = Clock::start();
    let mut state = state(AutoOffsetReset::Latest);
    state.assign(&partitions(&[0]));
    let id = state.id(&partitions(&[0])[0]).unwrap();
    state.handle_leader(id, led_by(1, 1), clock.at(0));
    state.get_mut(id).unwrap().seek(at(5, 1));
    assert_eq!(state.get(id).unwrap().fetch_target(clock.at(0)), Some((NodeId(1), at(5, 1))));
    state.handle_leader(id, led_by(1, 1), clock.at(0));
    assert_eq!(state.get(id).unwrap().state(), FetchState::Fetching(at(5, 1)));
    state.handle_leader(id, led_by(2, 2), clock.at(0));
    assert_eq!(state.get(id).unwrap().state(), FetchState::AwaitingValidation(at(5, 1)));
    assert_eq!(state.get(id).unwrap().fetch_target(clock.at(0)), None);
    // What has no epoch can't be checked.
    state.get_mut(id).unwrap().seek(at(5, -1));
    state.handle_leader(id, led_by(1, 3), clock.at(0));
    assert_eq!(
        state.get(id).unwrap().state(),
        FetchState::Fetching(FetchPosition { offset: 5, epoch: None })
    );
}

#[test]
fn a_recreated_topic_begins_anew() {
    let clock = Clock::start();
    for (policy, to) in
        [(AutoOffsetReset::Latest, StartAt::Earliest), (AutoOffsetReset::None, StartAt::Policy)]
    {
        let mut state = state(policy);
        state.assign(&partitions(&[0]));
        let id = state.id(&partitions(&[0])[0]).unwrap();
        assert!(!state.handle_leader(id, led_by(1, 1), clock.at(0)));
        state.get_mut(id).unwrap().seek(at(5, 1));
        assert!(!state.handle_leader(id, missing(), clock.at(0)));
        let other = LeaderView::Known {
            topic_id: TopicId::from_u128(8),
            leader: Some(Leader { node: NodeId(1), epoch: LeaderEpoch(0) }),
        };
        assert!(state.handle_leader(id, other, clock.at(0)));
        assert_eq!(state.get(id).unwrap().state(), FetchState::AwaitingReset(to));
    }
}

#[test]
fn a_missing_topic_is_reported_after_its_grace_and_again() {
    let clock = Clock::start();
    let mut state = state(AutoOffsetReset::Latest);
    state.assign(&partitions(&[0]));
    let id = state.id(&partitions(&[0])[0]).unwrap();
    let mut reported = Vec::new();
    for second in 0..13 {
        let now = clock.at(second * 1000);
        state.handle_leader(id, missing(), now);
        state.poll_trouble(now);
        if state.take_report(|_, _| true).is_some() {
            reported.push(second);
        }
    }
    assert_eq!(reported, [5, 10]);
    assert_eq!(state.next_deadline(clock.at(12_000)), Some(clock.at(15_000)));
    state.handle_leader(id, led_by(1, 1), clock.at(13_000));
    assert_eq!(state.next_deadline(clock.at(13_000)), None);
}

#[test]
fn reports_wait_for_the_records_before_them_and_are_one_per_partition() {
    let mut state = state(AutoOffsetReset::Latest);
    state.assign(&partitions(&[0, 1]));
    let (zero, one) = (state.id(&partitions(&[0])[0]).unwrap(), state.id(&partitions(&[1])[0]).unwrap());
    let error = |text: &str| Error::config("test", text);
    state.report(zero, error("old"));
    state.report(zero, error("new"));
    state.report(one, error("other"));
    assert_eq!(state.take_report(|_, id| id == one).unwrap().to_string(), "test: other");
    assert!(state.take_report(|_, id| id == one).is_none());
    assert_eq!(state.take_report(|_, _| true).unwrap().to_string(), "test: new");
    assert!(!state.has_reports());
}

#[test]
fn failures_back_off_and_success_forgets_them() {
    let clock = Clock::start();
    let mut state = state(AutoOffsetReset::Latest);
    state.assign(&partitions(&[0]));
    let id = state.id(&partitions(&[0])[0]).unwrap();
    state.handle_leader(id, led_by(1, 1), clock.at(0));
    assert_eq!(state.lookups(clock.at(0)).count(), 1);
    state.fail(id, clock.at(0));
    assert_eq!(state.lookups(clock.at(79)).count(), 0);
    assert_eq!(state.lookups(clock.at(121)).count(), 1);
    state.fail(id, clock.at(200));
    assert_eq!(state.lookups(clock.at(359)).count(), 0);
    state.get_mut(id).unwrap().succeed();
    assert_eq!(state.lookups(clock.at(200)).count(), 1);
}
