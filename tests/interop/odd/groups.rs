//! Odd requests about groups: what each API of the classic protocol says to groups, members and offsets that are not there.

use bytes::Bytes;
use kestrel_protocol::messages::delete_groups::DeleteGroupsRequest;
use kestrel_protocol::messages::describe_groups::DescribeGroupsRequest;
use kestrel_protocol::messages::find_coordinator::FindCoordinatorRequest;
use kestrel_protocol::messages::heartbeat::HeartbeatRequest;
use kestrel_protocol::messages::join_group::{JoinGroupRequest, JoinGroupRequestProtocol};
use kestrel_protocol::messages::leave_group::{LeaveGroupRequest, MemberIdentity};
use kestrel_protocol::messages::list_groups::ListGroupsRequest;
use kestrel_protocol::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kestrel_protocol::messages::offset_delete::{
    OffsetDeleteRequest, OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use kestrel_protocol::messages::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};
use kestrel_protocol::messages::sync_group::{SyncGroupRequest, SyncGroupRequestAssignment};
use kestrel_protocol::{ErrorCode, TopicId};

use crate::Run;
use crate::data::{NO_ID, NONE, TOPIC, until};
use crate::side::Side;

/// A group without members that has committed offsets.
const GROUP: &str = "odd-group";
/// A group that is not there.
const NO_GROUP: &str = "no-such-group";
/// The first version of OffsetCommit and OffsetFetch that names topics by id.
const BY_ID: i16 = 10;

pub(crate) fn prepare(side: &Side) {
    // The topic of the groups is made at the first need, and takes a moment.
    until("the group has a coordinator", || {
        let find = FindCoordinatorRequest { key: GROUP.into(), ..Default::default() };
        side.call(&find, 2).error_code == ErrorCode::None
    });
    until("the group's offset is stored", || {
        let answer = side.call(&commit(side, 8, &[(0, 2, Some("noted"))]), 8);
        answer.topics[0].partitions[0].error_code == ErrorCode::None
    });
}

pub(crate) fn run(run: &mut Run) {
    coordinators(run);
    joins(run);
    members(run);
    leaves(run);
    commits(run);
    offsets(run);
    listings(run);
    deletions(run);
}

fn coordinators(run: &mut Run) {
    let asking = |version: i16, keys: &[&str], key_type| FindCoordinatorRequest {
        key: if version < 4 { keys.first().copied().unwrap_or_default().into() } else { Default::default() },
        key_type: if version < 1 { 0 } else { key_type },
        coordinator_keys: if version < 4 {
            Vec::new()
        } else {
            keys.iter().map(|key| (*key).into()).collect()
        },
    };
    run.case("a group", |_, version| asking(version, &[GROUP], 0));
    run.case("a group of no name", |_, version| asking(version, &[""], 0));
    run.case("no group", |_, version| asking(version, &[], 0));
    run.case("a group twice", |_, version| asking(version, &[GROUP, GROUP], 0));
    // Share groups and transactional ids are left out: what Apache Kafka says depends on whether their topics were made yet.
    run.case("kind -1", |_, version| asking(version, &[GROUP], -1));
    run.case("kind 7", |_, version| asking(version, &[GROUP], 7));
}

fn join(group: &str) -> JoinGroupRequest {
    let protocol = JoinGroupRequestProtocol { name: "range".into(), metadata: Bytes::from_static(b"opaque") };
    JoinGroupRequest {
        group_id: group.into(),
        session_timeout_ms: 10_000,
        rebalance_timeout_ms: 10_000,
        protocol_type: "consumer".into(),
        protocols: vec![protocol],
        ..Default::default()
    }
}

fn joins(run: &mut Run) {
    let old = |version: i16, request: JoinGroupRequest| JoinGroupRequest {
        rebalance_timeout_ms: if version < 1 { -1 } else { request.rebalance_timeout_ms },
        group_instance_id: request.group_instance_id.filter(|_| version >= 5),
        ..request
    };
    run.case("a group of no name", |_, version| old(version, join("")));
    run.case("an unknown member", |_, version| {
        old(version, JoinGroupRequest { member_id: "nobody".into(), ..join(NO_GROUP) })
    });
    for (name, session_timeout_ms) in [
        ("a session of 0", 0),
        ("a session of -1", -1),
        ("a session of 1 ms", 1),
        ("the longest session", i32::MAX),
    ] {
        run.case(name, |_, version| old(version, JoinGroupRequest { session_timeout_ms, ..join(NO_GROUP) }));
    }
    run.case("no protocol", |_, version| {
        old(version, JoinGroupRequest { protocols: Vec::new(), ..join(NO_GROUP) })
    });
    run.case("a protocol type of no name", |_, version| {
        old(version, JoinGroupRequest { protocol_type: Default::default(), ..join(NO_GROUP) })
    });
    run.case("an unknown static member", |_, version| {
        let request = JoinGroupRequest {
            group_instance_id: Some("instance".into()),
            member_id: "nobody".into(),
            ..join(NO_GROUP)
        };
        old(version, request)
    });
    run.case("an instance of no name", |_, version| {
        if version < 5 {
            return old(version, join(""));
        }
        JoinGroupRequest { group_instance_id: Some(Default::default()), ..join("") }
    });
    run.case("an instance that cannot be", |_, version| {
        if version < 5 {
            return old(version, join(""));
        }
        let instance = Some("a b/c".into());
        JoinGroupRequest { group_instance_id: instance, member_id: "nobody".into(), ..join(NO_GROUP) }
    });
}

