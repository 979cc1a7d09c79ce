//! Who may join, who leads, which protocol is chosen, and how long others are waited for.

use super::*;
use crate::coordinator::group::classic::NEW_MEMBER_PATIENCE;

#[test]
fn the_first_member_leads_and_alone_sees_the_members() {
    let mut harness = Harness::new();
    let first = harness.join_now(&Who { protocols: vec![("range", b"mine")], ..someone() });
    assert_eq!((first.error_code, first.generation_id), (ErrorCode::None, 1));
    assert_eq!(
        (first.protocol_type.as_deref(), first.protocol_name.as_deref()),
        (Some("consumer"), Some("range"))
    );
    assert_eq!(first.leader, first.member_id);
    assert!(first.member_id.starts_with("client-00000000-"), "{}", first.member_id);
    assert_eq!((first.members.len(), &first.members[0].metadata[..]), (1, &b"mine"[..]));
    assert!(!first.skip_assignment);

    let second = harness.join(&someone());
    assert_eq!((harness.joined(second), harness.state().as_str()), (None, "PreparingRebalance"));
    assert_eq!(harness.heartbeat(&first.member_id, 1), ErrorCode::RebalanceInProgress);
    let again = harness.join_now(&Who { protocols: vec![("range", b"new")], ..member(&first.member_id) });
    let second = harness.joined(second).unwrap();
    assert_eq!((again.generation_id, again.members.len(), second.members.len()), (2, 2, 0));
    assert_eq!((&second.leader, second.generation_id), (&first.member_id, 2));
    assert_eq!(harness.state(), "CompletingRebalance");
}

#[test]
fn a_member_asks_for_its_id_before_it_joins() {
    let mut harness = Harness::new();
    let asked = harness.join_now(&Who { version: 4, ..someone() });
    assert_eq!((asked.error_code, asked.generation_id), (ErrorCode::MemberIdRequired, -1));
    assert_eq!((harness.state().as_str(), harness.member_ids().len()), ("Empty", 0));
    assert_eq!(harness.script.log_len(), 1, "the group exists");
    let joined = harness.join_now(&Who { version: 4, ..member(&asked.member_id) });
    assert_eq!((joined.error_code, joined.generation_id), (ErrorCode::None, 1));
    assert_eq!(joined.member_id, asked.member_id);
}

#[test]
fn an_id_that_is_not_used_is_not_waited_for_longer_than_a_session() {
    let mut harness = Harness::new();
    let (ids, _) = harness.stable(1);
    let asked = harness.join_now(&Who { version: 4, ..someone() });
    // It is waited for when a rebalance begins, until its time is over.
    let rejoin = harness.join(&member(&ids[0]));
    assert_eq!(harness.joined(rejoin), None);
    harness.pass(SESSION);
    assert_eq!(harness.joined(rejoin).unwrap().generation_id, 2);
    let late = harness.join_now(&Who { version: 4, ..member(&asked.member_id) });
    assert_eq!(late.error_code, ErrorCode::UnknownMemberId);
}

#[test]
fn nobody_joins_with_an_id_that_was_not_given_out() {
    let mut harness = Harness::new();
    let refused = harness.join_now(&member("made-up"));
    assert_eq!((refused.error_code, &*refused.member_id), (ErrorCode::UnknownMemberId, "made-up"));
    assert_eq!((harness.state().as_str(), harness.script.log_len()), ("Dead", 0));
    harness.stable(1);
    assert_eq!(harness.join_now(&member("made-up")).error_code, ErrorCode::UnknownMemberId);
}

#[test]
fn members_have_a_protocol_in_common() {
    let mut harness = Harness::new();
    let no_protocol = Who { protocols: Vec::new(), ..someone() };
    assert_eq!(harness.join_now(&no_protocol).error_code, ErrorCode::InconsistentGroupProtocol);
    let no_type = Who { protocol_type: "", ..someone() };
    assert_eq!(harness.join_now(&no_type).error_code, ErrorCode::InconsistentGroupProtocol);

    let both: Vec<(&str, &[u8])> = vec![("range", b""), ("sticky", b"")];
    let first = harness.join_now(&Who { protocols: both.clone(), ..someone() });
    for wrong in [
        Who { protocol_type: "connect", ..someone() },
        Who { protocols: vec![("roundrobin", b"")], ..someone() },
    ] {
        assert_eq!(harness.join_now(&wrong).error_code, ErrorCode::InconsistentGroupProtocol);
    }
    // The first one likes range, but two of three vote for sticky.
    let sticky: Vec<(&str, &[u8])> = vec![("sticky", b""), ("range", b"")];
    let others = [(); 2].map(|()| harness.join(&Who { protocols: sticky.clone(), ..someone() }));
    let first = harness.join_now(&Who { protocols: both, ..member(&first.member_id) });
    assert_eq!(first.protocol_name.as_deref(), Some("sticky"));
    assert_eq!(harness.joined(others[0]).unwrap().protocol_name.as_deref(), Some("sticky"));
}

