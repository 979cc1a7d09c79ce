//! Committed offsets: who may commit, what is read back, and when they go.

use kestrel_protocol::LeaderEpoch;

use super::*;

const RETENTION: Duration = Duration::from_secs(7 * 24 * 3600);
const CHECK: Duration = Duration::from_secs(600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// A subscription to these topics, as consumers send it.
const SUBSCRIBED_TO_T: &[u8] = b"\0\0\0\0\0\x01\0\x01t\xff\xff\xff\xff";

#[test]
fn a_committed_offset_is_read_back_with_everything_that_was_said() {
    let mut harness = Harness::new();
    assert_eq!(harness.commit("", -1), ErrorCode::None);
    harness.restart();
    let fetched = harness.shard().fetch(GROUP, &[("t".into(), 0), ("t".into(), 1)], true);
    let expected = FetchedOffset {
        offset: 7,
        leader_epoch: LeaderEpoch(3),
        metadata: "noted".into(),
        error: ErrorCode::None,
    };
    assert_eq!(fetched, [expected.clone(), FetchedOffset::none(ErrorCode::None)]);
    assert_eq!(harness.shard().fetch_all(GROUP, false), [("t".into(), 0, expected)]);
    assert_eq!(harness.shard().fetch_all("nobody", false), []);
}

#[test]
fn members_commit_and_nobody_else_while_there_are_members() {
    let mut harness = Harness::new();
    let (ids, generation) = harness.stable(2);
    assert_eq!(harness.commit(&ids[0], generation), ErrorCode::None);
    assert_eq!(harness.commit("", -1), ErrorCode::UnknownMemberId);
    assert_eq!(harness.commit(&ids[0], -1), ErrorCode::IllegalGeneration);
    // While a rebalance is prepared, members bring in what they have done.
    harness.join(&member(&ids[0]));
    assert_eq!(harness.commit(&ids[1], generation), ErrorCode::None);
    let generation = harness.join_now(&member(&ids[1])).generation_id;
    assert_eq!(harness.commit(&ids[1], generation), ErrorCode::RebalanceInProgress);
    assert_eq!(harness.commit(&ids[1], generation - 1), ErrorCode::IllegalGeneration);
    harness.leave(&[(&ids[0], None), (&ids[1], None)]);
    assert_eq!(harness.commit("", -1), ErrorCode::None);
    assert_eq!(harness.commit(&ids[1], generation), ErrorCode::UnknownMemberId);
}

#[test]
fn commits_keep_a_session() {
    let mut harness = Harness::new();
    let (ids, generation) = harness.stable(1);
    for _ in 0..5 {
        harness.pass(SESSION - Duration::from_millis(1));
        assert_eq!(harness.commit(&ids[0], generation), ErrorCode::None);
    }
}

#[test]
fn a_group_that_is_not_there_has_no_generation() {
    let mut harness = Harness::new();
    for (version, expected) in [(8, ErrorCode::IllegalGeneration), (9, ErrorCode::GroupIdNotFound)] {
        let commit = Commit { version, ..commit(GROUP, "a", 1, &[("t", 0, 1)]) };
        assert_eq!(harness.commit_all(&commit), [expected]);
    }
    assert_eq!(harness.state(), "Dead");
}

#[test]
fn what_is_kept_beside_an_offset_has_a_limit() {
    let mut harness = Harness::with(GroupSettings { offset_metadata_max_bytes: 4, ..defaults() });
    let mut commit = commit(GROUP, "", -1, &[("t", 0, 1), ("t", 1, 2)]);
    commit.partitions[1].metadata = "fôûr".into();
    assert_eq!(harness.commit_all(&commit), [ErrorCode::OffsetMetadataTooLarge, ErrorCode::None]);
    assert_eq!((harness.offset(GROUP, "t", 0), harness.offset(GROUP, "t", 1)), (-1, 2));
}

#[test]
fn offsets_of_a_group_without_members_count_from_when_it_became_empty() {
    let mut harness = Harness::new();
    let (ids, generation) = harness.stable(1);
    harness.commit(&ids[0], generation);
    // As long as somebody is there and what it consumes is not known, nothing goes.
    harness.pass_beating(8 * DAY, &[&ids[0]], generation);
    assert_eq!(harness.offset(GROUP, "t", 0), 7);
    harness.leave(&[(&ids[0], None)]);
    harness.pass(RETENTION - CHECK);
    assert_eq!(harness.offset(GROUP, "t", 0), 7);
    harness.restart();
    harness.pass(2 * CHECK);
    assert_eq!((harness.offset(GROUP, "t", 0), harness.state().as_str()), (-1, "Dead"));
    assert_eq!(harness.script.reloaded().stored, Stored::default());
}

#[test]
fn offsets_of_a_group_that_was_never_joined_count_each_from_its_commit() {
    let mut harness = Harness::new();
    harness.commit_all(&commit(GROUP, "", -1, &[("t", 0, 1)]));
    harness.pass(DAY);
    harness.commit_all(&commit(GROUP, "", -1, &[("t", 1, 2)]));
    harness.pass(RETENTION - DAY + CHECK);
    assert_eq!((harness.offset(GROUP, "t", 0), harness.offset(GROUP, "t", 1)), (-1, 2));
    assert_eq!(harness.state(), "Empty");
    harness.pass(DAY);
    assert_eq!(harness.state(), "Dead");
}

#[test]
fn offsets_of_topics_that_a_stable_group_does_not_consume_any_more_go() {
    let mut harness = Harness::new();
    let joined = harness.join_now(&Who { protocols: vec![("range", SUBSCRIBED_TO_T)], ..someone() });
    let id = joined.member_id.to_string();
    harness.assign(std::slice::from_ref(&id), 1);
    harness.commit_all(&commit(GROUP, &id, 1, &[("t", 0, 1), ("old", 0, 2)]));
    harness.pass_beating(RETENTION + 2 * CHECK, &[&id], 1);
    assert_eq!((harness.offset(GROUP, "t", 0), harness.offset(GROUP, "old", 0)), (1, -1));
}

#[test]
fn a_commit_may_say_how_long_it_is_kept() {
    let mut harness = Harness::new();
    harness.commit_all(&Commit { retention_ms: 3_600_000, ..commit(GROUP, "", -1, &[("t", 0, 1)]) });
    harness.restart();
    harness.pass(Duration::from_secs(3000));
    assert_eq!(harness.offset(GROUP, "t", 0), 1);
    harness.pass(Duration::from_secs(3600));
    assert_eq!(harness.offset(GROUP, "t", 0), -1);
}

#[test]
fn a_group_with_members_is_not_deleted() {
    let mut harness = Harness::new();
    let (ids, generation) = harness.stable(1);
    harness.commit(&ids[0], generation);
    let delete = |harness: &mut Harness| harness.script.handle(|shard, _| shard.delete_group(GROUP));
    assert_eq!(delete(&mut harness), ErrorCode::NonEmptyGroup);
    harness.leave(&[(&ids[0], None)]);
    assert_eq!(delete(&mut harness), ErrorCode::None);
    assert_eq!(delete(&mut harness), ErrorCode::GroupIdNotFound);
    assert_eq!(harness.offset(GROUP, "t", 0), -1);
    assert_eq!(harness.script.reloaded().stored, Stored::default());
}

#[test]
fn offsets_of_consumed_topics_are_not_deleted() {
    let mut harness = Harness::new();
    let delete = |harness: &mut Harness| {
        let partitions = [("t".into(), 0), ("old".into(), 0)];
        harness.script.handle(|shard, _| shard.delete_offsets(&GROUP.into(), &partitions))
    };
    assert_eq!(delete(&mut harness), Err(ErrorCode::GroupIdNotFound));
    let joined = harness.join_now(&Who { protocols: vec![("range", SUBSCRIBED_TO_T)], ..someone() });
    let id = joined.member_id.to_string();
    harness.assign(std::slice::from_ref(&id), 1);
    harness.commit_all(&commit(GROUP, &id, 1, &[("t", 0, 1), ("old", 0, 2)]));
    assert_eq!(delete(&mut harness), Ok(vec![ErrorCode::GroupSubscribedToTopic, ErrorCode::None]));
    assert_eq!((harness.offset(GROUP, "t", 0), harness.offset(GROUP, "old", 0)), (1, -1));
    harness.leave(&[(&id, None)]);
    assert_eq!(delete(&mut harness), Ok(vec![ErrorCode::None; 2]));
    assert_eq!(harness.offset(GROUP, "t", 0), -1);

    let connect = Who { protocol_type: "connect", ..someone() };
    harness.join_now(&connect);
    assert_eq!(delete(&mut harness), Err(ErrorCode::NonEmptyGroup));
}

#[test]
fn offsets_of_a_deleted_topic_go() {
    let mut harness = Harness::new();
    let mut said = commit(GROUP, "", -1, &[("t", 0, 1), ("gone", 0, 2), ("again", 0, 3)]);
    said.partitions[2].topic_id = TopicId::from_u128(7);
    harness.commit_all(&said);
    let effects = harness.script.machine.delete_offsets_of_deleted_topics(|name, id| {
        *name == *"t" || (*name == *"again" && id == TopicId::from_u128(8))
    });
    harness.script.apply(effects);
    let left: Vec<_> = harness.shard().fetch_all(GROUP, false).into_iter().map(|(topic, ..)| topic).collect();
    assert_eq!(left, ["t"]);
}
