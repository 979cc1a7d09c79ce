//! A classic group: its members, its generation, and what it waits for. Pure.
//!
//! The moves between its states are in `join`, `rebalance`, `sync` and `session` beside this file.

mod join;
mod member;
mod offsets;
mod rebalance;
mod session;
mod subscription;
mod sync;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use bytes::Bytes;
use bytestring::ByteString;
use kestrel_protocol::messages::describe_groups::{DescribedGroup, DescribedGroupMember};
use kestrel_protocol::messages::join_group::{JoinGroupRequestProtocol, JoinGroupResponseMember};
use kestrel_protocol::{ErrorCode, Timestamp};

use super::records::{GroupMetadataKey, GroupMetadataValue, GroupRecord};
use super::stored::detached;
use super::turn::{ClassicTimer, Timer, Turn};
use member::Member;
use subscription::subscribed_topics;

pub(crate) use join::Joining;
#[cfg(test)]
pub(super) use join::NEW_MEMBER_PATIENCE;

/// The protocol type of consumers, the only one whose metadata the coordinator ever looks into.
const CONSUMER_PROTOCOL_TYPE: &str = "consumer";

/// Where a classic group stands.
///
/// ```text
///              first member                  all joined, or time is over
///    Empty ────────────────► PreparingRebalance ─────────────► CompletingRebalance
///      ▲                       │   ▲     ▲                        │          │
///      │ nobody is left        │   │     │ join, leave, expiry,   │          │ the leader's
///      └───────────────────────┘   │     │ late sync              │          │ assignment
///                                  │     └────────────────────────┘          ▼
///                                  └──────────────────────────────────────  Stable
///                                    join of the leader or with other metadata, leave, expiry, late sync
/// ```
///
/// Apache Kafka's fifth state, Dead, is that of a group which is not there: it has no value here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ClassicState {
    /// There is no member; offsets may be there.
    Empty,
    /// The members are being gathered for the next generation.
    PreparingRebalance,
    /// The generation began, and its leader is making the assignment.
    CompletingRebalance,
    /// Each member has its assignment.
    Stable,
}

impl ClassicState {
    /// The name in DescribeGroups and ListGroups.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::PreparingRebalance => "PreparingRebalance",
            Self::CompletingRebalance => "CompletingRebalance",
            Self::Stable => "Stable",
        }
    }
}

/// The first rebalance of a group, which may be put off while more members come (`group.initial.rebalance.delay.ms`).
#[derive(Debug, Clone, Copy)]
pub(super) struct FirstRebalance {
    /// How long it may be put off beyond the delay that runs.
    pub(super) remaining: Duration,
    /// Whether a member came during the delay that runs.
    pub(super) member_added: bool,
}

/// A group while this coordinator serves it.
#[derive(Debug)]
pub(super) struct ClassicGroup {
    pub(super) id: ByteString,
    pub(super) state: ClassicState,
    /// When it came into its state; -1 when the log does not say.
    pub(super) state_since: Timestamp,
    /// What kind of members it has: `consumer`, `connect`; none for a group that only stores offsets.
    pub(super) protocol_type: Option<ByteString>,
    /// The assignor of this generation.
    pub(super) protocol: Option<ByteString>,
    pub(super) generation: i32,
    pub(super) leader: Option<ByteString>,
    pub(super) members: BTreeMap<ByteString, Member>,
    /// Member ids by `group.instance.id`.
    pub(super) static_members: HashMap<ByteString, ByteString>,
    /// Ids that were given out and not used yet (KIP-394).
    pub(super) pending_joins: BTreeSet<ByteString>,
    /// The first rebalance while it is prepared.
    pub(super) first_rebalance: Option<FirstRebalance>,
}

impl ClassicGroup {
    /// A group that nobody joined yet.
    pub(super) fn new(id: ByteString, now: Timestamp) -> Self {
        Self {
            id,
            state: ClassicState::Empty,
            state_since: now,
            protocol_type: None,
            protocol: None,
            generation: 0,
            leader: None,
            members: BTreeMap::new(),
            static_members: HashMap::new(),
            pending_joins: BTreeSet::new(),
            first_rebalance: None,
        }
    }