#[test]
fn who_does_not_rejoin_in_time_is_left_out_and_may_not_lead() {
    let mut harness = Harness::new();
    let (ids, _) = harness.stable(2);
    let other = harness.join(&Who { protocols: vec![("range", b"changed")], ..member(&ids[1]) });
    harness.pass_beating(REBALANCE - Duration::from_millis(1), &[&ids[0]], 2);
    assert_eq!(harness.heartbeat(&ids[0], 2), ErrorCode::RebalanceInProgress);
    assert_eq!(harness.joined(other), None);
    harness.pass(Duration::from_millis(1));
    let other = harness.joined(other).unwrap();
    assert_eq!((&*other.leader, other.generation_id, other.members.len()), (&*ids[1], 3, 1));
    assert_eq!(harness.heartbeat(&ids[0], 2), ErrorCode::UnknownMemberId);
}

#[test]
fn a_follower_that_asks_again_is_told_again_and_a_leader_rebalances() {
    let mut harness = Harness::new();
    let (ids, generation) = harness.stable(2);
    let follower = harness.join_now(&member(&ids[1]));
    assert_eq!((follower.generation_id, follower.members.len()), (generation, 0));
    assert_eq!(harness.state(), "Stable");
    let leader = harness.join(&member(&ids[0]));
    assert_eq!((harness.joined(leader), harness.state().as_str()), (None, "PreparingRebalance"));
    harness.join_now(&member(&ids[1]));
    // Both are in the next generation now. Who did not get the answer asks again.
    let again = harness.join_now(&member(&ids[0]));
    assert_eq!((again.generation_id, again.members.len()), (generation + 1, 2));
    assert_eq!(harness.state(), "CompletingRebalance");
    let changed = harness.join(&Who { protocols: vec![("range", b"changed")], ..member(&ids[1]) });
    assert_eq!((harness.joined(changed), harness.state().as_str()), (None, "PreparingRebalance"));
}

#[test]
fn a_request_that_is_sent_again_takes_the_place_of_the_first() {
    let mut harness = Harness::new();
    let (ids, _) = harness.stable(2);
    let first = harness.join(&member(&ids[0]));
    let second = harness.join(&member(&ids[0]));
    assert_eq!(harness.joined(first).unwrap().error_code, ErrorCode::RebalanceInProgress);
    harness.join_now(&member(&ids[1]));
    assert_eq!(harness.joined(second).unwrap().error_code, ErrorCode::None);
}

#[test]
fn a_group_takes_no_more_members_than_it_may_have() {
    let mut harness = Harness::with(GroupSettings { max_size: 2, ..defaults() });
    let (ids, generation) = harness.stable(2);
    let refused = harness.join_now(&someone());
    assert_eq!((refused.error_code, &*refused.member_id), (ErrorCode::GroupMaxSizeReached, ""));
    assert_eq!(
        (harness.state().as_str(), harness.heartbeat(&ids[0], generation)),
        ("Stable", ErrorCode::None)
    );
    // While a rebalance is prepared, those who have joined count.
    let leader = harness.join(&member(&ids[0]));
    let newcomer = harness.join(&someone());
    assert_eq!(harness.join_now(&member(&ids[1])).error_code, ErrorCode::GroupMaxSizeReached);
    assert_eq!(harness.joined(leader).unwrap().members.len(), 2);
    assert_eq!(harness.joined(newcomer).unwrap().error_code, ErrorCode::None);
}

#[test]
fn a_group_that_is_loaded_with_too_many_members_is_cut_down() {
    let mut harness = Harness::new();
    let (ids, _) = harness.stable(3);
    harness.script.settings.max_size = 2;
    harness.restart();
    assert_eq!(harness.state(), "PreparingRebalance");
    let first = harness.join(&member(&ids[0]));
    let second = harness.join(&member(&ids[2]));
    assert_eq!(harness.join_now(&member(&ids[1])).error_code, ErrorCode::GroupMaxSizeReached);
    assert!(harness.joined(first).is_some() && harness.joined(second).is_some());
}

#[test]
fn a_new_group_can_wait_for_its_members() {
    let delay = Duration::from_secs(3);
    let mut harness = Harness::with(GroupSettings { initial_rebalance_delay: delay, ..defaults() });
    let first = harness.join(&someone());
    harness.pass(Duration::from_secs(2));
    let second = harness.join(&someone());
    // Somebody came: once more the delay. Nobody came then.
    harness.pass(Duration::from_secs(3));
    assert_eq!(harness.joined(first), None);
    harness.pass(Duration::from_secs(1));
    let (first, second) = (harness.joined(first).unwrap(), harness.joined(second).unwrap());
    assert_eq!((first.generation_id, second.generation_id, first.members.len()), (1, 1, 2));
}

#[test]
fn a_member_that_never_got_an_answer_is_not_kept_for_ever() {
    let delay = Duration::from_secs(400);
    let mut harness = Harness::with(GroupSettings { initial_rebalance_delay: delay, ..defaults() });
    let joining = harness.join(&someone());
    harness.pass(NEW_MEMBER_PATIENCE - Duration::from_millis(1));
    assert_eq!((harness.joined(joining), harness.member_ids().len()), (None, 1));
    harness.pass(Duration::from_millis(1));
    assert_eq!(harness.joined(joining).unwrap().error_code, ErrorCode::UnknownMemberId);
    harness.pass(delay - NEW_MEMBER_PATIENCE);
    assert_eq!((harness.state().as_str(), harness.member_ids().len()), ("Empty", 0));
}
