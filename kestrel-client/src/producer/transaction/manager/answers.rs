//! What becomes of a transaction when a coordinator has answered, or never will.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kestrel_protocol::{ApiKey, ErrorCode};

use super::{TransactionManager, TransactionNews};
use crate::environment::after;
use crate::error::{BrokerError, Error, Result};
use crate::producer::identity::ProducerIdAndEpoch;
use crate::producer::partition_id::PartitionId;
use crate::producer::transaction::contents::Contents;
use crate::producer::transaction::reaction::{Question, Reaction, judge};
use crate::producer::transaction::request::TransactionAnswer;
use crate::producer::transaction::state::State;
use crate::record::TopicPartition;

/// The pause while the coordinator writes the end of the transaction before, which takes a few milliseconds.
const AWAIT_END: Duration = Duration::from_millis(10);

impl TransactionManager {
    /// A request has come to its end.
    pub(crate) fn handle_answer(&mut self, answer: TransactionAnswer, now: Instant) -> TransactionNews {
        self.is_asking = false;
        if self.state == State::FatalError {
            return TransactionNews::None;
        }
        let outcome = match answer {
            TransactionAnswer::Coordinator(result) => result.map(|node| self.coordinator = Some(node)).err(),
            TransactionAnswer::GroupCoordinator(group, result) => match result {
                Ok(node) => {
                    self.group_coordinator = Some((group, node));
                    None
                }
                Err(error) => return self.handle_failure("finding a group", Question::Contents, error, now),
            },
            TransactionAnswer::Identity(Ok(identity)) => return self.handle_identity(identity),
            TransactionAnswer::Identity(Err(error)) => Some(error),
            TransactionAnswer::Partitions(result) => return self.handle_partitions(result, now),
            TransactionAnswer::Offsets(group, result) => return self.handle_group(group, result, now),
            TransactionAnswer::OffsetsCommitted(result) => return self.handle_offsets(result, now),
            TransactionAnswer::Ended(result) => return self.handle_ended(result, now),
        };
        match outcome {
            None => self.proceed(TransactionNews::None),
            Some(error) => self.handle_failure("asking for a producer id", Question::Producer, error, now),
        }
    }

    fn handle_identity(&mut self, identity: ProducerIdAndEpoch) -> TransactionNews {
        self.enter(State::Ready);
        self.forget();
        self.proceed(TransactionNews::Identity(identity))
    }

    fn handle_partitions(
        &mut self,
        result: Result<Vec<(PartitionId, ErrorCode)>>,
        now: Instant,
    ) -> TransactionNews {
        let operation = "adding partitions to a transaction";
        let answers = match result {
            Ok(answers) => answers,
            Err(error) => {
                self.note_lost(&error);
                return self.handle_failure(operation, Question::Contents, error, now);
            }
        };
        let mut errors: Vec<_> = answers.iter().filter(|(_, code)| !code.is_none()).collect();
        // One that ends the transaction counts before one that passes, and before those that were not tried because of it.
        errors.sort_by_key(|(_, code)| (code.is_retriable(), *code == ErrorCode::OperationNotAttempted));
        let Some(&&(id, code)) = errors.first() else {
            self.contents.handle_added(answers.into_iter().map(|(id, _)| id));
            return self.proceed(TransactionNews::Admitted);
        };
        let error = refusal(ApiKey::AddPartitionsToTxn, code, self.contents.name_of(id));
        self.handle_failure(operation, Question::Contents, error, now)
    }

    fn handle_group(&mut self, group: Arc<str>, result: Result<()>, now: Instant) -> TransactionNews {
        match result {
            Ok(()) => {
                self.contents.handle_group_added(group);
                self.proceed(TransactionNews::None)
            }
            Err(error) => {
                self.note_lost(&error);
                self.handle_failure("adding offsets to a transaction", Question::Contents, error, now)
            }
        }
    }

    fn handle_offsets(
        &mut self,
        result: Result<Vec<(TopicPartition, ErrorCode)>>,
        now: Instant,
    ) -> TransactionNews {
        let error = match result {
            Ok(answers) => self
                .contents
                .handle_offsets(answers)
                .map(|(partition, code)| refusal(ApiKey::TxnOffsetCommit, code, Some(partition))),
            Err(error) => Some(error),
        };
        if self.contents.finish_offsets() {
            self.offsets_sent.push_back(Ok(()));
        }
        let Some(error) = error else { return self.proceed(TransactionNews::None) };
        if matches!(judge(Question::Contents, &error, self.version), Reaction::FindCoordinator) {
            self.group_coordinator = None;
            return self.pause("sending offsets to a transaction", error, now);
        }
        self.handle_failure("sending offsets to a transaction", Question::Contents, error, now)
    }

