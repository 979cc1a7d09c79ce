//! GroupHandle: how the consumer, and listeners, speak to the group's driver.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use kestrel_protocol::{ByteString, TopicId};
use tokio::sync::{mpsc, oneshot};

use super::committer::{Assignment, Entries, Entry, Submission};
use super::machine::MemberIdentity;
use super::metadata::GroupMetadata;
use super::offset::OffsetAndMetadata;
use crate::consumer::engine::Engine;
use crate::consumer::shared_engine::SharedEngine;
use crate::error::{CommitFailed, Error, PositionError, Result};
use crate::record::TopicPartition;

/// The most commands that wait for the driver.
const INBOX: usize = 64;

/// A command to the group's driver.
#[derive(Debug)]
pub(crate) enum GroupCommand {
    Commit(Submission, oneshot::Sender<Result<()>>),
    /// Say as whom the member can commit, once it can.
    Identify(oneshot::Sender<MemberIdentity>),
    /// Give up everything in good order and leave; then say whether what was done is committed.
    Close(oneshot::Sender<Result<()>>),
}

/// Speaks to the group's driver; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct GroupHandle {
    pub(crate) group_id: ByteString,
    commands: mpsc::Sender<GroupCommand>,
    shared: SharedEngine,
}

impl GroupHandle {
    pub(crate) fn new(group_id: ByteString, shared: SharedEngine) -> (Self, mpsc::Receiver<GroupCommand>) {
        let (commands, inbox) = mpsc::channel(INBOX);
        (Self { group_id, commands, shared }, inbox)
    }

    /// Commits what the caller is done with of `partitions`.
    pub(crate) async fn commit_done(&self, partitions: &BTreeSet<TopicPartition>) -> Result<()> {
        let entries = self.shared.look(|engine| done_entries(engine, Some(partitions)));
        self.submit(Submission { entries, lost: Vec::new() }).await
    }

    /// Commits all that the caller is done with. What it was done with and has lost makes that fail. Where the caller has sent
    /// itself to an end of a log, that is waited for, at most `patience`.
    pub(crate) fn submit_done(&self, patience: Duration) -> Commit {
        if !self.shared.look(|engine| engine.seeks_an_end()) {
            return self.submit_what_is_done();
        }
        let this = self.clone();
        Commit(CommitState::Sending(Box::pin(async move {
            let timed_out = |_| Error::timeout("finding a position", patience, "default.api.timeout.ms");
            tokio::time::timeout(patience, this.ends_found()).await.map_err(timed_out)?;
            this.submit_what_is_done().await
        })))
    }

    /// Commits all that is done at an end of work, which nobody has asked for: what was lost long ago, and is somebody else's
    /// by now, is not its business.
    pub(crate) fn submit_at_end(&self) -> Commit {
        self.submit_with(|engine| engine.last_losses())
    }

    fn submit_what_is_done(&self) -> Commit {
        self.submit_with(Engine::report_losses)
    }

    fn submit_with(&self, lost: impl FnOnce(&mut Engine) -> Vec<TopicPartition>) -> Commit {
        let entries_and_losses = |engine: &mut Engine| (done_entries(engine, None), lost(engine));
        let (entries, lost) = self.shared.look(entries_and_losses);
        self.submit(Submission { entries, lost })
    }

    /// All that is done, for a commit that is not the group's.
    ///
    /// # Errors
    /// [`Error::CommitFailed`] when some of it is lost.
    pub(crate) fn done_or_lost(&self) -> Result<Entries> {
        let (entries, lost) = self.shared.look(|engine| (done_entries(engine, None), engine.report_losses()));
        CommitFailed::of(lost).map_or(Ok(entries), Err)
    }

    /// As whom the member can commit: waits until it can, at most `patience`.
    pub(crate) async fn metadata(&self, patience: Duration) -> Result<GroupMetadata> {
        let (reply, identity) = oneshot::channel();
        let identified = async {
            let asked = self.commands.send(GroupCommand::Identify(reply)).await;
            asked.map_err(|_| self.shared.ended())?;
            identity.await.map_err(|_| self.shared.ended())
        };
        let timed_out = |_| Error::timeout("joining the group", patience, "default.api.timeout.ms");
        let identity = tokio::time::timeout(patience, identified).await.map_err(timed_out)??;
        Ok(GroupMetadata::of(&self.group_id, &identity))
    }

    async fn ends_found(&self) {
        loop {
            let mut changed = pin!(self.shared.changed_by_driver().notified());
            changed.as_mut().enable();
            if !self.shared.look(|engine| engine.seeks_an_end()) {
                return;
            }
            changed.await;
        }
    }

    /// Waits until everything that was handed out of `partitions` is acknowledged.
    pub(crate) async fn drain(&self, partitions: &BTreeSet<TopicPartition>) {
        let acks = self.shared.look(|engine| engine.acks_of(partitions));
        loop {
            let mut drained = pin!(self.shared.progress().drained().notified());
            drained.as_mut().enable();
            acks.iter().for_each(|acks| acks.await_progress(true));
            if acks.iter().all(|acks| acks.open_records() == 0) {
                return;
            }
            drained.await;
        }
    }

