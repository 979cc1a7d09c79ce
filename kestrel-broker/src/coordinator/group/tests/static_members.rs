//! Static members (KIP-345): they come back without a rebalance, and fence their former selves off.

use super::*;

/// A stable group of two static members, `one` leading; gives their ids and the generation.
fn stable(harness: &mut Harness) -> ([String; 2], i32) {
    let one = harness.join_now(&instance("one")).member_id.to_string();
    let two = harness.join(&instance("two"));
    harness.join_now(&Who { id: &one, ..instance("one") });
    let two = harness.joined(two).unwrap();
    let (two, generation) = (two.member_id.to_string(), two.generation_id);
    let waiting = harness.sync_as(&two, Some("two"), generation, &[]);
    harness.sync_as(&one, Some("one"), generation, &[(&one, b"a"), (&two, b"b")]);
    assert_eq!(harness.synced(waiting), Some(Ok(Bytes::from_static(b"b"))));
    ([one, two], generation)
}

#[test]
fn a_static_member_needs_no_second_step_and_is_named_after_its_instance() {
    let mut harness = Harness::new();
    let joined = harness.join_now(&instance("one"));
    assert!(joined.error_code.is_none() && joined.member_id.starts_with("one-"));
    assert_eq!(joined.members[0].group_instance_id.as_deref(), Some("one"));
}

#[test]
fn a_follower_comes_back_without_a_rebalance() {
    let mut harness = Harness::new();
    let ([one, two], generation) = stable(&mut harness);
    let back = harness.join_now(&instance("two"));
    assert_ne!(&*back.member_id, &*two);
    assert_eq!((back.generation_id, &*back.leader, back.skip_assignment), (generation, &*one, false));
    assert_eq!(harness.state(), "Stable");
    let synced = harness.sync_as(&back.member_id, Some("two"), generation, &[]);
    assert_eq!(harness.synced(synced), Some(Ok(Bytes::from_static(b"b"))));
    // The former self is fenced off wherever it shows up, and gone where it does not say its instance.
    assert_eq!(harness.heartbeat_as(&two, Some("two"), generation), ErrorCode::FencedInstanceId);
    assert_eq!(harness.heartbeat(&two, generation), ErrorCode::UnknownMemberId);
    assert_eq!(harness.leave(&[(&two, Some("two"))]), [ErrorCode::FencedInstanceId]);
    let fenced = harness.join_now(&Who { id: &two, ..instance("two") });
    assert_eq!((fenced.error_code, &*fenced.member_id), (ErrorCode::FencedInstanceId, &*two));
    let commit =
        Commit { instance_id: Some("two".into()), ..commit(GROUP, &two, generation, &[("t", 0, 1)]) };
    assert_eq!(harness.commit_all(&commit), [ErrorCode::FencedInstanceId]);
    // The log knows the new id.
    harness.restart();
    assert_eq!(harness.heartbeat_as(&back.member_id, Some("two"), generation), ErrorCode::None);
}

#[test]
fn a_leader_comes_back_and_is_told_to_assign_nothing() {
    let mut harness = Harness::new();
    let (_, generation) = stable(&mut harness);
    let back = harness.join_now(&instance("one"));
    assert_eq!((back.generation_id, &back.leader, back.skip_assignment), (generation, &back.member_id, true));
    assert_eq!(back.members.len(), 2);
    assert_eq!(harness.state(), "Stable");
    let synced = harness.sync_as(&back.member_id, Some("one"), generation, &[]);
    assert_eq!(harness.synced(synced), Some(Ok(Bytes::from_static(b"a"))));
}

#[test]
fn a_leader_that_knows_no_skipping_is_told_that_it_follows() {
    let mut harness = Harness::new();
    let ([one, _], generation) = stable(&mut harness);
    let back = harness.join_now(&Who { version: 8, ..instance("one") });
    assert_eq!((back.generation_id, &*back.leader, back.members.len()), (generation, &*one, 0));
    assert!(!back.skip_assignment);
}