fn members(run: &mut Run) {
    for (name, group, generation_id, member) in [
        ("an unknown group", NO_GROUP, 1, "nobody"),
        ("a group of no name", "", 1, "nobody"),
        ("an unknown member", GROUP, 0, "nobody"),
        ("a member of no name", GROUP, 0, ""),
        ("a generation below zero", GROUP, -1, "nobody"),
        ("a generation of -5", NO_GROUP, -5, ""),
    ] {
        run.case(name, |_, _| HeartbeatRequest {
            group_id: group.into(),
            generation_id,
            member_id: member.into(),
            group_instance_id: None,
        });
        run.case(name, |_, version| SyncGroupRequest {
            group_id: group.into(),
            generation_id,
            member_id: member.into(),
            protocol_type: (version >= 5).then(|| "consumer".into()),
            protocol_name: (version >= 5).then(|| "range".into()),
            ..Default::default()
        });
    }
    run.case("an unknown instance", |_, version| HeartbeatRequest {
        group_id: GROUP.into(),
        generation_id: 0,
        member_id: "nobody".into(),
        group_instance_id: (version >= 3).then(|| "instance".into()),
    });
    run.case("protocols of null", |_, _| SyncGroupRequest {
        group_id: GROUP.into(),
        generation_id: 0,
        member_id: "nobody".into(),
        ..Default::default()
    });
    run.case("an assignment twice", |_, version| SyncGroupRequest {
        group_id: GROUP.into(),
        generation_id: 0,
        member_id: "nobody".into(),
        protocol_type: (version >= 5).then(|| "consumer".into()),
        protocol_name: (version >= 5).then(|| "range".into()),
        assignments: vec![
            SyncGroupRequestAssignment { member_id: "nobody".into(), assignment: Bytes::new() };
            2
        ],
        ..Default::default()
    });
}

fn leaves(run: &mut Run) {
    let leave = |version: i16, group: &str, members: &[(&str, Option<&str>)]| LeaveGroupRequest {
        group_id: group.into(),
        member_id: match members.first() {
            Some((id, _)) if version < 3 => (*id).into(),
            _ => Default::default(),
        },
        members: members
            .iter()
            .filter(|_| version >= 3)
            .map(|(id, instance)| MemberIdentity {
                member_id: (*id).into(),
                group_instance_id: instance.map(Into::into),
                reason: None,
            })
            .collect(),
    };
    run.case("an unknown group", |_, version| leave(version, NO_GROUP, &[("nobody", None)]));
    run.case("a group of no name", |_, version| leave(version, "", &[("nobody", None)]));
    run.case("an unknown member", |_, version| leave(version, GROUP, &[("nobody", None)]));
    run.case("a member of no name", |_, version| leave(version, GROUP, &[("", None)]));
    run.case("nobody", |_, version| leave(version, GROUP, &[]));
    run.case("nobody of an unknown group", |_, version| leave(version, NO_GROUP, &[]));
    run.case("a member twice", |_, version| leave(version, GROUP, &[("nobody", None), ("nobody", None)]));
    run.case("an unknown instance", |_, version| leave(version, GROUP, &[("", Some("instance"))]));
    run.case("an instance and a member", |_, version| leave(version, GROUP, &[("nobody", Some("instance"))]));
}

fn commit(side: &Side, version: i16, partitions: &[(i32, i64, Option<&str>)]) -> OffsetCommitRequest {
    let partitions =
        partitions.iter().map(|(partition_index, committed_offset, metadata)| OffsetCommitRequestPartition {
            partition_index: *partition_index,
            committed_offset: *committed_offset,
            committed_metadata: metadata.map(Into::into),
            ..Default::default()
        });
    let topic = OffsetCommitRequestTopic {
        name: if version < BY_ID { TOPIC.into() } else { Default::default() },
        topic_id: if version < BY_ID { TopicId::NIL } else { side.topic_id },
        partitions: partitions.collect(),
    };
    OffsetCommitRequest { group_id: GROUP.into(), topics: vec![topic], ..Default::default() }
}

