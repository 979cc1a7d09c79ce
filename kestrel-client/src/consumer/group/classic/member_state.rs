//! MemberState: where a member of a classic group stands, and what it remembers for that.

use kestrel_protocol::ByteString;
use kestrel_protocol::messages::sync_group::SyncGroupRequestAssignment;

/// The state of a member of a classic group.
///
/// ```text
///                the caller polls                   leader
///      Resting ──────────────────► Joining ───────► Assigning ──► Syncing ──► TakingOn ──► Stable
///         ▲                         ▲   ▲  └─────── follower ───────▲            │           │
///         │ the caller does not     │   └── the group moved on, or partitions ◄──┤           │
///         │ poll: leave             │       were given up (cooperative)          │           │
///         │                         └───────────── Revoking (eager: everything) ◄┴───────────┘
///      any state                                                               rebalance
///
///      close: Revoking ──► Left        fenced: Failed        unknown to the coordinator: lose all, Joining
/// ```
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum MemberState {
    /// Not a member: the caller has not polled for too long.
    Resting,
    /// Partitions are being given up before joining (or leaving).
    Revoking,
    /// JoinGroup is to be sent, or under way.
    Joining,
    /// The leader is assigning.
    Assigning,
    /// SyncGroup is to be sent, or under way; the leader's carries the assignment.
    Syncing(Vec<SyncGroupRequestAssignment>),
    /// The assignment has come and is being taken on.
    TakingOn,
    /// All is well.
    Stable,
    /// Not a member, for good.
    Left,
    /// Replaced by another instance: not a member, for good.
    Failed,
}

/// The request under way on the member's own connection: one at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Join,
    Sync,
    Heartbeat,
}

/// A request to leave, for the member that this was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Farewell {
    pub(super) member_id: ByteString,
    pub(super) reason: &'static str,
    pub(super) is_under_way: bool,
}

/// The generation that was joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Generation {
    pub(super) id: i32,
    pub(super) protocol: ByteString,
    pub(super) is_leader: bool,
}
