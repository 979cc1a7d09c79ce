//! MemberOffsets: the offsets of a group's member, sent to its coordinator and asked of it. Part of the driver.
//!
//! Shell of the [`Committer`]: carries its requests out, on the member's connection for offsets, and tells those who wait.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use kestrel_protocol::messages::offset_commit::{OffsetCommitRequest, OffsetCommitResponse};
use kestrel_protocol::{ApiKey, ErrorClass, ErrorCode, NodeId, TopicId};
use tokio::sync::oneshot;

use super::committed::{Answered, OffsetQuestion, is_passing, refusal};
use super::committer::{Assignment, CommitNews, CommitRequest, Committer, Entry, JobId, Submission};
use super::handle::done_entries;
use super::link::MemberLink;
use super::machine::MemberIdentity;
use crate::consumer::engine::Engine;
use crate::consumer::position::PositionId;
use crate::consumer::shared_engine::SharedEngine;
use crate::error::{BrokerError, Chain, Error, Result};
use crate::observer::OffsetsCommitted;
use crate::record::TopicPartition;
use crate::spans::CommitSpan;

/// The most commits that are kept at once; more wait in the driver's inbox.
const MAX_JOBS: usize = 64;

/// The result of a request.
#[derive(Debug)]
pub(crate) enum OffsetAnswer {
    Commit(NodeId, Option<ObservedCommit>, Result<OffsetCommitResponse>),
    Committed(NodeId, Vec<(TopicPartition, PositionId)>, Result<HashMap<TopicPartition, Answered>>),
}

/// A commit as an observer hears of it.
#[derive(Debug)]
pub(crate) struct ObservedCommit {
    offsets: Vec<(TopicPartition, i64)>,
    sent_at: Instant,
}

/// The offsets of one member.
#[derive(Debug)]
pub(crate) struct MemberOffsets {
    link: MemberLink,
    shared: SharedEngine,
    committer: Committer,
    /// Callers that wait for a commit.
    waiters: HashMap<JobId, oneshot::Sender<Result<()>>>,
    /// The longest that a commit may take.
    patience: Duration,
}

impl MemberOffsets {
    pub(crate) fn new(link: MemberLink, shared: SharedEngine, patience: Duration) -> Self {
        let committer = Committer::new(link.group_id.clone(), link.client.retry_backoff());
        Self { link, shared, committer, waiters: HashMap::new(), patience }
    }

    /// Whether another commit may be handed in.
    pub(crate) fn has_room(&self) -> bool {
        self.committer.len() < MAX_JOBS
    }

    /// Commits what is handed in, and answers when it is known what became of it.
    pub(crate) fn submit(
        &mut self,
        submission: Submission,
        reply: oneshot::Sender<Result<()>>,
        now: Instant,
    ) {
        let job = self.committer.submit(submission, now, self.patience);
        self.waiters.insert(job, reply);
    }

    /// Commits what the caller is done with, which nobody waits for.
    pub(crate) fn submit_done(&mut self) {
        self.committer.submit_quietly(self.shared.look(|engine| done_entries(engine, None)));
    }

