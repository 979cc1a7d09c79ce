//! TransactionControl: how the handles of a transactional producer steer its transactions.
//!
//! Runs in the callers' tasks: hands commands to the sender, and waits for what becomes of them, `max.block.ms` at most.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::command::{EndFailure, Ending, TransactionCommand};
use super::gate::Gate;
use super::offsets::GroupOffsets;
use crate::consumer::{GroupMetadata, OffsetAndMetadata};
use crate::environment::{self, after};
use crate::error::{Error, Result};
use crate::producer::Intake;
use crate::producer::sender::Command;
use crate::record::TopicPartition;

/// Steers the transactions of one producer.
#[derive(Debug)]
pub(crate) struct TransactionControl {
    transactional_id: Arc<str>,
    commands: mpsc::Sender<Command>,
    gate: Arc<Gate>,
    intake: Arc<Intake>,
    max_block: Duration,
}

impl TransactionControl {
    pub(crate) fn new(
        transactional_id: Arc<str>,
        commands: mpsc::Sender<Command>,
        gate: Arc<Gate>,
        intake: Arc<Intake>,
        max_block: Duration,
    ) -> Self {
        Self { transactional_id, commands, gate, intake, max_block }
    }

    pub(crate) const fn transactional_id(&self) -> &Arc<str> {
        &self.transactional_id
    }

    /// # Errors
    /// [`Error::TransactionFailed`] when the open transaction can only be aborted.
    #[inline]
    pub(crate) fn check_open(&self) -> Result<()> {
        self.gate.check()
    }

    /// As [`Self::check_open`], for a record to a topic that was opened over `intake`.
    #[inline]
    pub(crate) fn check_open_for(&self, intake: &Arc<Intake>) -> Result<()> {
        if !Arc::ptr_eq(&self.intake, intake) {
            let problem = "it was opened by another producer, which its records would go to";
            return Err(Error::invalid_argument("topic", problem));
        }
        self.gate.check()
    }

    /// Lets the open transaction only be aborted.
    pub(crate) fn fail(&self, cause: &Error) {
        self.gate.shut(cause);
    }

    pub(crate) async fn begin(&self) -> Result<()> {
        let begun = self.ask("ending the transaction before", TransactionCommand::Begin).await;
        begun.unwrap_or_else(|(_, error)| Err(error))
    }

    /// Lets the open transaction only be aborted, unless `finish` is called on what this gives: a call that is dropped on the
    /// way does not know what is in the transaction.
    pub(crate) fn unfinished(&self) -> Unfinished<'_> {
        Unfinished { gate: &self.gate, is_over: false }
    }

    pub(crate) async fn send_offsets(
        &self,
        group: GroupMetadata,
        offsets: Vec<(TopicPartition, OffsetAndMetadata)>,
    ) -> Result<()> {
        self.check_open()?;
        if offsets.is_empty() {
            return Ok(());
        }
        let unfinished = self.unfinished();
        let command = |reply| TransactionCommand::SendOffsets(GroupOffsets { group, offsets }, reply);
        let sent = self.ask("sending offsets to a transaction", command).await;
        unfinished.finish();
        let sent = sent.unwrap_or_else(|(_, error)| Err(error));
        sent.inspect_err(|error| self.fail(error))
    }

    pub(crate) async fn commit(&self) -> Result<(), EndFailure> {
        self.gate.check_end()?;
        self.commit_open().await
    }

    pub(crate) async fn abort(&self) -> Result<(), EndFailure> {
        let ended = self.ask("aborting a transaction", TransactionCommand::Abort).await;
        ended.unwrap_or_else(|(ending, error)| Err(undecided(ending, error)))
    }

    /// Hands in a commit: from then on what keeps its outcome from its caller leaves open whether it happens.
    async fn commit_open(&self) -> Result<(), EndFailure> {
        let (reply, ending) = oneshot::channel();
        match self.commands.send(Command::Transaction(TransactionCommand::Commit(reply))).await {
            Ok(()) => self.wait_for_end(ending).await,
            Err(_) => Err(EndFailure::Fatal(self.intake.ended())),
        }
    }

    /// Waits for a commit that was handed in, for `max.block.ms`.
    pub(crate) async fn wait_for_end(&self, ending: Ending) -> Result<(), EndFailure> {
        let ended = self.wait("committing a transaction", ending).await;
        ended.unwrap_or_else(|(ending, error)| Err(undecided(ending, error.of_what_may_be_written())))
    }

    /// The handle of an open transaction is gone: it is aborted. When there is no room for the command, by the next `begin`.
    pub(crate) fn abandon(&self) {
        let _ = self.commands.try_send(Command::Transaction(TransactionCommand::Abandon));
    }

    /// Ends the last transaction, and then the producer.
    pub(crate) async fn close(&self, patience: Duration) -> Result<()> {
        let ends_at = after(environment::now(), patience);
        let ended = tokio::time::timeout(patience, self.abort()).await;
        let left = ends_at.saturating_duration_since(environment::now());
        let closed = self.intake.close(left).await;
        match ended {
            Err(_) => Err(Error::out_of_patience("closing the producer", patience)),
            // A producer that has failed has nothing to end.
            Ok(Err(EndFailure::Undecided(_, error))) => Err(error),
            Ok(_) => closed,
        }
    }

    /// Hands a command to the sender and waits for its answer; gives the rest of the wait back when that takes too long.
    async fn ask<T>(
        &self,
        operation: &'static str,
        command: impl FnOnce(oneshot::Sender<T>) -> TransactionCommand,
    ) -> Result<T, (Option<oneshot::Receiver<T>>, Error)> {
        let (reply, answer) = oneshot::channel();
        if self.commands.send(Command::Transaction(command(reply))).await.is_err() {
            return Err((None, self.intake.ended()));
        }
        self.wait(operation, answer).await
    }

    async fn wait<T>(
        &self,
        operation: &'static str,
        mut answer: oneshot::Receiver<T>,
    ) -> Result<T, (Option<oneshot::Receiver<T>>, Error)> {
        match tokio::time::timeout(self.max_block, &mut answer).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) => Err((None, self.intake.ended())),
            Err(_) => Err((Some(answer), Error::timeout(operation, self.max_block, "max.block.ms"))),
        }
    }
}

fn undecided(ending: Option<Ending>, error: Error) -> EndFailure {
    match ending {
        Some(ending) => EndFailure::Undecided(ending, error),
        None => EndFailure::Fatal(error),
    }
}

/// Shuts the gate when a call that sends offsets is dropped on the way.
#[must_use = "what is dropped shuts the gate"]
pub(crate) struct Unfinished<'a> {
    gate: &'a Gate,
    is_over: bool,
}

impl Unfinished<'_> {
    /// The call has come to its end.
    pub(crate) fn finish(mut self) {
        self.is_over = true;
    }
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.gate.shut(&Error::closed("call that sent offsets to the transaction"));
        }
    }
}