    /// The group as the log has it: stable with its members, or empty.
    pub(super) fn loaded(id: ByteString, stored: &GroupMetadataValue) -> Self {
        let protocol = stored.protocol.clone().unwrap_or_default();
        let members = stored.members.iter().map(|member| Member::loaded(member, &protocol));
        let members: BTreeMap<_, _> = members.map(|member| (member.id.clone(), member)).collect();
        let instance = |member: &Member| Some((member.instance_id.clone()?, member.id.clone()));
        Self {
            id,
            state: if members.is_empty() { ClassicState::Empty } else { ClassicState::Stable },
            state_since: Timestamp::from_millis(stored.current_state_timestamp),
            protocol_type: Some(stored.protocol_type.clone()).filter(|name| !name.is_empty()),
            protocol: stored.protocol.clone(),
            generation: stored.generation,
            leader: stored.leader.clone(),
            static_members: members.values().filter_map(instance).collect(),
            members,
            pending_joins: BTreeSet::new(),
            first_rebalance: None,
        }
    }

    /// The record of the group as it is now.
    pub(super) fn record(&self) -> GroupRecord {
        let value = GroupMetadataValue {
            protocol_type: self.protocol_type.clone().unwrap_or_default(),
            generation: self.generation,
            protocol: self.protocol.clone(),
            leader: self.leader.clone(),
            current_state_timestamp: self.state_since.as_millis(),
            members: self.members.values().map(|member| member.stored(self.protocol.as_ref())).collect(),
        };
        GroupRecord::Group(GroupMetadataKey { group: self.id.clone() }, Some(value))
    }

    /// A timer of this group.
    fn timer(&self, timer: ClassicTimer) -> Timer {
        Timer::Classic { group: self.id.clone(), timer }
    }

    /// The timer of a member's session.
    fn session_timer(&self, member_id: &ByteString) -> Timer {
        self.timer(ClassicTimer::Session(member_id.clone()))
    }

    /// The timers of ids that were given out and not used.
    pub(super) fn pending_timers(&self) -> Vec<Timer> {
        self.pending_joins.iter().map(|member_id| self.session_timer(member_id)).collect()
    }

    /// Does what is due.
    pub(super) fn handle_timer(&mut self, timer: ClassicTimer, turn: &mut Turn<'_>) {
        match timer {
            ClassicTimer::Session(member_id) => self.session_expired(&member_id, turn),
            ClassicTimer::Join => self.join_time_over(turn),
            ClassicTimer::Sync => self.sync_time_over(turn),
        }
    }

    /// Whether there is no member.
    pub(super) fn is_empty(&self) -> bool {
        self.state == ClassicState::Empty
    }

    /// Comes into a state.
    pub(super) const fn enter(&mut self, state: ClassicState, now: Timestamp) {
        self.state = state;
        self.state_since = now;
    }

    /// Whether this is the leader of the group.
    pub(super) fn is_leader(&self, member_id: &str) -> bool {
        self.leader.as_deref() == Some(member_id)
    }

    /// How many JoinGroups wait.
    pub(super) fn joining_count(&self) -> usize {
        self.members.values().filter(|member| member.joining.is_some()).count()
    }

    /// Whether the next generation has everyone in it that is known.
    pub(super) fn all_joined(&self) -> bool {
        self.pending_joins.is_empty() && self.members.values().all(|member| member.joining.is_some())
    }

    /// How long members may take to rejoin: as long as the most patient of them says.
    pub(super) fn rebalance_timeout(&self) -> Duration {
        self.members.values().map(|member| member.rebalance_timeout).max().unwrap_or_default()
    }

    /// Whether a request speaks for a member that is there (KIP-345).
    ///
    /// # Errors
    /// `UNKNOWN_MEMBER_ID`, or `FENCED_INSTANCE_ID` when another member has taken over the instance id.
    pub(super) fn check_member(
        &self,
        member_id: &str,
        instance_id: Option<&ByteString>,
    ) -> Result<(), ErrorCode> {
        if let Some(instance_id) = instance_id {
            match self.static_members.get(instance_id) {
                None => return Err(ErrorCode::UnknownMemberId),
                Some(owner) if owner != member_id => return Err(ErrorCode::FencedInstanceId),
                Some(_) => {}
            }
        }
        if self.members.contains_key(member_id) { Ok(()) } else { Err(ErrorCode::UnknownMemberId) }
    }

    /// Adds a member; the first one decides what kind of group it is.
    pub(super) fn add(&mut self, member: Member, protocol_type: &ByteString) {
        if self.members.is_empty() {
            self.protocol_type = Some(detached(protocol_type));
        }
        if let Some(instance_id) = &member.instance_id {
            self.static_members.insert(instance_id.clone(), member.id.clone());
        }
        self.leader.get_or_insert_with(|| member.id.clone());
        self.pending_joins.remove(&member.id);
        self.members.insert(member.id.clone(), member);
    }

