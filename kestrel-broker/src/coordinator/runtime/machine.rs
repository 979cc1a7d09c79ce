//! The contract of a replayed machine: what it is given and what it gives. Pure.

use std::fmt::Debug;
use std::time::Instant;

use kestrel_protocol::record::control::TransactionOutcome;
use kestrel_protocol::{ErrorCode, Timestamp};

use super::effects::Effects;
use super::record::{LogPlace, LogRecord};
use crate::cluster::ClusterImage;
use crate::log::Transaction;

/// What an event of a machine leads to.
pub(in crate::coordinator) type EffectsOf<M> = Effects<<M as Machine>::Record, <M as Machine>::Ask>;

/// The state of one partition of an internal topic, rebuilt by replaying that partition's log.
///
/// ```text
///   new ──► replay, replay_end ... ──► loaded ──► requests, handle_* ──► Effects ──► log ──► replay
/// ```
///
/// Hard state changes in [`replay`](Self::replay) and [`replay_end`](Self::replay_end) alone, which a restart runs on the same
/// log. Soft state (who waits, timers) changes while an event is handled. When records cannot be appended, the machine is
/// dropped with both, and a new one is loaded: it never has to take anything back.
pub(in crate::coordinator) trait Machine: Debug + Sized + Send + 'static {
    /// What a machine is made with.
    type Settings: Clone + Debug + Send + Sync + 'static;
    /// A record of its log.
    type Record: LogRecord;
    /// What it asks of other rooms or nodes; [`Infallible`](std::convert::Infallible) when it asks nobody.
    type Ask: Debug + Send + 'static;
    /// What an ask comes back with, failures included.
    type Answer: Debug + Send + 'static;

    /// What is answered to a request whose records are too large for the log.
    const TOO_LARGE: ErrorCode;

    /// A machine that has replayed nothing yet.
    fn new(settings: Self::Settings) -> Self;

    /// Lets a record of the log take effect.
    fn replay(&mut self, record: Self::Record, place: LogPlace);

    /// Lets the end of a transaction take effect: its marker is in the log (KIP-98).
    fn replay_end(&mut self, transaction: Transaction, outcome: TransactionOutcome);

    /// Begins to serve: everything that is in the log was replayed. Asks again for what the log says is still to be done.
    fn loaded(&mut self, now: Now) -> EffectsOf<Self>;

    /// When [`handle_timeout`](Self::handle_timeout) is to be called, if nothing happens before.
    fn next_deadline(&self) -> Option<Instant>;

    /// Does one thing whose time has come; `None` when there is none. It is called again until then.
    fn handle_timeout(&mut self, now: Now) -> Option<EffectsOf<Self>>;

    /// Handles the answer to an ask of this machine; never one to an ask of the machine that was here before it.
    fn handle_answer(&mut self, answer: Self::Answer, now: Now) -> EffectsOf<Self>;

    /// Handles that topics may have been deleted: `image` is the metadata as of now.
    fn handle_deleted_topics(&mut self, image: &ClusterImage) -> EffectsOf<Self>;
}

/// The time: for deadlines, and for records.
#[derive(Debug, Clone, Copy)]
pub(in crate::coordinator) struct Now {
    /// Never goes back.
    pub(in crate::coordinator) instant: Instant,
    /// May jump.
    pub(in crate::coordinator) wall: Timestamp,
}
