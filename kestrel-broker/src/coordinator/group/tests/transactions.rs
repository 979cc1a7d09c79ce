//! Offsets as part of transactions: who may commit them, when they count, and what they outlive.

use kestrel_protocol::record::control::TransactionOutcome::{Abort, Commit as Committed};

use super::*;

const UNSTABLE: Result<i64, ErrorCode> = Err(ErrorCode::UnstableOffsetCommit);

/// Offset `offset` of partition 0 of topic `t`, from somebody who does not say who it is.
fn offset(offset: i64) -> Commit {
    commit(GROUP, "", -1, &[("t", 0, offset)])
}

fn check(harness: &Harness) {
    harness.script.assert_replay_equals_live(|shard| &shard.stored);
}

#[test]
fn an_offset_counts_when_its_transaction_is_committed() {
    let mut harness = Harness::new();
    assert_eq!(harness.commit_in(5, &offset(1)), [ErrorCode::None]);
    assert_eq!((harness.offset(GROUP, "t", 0), harness.stable_offset(GROUP, "t")), (-1, UNSTABLE));
    harness.end(5, Abort);
    assert_eq!(harness.stable_offset(GROUP, "t"), Ok(-1));
    harness.commit_in(5, &offset(2));
    harness.end(5, Committed);
    assert_eq!(harness.stable_offset(GROUP, "t"), Ok(2));
    check(&harness);
}

#[test]
fn a_commit_that_is_later_in_the_log_counts_more_though_the_transaction_ends_after_it() {
    let mut harness = Harness::new();
    harness.commit_in(5, &offset(3));
    harness.commit_all(&offset(4));
    assert_eq!((harness.offset(GROUP, "t", 0), harness.stable_offset(GROUP, "t")), (4, UNSTABLE));
    harness.commit_in(6, &offset(5));
    harness.end(6, Committed);
    harness.end(5, Committed);
    assert_eq!(harness.stable_offset(GROUP, "t"), Ok(5));
    check(&harness);
    harness.script.clean(usize::MAX);
    check(&harness);
}

#[test]
fn the_last_offset_of_a_transaction_counts() {
    let mut harness = Harness::new();
    harness.commit_in(5, &offset(3));
    harness.commit_in(5, &offset(2));
    harness.end(5, Committed);
    assert_eq!(harness.stable_offset(GROUP, "t"), Ok(2));
}

#[test]
fn a_restart_in_mid_transaction_changes_nothing() {
    for outcome in [Committed, Abort] {
        let mut harness = Harness::new();
        harness.commit_all(&offset(1));
        harness.commit_in(5, &offset(2));
        harness.script.clean(usize::MAX);
        harness.restart();
        assert_eq!((harness.offset(GROUP, "t", 0), harness.stable_offset(GROUP, "t")), (1, UNSTABLE));
        harness.end(5, outcome);
        harness.script.clean(usize::MAX);
        harness.restart();
        assert_eq!(harness.stable_offset(GROUP, "t"), Ok(if outcome == Committed { 2 } else { 1 }));
    }
}

#[test]
fn members_say_who_they_are_and_are_believed_in_their_generation_only() {
    let mut harness = Harness::new();
    let (ids, generation) = harness.stable(2);
    let as_member = |id: &str, generation| commit(GROUP, id, generation, &[("t", 0, 1)]);
    let mut check = |said: &Commit, expected| assert_eq!(harness.commit_in(5, said), [expected]);
    check(&as_member(&ids[0], generation), ErrorCode::None);
    check(&as_member(&ids[0], generation - 1), ErrorCode::IllegalGeneration);
    check(&as_member(&ids[0], -1), ErrorCode::IllegalGeneration);
    check(&as_member("nobody", generation), ErrorCode::UnknownMemberId);
    check(&as_member("", generation), ErrorCode::UnknownMemberId);
    let unknown = Commit { instance_id: Some("one".into()), ..as_member(&ids[0], generation) };
    check(&unknown, ErrorCode::UnknownMemberId);
    // Whoever does not say who it is is believed: requests before version 3 have no place for it.
    check(&as_member("", -1), ErrorCode::None);
}

#[test]
fn an_instance_that_was_taken_over_is_fenced() {
    let mut harness = Harness::new();
    let before = harness.join_now(&instance("one")).member_id;
    let after = harness.join_now(&instance("one"));
    let said = |id: &str| Commit {
        instance_id: Some("one".into()),
        ..commit(GROUP, id, after.generation_id, &[("t", 0, 1)])
    };
    assert_eq!(harness.commit_in(5, &said(&before)), [ErrorCode::FencedInstanceId]);
    assert_eq!(harness.commit_in(5, &said(&after.member_id)), [ErrorCode::None]);
}

#[test]
fn a_rebalance_does_not_stop_a_transaction() {
    let mut harness = Harness::new();
    let (ids, generation) = harness.stable(1);
    harness.join(&member(&ids[0]));
    let generation = generation + 1;
    assert_eq!(harness.state(), "CompletingRebalance");
    assert_eq!(harness.commit(&ids[0], generation), ErrorCode::RebalanceInProgress);
    let said = commit(GROUP, &ids[0], generation, &[("t", 0, 1)]);
    assert_eq!(harness.commit_in(5, &said), [ErrorCode::None]);
}

