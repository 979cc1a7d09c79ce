//! GroupDriver: the one task of a group's member. It sends what the machines say, carries out their effects, and hands in
//! what came of them.
//!
//! Shell of [`Membership`] and [`Committer`]. What the member and its coordinator say about membership has a connection of its
//! own, since a JoinGroup is not answered before everybody has joined; offsets and LeaveGroup have a second one.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::{BoxFuture, OptionFuture};
use futures::stream::{FuturesUnordered, StreamExt};
use kestrel_protocol::messages::find_coordinator::FindCoordinatorResponse;
use kestrel_protocol::messages::heartbeat::HeartbeatResponse;
use kestrel_protocol::messages::join_group::JoinGroupResponse;
use kestrel_protocol::messages::leave_group::LeaveGroupResponse;
use kestrel_protocol::messages::offset_commit::OffsetCommitResponse;
use kestrel_protocol::messages::sync_group::SyncGroupResponse;
use kestrel_protocol::{ErrorCode, NodeId, TopicId};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::committed::{Answered, OffsetQuestion, find_coordinator, is_passing};
use super::committer::{Assignment, CommitNews, CommitRequest, Committer, Entry, JobId};
use super::effects::{EffectDone, Effects};
use super::handle::{GroupCommand, done_entries};
use super::topic_watch::TopicWatch;
use super::topics::TopicSelection;
use crate::client::{Client, Target};
use crate::config::{CommitPolicy, ConsumerSettings};
use crate::consumer::engine::Engine;
use crate::consumer::group::classic::{
    Effect, EffectRound, MemberSettings, Membership, PartitionCounts, Protocols, Request, RequestId,
};
use crate::consumer::position::PositionId;
use crate::consumer::shared_engine::SharedEngine;
use crate::environment::{self, after};
use crate::error::{Chain, CommitFailed, Error, Result};
use crate::metadata::{MetadataSnapshot, Reason};
use crate::net::{HandleId, Purpose};
use crate::record::TopicPartition;

/// How much longer than the rebalance a JoinGroup may take.
const JOIN_SLACK: Duration = Duration::from_secs(5);
/// How long a member whose consumer was dropped tries to leave.
const LEAVE_PATIENCE: Duration = Duration::from_secs(5);
/// How many commits are kept at once; more wait in the inbox.
const MAX_JOBS: usize = 64;

/// Answers to requests.
#[derive(Debug)]
enum Answer {
    Coordinator(Result<FindCoordinatorResponse>),
    Join(RequestId, Result<JoinGroupResponse>),
    Sync(RequestId, Result<SyncGroupResponse>),
    Heartbeat(RequestId, Result<HeartbeatResponse>),
    Left(Result<LeaveGroupResponse>),
    Commit(NodeId, Result<OffsetCommitResponse>),
    Committed(NodeId, Vec<(TopicPartition, PositionId)>, Result<HashMap<TopicPartition, Answered>>),
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

/// The task's state.
pub(crate) struct GroupDriver {
    client: Client,
    shared: SharedEngine,
    settings: Arc<ConsumerSettings>,
    effects: Effects,
    topics: TopicSelection,
    topic_watch: TopicWatch,
    membership: Membership,
    committer: Committer,
    inbox: mpsc::Receiver<GroupCommand>,
    /// The owners of the two connections.
    member_lane: HandleId,
    offset_lane: HandleId,
    calls: FuturesUnordered<BoxFuture<'static, Answer>>,
    running: Option<Running>,
    waiters: HashMap<JobId, oneshot::Sender<Result<()>>>,
    closers: Vec<oneshot::Sender<Result<()>>>,
    /// What of the last things that the application was done with could not be committed.
    close_problem: Option<Error>,
    /// How often the caller had polled when that was looked at last, and when it had changed.
    seen_polls: u64,
    polled_at: Instant,
    is_nudged: bool,
    next_commit: Option<Instant>,
    next_topics: Option<Instant>,
}

impl GroupDriver {
    pub(crate) fn new(
        client: Client,
        shared: SharedEngine,
        settings: Arc<ConsumerSettings>,
        (topics, found): (TopicSelection, BTreeSet<Arc<str>>),
        effects: Effects,
        inbox: mpsc::Receiver<GroupCommand>,
    ) -> Self {
        let now = environment::now();
        let group = &settings.group;
        let group_id = effects.group.group_id.clone();
        let member = MemberSettings {
            group_id: group_id.clone(),
            instance_id: group.instance_id.as_deref().map(Into::into),
            session_timeout: group.session_timeout,
            heartbeat_interval: group.heartbeat_interval,
            max_poll_interval: group.max_poll_interval,
        };
        let protocols = Protocols::new(group.assignors.clone(), &settings.client_rack);
        let mut membership = Membership::new(member, protocols, client.retry_backoff(), now);
        effects.topics.replace(Reason::Subscribed, found.iter().cloned());
        membership.handle_topics(found);
        let (member_lane, offset_lane) = (client.new_handle(), client.new_handle());
        let is_pattern = topics.pattern.is_some();
        Self {
            committer: Committer::new(group_id, client.retry_backoff()),
            next_commit: commit_interval(group.commit_policy).map(|interval| after(now, interval)),
            next_topics: is_pattern.then(|| after(now, client.settings().metadata_max_age)),
            client,
            shared,
            effects,
            topics,
            topic_watch: TopicWatch::default(),
            membership,
            inbox,
            member_lane,
            offset_lane,
            calls: FuturesUnordered::new(),
            running: None,
            waiters: HashMap::new(),
            closers: Vec::new(),
            close_problem: None,
            seen_polls: 0,
            polled_at: now,
            is_nudged: false,
            settings,
        }
    }