fn commits(run: &mut Run) {
    run.case("no topics", |_, _| OffsetCommitRequest { group_id: GROUP.into(), ..Default::default() });
    run.case("no topics of a group of no name", |_, _| OffsetCommitRequest::default());
    run.case("a topic without partitions", |side, version| commit(side, version, &[]));
    run.case("offsets below zero", |side, version| {
        commit(side, version, &[(0, -1, None), (1, i64::MIN, None)])
    });
    run.case("the largest offset", |side, version| commit(side, version, &[(1, i64::MAX, None)]));
    run.case("partitions that are not there", |side, version| {
        commit(side, version, &[(-1, 1, None), (99, 1, None), (1, 1, None)])
    });
    run.case("a partition twice", |side, version| commit(side, version, &[(1, 1, None), (1, 2, None)]));
    let (most, more) = ("ä".repeat(4096), "ä".repeat(4097));
    let (most_pairs, more_pairs) = ("𝄞".repeat(2048), "𝄞".repeat(2049));
    run.case("as much metadata as may be", |side, version| commit(side, version, &[(1, 1, Some(&most))]));
    run.case("more metadata than may be", |side, version| commit(side, version, &[(1, 1, Some(&more))]));
    run.case("as many surrogates as may be", |side, version| {
        commit(side, version, &[(1, 1, Some(&most_pairs))])
    });
    run.case("more surrogates than may be", |side, version| {
        commit(side, version, &[(1, 1, Some(&more_pairs)), (0, 2, Some("noted"))])
    });
    run.case("an unknown topic", |side, version| {
        let mut request = commit(side, version, &[(0, 1, None)]);
        request.topics[0].name = if version < BY_ID { NONE.into() } else { Default::default() };
        request.topics[0].topic_id = if version < BY_ID { TopicId::NIL } else { NO_ID };
        request
    });
    run.case("a topic without name and id", |side, version| {
        let mut request = commit(side, version, &[(0, 1, None)]);
        request.topics[0].name = Default::default();
        request.topics[0].topic_id = TopicId::NIL;
        request
    });
    for (name, group, generation, member) in [
        ("a group of no name", "", -1, ""),
        ("a generation of an unknown group", NO_GROUP, 5, "nobody"),
        ("a member of a group without", GROUP, 5, "nobody"),
        ("a member without generation", GROUP, -1, "nobody"),
        ("a generation without member", GROUP, 0, ""),
        ("generation -2", GROUP, -2, ""),
    ] {
        run.case(name, |side, version| OffsetCommitRequest {
            group_id: group.into(),
            generation_id_or_member_epoch: generation,
            member_id: member.into(),
            ..commit(side, version, &[(0, 2, Some("noted"))])
        });
    }
    run.case("an unknown instance", |side, version| OffsetCommitRequest {
        generation_id_or_member_epoch: 0,
        member_id: "nobody".into(),
        group_instance_id: (version >= 7).then(|| "instance".into()),
        ..commit(side, version, &[(0, 2, Some("noted"))])
    });
}

fn fetch(side: &Side, version: i16, group: &str, topics: Option<&[(&str, &[i32])]>) -> OffsetFetchRequest {
    if version < 8 {
        let topics = topics.map(|topics| {
            let topic = |(name, partitions): &(&str, &[i32])| OffsetFetchRequestTopic {
                name: (*name).into(),
                partition_indexes: partitions.to_vec(),
            };
            topics.iter().map(topic).collect()
        });
        let topics = topics.or_else(|| (version < 2).then(Vec::new));
        return OffsetFetchRequest { group_id: group.into(), topics, ..Default::default() };
    }
    let id = |name: &str| match name {
        TOPIC => side.topic_id,
        "" => TopicId::NIL,
        _ => NO_ID,
    };
    let topics = topics.map(|topics| {
        let topic = |(name, partitions): &(&str, &[i32])| OffsetFetchRequestTopics {
            name: if version < BY_ID { (*name).into() } else { Default::default() },
            topic_id: if version < BY_ID { TopicId::NIL } else { id(name) },
            partition_indexes: partitions.to_vec(),
        };
        topics.iter().map(topic).collect()
    });
    let group = OffsetFetchRequestGroup { group_id: group.into(), topics, ..Default::default() };
    OffsetFetchRequest { groups: vec![group], ..Default::default() }
}