#[test]
fn another_protocol_needs_a_rebalance() {
    let mut harness = Harness::new();
    let many: Vec<(&str, &[u8])> = vec![("range", b""), ("sticky", b"")];
    let only = harness.join_now(&Who { protocols: many, ..instance("one") });
    let synced = harness.sync_as(&only.member_id, Some("one"), 1, &[]);
    assert!(harness.synced(synced).is_some());
    let other: Vec<(&str, &[u8])> = vec![("sticky", b""), ("range", b"")];
    let back = harness.join_now(&Who { protocols: other, ..instance("one") });
    assert_eq!((back.generation_id, back.protocol_name.as_deref()), (2, Some("sticky")));
    assert_eq!(harness.state(), "CompletingRebalance");
}

#[test]
fn a_former_self_that_waits_is_fenced_at_once() {
    let mut harness = Harness::new();
    let ([one, two], generation) = stable(&mut harness);
    let waiting = harness.join(&Who { id: &one, ..instance("one") });
    let back = harness.join(&instance("one"));
    assert_eq!(harness.joined(waiting).unwrap().error_code, ErrorCode::FencedInstanceId);
    harness.join_now(&Who { id: &two, ..instance("two") });
    let back = harness.joined(back).unwrap();
    assert_eq!((back.generation_id, &back.leader), (generation + 1, &back.member_id));

    // The same while it waits for its assignment: the leader may have assigned to the old id.
    let waiting = harness.sync_as(&two, Some("two"), generation + 1, &[]);
    let again = harness.join(&instance("two"));
    assert_eq!(harness.synced(waiting), Some(Err(ErrorCode::FencedInstanceId)));
    assert_eq!((harness.joined(again), harness.state().as_str()), (None, "PreparingRebalance"));
}

#[test]
fn an_absent_static_member_keeps_its_place_until_its_session_ends() {
    let mut harness = Harness::new();
    let ([one, two], generation) = stable(&mut harness);
    // `two` is silent, and `one` rebalances: dynamic members would be left out after the rebalance timeout.
    let rejoining = harness.join(&Who { id: &one, ..instance("one") });
    harness.pass(SESSION - Duration::from_millis(1));
    assert_eq!(harness.joined(rejoining), None);
    harness.pass(Duration::from_millis(1));
    let joined = harness.joined(rejoining).unwrap();
    assert_eq!((joined.generation_id, joined.members.len()), (generation + 1, 1));
    assert_eq!(harness.heartbeat_as(&two, Some("two"), generation), ErrorCode::UnknownMemberId);
}

#[test]
fn a_static_member_that_only_sends_heartbeats_stays_for_the_next_generation() {
    let mut harness = Harness::new();
    let ([one, two], generation) = stable(&mut harness);
    let rejoining = harness.join(&Who { id: &one, ..instance("one") });
    harness.pass_beating(REBALANCE, &[&two], generation);
    let joined = harness.joined(rejoining).expect("the rebalance timeout is over");
    assert_eq!((joined.generation_id, joined.members.len()), (generation + 1, 2));
}

#[test]
fn an_administrator_takes_a_static_member_out_by_its_instance() {
    let mut harness = Harness::new();
    let ([one, two], generation) = stable(&mut harness);
    let outcomes = harness.leave(&[("", Some("two")), ("", Some("three")), ("", None)]);
    assert_eq!(outcomes, [ErrorCode::None, ErrorCode::UnknownMemberId, ErrorCode::UnknownMemberId]);
    assert_eq!(harness.member_ids(), [one]);
    assert_eq!(harness.heartbeat_as(&two, Some("two"), generation), ErrorCode::UnknownMemberId);
}

#[test]
fn a_static_member_comes_back_after_a_restart_of_the_coordinator() {
    let mut harness = Harness::new();
    let (_, generation) = stable(&mut harness);
    harness.restart();
    let back = harness.join_now(&instance("two"));
    assert_eq!((back.generation_id, harness.state().as_str()), (generation, "Stable"));
}
