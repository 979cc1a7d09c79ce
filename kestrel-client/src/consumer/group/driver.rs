//! GroupDriver: the one task of a group's member. It sends what the machines say, carries out their effects, and hands in
//! what came of them.
//!
//! Shell of a [`Machine`], whatever protocol the group speaks, and of the member's [`MemberOffsets`].

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::{BoxFuture, OptionFuture};
use futures::stream::{FuturesUnordered, StreamExt};
use kestrel_protocol::NodeId;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::committer::CommitNews;
use super::effects::{EffectDone, Effects};
use super::handle::GroupCommand;
use super::link::MemberLink;
use super::machine::{Calls, Effect, EffectRound, Machine, MemberIdentity};
use super::member_offsets::{MemberOffsets, OffsetAnswer};
use super::rebalance_watch::{Moved, RebalanceWatch};
use super::topic_watch::TopicWatch;
use super::topics::TopicSelection;
use crate::config::{CommitPolicy, ConsumerSettings};
use crate::consumer::engine::Engine;
use crate::consumer::shared_engine::SharedEngine;
use crate::environment::{self, after};
use crate::error::{Chain, CommitFailed, Error, Result};
use crate::metadata::{MetadataSnapshot, Reason};

/// The time in which a member whose consumer was dropped tries to leave.
const LEAVE_PATIENCE: Duration = Duration::from_secs(5);

/// The result of something that the driver has begun.
enum Done<A> {
    Member(A),
    Offsets(OffsetAnswer),
    Topics(Result<BTreeSet<Arc<str>>>),
    /// The connection for offsets is there, or could not be made: the request that wants it finds out.
    Connected,
}

/// An effect that is being carried out.
struct Running {
    round: EffectRound,
    /// Whether it is dropped when its round is over.
    may_be_void: bool,
    future: BoxFuture<'static, EffectDone>,
}

/// When the caller has polled last, as the driver knows.
struct CallerWatch {
    /// The caller's count of polls by then.
    seen_polls: u64,
    polled_at: Instant,
    /// Whether a caller that waits was woken since, to poll again.
    is_nudged: bool,
}

/// The task's state.
pub(crate) struct GroupDriver<M: Machine, C> {
    link: MemberLink,
    shared: SharedEngine,
    settings: Arc<ConsumerSettings>,
    machine: M,
    calls: C,
    effects: Effects,
    offsets: MemberOffsets,
    topics: TopicSelection,
    topic_watch: TopicWatch,
    inbox: mpsc::Receiver<GroupCommand>,
    under_way: FuturesUnordered<BoxFuture<'static, Done<M::Answer>>>,
    running: Option<Running>,
    /// The coordinator to which there is a connection for offsets, or will be.
    connected_to: Option<NodeId>,
    caller: CallerWatch,
    rebalance: RebalanceWatch,
    closers: Vec<oneshot::Sender<Result<()>>>,
    /// Callers that wait until the member can commit.
    identified: Vec<oneshot::Sender<MemberIdentity>>,
    /// The failure to commit what the application was done with last.
    close_problem: Option<Error>,
    next_commit: Option<Instant>,
    next_topics: Option<Instant>,
}

impl<M: Machine, C: Calls<M>> GroupDriver<M, C> {
    pub(crate) fn new(
        link: MemberLink,
        settings: Arc<ConsumerSettings>,
        (machine, calls): (M, C),
        effects: Effects,
        topics: TopicSelection,
        inbox: mpsc::Receiver<GroupCommand>,
    ) -> Self {
        let now = environment::now();
        let shared = effects.shared.clone();
        let max_age = link.client.settings().metadata_max_age;
        let interval = commit_interval(settings.group.commit_policy());
        Self {
            offsets: MemberOffsets::new(link.clone(), shared.clone(), settings.default_api_timeout),
            next_commit: interval.map(|interval| after(now, interval)),
            next_topics: topics.pattern.is_some().then(|| after(now, max_age)),
            link,
            shared,
            settings,
            machine,
            calls,
            effects,
            topics,
            topic_watch: TopicWatch::default(),
            inbox,
            under_way: FuturesUnordered::new(),
            running: None,
            connected_to: None,
            caller: CallerWatch { seen_polls: 0, polled_at: now, is_nudged: false },
            rebalance: RebalanceWatch::default(),
            closers: Vec::new(),
            identified: Vec::new(),
            close_problem: None,
        }
    }