fn offsets(run: &mut Run) {
    run.case("all", |side, version| fetch(side, version, GROUP, None));
    run.case("nothing", |side, version| fetch(side, version, GROUP, Some(&[])));
    run.case("all of an unknown group", |side, version| fetch(side, version, NO_GROUP, None));
    run.case("a group of no name", |side, version| fetch(side, version, "", None));
    run.case("a topic without partitions", |side, version| {
        fetch(side, version, GROUP, Some(&[(TOPIC, &[])]))
    });
    run.case("partitions that are not there", |side, version| {
        fetch(side, version, GROUP, Some(&[(TOPIC, &[0, 1, 99, -1])]))
    });
    run.case("a partition twice", |side, version| fetch(side, version, GROUP, Some(&[(TOPIC, &[0, 0])])));
    run.case("an unknown topic", |side, version| fetch(side, version, GROUP, Some(&[(NONE, &[0])])));
    run.case("a topic without name and id", |side, version| fetch(side, version, GROUP, Some(&[("", &[0])])));
    run.case("an unknown topic of an unknown group", |side, version| {
        fetch(side, version, NO_GROUP, Some(&[(NONE, &[0])]))
    });
    run.case("stable offsets", |side, version| OffsetFetchRequest {
        require_stable: version >= 7,
        ..fetch(side, version, GROUP, Some(&[(TOPIC, &[0])]))
    });
    run.case("no groups", |side, version| {
        if version < 8 { fetch(side, version, "", Some(&[])) } else { OffsetFetchRequest::default() }
    });
    run.case("a group twice", |side, version| {
        let mut request = fetch(side, version, GROUP, None);
        request.groups = [request.groups.clone(), request.groups].concat();
        request
    });
    run.case("an unknown member", |side, version| {
        let mut request = fetch(side, version, GROUP, None);
        if let Some(group) = request.groups.first_mut().filter(|_| version >= 9) {
            group.member_id = Some("nobody".into());
            group.member_epoch = 5;
        }
        request
    });
}

fn listings(run: &mut Run) {
    let listed = |version: i16, states: &[&str], types: &[&str]| ListGroupsRequest {
        states_filter: states.iter().filter(|_| version >= 4).map(|state| (*state).into()).collect(),
        types_filter: types.iter().filter(|_| version >= 5).map(|kind| (*kind).into()).collect(),
    };
    run.case("a state that is none", |_, version| listed(version, &["Nonsense"], &[]));
    run.case("states in other letters", |_, version| listed(version, &["eMPTY", "stable"], &[]));
    run.case("a state of no name", |_, version| listed(version, &[""], &[]));
    run.case("a type that is none", |_, version| listed(version, &[], &["nonsense"]));
    run.case("types in other letters", |_, version| listed(version, &[], &["CLASSIC"]));
    run.case("a type of no name", |_, version| listed(version, &[], &[""]));
    let described = |groups: &[&str]| DescribeGroupsRequest {
        groups: groups.iter().map(|group| (*group).into()).collect(),
        ..Default::default()
    };
    run.case("no groups", |_, _| described(&[]));
    run.case("a group of no name", |_, _| described(&[""]));
    run.case("an unknown group", |_, _| described(&[NO_GROUP]));
    run.case("a group without members", |_, _| described(&[GROUP]));
    run.case("a group twice", |_, _| described(&[GROUP, GROUP]));
    run.case("an unknown group twice", |_, _| described(&[NO_GROUP, NO_GROUP]));
    run.case("authorized operations", |_, version| DescribeGroupsRequest {
        include_authorized_operations: version >= 3,
        ..described(&[GROUP, NO_GROUP])
    });
}

fn deletions(run: &mut Run) {
    let deleted = |groups: &[&str]| DeleteGroupsRequest {
        groups_names: groups.iter().map(|group| (*group).into()).collect(),
    };
    run.case("no groups", |_, _| deleted(&[]));
    run.case("a group of no name", |_, _| deleted(&[""]));
    run.case("an unknown group", |_, _| deleted(&[NO_GROUP]));
    run.case("an unknown group twice", |_, _| deleted(&[NO_GROUP, NO_GROUP]));
    let offsets = |group: &str, topic: &str, partitions: &[i32]| OffsetDeleteRequest {
        group_id: group.into(),
        topics: vec![OffsetDeleteRequestTopic {
            name: topic.into(),
            partitions: partitions
                .iter()
                .map(|partition_index| OffsetDeleteRequestPartition { partition_index: *partition_index })
                .collect(),
        }],
    };
    run.case("no topics", |_, _| OffsetDeleteRequest { group_id: GROUP.into(), topics: Vec::new() });
    run.case("no topics of an unknown group", |_, _| OffsetDeleteRequest {
        group_id: NO_GROUP.into(),
        topics: Vec::new(),
    });
    run.case("a group of no name", |_, _| offsets("", TOPIC, &[0]));
    run.case("an unknown group", |_, _| offsets(NO_GROUP, TOPIC, &[0]));
    run.case("an unknown topic", |_, _| offsets(GROUP, NONE, &[0]));
    run.case("partitions that are not there", |_, _| offsets(GROUP, TOPIC, &[-1, 99]));
    run.case("a topic without partitions", |_, _| offsets(GROUP, TOPIC, &[]));
    run.case("a partition twice", |_, _| offsets(GROUP, TOPIC, &[1, 1]));
}