    /// Takes a member out, or an id that was given out; another one becomes the leader if it was that.
    pub(super) fn remove(&mut self, member_id: &str) -> Option<Member> {
        self.pending_joins.remove(member_id);
        let removed = self.members.remove(member_id);
        if let Some(instance_id) = removed.as_ref().and_then(|member| member.instance_id.as_ref()) {
            self.static_members.remove(instance_id);
        }
        if self.is_leader(member_id) {
            self.leader = self.members.keys().next().cloned();
        }
        removed
    }

    /// Whether one who has these protocols can be in this group.
    pub(super) fn supports(&self, protocol_type: &str, protocols: &[JoinGroupRequestProtocol]) -> bool {
        if self.state == ClassicState::Empty {
            return !protocol_type.is_empty() && !protocols.is_empty();
        }
        self.protocol_type.as_deref() == Some(protocol_type)
            && protocols.iter().any(|protocol| self.all_have(&protocol.name))
    }

    fn all_have(&self, protocol: &ByteString) -> bool {
        self.members.values().all(|member| member.protocols.iter().any(|(name, _)| name == protocol))
    }

    /// The protocol of the next generation: each member votes for the first of its own that all have.
    ///
    /// Equal counts are settled by the order that the leader prefers.
    pub(super) fn elect_protocol(&self) -> Option<ByteString> {
        let mut votes: HashMap<&ByteString, usize> = HashMap::new();
        for member in self.members.values() {
            if let Some((name, _)) = member.protocols.iter().find(|(name, _)| self.all_have(name)) {
                *votes.entry(name).or_default() += 1;
            }
        }
        let most = votes.values().max().copied()?;
        let leader = self.leader.as_ref().and_then(|leader| self.members.get(leader));
        let preferred = leader.iter().flat_map(|leader| &leader.protocols).map(|(name, _)| name);
        let elected = |name: &&ByteString| votes.get(name) == Some(&most);
        // All have it, so the leader has it too.
        preferred.into_iter().find(elected).cloned()
    }

    /// The members as the leader gets to see them.
    pub(super) fn members_for_leader(&self) -> Vec<JoinGroupResponseMember> {
        let seen = |member: &Member| JoinGroupResponseMember {
            member_id: member.id.clone(),
            group_instance_id: member.instance_id.clone(),
            metadata: member.metadata(self.protocol.as_ref()),
        };
        self.members.values().map(seen).collect()
    }

    /// Whether its members are consumers, as far as their protocol type says.
    pub(super) fn is_of_consumers(&self) -> bool {
        self.protocol_type.as_deref() == Some(CONSUMER_PROTOCOL_TYPE)
    }

    /// The topics that its members consume; `None` when that cannot be known.
    pub(super) fn subscribed_topics(&self) -> Option<BTreeSet<ByteString>> {
        if !self.is_of_consumers() {
            return None;
        }
        if self.members.is_empty() {
            return Some(BTreeSet::new());
        }
        self.protocol.as_ref()?;
        let mut topics = BTreeSet::new();
        for member in self.members.values() {
            topics.extend(subscribed_topics(&member.metadata(self.protocol.as_ref()))?);
        }
        Some(topics)
    }

    /// Whether the group may be consuming the topic, so that its offsets must stay. When it is not known, they stay.
    pub(super) fn is_subscribed_to(&self, topic: &ByteString) -> bool {
        self.subscribed_topics().map_or_else(|| self.is_of_consumers(), |topics| topics.contains(topic))
    }

    /// The assignment that a member has.
    pub(super) fn assignment(&self, member_id: &str) -> Bytes {
        self.members.get(member_id).map(|member| member.assignment.clone()).unwrap_or_default()
    }

    /// Metadata and assignments are only told of a stable group: in other states they belong to no generation.
    pub(super) fn describe(&self) -> DescribedGroup {
        let is_stable = self.state == ClassicState::Stable;
        let told = |bytes: Bytes| if is_stable { bytes } else { Bytes::new() };
        let member = |member: &Member| DescribedGroupMember {
            member_id: member.id.clone(),
            group_instance_id: member.instance_id.clone(),
            client_id: member.client_id.clone(),
            client_host: member.client_host.clone(),
            member_metadata: told(member.metadata(self.protocol.as_ref())),
            member_assignment: told(member.assignment.clone()),
        };
        DescribedGroup {
            group_id: self.id.clone(),
            group_state: self.state.name().into(),
            protocol_type: self.protocol_type.clone().unwrap_or_default(),
            protocol_data: self.protocol.clone().filter(|_| is_stable).unwrap_or_default(),
            members: self.members.values().map(member).collect(),
            ..Default::default()
        }
    }
}
