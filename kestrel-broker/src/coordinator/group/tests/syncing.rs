//! The leader's assignment: who gets it, who is too late for it, and what is refused.

use super::*;

#[test]
fn each_member_gets_its_part_and_the_log_has_all() {
    let mut harness = Harness::new();
    let (ids, generation) = harness.stable(3);
    let Some(GroupRecord::Group(_, Some(stored))) = harness.script.last_record() else { panic!("a group") };
    assert_eq!((stored.generation, stored.members.len()), (generation, 3));
    assert_eq!(stored.leader.as_deref(), Some(&*ids[0]));
    // Who asks again is told again.
    let again = harness.sync(&ids[1], generation, &[]);
    assert_eq!(harness.synced(again), Some(Ok(Bytes::from_static(b"b"))));
    harness.restart();
    assert_eq!(
        (harness.state().as_str(), harness.heartbeat(&ids[2], generation)),
        ("Stable", ErrorCode::None)
    );
    let again = harness.sync(&ids[2], generation, &[]);
    assert_eq!(harness.synced(again), Some(Ok(Bytes::from_static(b"c"))));
}

#[test]
fn who_is_not_in_this_generation_gets_nothing() {
    let mut harness = Harness::new();
    let nobody = harness.sync("made-up", 1, &[]);
    assert_eq!(harness.synced(nobody), Some(Err(ErrorCode::UnknownMemberId)));
    let (ids, generation) = harness.stable(2);
    for (member, generation, expected) in [
        (&*ids[0], generation + 1, ErrorCode::IllegalGeneration),
        (&*ids[0], generation - 1, ErrorCode::IllegalGeneration),
        ("made-up", generation, ErrorCode::UnknownMemberId),
    ] {
        let refused = harness.sync(member, generation, &[]);
        assert_eq!(harness.synced(refused), Some(Err(expected)));
        assert_eq!(harness.heartbeat(member, generation), expected);
        assert_eq!(harness.commit(member, generation), expected);
    }
    assert_eq!(harness.state(), "Stable");
}

#[test]
fn who_names_another_protocol_is_refused() {
    let mut harness = Harness::new();
    let (ids, generation) = harness.stable(1);
    let request = |protocol_type: &str, protocol: &str| SyncGroupRequest {
        group_id: GROUP.into(),
        generation_id: generation,
        member_id: (*ids[0]).into(),
        protocol_type: Some(protocol_type.into()),
        protocol_name: Some(protocol.into()),
        ..Default::default()
    };
    for (protocol_type, protocol, expected) in [
        ("connect", "range", Err(ErrorCode::InconsistentGroupProtocol)),
        ("consumer", "sticky", Err(ErrorCode::InconsistentGroupProtocol)),
        ("consumer", "range", Ok(Bytes::from_static(b"a"))),
    ] {
        let answered = harness.send_sync(&request(protocol_type, protocol));
        assert_eq!(harness.synced(answered), Some(expected));
    }
}

#[test]
fn a_rebalance_sends_those_away_who_wait_for_the_leader() {
    let mut harness = Harness::new();
    let (ids, _) = harness.stable(2);
    harness.join(&member(&ids[0]));
    let generation = harness.join_now(&member(&ids[1])).generation_id;
    let waiting = harness.sync(&ids[1], generation, &[]);
    assert_eq!(harness.synced(waiting), None);
    assert_eq!(harness.heartbeat(&ids[0], generation), ErrorCode::None);
    harness.join(&someone());
    assert_eq!(harness.synced(waiting), Some(Err(ErrorCode::RebalanceInProgress)));
    let late = harness.sync(&ids[0], generation, &[]);
    assert_eq!(harness.synced(late), Some(Err(ErrorCode::RebalanceInProgress)));
}

#[test]
fn a_leader_that_never_assigns_is_out_after_the_rebalance_timeout() {
    let mut harness = Harness::new();
    let (ids, _) = harness.stable(2);
    harness.join(&member(&ids[0]));
    let generation = harness.join_now(&member(&ids[1])).generation_id;
    let waiting = harness.sync(&ids[1], generation, &[]);
    harness.pass_beating(REBALANCE, &[&ids[0]], generation);
    assert_eq!(harness.synced(waiting), Some(Err(ErrorCode::RebalanceInProgress)));
    let other = harness.join_now(&member(&ids[1]));
    assert_eq!((&*other.leader, other.generation_id), (&*ids[1], generation + 1));
    assert_eq!(harness.member_ids(), [ids[1].clone()]);
}

#[test]
fn a_follower_that_never_syncs_is_out_though_the_group_is_stable() {
    let mut harness = Harness::new();
    let (ids, _) = harness.stable(2);
    harness.join(&member(&ids[0]));
    let generation = harness.join_now(&member(&ids[1])).generation_id;
    let leader = harness.sync(&ids[0], generation, &[(&ids[0], b"x")]);
    assert_eq!(harness.synced(leader), Some(Ok(Bytes::from_static(b"x"))));
    assert_eq!(harness.state(), "Stable");
    harness.pass_beating(REBALANCE, &[&ids[0], &ids[1]], generation);
    assert_eq!(
        (harness.state().as_str(), harness.member_ids()),
        ("PreparingRebalance", vec![ids[0].clone()])
    );
}

#[test]
fn a_late_sync_in_time_ends_the_waiting() {
    let mut harness = Harness::new();
    let (ids, _) = harness.stable(2);
    harness.join(&member(&ids[0]));
    let generation = harness.join_now(&member(&ids[1])).generation_id;
    harness.sync(&ids[0], generation, &[(&ids[1], b"y")]);
    harness.pass_beating(REBALANCE - Duration::from_millis(1), &[&ids[0], &ids[1]], generation);
    let late = harness.sync(&ids[1], generation, &[]);
    assert_eq!(harness.synced(late), Some(Ok(Bytes::from_static(b"y"))));
    harness.pass_beating(REBALANCE - Duration::from_millis(1), &[&ids[0], &ids[1]], generation);
    assert_eq!(harness.state(), "Stable");
}