#[test]
fn a_commit_in_a_transaction_keeps_no_session() {
    let mut harness = Harness::new();
    let (ids, generation) = harness.stable(1);
    harness.pass(SESSION - Duration::from_millis(1));
    harness.commit_in(5, &commit(GROUP, &ids[0], generation, &[("t", 0, 1)]));
    harness.pass(Duration::from_millis(1));
    assert_eq!(harness.state(), "Empty");
}

#[test]
fn a_group_that_is_not_there_takes_offsets_of_no_generation() {
    let mut harness = Harness::new();
    let said = commit(GROUP, "a", 1, &[("t", 0, 1)]);
    assert_eq!(harness.commit_in(5, &said), [ErrorCode::IllegalGeneration]);
    assert_eq!(harness.state(), "Dead");
    assert_eq!(harness.commit_in(5, &offset(1)), [ErrorCode::None]);
    assert_eq!(harness.state(), "Empty");
    assert_eq!(harness.commit_in(5, &said), [ErrorCode::UnknownMemberId]);
}

#[test]
fn each_partition_has_its_own_outcome() {
    let mut harness = Harness::with(GroupSettings { offset_metadata_max_bytes: 4, ..defaults() });
    let mut said = commit(GROUP, "", -1, &[("t", 0, 1), ("u", 0, 2)]);
    said.partitions[1].metadata = "four".into();
    assert_eq!(harness.commit_in(5, &said), [ErrorCode::OffsetMetadataTooLarge, ErrorCode::None]);
    harness.end(5, Committed);
    assert_eq!((harness.stable_offset(GROUP, "t"), harness.stable_offset(GROUP, "u")), (Ok(-1), Ok(2)));
}

#[test]
fn an_open_transaction_keeps_its_group_and_the_offsets_that_it_is_to_replace() {
    let mut harness = Harness::new();
    harness.commit_all(&commit(GROUP, "", -1, &[("t", 0, 1), ("old", 0, 1)]));
    harness.commit_in(5, &offset(2));
    harness.commit_in(5, &commit("other", "", -1, &[("t", 0, 3)]));
    let retention = Duration::from_secs(30 * 24 * 3600);
    harness.pass(retention);
    assert_eq!((harness.offset(GROUP, "t", 0), harness.offset(GROUP, "old", 0)), (1, -1));
    harness.restart();
    harness.pass(retention);
    let describe = |harness: &Harness| harness.shard().describe("other").is_some();
    assert!(describe(&harness), "a group with nothing but offsets that wait");
    harness.end(5, Abort);
    harness.pass(retention);
    assert!(!describe(&harness) && harness.state() == "Dead");
    assert_eq!(harness.script.reloaded().stored, Stored::default());
}

#[test]
fn deleted_offsets_are_not_brought_back_by_the_end_of_a_transaction() {
    let delete_offsets = |harness: &mut Harness| {
        let delete = |shard: &mut GroupShard, _| shard.delete_offsets(&GROUP.into(), &[("t".into(), 0)]);
        assert_eq!(harness.script.handle(delete), Ok(vec![ErrorCode::None]));
    };
    let delete_group = |harness: &mut Harness| {
        assert_eq!(harness.script.handle(|shard, _| shard.delete_group(GROUP)), ErrorCode::None);
    };
    let delete_topic = |harness: &mut Harness| {
        harness.script.handle(|shard, _| ((), shard.delete_offsets_of_deleted_topics(|_, _| false)));
    };
    let deletions: [&dyn Fn(&mut Harness); 3] = [&delete_offsets, &delete_group, &delete_topic];
    for (delete, is_committed) in deletions.into_iter().flat_map(|delete| [(delete, false), (delete, true)]) {
        let mut harness = Harness::new();
        if is_committed {
            harness.commit_all(&offset(1));
        }
        harness.commit_in(5, &offset(2));
        let before = harness.script.log_len();
        delete(&mut harness);
        assert!(harness.stable_offset(GROUP, "t") == Ok(-1), "nothing waits any more");
        let tombstones = harness.script.log_len() - before;
        assert!(tombstones <= 2, "one for the offset and at most one for the group");
        harness.end(5, Committed);
        assert_eq!(harness.stable_offset(GROUP, "t"), Ok(-1));
        check(&harness);
    }
}

#[test]
fn a_topic_that_was_created_anew_keeps_what_was_committed_for_it() {
    let of = |topic_id: u128, offset_: i64| {
        let mut said = offset(offset_);
        said.partitions[0].topic_id = TopicId::from_u128(topic_id);
        said
    };
    let mut harness = Harness::new();
    harness.commit_all(&of(1, 1));
    harness.commit_in(5, &of(2, 2));
    let is_there = |_: &ByteString, id| id == TopicId::from_u128(2);
    harness.script.handle(|shard, _| ((), shard.delete_offsets_of_deleted_topics(is_there)));
    harness.end(5, Committed);
    assert_eq!(harness.stable_offset(GROUP, "t"), Ok(2));
}
