//! TransactionManager: the state of a producer's transactions, and what to ask coordinators next. A machine: no I/O, no clock.
//!
//! Kept by the dispatcher, which asks it before batches of a partition are sent and tells it of those that failed. One request is
//! under way at a time. A transaction is ended only when nothing of it is on its way.
//!
//! ```text
//!   Uninitialized ─▶ Initializing ─▶ Ready ─begin─▶ InTransaction ─commit─▶ Committing ─▶ Ready
//!                         ▲                          │    │ fail               │ fail
//!                         │ a higher epoch           │    ▼                    ▼
//!                         └───────── Aborting ◀─abort┴── AbortableError ◀──────┘     any ─▶ FatalError
//! ```

mod answers;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kestrel_protocol::NodeId;

use super::contents::Contents;
use super::offsets::GroupOffsets;
use super::request::{TransactionRequest, TransactionVersion};
use super::state::State;
use crate::error::{Error, Result};
use crate::net::ExponentialBackoff;
use crate::producer::identity::ProducerIdAndEpoch;
use crate::producer::partition_id::PartitionKey;

/// The state of a producer's transactions.
#[derive(Debug)]
pub(crate) struct TransactionManager {
    transactional_id: Arc<str>,
    state: State,
    /// The version of the open transaction.
    version: TransactionVersion,
    /// The version as brokers have it now: of the next transaction.
    finalized: TransactionVersion,
    coordinator: Option<NodeId>,
    group_coordinator: Option<(Arc<str>, NodeId)>,
    contents: Contents,
    /// What became of the calls that sent offsets, in their order.
    offsets_sent: VecDeque<Result<()>>,
    /// Whether a request is under way.
    is_asking: bool,
    /// Whether the next transaction needs a higher epoch than this one, because numbers of it are lost.
    needs_epoch: bool,
    /// Whether a request for the end was lost, so that it may have come.
    is_end_in_doubt: bool,
    /// Whether the broker has forgotten the identity, so that there is nothing to end.
    is_forgotten: bool,
    /// Why the open transaction can only be aborted.
    cause: Option<Error>,
    backoff: ExponentialBackoff,
    failures: u32,
    not_before: Option<Instant>,
}

/// What the dispatcher has on its way, as far as it matters for the end of a transaction.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Situation {
    pub(crate) identity: Option<ProducerIdAndEpoch>,
    /// Whether every batch has its outcome.
    pub(crate) is_flushed: bool,
    /// Whether a batch is on its way.
    pub(crate) has_in_flight: bool,
}

/// What came of an answer, for the dispatcher.
#[derive(Debug)]
pub(crate) enum TransactionNews {
    None,
    /// The producer has this identity now.
    Identity(ProducerIdAndEpoch),
    /// Partitions were added: their batches may be sent.
    Admitted,
    /// Something is done again after `backoff`.
    Retry {
        operation: &'static str,
        failures: u32,
        backoff: Duration,
        error: Error,
    },
    /// The transaction can only be aborted.
    Failed(Error),
    /// The producer is finished.
    Fatal(Error),
}

/// How the transactions of a producer stand, for those who wait.
#[derive(Debug)]
pub(crate) enum Standing<'a> {
    /// No transaction is open, and one can be begun.
    Ready,
    /// One is open.
    Open,
    /// The open one can only be aborted.
    Failed(&'a Error),
    /// One is being ended, or an identity is asked for.
    Busy,
}

/// What is to be asked next.
enum Step {
    Init,
    AddPartitions,
    AddOffsets(Arc<str>),
    CommitOffsets,
    End,
}

impl TransactionManager {
    pub(crate) fn new(transactional_id: Arc<str>, backoff: ExponentialBackoff) -> Self {
        Self {
            transactional_id,
            state: State::Uninitialized,
            version: TransactionVersion::default(),
            finalized: TransactionVersion::default(),
            coordinator: None,
            group_coordinator: None,
            contents: Contents::default(),
            offsets_sent: VecDeque::new(),
            is_asking: false,
            needs_epoch: false,
            is_end_in_doubt: false,
            is_forgotten: false,
            cause: None,
            backoff,
            failures: 0,
            not_before: None,
        }
    }