    /// Runs until the member has left, or until `stop`: then it leaves without giving anything up, if it is to.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let is_dropped = tokio::select! {
            () = stop.cancelled() => true,
            () = self.drive() => false,
        };
        self.committer.close();
        self.finish_commits();
        if is_dropped && self.settings.group.leave_on_drop {
            self.leave_behind().await;
        }
        let outcome = self.close_problem.take().map_or(Ok(()), Err);
        for closer in self.closers.drain(..) {
            // Whoever asked may have stopped waiting.
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
        self.membership.handle_abandoned();
        // If that is too short, the session ends by itself.
        let _ = tokio::time::timeout(LEAVE_PATIENCE, self.drive()).await;
    }

    async fn drive(&mut self) {
        let mut snapshots = self.client.metadata().subscribe();
        snapshots.mark_changed();
        loop {
            let now = environment::now();
            self.look_at_caller(now);
            self.look_at_clock(now);
            self.report_topics(now);
            self.begin_effects();
            self.send(now);
            self.finish_commits();
            if self.membership.is_over() && self.running.is_none() {
                return;
            }
            let deadline = self.next_deadline(now);
            let has_room = self.committer.len() < MAX_JOBS;
            let running: OptionFuture<_> = self.running.as_mut().map(|running| &mut running.future).into();
            tokio::select! {
                Some(answer) = self.calls.next(), if !self.calls.is_empty() => self.handle_answer(answer),
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

    /// How often to look whether the caller polls.
    fn look_interval(&self) -> Duration {
        let group = &self.settings.group;
        group.heartbeat_interval.min(group.max_poll_interval / 4)
    }

    fn look_at_caller(&mut self, now: Instant) {
        // Before the count is read, so that no poll falls between.
        let is_awaited = self.membership.is_resting() || self.running.is_some();
        self.shared.progress().await_caller(is_awaited);
        let polls = self.shared.progress().polls();
        if polls != self.seen_polls {
            (self.seen_polls, self.polled_at, self.is_nudged) = (polls, now, false);
            self.membership.handle_poll(now);
        } else if !self.is_nudged && now >= after(self.polled_at, self.settings.group.max_poll_interval / 2) {
            // Whoever waits for a record polls again when woken; who is at work, or gone, does not.
            self.is_nudged = true;
            self.shared.look(Engine::nudge);
        }
    }

    fn look_at_clock(&mut self, now: Instant) {
        if let Some(interval) = commit_interval(self.settings.group.commit_policy)
            && self.next_commit.is_some_and(|at| at <= now)
        {
            self.next_commit = Some(after(now, interval));
            self.committer.submit_quietly(self.shared.look(|engine| done_entries(engine, None)));
        }
        if self.next_topics.is_some_and(|at| at <= now) {
            self.next_topics = None;
            let (client, topics) = (self.client.clone(), self.topics.clone());
            self.calls.push(Box::pin(async move { Answer::Topics(topics.resolve(&client).await) }));
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
        let look = (!self.membership.is_resting()).then(|| after(now, self.look_interval()));
        let committed = self.shared.look(|engine| engine.committed_deadline(now));
        let deadlines = [
            self.membership.next_deadline(now),
            self.committer.next_deadline(),
            self.next_commit,
            self.next_topics,
            self.topic_watch.next_deadline(),
            committed,
            look,
        ];
        deadlines.into_iter().flatten().min()
    }

    fn begin_effects(&mut self) {
        let round = self.membership.round();
        self.running.take_if(|running| running.may_be_void && running.round != round);
        while self.running.is_none() {
            let Some(effect) = self.membership.poll_effect() else { return };
            let may_be_void = !matches!(effect, Effect::Lose { .. });
            if let Some(future) = self.effects.begin(effect) {
                self.running = Some(Running { round, may_be_void, future });
            }
        }
    }

    fn finish_effect(&mut self, done: EffectDone) {
        let Some(Running { round, .. }) = self.running.take() else { return };
        match done {
            EffectDone::Lost => {}
            EffectDone::Revoked { problem } => {
                if !self.closers.is_empty() {
                    self.close_problem = self.close_problem.take().or(problem);
                }
                self.membership.handle_revoked(round);
            }
            EffectDone::Settled { gave_up } => self.membership.handle_settled(round, gave_up),
            EffectDone::Assigned { assignments, counts } => {
                self.membership.handle_assignment(round, assignments, counts);
            }
        }
    }

    fn send(&mut self, now: Instant) {
        while let Some(request) = self.membership.poll_request(now) {
            self.send_request(request);
        }
        let node = self.membership.coordinator();
        let identity = self.membership.identity().filter(|_| node.is_some());
        let committer = &mut self.committer;
        let commit = self.shared.look(|engine| {
            let is_current = |partition: &TopicPartition, assignment: Assignment| {
                let topic_id = engine.topic_id(partition).unwrap_or(TopicId::NIL);
                let is_same_topic =
                    topic_id == assignment.topic_id || topic_id.is_nil() || assignment.topic_id.is_nil();
                engine.assigned_id(partition) == Some(assignment.id) && is_same_topic
            };
            committer.poll(identity.as_ref(), is_current, now)
        });
        if let (Some(node), Some(commit)) = (node, commit) {
            self.send_commit(node, commit);
        }
        if let Some(node) = node {
            self.ask_committed(node, now);
        }
    }

    fn send_request(&mut self, request: Request) {
        let client = self.client.clone();
        let (member, offsets) =
            (Purpose::Coordinator(self.member_lane), Purpose::Coordinator(self.offset_lane));
        let timeout = client.request_timeout();
        let group = &self.settings.group;
        let join_timeout = timeout.max(group.max_poll_interval.saturating_add(JOIN_SLACK));
        let beat_timeout = timeout.min(group.session_timeout);
        let group_id = self.effects.group.group_id.clone();
        if let Request::Join(_, node, _) = &request {
            // The group's offsets are asked for once it has joined: their connection is made meanwhile.
            let (client, node) = (client.clone(), *node);
            self.calls.push(Box::pin(async move {
                let _ = client.connection(offsets, node).await;
                Answer::Connected
            }));
        }
        self.calls.push(match request {
            Request::FindCoordinator => Box::pin(async move {
                Answer::Coordinator(client.send(Target::Any, &find_coordinator(&group_id)).await)
            }),
            Request::Join(id, node, request) => Box::pin(async move {
                let answer = client.send_within(member, node, &request, i16::MAX, join_timeout).await;
                Answer::Join(id, answer)
            }),
            Request::Sync(id, node, request) => Box::pin(async move {
                Answer::Sync(id, client.send_within(member, node, &request, i16::MAX, timeout).await)
            }),
            Request::Heartbeat(id, node, request) => Box::pin(async move {
                let answer = client.send_within(member, node, &request, i16::MAX, beat_timeout).await;
                Answer::Heartbeat(id, answer)
            }),
            Request::Leave(node, request) => Box::pin(async move {
                Answer::Left(client.send_within(offsets, node, &request, i16::MAX, timeout).await)
            }),
        });
    }

    fn send_commit(&mut self, node: NodeId, commit: CommitRequest) {
        let (client, purpose) = (self.client.clone(), Purpose::Coordinator(self.offset_lane));
        let CommitRequest { request, at_most } = commit;
        self.calls.push(Box::pin(async move {
            let timeout = client.request_timeout();
            Answer::Commit(node, client.send_within(purpose, node, &request, at_most, timeout).await)
        }));
    }

    fn ask_committed(&mut self, node: NodeId, now: Instant) {
        let due = self.shared.look(|engine| {
            let due = engine.poll_committed(now);
            due.into_iter()
                .map(|(partition, position_id)| {
                    let topic_id = engine.topic_id(&partition).unwrap_or(TopicId::NIL);
                    (partition, position_id, topic_id)
                })
                .collect::<Vec<_>>()
        });
        if due.is_empty() {
            return;
        }
        let (client, purpose) = (self.client.clone(), Purpose::Coordinator(self.offset_lane));
        let question = OffsetQuestion {
            group_id: self.effects.group.group_id.clone(),
            partitions: due.iter().map(|(partition, _, id)| (partition.clone(), *id)).collect(),
        };
        let asked = due.into_iter().map(|(partition, position_id, _)| (partition, position_id)).collect();
        self.calls.push(Box::pin(async move {
            Answer::Committed(node, asked, question.ask(&client, purpose, node).await)
        }));
    }

    fn handle_answer(&mut self, answer: Answer) {
        let now = environment::now();
        let known = self.membership.coordinator();
        match answer {
            Answer::Coordinator(result) => self.membership.handle_coordinator(result, now),
            Answer::Join(id, result) => self.membership.handle_join(id, result, now),
            Answer::Sync(id, result) => self.membership.handle_sync(id, result, now),
            Answer::Heartbeat(id, result) => self.membership.handle_heartbeat(id, result, now),
            Answer::Left(result) => self.membership.handle_left(&result),
            Answer::Commit(node, result) => self.handle_commit(node, result, now),
            Answer::Committed(node, asked, result) => self.handle_committed(node, asked, result, now),
            Answer::Topics(result) => self.handle_topics(result, now),
            Answer::Connected => {}
        }
        if known.is_some() && self.membership.coordinator().is_none() {
            // It may have moved to a broker that is not in the picture yet.
            self.client.metadata().request_refresh();
        }
    }

    fn handle_commit(&mut self, node: NodeId, result: Result<OffsetCommitResponse>, now: Instant) {
        let CommitNews { is_coordinator_lost, refused } = self.committer.handle_answer(result, now);
        self.shared.look(|engine| {
            for (partition, Entry { assignment, offset }) in self.committer.take_committed() {
                engine.note_committed(&partition, assignment.id, offset.offset);
            }
        });
        if is_coordinator_lost {
            self.membership.handle_coordinator_lost(node, now);
        }
        if let Some((generation, code)) = refused {
            self.membership.handle_commit_refused(generation, code, now);
        }
    }

    fn handle_committed(
        &mut self,
        node: NodeId,
        asked: Vec<(TopicPartition, PositionId)>,
        result: Result<HashMap<TopicPartition, Answered>>,
        now: Instant,
    ) {
        let question =
            OffsetQuestion { group_id: self.effects.group.group_id.clone(), partitions: Vec::new() };
        let mut answers = match result {
            Ok(answers) => answers,
            Err(error) => {
                tracing::debug!(error = %Chain(&error), "the group's offsets could not be fetched");
                let is_elsewhere = error
                    .code()
                    .is_none_or(|code| code.class() == kestrel_protocol::ErrorClass::FindCoordinator);
                if is_elsewhere {
                    self.membership.handle_coordinator_lost(node, now);
                }
                let is_lasting = error.code().is_some_and(|code| !is_passing(code));
                return self.shared.change_by_group(|engine| {
                    for (_, position_id) in asked {
                        engine.handle_committed_failure(position_id, error.clone(), is_lasting, now);
                    }
                });
            }
        };
        self.shared.change_by_group(|engine| {
            for (partition, position_id) in asked {
                match answers.remove(&partition).unwrap_or(Err(ErrorCode::UnknownServerError)) {
                    Ok(offset) => {
                        engine.handle_committed(position_id, offset.map(|offset| offset.position()));
                    }
                    Err(code) => {
                        let error = question.refusal(code).topic(partition.topic.clone());
                        let error = Error::from(error.partition(partition.partition));
                        engine.handle_committed_failure(position_id, error, !is_passing(code), now);
                    }
                }
            }
        });
    }

    fn handle_topics(&mut self, result: Result<BTreeSet<Arc<str>>>, now: Instant) {
        self.next_topics = Some(after(now, self.client.settings().metadata_max_age));
        match result {
            Ok(topics) => {
                self.effects.topics.replace(Reason::Subscribed, topics.iter().cloned());
                self.membership.handle_topics(topics);
            }
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "the topics of the cluster could not be listed");
            }
        }
    }

    fn handle_metadata(&mut self, snapshot: &MetadataSnapshot) {
        self.topic_watch.handle_metadata(&self.topics.names, snapshot, environment::now());
        let Some(watched) = self.membership.watched() else { return };
        let counts = partition_counts(snapshot, watched.keys());
        self.membership.handle_partition_counts(&counts);
    }

    fn handle_command(&mut self, command: GroupCommand) {
        match command {
            GroupCommand::Commit(submission, reply) => {
                let patience = self.settings.default_api_timeout;
                let job = self.committer.submit(submission, environment::now(), patience);
                self.waiters.insert(job, reply);
            }
            GroupCommand::Close(reply) => {
                self.closers.push(reply);
                let lost = self.shared.look(|engine| engine.last_losses());
                self.close_problem = self.close_problem.take().or_else(|| CommitFailed::of(lost));
                self.membership.handle_close();
            }
        }
    }

    fn finish_commits(&mut self) {
        for (job, result) in self.committer.take_done() {
            if let Err(error) = &result {
                tracing::warn!(group = %self.effects.group.group_id, error = %Chain(error), "a commit failed");
                if matches!(error, Error::CommitFailed(_)) {
                    self.shared.look(Engine::mark_losses_reported);
                }
            }
            if let Some(waiter) = self.waiters.remove(&job) {
                // Whoever asked may have stopped waiting.
                let _ = waiter.send(result);
            }
        }
    }
}

impl Drop for GroupDriver {
    /// However it ends, its connections do.
    fn drop(&mut self) {
        self.client.pool().release(self.member_lane);
        self.client.pool().release(self.offset_lane);
    }
}

/// How often a policy commits by itself.
const fn commit_interval(policy: CommitPolicy) -> Option<Duration> {
    match policy {
        CommitPolicy::Interval(interval) => Some(interval),
        CommitPolicy::OnAck => Some(Duration::from_secs(1)),
        CommitPolicy::Manual => None,
    }
}

/// How many partitions the cluster has of each of `topics`.
pub(super) fn partition_counts<'a>(
    snapshot: &MetadataSnapshot,
    topics: impl Iterator<Item = &'a Arc<str>>,
) -> PartitionCounts {
    let count = |topic: &Arc<str>| snapshot.topic(topic).map_or(0, |view| view.partitions.len());
    topics.map(|topic| (topic.clone(), count(topic))).collect::<BTreeMap<_, _>>()
}

impl std::fmt::Debug for GroupDriver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GroupDriver").field("membership", &self.membership).finish_non_exhaustive()
    }
}
