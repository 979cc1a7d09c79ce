//! Machine: what the group's driver needs of a membership, whatever protocol the group speaks.
//!
//! ```text
//!   GroupDriver ── poll_request ──► Calls::begin (async) ── Answer ──► handle_answer
//!        │ └────── poll_effect ───► Effects (async) ─────── its end ─► handle_revoked, handle_taken_on
//!        └── polls of the caller, topics, metadata, commits, close
//! ```
//!
//! [`classic`](super::classic) is the one protocol today. The protocols of KIP-848 and of share groups are machines with requests
//! of their own and the same effects.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use futures::future::BoxFuture;
use kestrel_protocol::{ByteString, ErrorCode, NodeId};

use crate::error::Error;
use crate::metadata::MetadataSnapshot;
use crate::record::TopicPartition;

/// One member of a group. No I/O, no clock.
pub(crate) trait Machine: fmt::Debug + Send {
    /// A request to a broker, or work that takes time.
    type Request: Send;
    /// The result of a request.
    type Answer: Send + 'static;

    /// The next request to begin now.
    fn poll_request(&mut self, now: Instant) -> Option<Self::Request>;

    /// A request has come to its end.
    fn handle_answer(&mut self, answer: Self::Answer, now: Instant);

    /// The next effect to carry out, when the one before has been.
    fn poll_effect(&mut self) -> Option<Effect>;

    /// The round of effects that counts: those of an older one are to be dropped, even half way.
    fn round(&self) -> EffectRound;

    /// The partitions of [`Effect::Revoke`] are given up.
    fn handle_revoked(&mut self, round: EffectRound);

    /// The assignment of [`Effect::TakeOn`] is taken on; `gave_up` says whether partitions were given up for others.
    fn handle_taken_on(&mut self, round: EffectRound, gave_up: bool);

    /// When there may be something to do without a new event.
    fn next_deadline(&self, now: Instant) -> Option<Instant>;

    /// The caller asks for records.
    fn handle_poll(&mut self, now: Instant);

    /// The topics that are read have changed, or were found for the first time.
    fn handle_topics(&mut self, topics: BTreeSet<Arc<str>>);

    /// The cluster's metadata are new.
    fn handle_metadata(&mut self, snapshot: &MetadataSnapshot);

    /// The coordinator refused a commit of the member in `generation`: what that says about the membership.
    fn handle_commit_refused(&mut self, generation: i32, code: ErrorCode, now: Instant);

    /// `node` turned out not to be the coordinator, or cannot be reached.
    fn handle_coordinator_lost(&mut self, node: NodeId, now: Instant);

    /// Gives up everything in good order and leaves.
    fn handle_close(&mut self);

    /// The application has dropped its consumer: leaves without giving anything up or telling anybody.
    fn handle_abandoned(&mut self);

    /// The group's coordinator, while it is known.
    fn coordinator(&self) -> Option<NodeId>;

    /// The member's identity for commits, while one can succeed.
    fn identity(&self) -> Option<MemberIdentity>;

    /// The member's standing, for observers.
    fn standing(&self) -> MemberStanding<'_>;

    /// Whether the caller was away for so long that the group went on without it.
    fn is_resting(&self) -> bool;

    /// Whether the member has left, or was replaced, for good.
    fn is_over(&self) -> bool;
}

/// Carries out the requests of a [`Machine`]: the asynchronous side of a group protocol.
pub(crate) trait Calls<M: Machine>: Send + 'static {
    /// Begins a request.
    fn begin(&self, request: M::Request) -> BoxFuture<'static, M::Answer>;
}

/// A change of partitions that a membership decides, whatever protocol the group speaks.
#[derive(Debug)]
pub(crate) enum Effect {
    /// Give up `partitions` in good order: commit, tell the listener. Then [`Machine::handle_revoked`].
    Revoke { partitions: BTreeSet<TopicPartition> },
    /// Give up `revoked` in good order, take on `added`; all of the assignment is `assigned`. Then
    /// [`Machine::handle_taken_on`].
    TakeOn {
        revoked: BTreeSet<TopicPartition>,
        added: BTreeSet<TopicPartition>,
        assigned: BTreeSet<TopicPartition>,
    },
    /// The partitions are someone else's by now, perhaps: nothing can be committed. Never given up half way.
    Lose { partitions: BTreeSet<TopicPartition> },
    /// Tell the caller; nothing follows.
    Report(Error),
}

/// A round of effects: after a loss, what was under way is void.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct EffectRound(u64);

impl EffectRound {
    /// Makes the effects of all rounds before void.
    pub(crate) fn advance(&mut self) {
        self.0 += 1;
    }
}

/// The member as its commits name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MemberIdentity {
    pub(crate) generation: i32,
    pub(crate) member_id: ByteString,
    pub(crate) instance_id: Option<ByteString>,
}

/// The standing of a member in its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MemberStanding<'a> {
    /// Empty before the member has one.
    pub(crate) member_id: &'a str,
    /// -1 when the member is in none.
    pub(crate) generation: i32,
    /// Whether the member is on its way to an assignment.
    pub(crate) is_rebalancing: bool,
}