    // Inputs of the producer's handles.

    /// Begins a transaction, if none is open or being ended. Gives whether it has.
    pub(crate) fn begin(&mut self) -> bool {
        let may_begin = self.state == State::Ready;
        if may_begin {
            self.version = self.finalized;
            self.enter(State::InTransaction);
        }
        may_begin
    }

    /// The open transaction is to be committed once all of it is stored.
    pub(crate) fn commit(&mut self) {
        if self.state == State::InTransaction {
            self.enter(State::Committing);
        }
    }

    /// The open transaction is to be aborted. Nothing aborts one whose commit was asked for, unless that has failed.
    pub(crate) fn abort(&mut self) {
        if matches!(self.state, State::InTransaction | State::AbortableError) {
            self.drop_offsets(&Error::TransactionAborted {});
            self.enter(State::Aborting);
        }
    }

    /// Offsets are to become part of the open transaction.
    pub(crate) fn send_offsets(&mut self, offsets: GroupOffsets) {
        match &self.cause {
            None if self.state == State::InTransaction => self.contents.push_offsets(offsets),
            Some(cause) => self.offsets_sent.push_back(Err(failed(cause))),
            None => self.offsets_sent.push_back(Err(Error::TransactionAborted {})),
        }
    }

    /// What became of the next call that has sent offsets.
    pub(crate) fn poll_offsets_sent(&mut self) -> Option<Result<()>> {
        self.offsets_sent.pop_front()
    }

    // Inputs of the dispatcher.

    /// Whether a batch of the partition may be sent. If not, it is going to be, and the dispatcher hears of that.
    pub(crate) fn admits(&mut self, key: &PartitionKey) -> bool {
        if !self.state.is_open() {
            return false;
        }
        match self.version {
            TransactionVersion::V1 => self.contents.admits(key),
            TransactionVersion::V2 => {
                self.contents.start();
                true
            }
        }
    }

    /// Something of the open transaction has failed: it can only be aborted.
    pub(crate) fn fail(&mut self, cause: &Error) {
        self.needs_epoch = true;
        if self.state.is_open() {
            self.drop_offsets(&failed(cause));
            self.cause = Some(cause.clone());
            self.enter(State::AbortableError);
        }
    }

    /// The producer is finished.
    pub(crate) fn fail_for_good(&mut self, error: &Error) {
        self.drop_offsets(error);
        self.enter(State::FatalError);
    }

    /// Numbers of batches are lost, so that the next transaction cannot count on from them.
    pub(crate) const fn note_gap(&mut self) {
        self.needs_epoch = true;
    }

    /// What records are told that are not sent any more, while there may be some: the transaction is or has to be aborted.
    pub(crate) fn refusal(&self) -> Option<Error> {
        match self.state {
            State::AbortableError | State::Aborting => {
                Some(self.cause.as_ref().map_or(Error::TransactionAborted {}, failed))
            }
            _ => None,
        }
    }