    fn handle_ended(&mut self, result: Result<Option<ProducerIdAndEpoch>>, now: Instant) -> TransactionNews {
        let is_abort = self.state == State::Aborting;
        match result {
            Ok(next) => {
                self.end(next.is_some());
                self.proceed(next.map_or(TransactionNews::None, TransactionNews::Identity))
            }
            // Only what was lost might have started it: nothing did.
            Err(error)
                if is_abort
                    && self.contents.is_only_in_doubt()
                    && error.code() == Some(ErrorCode::InvalidTxnState) =>
            {
                self.end(false);
                self.proceed(TransactionNews::None)
            }
            Err(mut error) => {
                self.is_end_in_doubt |= error.possibly_written();
                if let Error::Broker(refusal) = &mut error {
                    refusal.possibly_written = self.is_end_in_doubt && !is_abort;
                }
                self.handle_failure("ending a transaction", Question::End, error, now)
            }
        }
    }

    /// The transaction has ended: its numbers count on, unless the next one needs a higher epoch and does not have it yet, as
    /// version 2 gives it with the end.
    pub(super) fn end(&mut self, has_epoch: bool) {
        let asks = self.state == State::Aborting && self.needs_epoch && !has_epoch;
        self.enter(if asks { State::Initializing } else { State::Ready });
        self.forget();
    }

    /// Nothing is left of the last transaction.
    fn forget(&mut self) {
        self.contents = Contents::default();
        self.cause = None;
        (self.needs_epoch, self.is_forgotten, self.is_end_in_doubt) = (false, false, false);
        (self.failures, self.not_before) = (0, None);
    }

    /// A request got through.
    fn proceed(&mut self, news: TransactionNews) -> TransactionNews {
        (self.failures, self.not_before) = (0, None);
        news
    }

    /// What was to be added may be, without our knowing.
    fn note_lost(&mut self, error: &Error) {
        if error.possibly_written() {
            self.contents.doubt();
        }
    }

    fn handle_failure(
        &mut self,
        operation: &'static str,
        question: Question,
        error: Error,
        now: Instant,
    ) -> TransactionNews {
        match judge(question, &error, self.version) {
            Reaction::Retry => self.pause(operation, error, now),
            Reaction::FindCoordinator => {
                self.coordinator = None;
                self.pause(operation, error, now)
            }
            Reaction::AwaitEnd => {
                self.not_before = Some(after(now, AWAIT_END));
                TransactionNews::None
            }
            Reaction::Forgotten => {
                self.is_forgotten = true;
                self.fail(&error);
                TransactionNews::Failed(error)
            }
            Reaction::Abort if self.state == State::Aborting && question == Question::End => {
                self.fatal(error)
            }
            // There is nothing to abort, so that the same is asked again.
            Reaction::Abort if question == Question::Producer && !self.state.is_open() => {
                self.pause(operation, error, now)
            }
            Reaction::Abort => {
                self.fail(&error);
                TransactionNews::Failed(error)
            }
            Reaction::Fatal => self.fatal(error),
        }
    }

    fn fatal(&self, error: Error) -> TransactionNews {
        // The commit may have come, whatever ends the producer now.
        let is_commit_in_doubt = self.is_end_in_doubt && self.state == State::Committing;
        let error = if is_commit_in_doubt { error.of_what_may_be_written() } else { error };
        TransactionNews::Fatal(self.named(error))
    }

    /// An error that ends the producer, by its own name if that is that it was fenced.
    pub(crate) fn named(&self, error: Error) -> Error {
        match error.code() {
            Some(ErrorCode::InvalidProducerEpoch | ErrorCode::ProducerFenced) => {
                let transactional_id = Arc::clone(&self.transactional_id);
                Error::ProducerFenced { transactional_id, cause: Box::new(error) }
            }
            _ => error,
        }
    }

    fn pause(&mut self, operation: &'static str, error: Error, now: Instant) -> TransactionNews {
        self.failures = self.failures.saturating_add(1);
        let (failures, backoff) = (self.failures, self.backoff.delay(self.failures));
        self.not_before = Some(after(now, backoff));
        TransactionNews::Retry { operation, failures, backoff, error }
    }
}

fn refusal(api: ApiKey, code: ErrorCode, partition: Option<TopicPartition>) -> Error {
    let error = BrokerError::new(api, code);
    match partition {
        Some(partition) => error.topic(partition.topic).partition(partition.partition).into(),
        None => error.into(),
    }
}
