//! Requests of a member of a classic group, and their answers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kestrel_protocol::messages::heartbeat::{HeartbeatRequest, HeartbeatResponse};
use kestrel_protocol::messages::join_group::{JoinGroupRequest, JoinGroupResponse, JoinGroupResponseMember};
use kestrel_protocol::messages::leave_group::{LeaveGroupRequest, LeaveGroupResponse};
use kestrel_protocol::messages::sync_group::{SyncGroupRequest, SyncGroupResponse};
use kestrel_protocol::{ByteString, NodeId};

use crate::consumer::group::machine::EffectRound;
use crate::error::Error;
use crate::metadata::MetadataSnapshot;

/// The partition count of each topic that the leader has assigned.
pub(crate) type PartitionCounts = BTreeMap<Arc<str>, usize>;

/// The settings of a member.
#[derive(Debug, Clone)]
pub(crate) struct MemberSettings {
    pub(crate) group_id: ByteString,
    /// A name that outlives the process: the member is static (KIP-345).
    pub(crate) instance_id: Option<ByteString>,
    pub(crate) session_timeout: Duration,
    pub(crate) heartbeat_interval: Duration,
    /// The longest that the caller may take between two polls, and so that a rebalance waits for this member.
    pub(crate) max_poll_interval: Duration,
}

/// Says which request an answer belongs to: answers to requests that do not matter any more are ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RequestId(pub(super) u64);

/// A request to the coordinator, or to the member's own assignor.
#[derive(Debug, PartialEq)]
pub(crate) enum Request {
    /// To any broker.
    FindCoordinator,
    /// To the coordinator; its answer may take as long as the rebalance.
    Join(RequestId, NodeId, JoinGroupRequest),
    /// This member is the leader: its assignor divides the partitions of the topics of all members.
    Assign(EffectRound, ByteString, Vec<JoinGroupResponseMember>),
    Sync(RequestId, NodeId, SyncGroupRequest),
    Heartbeat(RequestId, NodeId, HeartbeatRequest),
    /// To the coordinator, past anything that may be waiting there.
    Leave(NodeId, LeaveGroupRequest),
}

/// The result of a [`Request`].
#[derive(Debug)]
pub(crate) enum Answer {
    Coordinator(Result<NodeId, Error>),
    Join(RequestId, Result<JoinGroupResponse, Error>),
    Assigned(EffectRound, LeaderAssignment),
    Sync(RequestId, Result<SyncGroupResponse, Error>),
    Heartbeat(RequestId, Result<HeartbeatResponse, Error>),
    Left(Result<LeaveGroupResponse, Error>),
}

/// The leader's assignment for each member, as bytes, and what it was made from.
#[derive(Debug)]
pub(crate) struct LeaderAssignment {
    pub(crate) assignments: Vec<(ByteString, Bytes)>,
    pub(crate) counts: PartitionCounts,
}

/// The partition count of each of `topics`.
pub(super) fn partition_counts<'a>(
    snapshot: &MetadataSnapshot,
    topics: impl Iterator<Item = &'a Arc<str>>,
) -> PartitionCounts {
    let count = |topic: &Arc<str>| snapshot.topic(topic).map_or(0, |view| view.partitions.len());
    topics.map(|topic| (topic.clone(), count(topic))).collect()
}
