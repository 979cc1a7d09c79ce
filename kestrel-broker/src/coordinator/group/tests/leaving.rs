//! How members go: by leaving, and by saying nothing any more, in each state.

use super::*;

const A_MOMENT: Duration = Duration::from_millis(1);

#[test]
fn heartbeats_keep_a_session_and_silence_ends_it() {
    let mut harness = Harness::new();
    let (ids, generation) = harness.stable(2);
    for _ in 0..5 {
        harness.pass(SESSION - A_MOMENT);
        assert_eq!(harness.heartbeat(&ids[0], generation), ErrorCode::None);
        assert_eq!(harness.heartbeat(&ids[1], generation), ErrorCode::None);
    }
    harness.pass(SESSION / 2);
    harness.heartbeat(&ids[1], generation);
    harness.pass(SESSION / 2);
    assert_eq!(
        (harness.state().as_str(), harness.member_ids()),
        ("PreparingRebalance", vec![ids[1].clone()])
    );
    let left = harness.join_now(&member(&ids[1]));
    assert_eq!((&*left.leader, left.generation_id), (&*ids[1], generation + 1));
}

#[test]
fn the_last_session_to_end_leaves_an_empty_group() {
    let mut harness = Harness::new();
    let (_, generation) = harness.stable(1);
    harness.pass(SESSION);
    assert_eq!((harness.state().as_str(), harness.member_ids().len()), ("Empty", 0));
    let Some(GroupRecord::Group(_, Some(stored))) = harness.script.last_record() else { panic!("a group") };
    assert_eq!((stored.generation, &*stored.protocol_type), (generation + 1, "consumer"));
    assert_eq!((&stored.protocol, &stored.leader, stored.members.len()), (&None, &None, 0));
    // The generation goes on where it was, also after a restart.
    harness.restart();
    assert_eq!(harness.join_now(&someone()).generation_id, generation + 2);
}

#[test]
fn a_member_that_dies_while_a_rebalance_is_prepared_is_not_waited_for() {
    let mut harness = Harness::new();
    let (ids, generation) = harness.stable(3);
    let joining = [harness.join(&member(&ids[0])), harness.join(&member(&ids[1]))];
    harness.pass(SESSION);
    // The two wait and need no heartbeats; the third is out.
    for to in joining {
        assert_eq!(harness.joined(to).unwrap().generation_id, generation + 1);
    }
    assert_eq!(harness.member_ids().len(), 2);
}

#[test]
fn a_member_that_dies_before_the_assignment_begins_the_rebalance_anew() {
    let mut harness = Harness::new();
    let (ids, _) = harness.stable(2);
    harness.join(&member(&ids[0]));
    let generation = harness.join_now(&member(&ids[1])).generation_id;
    let waiting = harness.sync(&ids[1], generation, &[]);
    harness.pass(SESSION);
    assert_eq!(harness.synced(waiting), Some(Err(ErrorCode::RebalanceInProgress)));
    assert_eq!(harness.member_ids(), [ids[1].clone()]);
    assert_eq!(harness.state(), "PreparingRebalance");
}

#[test]
fn who_leaves_is_out_at_once() {
    let mut harness = Harness::new();
    let (ids, generation) = harness.stable(2);
    assert_eq!(harness.leave(&[("made-up", None)]), [ErrorCode::UnknownMemberId]);
    assert_eq!(harness.state(), "Stable");
    assert_eq!(
        harness.leave(&[(&ids[0], None), (&ids[0], None)]),
        [ErrorCode::None, ErrorCode::UnknownMemberId]
    );
    assert_eq!(harness.heartbeat(&ids[1], generation), ErrorCode::RebalanceInProgress);
    assert_eq!(harness.heartbeat(&ids[0], generation), ErrorCode::UnknownMemberId);
    assert_eq!(harness.leave(&[(&ids[1], None)]), [ErrorCode::None]);
    assert_eq!(harness.state(), "Empty");
    assert_eq!(harness.heartbeat(&ids[1], generation), ErrorCode::UnknownMemberId);
}

#[test]
fn who_leaves_while_it_waits_is_answered() {
    let mut harness = Harness::new();
    let (ids, _) = harness.stable(2);
    let joining = harness.join(&member(&ids[0]));
    assert_eq!(harness.leave(&[(&ids[0], None)]), [ErrorCode::None]);
    assert_eq!(harness.joined(joining).unwrap().error_code, ErrorCode::UnknownMemberId);
    let generation = harness.join_now(&member(&ids[1])).generation_id;
    harness.assign(&ids[1..], generation);
}

#[test]
fn an_id_that_is_given_back_does_not_disturb_the_others() {
    let mut harness = Harness::new();
    let (ids, generation) = harness.stable(1);
    let asked = harness.join_now(&Who { version: 4, ..someone() });
    let rejoining = harness.join(&member(&ids[0]));
    assert_eq!(harness.joined(rejoining), None);
    assert_eq!(harness.leave(&[(&asked.member_id, None)]), [ErrorCode::None]);
    assert_eq!(harness.joined(rejoining).unwrap().generation_id, generation + 1);

    harness.assign(&ids, generation + 1);
    let asked = harness.join_now(&Who { version: 4, ..someone() });
    assert_eq!(harness.leave(&[(&asked.member_id, None)]), [ErrorCode::None]);
    assert_eq!(harness.state(), "Stable");
}

#[test]
fn nobody_leaves_a_group_that_is_not_there() {
    let mut harness = Harness::new();
    assert_eq!(harness.leave(&[("a", None), ("", Some("b"))]), [ErrorCode::UnknownMemberId; 2]);
    assert_eq!(harness.heartbeat("a", 1), ErrorCode::UnknownMemberId);
}

#[test]
fn a_restart_gives_each_member_a_full_session() {
    let mut harness = Harness::new();
    let (ids, generation) = harness.stable(2);
    harness.pass(SESSION - A_MOMENT);
    harness.restart();
    harness.pass(SESSION - A_MOMENT);
    assert_eq!(
        (harness.state().as_str(), harness.heartbeat(&ids[0], generation)),
        ("Stable", ErrorCode::None)
    );
    harness.pass(A_MOMENT);
    assert_eq!(harness.member_ids(), [ids[0].clone()]);
}