    /// Runs until the member has left, or until `stop`: then it leaves without giving anything up, if it is to.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let is_dropped = tokio::select! {
            () = stop.cancelled() => true,
            () = self.drive() => false,
        };
        self.offsets.close();
        if is_dropped && self.settings.group.leave_group_on_drop {
            self.leave_behind().await;
        }
        let outcome = self.close_problem.take().map_or(Ok(()), Err);
        for closer in self.closers.drain(..) {
            // The caller may have stopped waiting.
            let _ = closer.send(outcome.clone());
        }
        self.shared.change_by_group(Engine::close);
    }

    /// The application has dropped its consumer: others are not to wait for it until the session ends.
    async fn leave_behind(&mut self) {
        self.shared.change_by_group(Engine::close);
        self.running = None;
        (self.next_commit, self.next_topics) = (None, None);
        (self.topics, self.topic_watch) = (TopicSelection::default(), TopicWatch::default());
        self.machine.handle_abandoned();
        // If that is too short, the session ends by itself.
        let _ = tokio::time::timeout(LEAVE_PATIENCE, self.drive()).await;
    }

    async fn drive(&mut self) {
        let mut snapshots = self.link.client.metadata().subscribe();
        snapshots.mark_changed();
        loop {
            let now = environment::now();
            self.look_at_caller(now);
            self.look_at_clock(now);
            self.report_topics(now);
            self.begin_effects();
            self.send(now);
            self.offsets.finish();
            let observer = self.link.client.observer();
            self.rebalance.look(observer, &self.link.group_id, self.machine.standing(), now);
            if self.machine.is_over() && self.running.is_none() {
                return;
            }
            let deadline = self.next_deadline(now);
            let has_room = self.offsets.has_room();
            let running: OptionFuture<_> = self.running.as_mut().map(|running| &mut running.future).into();
            tokio::select! {
                Some(done) = self.under_way.next(), if !self.under_way.is_empty() => self.finish(done),
                Some(done) = running => self.finish_effect(done),
                Some(command) = self.inbox.recv(), if has_room => self.handle_command(command),
                changed = snapshots.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    let snapshot = snapshots.borrow_and_update().clone();
                    self.handle_metadata(&snapshot);
                }
                () = self.shared.changed_for_group() => {}
                // The caller may wait because too much was not done.
                () = self.shared.progress().acked().notified() => self.shared.look(Engine::nudge),
                () = environment::sleep_until(deadline) => {}
            }
        }
    }

    /// The pause between two looks whether the caller polls.
    fn look_interval(&self) -> Duration {
        let group = &self.settings.group;
        group.heartbeat_interval.min(group.max_poll_interval / 4)
    }

    fn look_at_caller(&mut self, now: Instant) {
        // Before the count is read, so that no poll falls between.
        let is_awaited = self.machine.is_resting() || self.running.is_some();
        self.shared.progress().await_caller(is_awaited);
        let polls = self.shared.progress().polls();
        let max_poll_interval = self.settings.group.max_poll_interval;
        if polls != self.caller.seen_polls {
            self.caller = CallerWatch { seen_polls: polls, polled_at: now, is_nudged: false };
            self.machine.handle_poll(now);
        } else if !self.caller.is_nudged && now >= after(self.caller.polled_at, max_poll_interval / 2) {
            // A caller that waits for a record polls again when woken; one that is busy or gone does not.
            self.caller.is_nudged = true;
            self.shared.look(Engine::nudge);
        }
    }

    fn look_at_clock(&mut self, now: Instant) {
        if let Some(interval) = commit_interval(self.settings.group.commit_policy())
            && self.next_commit.is_some_and(|at| at <= now)
        {
            self.next_commit = Some(after(now, interval));
            self.offsets.submit_done();
        }
        if self.next_topics.is_some_and(|at| at <= now) {
            self.next_topics = None;
            let (client, topics) = (self.link.client.clone(), self.topics.clone());
            self.under_way.push(async move { Done::Topics(topics.resolve(&client).await) }.boxed());
        }
    }

    /// Tells the caller of topics that are not there, or may not be read. Partitions that are assigned tell it themselves.
    fn report_topics(&mut self, now: Instant) {
        let due = self.topic_watch.poll(now);
        if due.is_empty() {
            return;
        }
        let assigned = self.shared.look(|engine| engine.assignment());
        for (topic, error) in due {
            if !assigned.iter().any(|partition| partition.topic == topic) {
                self.effects.report(error);
            }
        }
    }

    fn next_deadline(&self, now: Instant) -> Option<Instant> {
        let look = (!self.machine.is_resting()).then(|| after(now, self.look_interval()));
        let deadlines = [
            self.machine.next_deadline(now),
            self.offsets.next_deadline(now),
            self.next_commit,
            self.next_topics,
            self.topic_watch.next_deadline(),
            look,
        ];
        deadlines.into_iter().flatten().min()
    }

    fn begin_effects(&mut self) {
        let round = self.machine.round();
        self.running.take_if(|running| running.may_be_void && running.round != round);
        while self.running.is_none() {
            let Some(effect) = self.machine.poll_effect() else { return };
            let may_be_void = !matches!(effect, Effect::Lose { .. });
            if let Some(future) = self.effects.begin(effect) {
                self.running = Some(Running { round, may_be_void, future });
            }
        }
    }

    fn finish_effect(&mut self, done: EffectDone) {
        let Some(Running { round, .. }) = self.running.take() else { return };
        let observer = self.link.client.observer();
        match done {
            EffectDone::Lost { lost } => self.rebalance.note(observer, Moved { lost, ..Moved::default() }),
            EffectDone::Revoked { revoked, problem } => {
                self.rebalance.note(observer, Moved { revoked, ..Moved::default() });
                if !self.closers.is_empty() {
                    self.close_problem = self.close_problem.take().or(problem);
                }
                self.machine.handle_revoked(round);
            }
            EffectDone::TookOn { revoked, added } => {
                self.machine.handle_taken_on(round, !revoked.is_empty());
                self.rebalance.note(observer, Moved { assigned: added, revoked, ..Moved::default() });
            }
        }
    }

    fn send(&mut self, now: Instant) {
        while let Some(request) = self.machine.poll_request(now) {
            self.under_way.push(self.calls.begin(request).map(Done::Member).boxed());
        }
        let node = self.machine.coordinator();
        self.connect_for_offsets(node);
        let identity = self.machine.identity();
        if let Some(identity) = &identity {
            for reply in self.identified.drain(..) {
                // The caller may have stopped waiting.
                let _ = reply.send(identity.clone());
            }
        }
        for answer in self.offsets.poll(node, identity.as_ref(), now) {
            self.under_way.push(answer.map(Done::Offsets).boxed());
        }
    }

    /// The group's offsets are asked for once the member has joined: their connection is made meanwhile.
    fn connect_for_offsets(&mut self, node: Option<NodeId>) {
        if node == self.connected_to {
            return;
        }
        self.connected_to = node;
        if let Some(node) = node {
            let (client, purpose) = (self.link.client.clone(), self.link.offsets());
            let connect = async move {
                let _ = client.connection(purpose, node).await;
                Done::Connected
            };
            self.under_way.push(connect.boxed());
        }
    }

    fn finish(&mut self, done: Done<M::Answer>) {
        let now = environment::now();
        let known = self.machine.coordinator();
        match done {
            Done::Member(answer) => self.machine.handle_answer(answer, now),
            Done::Offsets(answer) => {
                let (node, CommitNews { is_coordinator_lost, refused }) =
                    self.offsets.handle_answer(answer, now);
                if is_coordinator_lost {
                    self.machine.handle_coordinator_lost(node, now);
                }
                if let Some((generation, code)) = refused {
                    self.machine.handle_commit_refused(generation, code, now);
                }
            }
            Done::Topics(result) => self.handle_topics(result, now),
            Done::Connected => {}
        }
        if known.is_some() && self.machine.coordinator().is_none() {
            // The coordinator may have moved to a broker that is not in the metadata yet.
            self.link.client.metadata().request_refresh();
        }
    }

    fn handle_topics(&mut self, result: Result<BTreeSet<Arc<str>>>, now: Instant) {
        self.next_topics = Some(after(now, self.link.client.settings().metadata_max_age));
        match result {
            Ok(topics) => {
                self.effects.topics.replace(Reason::Subscribed, topics.iter().cloned());
                self.machine.handle_topics(topics);
            }
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "the topics of the cluster could not be listed");
            }
        }
    }

    fn handle_metadata(&mut self, snapshot: &MetadataSnapshot) {
        self.topic_watch.handle_metadata(&self.topics.names, snapshot, environment::now());
        self.machine.handle_metadata(snapshot);
    }

    fn handle_command(&mut self, command: GroupCommand) {
        match command {
            GroupCommand::Commit(submission, reply) => {
                self.offsets.submit(submission, reply, environment::now());
            }
            GroupCommand::Identify(reply) => self.identified.push(reply),
            GroupCommand::Close(reply) => {
                self.closers.push(reply);
                let lost = self.shared.look(|engine| engine.last_losses());
                self.close_problem = self.close_problem.take().or_else(|| CommitFailed::of(lost));
                self.machine.handle_close();
            }
        }
    }
}

impl<M: Machine, C> Drop for GroupDriver<M, C> {
    /// However it ends, its connections do.
    fn drop(&mut self) {
        self.link.release();
    }
}

/// The interval in which a policy commits by itself.
const fn commit_interval(policy: CommitPolicy) -> Option<Duration> {
    match policy {
        CommitPolicy::Interval(interval) => Some(interval),
        CommitPolicy::OnAck => Some(Duration::from_secs(1)),
        CommitPolicy::Manual => None,
    }
}

#[cfg(test)]
mod tests;
