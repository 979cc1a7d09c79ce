//! Groups, their members and their offsets.

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
use kestrel_protocol::messages::sync_group::SyncGroupRequest;
use kestrel_protocol::{ErrorCode, TopicId};

use super::{Case, GROUP, NO_GROUP, NO_TOPIC, TOPIC, TRANSACTIONAL_ID, same, same_denial, same_part};
use crate::side::Side;
use crate::states::PREFIX;

/// The first version of OffsetCommit and OffsetFetch that names topics by id.
const BY_ID: i16 = 10;
/// The type of a transactional id, where groups are 0.
pub(super) const TRANSACTIONS: i8 = 1;

pub(super) fn prepare(side: &mut Side) {
    side.until(|side| {
        let found = side.call(&find(2, GROUP, 0), 2).error_code;
        (found == ErrorCode::None).then_some(())
    });
    side.until(|side| {
        let answer = side.call(&commit(side.topic_id, 8), 8);
        (answer.topics[0].partitions[0].error_code == ErrorCode::None).then_some(())
    });
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        same("FindCoordinator", |_, version| find(version, GROUP, 0)),
        same_denial("FindCoordinator of transactions", |_, version| {
            find(version, TRANSACTIONAL_ID, TRANSACTIONS)
        }),
        same("JoinGroup", |_, _| join()),
        same("SyncGroup", |_, _| SyncGroupRequest {
            group_id: GROUP.into(),
            member_id: "nobody".into(),
            protocol_type: Some("consumer".into()),
            protocol_name: Some("range".into()),
            ..Default::default()
        }),
        same("Heartbeat", |_, _| HeartbeatRequest {
            group_id: GROUP.into(),
            member_id: "nobody".into(),
            ..Default::default()
        }),
        same("LeaveGroup", |_, version| leave(version)),
        same("OffsetCommit", |side, version| commit(side.topic_id, version)),
        same("OffsetFetch", |side, version| offsets(version, Some(side.topic_id))),
        same("OffsetFetch of all topics", |_, version| offsets(version, None)).until_version(7),
        same("OffsetDelete", |_, _| OffsetDeleteRequest {
            group_id: GROUP.into(),
            // A topic that has no offsets, so that they stay.
            topics: vec![OffsetDeleteRequestTopic {
                name: NO_TOPIC.into(),
                partitions: vec![OffsetDeleteRequestPartition { partition_index: 0 }],
            }],
        }),
        same("DescribeGroups", |_, version| DescribeGroupsRequest {
            groups: vec![GROUP.into()],
            include_authorized_operations: version >= 3,
        }),
        same_part(
            "ListGroups",
            |_, _| ListGroupsRequest::default(),
            |response| {
                response.groups.retain(|group| group.group_id.starts_with(PREFIX));
            },
        ),
        same("DeleteGroups", |_, _| DeleteGroupsRequest { groups_names: vec![NO_GROUP.into()] }),
    ]
}

/// Asks who coordinates a group or a transactional id.
pub(super) fn find(version: i16, key: &str, key_type: i8) -> FindCoordinatorRequest {
    let is_batch = version >= 4;
    FindCoordinatorRequest {
        key: if is_batch { Default::default() } else { key.into() },
        key_type: if version < 1 { 0 } else { key_type },
        coordinator_keys: is_batch.then(|| key.into()).into_iter().collect(),
    }
}

/// A session that is too short, so that nobody joins.
fn join() -> JoinGroupRequest {
    JoinGroupRequest {
        group_id: GROUP.into(),
        session_timeout_ms: 1,
        rebalance_timeout_ms: 1_000,
        protocol_type: "consumer".into(),
        protocols: vec![JoinGroupRequestProtocol { name: "range".into(), metadata: Bytes::new() }],
        ..Default::default()
    }
}

fn leave(version: i16) -> LeaveGroupRequest {
    let member = MemberIdentity { member_id: "nobody".into(), ..Default::default() };
    let (member_id, members) =
        if version < 3 { ("nobody".into(), Vec::new()) } else { (Default::default(), vec![member]) };
    LeaveGroupRequest { group_id: GROUP.into(), member_id, members }
}

fn commit(topic_id: TopicId, version: i16) -> OffsetCommitRequest {
    let partition = OffsetCommitRequestPartition { committed_offset: 1, ..Default::default() };
    let topic = OffsetCommitRequestTopic {
        name: if version < BY_ID { TOPIC.into() } else { Default::default() },
        topic_id: if version < BY_ID { TopicId::NIL } else { topic_id },
        partitions: vec![partition],
    };
    OffsetCommitRequest {
        group_id: GROUP.into(),
        generation_id_or_member_epoch: -1,
        topics: vec![topic],
        ..Default::default()
    }
}

/// The offsets of a topic, or of all.
fn offsets(version: i16, topic_id: Option<TopicId>) -> OffsetFetchRequest {
    if version < 8 {
        let topic = OffsetFetchRequestTopic { name: TOPIC.into(), partition_indexes: vec![0] };
        let topics = if topic_id.is_none() && version >= 2 { None } else { Some(vec![topic]) };
        return OffsetFetchRequest { group_id: GROUP.into(), topics, ..Default::default() };
    }
    let topic = topic_id.map(|topic_id| OffsetFetchRequestTopics {
        name: if version < BY_ID { TOPIC.into() } else { Default::default() },
        topic_id: if version < BY_ID { TopicId::NIL } else { topic_id },
        partition_indexes: vec![0],
    });
    let group = OffsetFetchRequestGroup {
        group_id: GROUP.into(),
        topics: topic.map(|topic| vec![topic]),
        ..Default::default()
    };
    OffsetFetchRequest { groups: vec![group], ..Default::default() }
}
