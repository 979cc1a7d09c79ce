//! The transactional ids of one `__transaction_state` partition: a replayed machine. Pure: no runtime, no clock, no randomness.
//!
//! ```text
//!   request, now ──► transition of TransactionMetadata ──► record ──► log ──► replay ──► stored (hard)
//!                                                             │                             ▲
//!   all markers are stored ──► completed ─────────────────────┘           a restart replays the same log
//!        ▲
//!        └── the envoy writes them ◄── Ask::Markers, once the decision is stored
//! ```
//!
//! `state` has the states of a transaction and `metadata` their transitions; a file each for what requests and time do to them.
//!
//! A transition is replayed as soon as its record is appended, and answers wait until it is stored. So there is none that is
//! pending, as in Apache Kafka, except while markers are written: then it answers CONCURRENT_TRANSACTIONS as Kafka does.

mod add;
mod end;
mod init;
mod list;
mod markers;
mod metadata;
mod records;
mod session;
mod state;
mod upkeep;
mod version;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytestring::ByteString;
use kestrel_protocol::record::control::TransactionOutcome;
use kestrel_protocol::{ErrorCode, ProducerId};

use super::runtime::{self, Deadlines, LogPlace, Machine, Now};
use crate::clock::after;
use crate::cluster::ClusterImage;
use crate::config::TransactionSettings;
use crate::log::Transaction;
use metadata::detached;
use records::TransactionRecord;
use session::{Session, Sessions};

pub(crate) use add::Addition;
pub(crate) use end::Ending;
pub(crate) use init::Initialization;
pub(crate) use list::{ListedTransaction, TransactionFilter};
pub(super) use markers::{Answer, Ask, Markers};
pub(crate) use metadata::{TopicPartition, TransactionMetadata};
pub(crate) use state::TransactionState;
pub(super) use version::FinalizedVersion;

/// What an event of the transactions leads to.
type Effects = runtime::Effects<TransactionRecord, Ask>;
/// The answer to a request that does not wait, and what it leads to.
pub(super) type Handled<R> = (R, Effects);

/// What each machine is made with.
#[derive(Debug, Clone)]
pub(super) struct ShardSettings {
    pub(super) settings: TransactionSettings,
    /// The version of transactions that the cluster has finalized.
    pub(super) version: FinalizedVersion,
}

/// The transactional ids of one partition.
#[derive(Debug)]
pub(super) struct TransactionShard {
    settings: TransactionSettings,
    version: FinalizedVersion,
    /// What the log says. By name, so that what is done to all of them is done in the same order each time.
    stored: BTreeMap<ByteString, TransactionMetadata>,
    /// What no record says.
    sessions: Sessions,
    deadlines: Deadlines<Timer>,
}

/// What is due at some time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Timer {
    /// Transactions that have timed out are looked for.
    Abort,
    /// Transactional ids that have expired are looked for.
    Expiration,
    /// Markers are asked for again.
    Markers(ByteString),
    /// Those who wait to add partitions have waited long enough.
    Additions(ByteString),
}

/// Why a request is not carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// The answer is this error.
    With(ErrorCode),
    /// It is to be repeated with a producer id that nobody has had.
    NoSpareProducerId,
}

impl From<ErrorCode> for Refused {
    fn from(error: ErrorCode) -> Self {
        Self::With(error)
    }
}

impl Machine for TransactionShard {
    type Settings = ShardSettings;
    type Record = TransactionRecord;
    type Ask = Ask;
    type Answer = Answer;

    const TOO_LARGE: ErrorCode = ErrorCode::UnknownServerError;

    fn new(ShardSettings { settings, version }: ShardSettings) -> Self {
        let (stored, sessions, deadlines) = (BTreeMap::new(), Sessions::default(), Deadlines::default());
        Self { settings, version, stored, sessions, deadlines }
    }

    fn replay(&mut self, record: TransactionRecord, _: LogPlace) {
        let TransactionRecord { transactional_id, metadata } = record;
        match (metadata, self.stored.get_mut(&transactional_id)) {
            (Some(metadata), Some(known)) => *known = metadata,
            (Some(metadata), None) => _ = self.stored.insert(detached(&transactional_id), metadata),
            (None, _) => _ = self.stored.remove(&transactional_id),
        }
    }

    /// Nothing is written to this topic within a transaction.
    fn replay_end(&mut self, _: Transaction, _: TransactionOutcome) {}

    /// Begins to serve: transactions whose end was decided are brought to it.
    fn loaded(&mut self, now: Now) -> Effects {
        self.schedule(Timer::Abort, self.settings.abort_check_interval, now);
        self.schedule(Timer::Expiration, self.settings.expiration_check_interval, now);
        self.resume(now)
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.next()
    }

    fn handle_timeout(&mut self, now: Now) -> Option<Effects> {
        Some(match self.deadlines.pop_due(now.instant)? {
            Timer::Abort => {
                self.schedule(Timer::Abort, self.settings.abort_check_interval, now);
                self.abort_timed_out(now)
            }
            Timer::Expiration => {
                self.schedule(Timer::Expiration, self.settings.expiration_check_interval, now);
                self.expire(now)
            }
            Timer::Markers(transactional_id) => self.ask_for_markers(&transactional_id),
            Timer::Additions(transactional_id) => self.end_waiting(&transactional_id, now),
        })
    }

    fn handle_answer(&mut self, answer: Answer, now: Now) -> Effects {
        match answer {
            Answer::Marked { transactional_id, left } => self.handle_marked(&transactional_id, left, now),
            Answer::ProducerId { transactional_id, producer_id } => {
                self.handle_producer_id(&transactional_id, producer_id, now)
            }
        }
    }

    /// Partitions of deleted topics count as done when they are asked for again.
    fn handle_deleted_topics(&mut self, _: &ClusterImage) -> Effects {
        Effects::default()
    }
}

impl TransactionShard {
    fn schedule(&mut self, timer: Timer, wait: Duration, now: Now) {
        self.deadlines.schedule(timer, after(now.instant, wait));
    }

    /// The metadata of a transactional id that a request is about.
    fn known(&self, transactional_id: &str) -> Result<&TransactionMetadata, ErrorCode> {
        check_name(transactional_id)?;
        self.stored.get(transactional_id).ok_or(ErrorCode::InvalidProducerIdMapping)
    }

    /// What is known of a transactional id beside its record.
    fn session(&mut self, transactional_id: &str) -> &mut Session {
        self.sessions.entry(detached(transactional_id)).or_default()
    }

    /// The record of a transition.
    fn record(&self, transactional_id: &ByteString, next: TransactionMetadata) -> TransactionRecord {
        next.into_record(transactional_id.clone(), self.version.get())
    }
}

/// Checks that a transactional id has a name.
fn check_name(transactional_id: &str) -> Result<(), ErrorCode> {
    if transactional_id.is_empty() { Err(ErrorCode::InvalidRequest) } else { Ok(()) }
}

/// The producer id that a request brought.
fn spare(producer_id: Option<ProducerId>) -> Result<ProducerId, Refused> {
    producer_id.ok_or(Refused::NoSpareProducerId)
}

#[cfg(test)]
mod tests;