    pub(crate) const fn standing(&self) -> Standing<'_> {
        match (self.state, &self.cause) {
            (State::Ready, _) => Standing::Ready,
            (State::InTransaction, _) => Standing::Open,
            (State::AbortableError, Some(cause)) => Standing::Failed(cause),
            _ => Standing::Busy,
        }
    }

    pub(crate) const fn version(&self) -> TransactionVersion {
        self.version
    }

    /// A broker has said which version is finalized: of the next transaction.
    pub(crate) const fn handle_finalized(&mut self, version: TransactionVersion) {
        self.finalized = version;
    }

    // Outputs.

    /// The next request to a coordinator.
    pub(crate) fn poll_request(&mut self, situation: Situation, now: Instant) -> Option<TransactionRequest> {
        if self.is_asking || self.not_before.is_some_and(|at| at > now) {
            return None;
        }
        // It is over: as a deadline it would be due for ever.
        self.not_before = None;
        let request = self.request(self.next_step(situation)?, situation.identity)?;
        self.is_asking = true;
        Some(request)
    }

    /// When to poll for a request again if nothing happens before.
    pub(crate) const fn next_deadline(&self) -> Option<Instant> {
        if self.is_asking { None } else { self.not_before }
    }

    /// Whether partitions wait for being added.
    pub(crate) fn has_wanted(&self) -> bool {
        self.version == TransactionVersion::V1 && self.contents.has_wanted()
    }

    fn next_step(&self, situation: Situation) -> Option<Step> {
        match self.state {
            State::Uninitialized | State::Initializing => Some(Step::Init),
            State::InTransaction | State::Committing => {
                self.next_content().or_else(|| (self.may_commit(situation)).then_some(Step::End))
            }
            State::Aborting if situation.has_in_flight => None,
            State::Aborting if self.is_forgotten => Some(Step::Init),
            State::Aborting => Some(Step::End),
            State::Ready | State::AbortableError | State::FatalError => None,
        }
    }

    fn may_commit(&self, situation: Situation) -> bool {
        self.state == State::Committing && situation.is_flushed
    }

    fn next_content(&self) -> Option<Step> {
        if self.has_wanted() {
            return Some(Step::AddPartitions);
        }
        let group = &self.contents.next_offsets()?.group.group_id;
        let is_added = self.version == TransactionVersion::V2 || self.contents.has_group(group);
        Some(if is_added { Step::CommitOffsets } else { Step::AddOffsets(Arc::clone(group)) })
    }

    /// The request of a step, or the one that finds out who is to be asked; `None` when there is nothing to ask.
    fn request(&mut self, step: Step, identity: Option<ProducerIdAndEpoch>) -> Option<TransactionRequest> {
        if let Step::CommitOffsets = step {
            return self.commit_offsets(identity?);
        }
        if let Step::End = step
            && !self.contents.needs_end()
        {
            // Nothing was sent, so that no numbers are lost.
            self.end(self.version == TransactionVersion::V2);
            return (self.state == State::Initializing).then(|| self.request(Step::Init, identity))?;
        }
        let Some(node) = self.coordinator else { return Some(TransactionRequest::FindCoordinator) };
        Some(match step {
            Step::Init => {
                if self.state != State::Initializing {
                    self.enter(State::Initializing);
                }
                TransactionRequest::InitProducerId { node, former: identity }
            }
            Step::AddPartitions => {
                let partitions = self.contents.wanted();
                TransactionRequest::AddPartitions { node, identity: identity?, partitions }
            }
            Step::AddOffsets(group) => TransactionRequest::AddOffsets { node, identity: identity?, group },
            Step::End | Step::CommitOffsets => {
                let (is_commit, version) = (self.state == State::Committing, self.version);
                TransactionRequest::End { node, identity: identity?, is_commit, version }
            }
        })
    }

    fn commit_offsets(&mut self, identity: ProducerIdAndEpoch) -> Option<TransactionRequest> {
        let offsets = self.contents.next_offsets()?.clone();
        let group = &offsets.group.group_id;
        let known = self.group_coordinator.as_ref().filter(|(of, _)| of == group).map(|(_, node)| *node);
        let Some(node) = known else {
            return Some(TransactionRequest::FindGroupCoordinator(Arc::clone(group)));
        };
        // In version 2 this adds the group.
        self.contents.start();
        Some(TransactionRequest::CommitOffsets { node, identity, offsets, version: self.version })
    }

    fn drop_offsets(&mut self, error: &Error) {
        let count = self.contents.drop_offsets();
        self.offsets_sent.extend((0..count).map(|_| Err(error.clone())));
    }

    fn enter(&mut self, next: State) {
        let before = std::mem::replace(&mut self.state, next);
        assert!(next.may_follow(before), "a transaction goes from {before:?} to {next:?}");
    }
}

fn failed(cause: &Error) -> Error {
    Error::TransactionFailed { cause: Box::new(cause.clone()) }
}

#[cfg(test)]
mod tests;