    /// Commits these offsets.
    pub(crate) async fn commit(&self, offsets: Vec<(TopicPartition, OffsetAndMetadata)>) -> Result<()> {
        let entries = self.entries(offsets)?;
        self.submit(Submission { entries, lost: Vec::new() }).await
    }

    /// The offsets with the assignments that they belong to.
    pub(crate) fn entries(&self, offsets: Vec<(TopicPartition, OffsetAndMetadata)>) -> Result<Entries> {
        self.shared.look(|engine| {
            let entry = |(partition, offset): (TopicPartition, OffsetAndMetadata)| {
                Error::check_offset("offset", offset.offset)?;
                let id = engine.assigned_id(&partition);
                let id = id.ok_or_else(|| PositionError::not_assigned(&partition))?;
                let topic_id = engine.topic_id(&partition).unwrap_or(TopicId::NIL);
                Ok((partition, Entry { assignment: Assignment { id, topic_id }, offset }))
            };
            offsets.into_iter().map(entry).collect()
        })
    }

    /// Hands `submission` to the driver: at once if its inbox has room.
    fn submit(&self, submission: Submission) -> Commit {
        if let Some(failed) = CommitFailed::of(submission.lost.clone())
            && (submission.entries.is_empty() || self.commands.is_closed())
        {
            return Commit::failed(failed);
        }
        if self.commands.is_closed() || self.shared.look(|engine| engine.is_closed()) {
            return Commit::failed(self.shared.ended());
        }
        if submission.entries.is_empty() {
            return Commit(CommitState::Done(Some(Ok(()))));
        }
        let (reply, answer) = oneshot::channel();
        match self.commands.try_send(GroupCommand::Commit(submission, reply)) {
            Ok(()) => Commit(CommitState::Waiting(answer, self.shared.clone())),
            Err(mpsc::error::TrySendError::Closed(_)) => Commit::failed(self.shared.ended()),
            Err(mpsc::error::TrySendError::Full(command)) => {
                let (commands, shared) = (self.commands.clone(), self.shared.clone());
                Commit(CommitState::Sending(Box::pin(async move {
                    if commands.send(command).await.is_err() {
                        return Err(shared.ended());
                    }
                    answer.await.unwrap_or_else(|_| Err(shared.ended()))
                })))
            }
        }
    }

    /// Has the driver leave the group, and waits until it has.
    pub(crate) async fn close(&self) -> Result<()> {
        let (reply, answer) = oneshot::channel();
        if self.commands.send(GroupCommand::Close(reply)).await.is_ok()
            && let Ok(outcome) = answer.await
        {
            return outcome;
        }
        // It has ended before: what was done last may be lost all the same.
        self.shared.look(|engine| engine.loss())?;
        CommitFailed::of(self.shared.look(|engine| engine.last_losses())).map_or(Ok(()), Err)
    }
}

/// The positions up to which the caller is done, as entries to commit.
pub(crate) fn done_entries(engine: &mut Engine, partitions: Option<&BTreeSet<TopicPartition>>) -> Entries {
    let done = engine.committable();
    let wanted = done.into_iter().filter(|one| partitions.is_none_or(|all| all.contains(&one.partition)));
    let entry = |one: crate::consumer::engine::Committable| {
        let topic_id = engine.topic_id(&one.partition).unwrap_or(TopicId::NIL);
        let assignment = Assignment { id: one.id, topic_id };
        (one.partition, Entry { assignment, offset: one.position.into() })
    };
    wanted.map(entry).collect()
}

/// A commit under way: a future of what becomes of it. Dropping it does not take the commit back.
///
/// Made by [`Consumer::commit_async`](crate::Consumer::commit_async).
#[derive(Debug)]
pub struct Commit(CommitState);

enum CommitState {
    Done(Option<Result<()>>),
    Waiting(oneshot::Receiver<Result<()>>, SharedEngine),
    /// The driver's inbox was full, or a position is waited for.
    Sending(Pin<Box<dyn Future<Output = Result<()>> + Send>>),
}

impl std::fmt::Debug for CommitState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Done(_) => "Done",
            Self::Waiting(..) => "Waiting",
            Self::Sending(_) => "Sending",
        })
    }
}

impl Commit {
    fn failed(error: Error) -> Self {
        Self(CommitState::Done(Some(Err(error))))
    }
}

impl Future for Commit {
    type Output = Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            CommitState::Done(result) => Poll::Ready(result.take().unwrap_or(Ok(()))),
            CommitState::Waiting(answer, shared) => {
                Pin::new(answer).poll(cx).map(|answered| answered.unwrap_or_else(|_| Err(shared.ended())))
            }
            CommitState::Sending(future) => future.as_mut().poll(cx),
        }
    }
}
