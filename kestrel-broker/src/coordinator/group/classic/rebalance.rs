//! How a generation ends and the next one begins. Part of the machine; see the diagram of [`ClassicState`].

use std::time::Duration;

use bytestring::ByteString;
use kestrel_protocol::ErrorCode;

use super::super::turn::{ClassicTimer, Turn};
use super::sync::refusal;
use super::{ClassicGroup, ClassicState, FirstRebalance};

impl ClassicGroup {
    /// Begins a rebalance, or completes the one that is prepared if everyone is there.
    pub(super) fn rebalance_or_complete(&mut self, turn: &mut Turn<'_>) {
        if self.state == ClassicState::PreparingRebalance {
            self.complete_join_if_all_are_here(turn);
        } else {
            self.prepare_rebalance(turn);
        }
    }

    /// Asks everyone to join again.
    pub(super) fn prepare_rebalance(&mut self, turn: &mut Turn<'_>) {
        if self.state == ClassicState::CompletingRebalance {
            self.refuse_syncs(ErrorCode::RebalanceInProgress, turn);
        }
        turn.cancel(&self.timer(ClassicTimer::Sync));
        let is_first = self.state == ClassicState::Empty;
        self.enter(ClassicState::PreparingRebalance, turn.now.wall);
        let delay = turn.settings.initial_rebalance_delay;
        if is_first && !delay.is_zero() {
            let remaining = self.rebalance_timeout().saturating_sub(delay);
            self.first_rebalance = Some(FirstRebalance { remaining, member_added: false });
            turn.schedule(self.timer(ClassicTimer::Join), delay);
        } else if is_first || self.all_joined() {
            self.complete_join(turn);
        } else {
            turn.schedule(self.timer(ClassicTimer::Join), self.rebalance_timeout());
        }
    }

    /// Begins the generation if nobody is missing. The first rebalance of a group takes its time instead.
    pub(super) fn complete_join_if_all_are_here(&mut self, turn: &mut Turn<'_>) {
        let is_gathering = self.state == ClassicState::PreparingRebalance && self.first_rebalance.is_none();
        if is_gathering && self.all_joined() {
            self.complete_join(turn);
        }
    }

    /// The time to join is over; the first rebalance is put off once more when somebody came meanwhile.
    pub(super) fn join_time_over(&mut self, turn: &mut Turn<'_>) {
        if self.state != ClassicState::PreparingRebalance {
            return;
        }
        match &mut self.first_rebalance {
            Some(first) if first.member_added && !first.remaining.is_zero() => {
                let delay = turn.settings.initial_rebalance_delay.min(first.remaining);
                first.member_added = false;
                first.remaining = first.remaining.saturating_sub(turn.settings.initial_rebalance_delay);
                turn.schedule(self.timer(ClassicTimer::Join), delay);
            }
            _ => self.complete_join(turn),
        }
    }

    /// Begins the next generation with those who joined. Static members who did not keep their place until their session
    /// ends.
    fn complete_join(&mut self, turn: &mut Turn<'_>) {
        self.first_rebalance = None;
        turn.cancel(&self.timer(ClassicTimer::Join));
        self.drop_absent(turn);
        if !self.members.is_empty() && !self.has_joined_leader() {
            // Only static members are left and none is here. Their sessions end, or one of them comes.
            turn.schedule(self.timer(ClassicTimer::Join), self.rebalance_timeout().max(MIN_RETRY));
            return;
        }
        self.generation = self.generation.saturating_add(1);
        if self.members.is_empty() {
            self.protocol = None;
            self.enter(ClassicState::Empty, turn.now.wall);
            tracing::info!(group = %self.id, generation = self.generation, "a group has no members any more");
            turn.effects.record(self.record());
            return;
        }
        self.protocol = self.elect_protocol();
        self.enter(ClassicState::CompletingRebalance, turn.now.wall);
        tracing::info!(
            group = %self.id,
            generation = self.generation,
            members = self.members.len(),
            protocol = self.protocol.as_deref().unwrap_or_default(),
            "a group has formed"
        );
        let ids: Vec<ByteString> = self.members.keys().cloned().collect();
        for id in &ids {
            let response = self.joined(id);
            self.answer_member_join(id, response, turn);
            self.renew_session(id, turn);
            if let Some(member) = self.members.get_mut(id) {
                member.is_new = false;
                member.sync_expected = true;
            }
        }
        turn.schedule(self.timer(ClassicTimer::Sync), self.rebalance_timeout());
    }

    /// Takes out the members that did not join, apart from static ones.
    fn drop_absent(&mut self, turn: &mut Turn<'_>) {
        let absent =
            self.members.values().filter(|member| member.joining.is_none() && member.instance_id.is_none());
        let absent: Vec<ByteString> = absent.map(|member| member.id.clone()).collect();
        for id in absent {
            self.drop_member(&id, turn);
        }
    }

    /// Whether the leader is one of those who joined; another one is elected if it is not.
    fn has_joined_leader(&mut self) -> bool {
        let has_joined =
            |id: &ByteString| self.members.get(id).is_some_and(|member| member.joining.is_some());
        if !self.leader.as_ref().is_some_and(has_joined) {
            let joined = self.members.values().find(|member| member.joining.is_some());
            let Some(joined) = joined.map(|member| member.id.clone()) else { return false };
            self.leader = Some(joined);
        }
        true
    }

    /// Takes up a group that was loaded: its members have a full session, and a group over the limit is cut down.
    pub(in crate::coordinator::group) fn resume(&mut self, turn: &mut Turn<'_>) {
        let ids: Vec<ByteString> = self.members.keys().cloned().collect();
        for id in &ids {
            self.renew_session(id, turn);
        }
        if self.members.len() > turn.settings.max_size {
            self.prepare_rebalance(turn);
        }
    }

    /// Refuses the SyncGroups that wait, and forgets the assignments of the generation that ends.
    fn refuse_syncs(&mut self, error: ErrorCode, turn: &mut Turn<'_>) {
        let mut refused = Vec::new();
        for member in self.members.values_mut() {
            member.assignment.clear();
            if let Some(syncing) = member.syncing.take() {
                turn.effects.reply(syncing, refusal(error));
                refused.push(member.id.clone());
            }
        }
        refused.iter().for_each(|id| self.renew_session(id, turn));
    }
}

/// How soon it is looked again whether a static member has come, at the earliest.
const MIN_RETRY: Duration = Duration::from_secs(1);