    /// The requests to send now, to the coordinator `node` as the member `identity`.
    pub(crate) fn poll(
        &mut self,
        node: Option<NodeId>,
        identity: Option<&MemberIdentity>,
        now: Instant,
    ) -> Vec<BoxFuture<'static, OffsetAnswer>> {
        let committer = &mut self.committer;
        let commit = self.shared.look(|engine| {
            let is_current = |partition: &TopicPartition, assignment: Assignment| {
                let topic_id = engine.topic_id(partition).unwrap_or(TopicId::NIL);
                let is_same_topic =
                    topic_id == assignment.topic_id || topic_id.is_nil() || assignment.topic_id.is_nil();
                engine.assigned_id(partition) == Some(assignment.id) && is_same_topic
            };
            committer.poll(identity.filter(|_| node.is_some()), is_current, now)
        });
        let Some(node) = node else { return Vec::new() };
        let commit = commit.map(|commit| self.commit(node, commit, now));
        commit.into_iter().chain(self.ask_committed(node, now)).collect()
    }

    fn commit(&self, node: NodeId, commit: CommitRequest, now: Instant) -> BoxFuture<'static, OffsetAnswer> {
        let (client, purpose) = (self.link.client.clone(), self.link.offsets());
        let CommitRequest { request, at_most } = commit;
        let observed = client
            .observer()
            .is_taken()
            .then(|| ObservedCommit { offsets: offsets_of(&request), sent_at: now });
        let (span, group) = (CommitSpan::open(&self.link.group_id), self.link.group_id.clone());
        Box::pin(async move {
            let timeout = client.request_timeout();
            let answer = client.send_within(purpose, node, &request, at_most, timeout).await;
            let refused = answer.as_ref().ok().and_then(|answer| refused_commit(&group, answer));
            span.note(answer.as_ref().err().or(refused.as_ref()));
            OffsetAnswer::Commit(node, observed, answer)
        })
    }

    fn ask_committed(&self, node: NodeId, now: Instant) -> Option<BoxFuture<'static, OffsetAnswer>> {
        let mut partitions = Vec::new();
        let asked = self.shared.look(|engine| {
            let due = engine.poll_committed(now);
            partitions.extend(due.iter().map(|(partition, _)| {
                (partition.clone(), engine.topic_id(partition).unwrap_or(TopicId::NIL))
            }));
            due
        });
        if asked.is_empty() {
            return None;
        }
        let (client, purpose) = (self.link.client.clone(), self.link.offsets());
        let question = OffsetQuestion::of(self.link.group_id.clone(), partitions);
        Some(Box::pin(async move {
            OffsetAnswer::Committed(node, asked, question.ask(&client, purpose, node).await)
        }))
    }

    /// A request has come to its end: what that says about the membership, and about the coordinator that was asked.
    pub(crate) fn handle_answer(&mut self, answer: OffsetAnswer, now: Instant) -> (NodeId, CommitNews) {
        match answer {
            OffsetAnswer::Commit(node, observed, result) => {
                self.tell_observer(observed, &result, now);
                (node, self.handle_commit(result, now))
            }
            OffsetAnswer::Committed(node, asked, result) => {
                let is_coordinator_lost = self.handle_committed(asked, result, now);
                (node, CommitNews { is_coordinator_lost, refused: None })
            }
        }
    }

    fn handle_commit(&mut self, result: Result<OffsetCommitResponse>, now: Instant) -> CommitNews {
        let news = self.committer.handle_answer(result, now);
        if let Some(retry) = self.committer.take_retry() {
            retry.tell(self.link.client.observer());
        }
        self.shared.look(|engine| {
            for (partition, Entry { assignment, offset }) in self.committer.take_committed() {
                engine.note_committed(&partition, assignment.id, offset.offset);
            }
        });
        news
    }

    /// True when the coordinator is another one by now, or cannot be reached.
    fn handle_committed(
        &self,
        asked: Vec<(TopicPartition, PositionId)>,
        result: Result<HashMap<TopicPartition, Answered>>,
        now: Instant,
    ) -> bool {
        let mut answers = match result {
            Ok(answers) => answers,
            Err(error) => {
                tracing::debug!(error = %Chain(&error), "the group's offsets could not be fetched");
                let is_lasting = error.code().is_some_and(|code| !is_passing(code));
                self.shared.change_by_group(|engine| {
                    for (_, position_id) in asked {
                        engine.handle_committed_failure(position_id, error.clone(), is_lasting, now);
                    }
                });
                return error.code().is_none_or(|code| code.class() == ErrorClass::FindCoordinator);
            }
        };
        self.shared.change_by_group(|engine| {
            for (partition, position_id) in asked {
                match answers.remove(&partition).unwrap_or(Err(ErrorCode::UnknownServerError)) {
                    Ok(offset) => {
                        engine.handle_committed(position_id, offset.map(|offset| offset.position()));
                    }
                    Err(code) => {
                        let error = refusal(&self.link.group_id, code, Some(&partition));
                        engine.handle_committed_failure(position_id, error, !is_passing(code), now);
                    }
                }
            }
        });
        false
    }

    /// Tells those who wait what became of their commits.
    pub(crate) fn finish(&mut self) {
        for (job, result) in self.committer.take_done() {
            if let Err(error) = &result {
                tracing::warn!(group = %self.link.group_id, error = %Chain(error), "a commit failed");
                if matches!(error, Error::CommitFailed(_)) {
                    self.shared.look(Engine::mark_losses_reported);
                }
            }
            if let Some(waiter) = self.waiters.remove(&job) {
                // The caller may have stopped waiting.
                let _ = waiter.send(result);
            }
        }
    }

    /// Ends all commits: the consumer is closed.
    pub(crate) fn close(&mut self) {
        self.committer.close();
        self.finish();
    }

    /// When there may be something to send or to give up without a new event.
    pub(crate) fn next_deadline(&self, now: Instant) -> Option<Instant> {
        let committed = self.shared.look(|engine| engine.committed_deadline(now));
        [self.committer.next_deadline(), committed].into_iter().flatten().min()
    }

    fn tell_observer(
        &self,
        observed: Option<ObservedCommit>,
        result: &Result<OffsetCommitResponse>,
        now: Instant,
    ) {
        let Some(ObservedCommit { offsets, sent_at }) = observed else { return };
        let refused = result.as_ref().ok().and_then(|answer| refused_commit(&self.link.group_id, answer));
        self.link.client.observer().tell(|observer| {
            observer.on_offsets_committed(&OffsetsCommitted {
                group: &self.link.group_id,
                offsets: &offsets,
                took: now.saturating_duration_since(sent_at),
                outcome: result.as_ref().err().or(refused.as_ref()).map_or(Ok(()), Err),
            });
        });
    }
}

fn offsets_of(request: &OffsetCommitRequest) -> Vec<(TopicPartition, i64)> {
    let topics = request.topics.iter().flat_map(|topic| {
        let offset = |partition: &kestrel_protocol::messages::offset_commit::OffsetCommitRequestPartition| {
            (TopicPartition::new(&*topic.name, partition.partition_index), partition.committed_offset)
        };
        topic.partitions.iter().map(offset)
    });
    topics.collect()
}

/// Why the first partition of those is not committed that are not.
fn refused_commit(group: &str, response: &OffsetCommitResponse) -> Option<Error> {
    let mut codes =
        response.topics.iter().flat_map(|topic| &topic.partitions).map(|partition| partition.error_code);
    let code = codes.find(|code| !code.is_none())?;
    Some(BrokerError::new(ApiKey::OffsetCommit, code).group(group).into())
}
