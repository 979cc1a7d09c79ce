//! A member of a classic group, as the coordinator knows it while it is there.

use std::time::Duration;

use bytes::Bytes;
use bytestring::ByteString;
use kestrel_protocol::messages::join_group::{JoinGroupRequest, JoinGroupRequestProtocol, JoinGroupResponse};
use kestrel_protocol::messages::sync_group::SyncGroupResponse;

use super::super::records::MemberMetadata;
use super::super::stored::detached;
use crate::coordinator::runtime::ReplyTo;

/// A member.
#[derive(Debug)]
pub(in crate::coordinator::group) struct Member {
    pub(super) id: ByteString,
    /// `group.instance.id` of a static member (KIP-345).
    pub(super) instance_id: Option<ByteString>,
    pub(super) client_id: ByteString,
    pub(super) client_host: ByteString,
    pub(super) session_timeout: Duration,
    pub(super) rebalance_timeout: Duration,
    /// The assignors that it has, the preferred one first, with what it tells each; opaque here.
    pub(super) protocols: Vec<(ByteString, Bytes)>,
    /// What it owns in this generation, as the leader said; opaque here.
    pub(super) assignment: Bytes,
    /// Whether it never got an answer that told it its generation: it cannot send heartbeats yet.
    pub(super) is_new: bool,
    /// The JoinGroup that waits for the other members.
    pub(super) joining: Option<ReplyTo<JoinGroupResponse>>,
    /// The SyncGroup that waits for the leader.
    pub(super) syncing: Option<ReplyTo<SyncGroupResponse>>,
    /// Whether its SyncGroup of this generation is still to come.
    pub(super) sync_expected: bool,
}

impl Member {
    /// A member as its first JoinGroup says.
    pub(super) fn new(
        id: ByteString,
        request: &JoinGroupRequest,
        client_id: &str,
        client_host: &str,
    ) -> Self {
        let mut member = Self {
            id,
            instance_id: request.group_instance_id.as_ref().map(detached),
            client_id: client_id.into(),
            client_host: client_host.into(),
            session_timeout: Duration::ZERO,
            rebalance_timeout: Duration::ZERO,
            protocols: Vec::new(),
            assignment: Bytes::new(),
            is_new: true,
            joining: None,
            syncing: None,
            sync_expected: false,
        };
        member.update(request);
        member
    }

    /// A member of a stable group, as the log has it.
    pub(super) fn loaded(stored: &MemberMetadata, protocol: &ByteString) -> Self {
        let session_timeout = millis(stored.session_timeout);
        Self {
            id: stored.member_id.clone(),
            instance_id: stored.group_instance_id.clone(),
            client_id: stored.client_id.clone(),
            client_host: stored.client_host.clone(),
            session_timeout,
            rebalance_timeout: rebalance_timeout(stored.rebalance_timeout, session_timeout),
            protocols: vec![(protocol.clone(), stored.subscription.clone())],
            assignment: stored.assignment.clone(),
            is_new: false,
            joining: None,
            syncing: None,
            sync_expected: false,
        }
    }

    /// Takes over what a later JoinGroup says.
    pub(super) fn update(&mut self, request: &JoinGroupRequest) {
        self.session_timeout = millis(request.session_timeout_ms);
        self.rebalance_timeout = rebalance_timeout(request.rebalance_timeout_ms, self.session_timeout);
        let protocols = request.protocols.iter();
        self.protocols = protocols
            .map(|protocol| (detached(&protocol.name), Bytes::copy_from_slice(&protocol.metadata)))
            .collect();
    }

    /// Whether its protocols are these, in this order and with this metadata.
    pub(super) fn has_protocols(&self, protocols: &[JoinGroupRequestProtocol]) -> bool {
        self.protocols.len() == protocols.len()
            && self
                .protocols
                .iter()
                .zip(protocols)
                .all(|((name, metadata), said)| *name == said.name && *metadata == said.metadata)
    }

    /// What it says to the assignor of this name.
    pub(super) fn metadata(&self, protocol: Option<&ByteString>) -> Bytes {
        let found = self.protocols.iter().find(|(name, _)| Some(name) == protocol);
        found.map(|(_, metadata)| metadata.clone()).unwrap_or_default()
    }

    /// Whether it needs no heartbeat now, because the coordinator is the one who owes an answer.
    pub(super) const fn is_waiting(&self) -> bool {
        !self.is_new && (self.joining.is_some() || self.syncing.is_some())
    }

    /// As the log has it.
    pub(super) fn stored(&self, protocol: Option<&ByteString>) -> MemberMetadata {
        MemberMetadata {
            member_id: self.id.clone(),
            group_instance_id: self.instance_id.clone(),
            client_id: self.client_id.clone(),
            client_host: self.client_host.clone(),
            rebalance_timeout: as_millis(self.rebalance_timeout),
            session_timeout: as_millis(self.session_timeout),
            subscription: self.metadata(protocol),
            assignment: self.assignment.clone(),
        }
    }
}

/// A duration in milliseconds as the wire has it; a negative one is none.
pub(super) fn millis(number: i32) -> Duration {
    Duration::from_millis(u64::try_from(number).unwrap_or_default())
}

fn as_millis(duration: Duration) -> i32 {
    i32::try_from(duration.as_millis()).unwrap_or(i32::MAX)
}

/// Version 0 of JoinGroup has no rebalance timeout: the session timeout counts for both.
fn rebalance_timeout(said: i32, session_timeout: Duration) -> Duration {
    if said < 0 { session_timeout } else { millis(said) }
}
