//! What an event leads to: records, replies and asks, in the order in which they take effect. Pure.

use std::fmt::Debug;

use super::machine::{Machine, Transaction};
use super::reply::{Addressed, ReplyTo};

/// The answer to a request that does not wait, and what the request leads to.
pub(in crate::coordinator) type Handled<M, R> = (R, Effects<M>);

/// What an event leads to. First the records are appended and replayed; replies and asks leave once those are stored.
#[derive(Debug)]
pub(in crate::coordinator) struct Effects<M: Machine> {
    pub(super) records: Vec<M::Record>,
    pub(super) transaction: Option<Transaction>,
    pub(super) replies: Vec<Addressed>,
    pub(super) asks: Vec<M::Ask>,
}

impl<M: Machine> Default for Effects<M> {
    fn default() -> Self {
        Self { records: Vec::new(), transaction: None, replies: Vec::new(), asks: Vec::new() }
    }
}

impl<M: Machine> From<Vec<M::Record>> for Effects<M> {
    fn from(records: Vec<M::Record>) -> Self {
        Self { records, ..Self::default() }
    }
}

impl<M: Machine> Effects<M> {
    /// Appends a record after those that are there.
    pub(in crate::coordinator) fn record(&mut self, record: M::Record) {
        self.records.push(record);
    }

    /// Whether there is any record.
    pub(in crate::coordinator) fn has_records(&self) -> bool {
        !self.records.is_empty()
    }

    /// Answers a request that waits.
    pub(in crate::coordinator) fn reply<R: Debug + Send + 'static>(&mut self, to: ReplyTo<R>, answer: R) {
        self.replies.push(to.answer(answer));
    }

    /// Asks other rooms or nodes; what comes back is given to [`Machine::handle_answer`].
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "groups ask nobody; a transaction coordinator sends its markers")
    )]
    pub(in crate::coordinator) fn ask(&mut self, ask: M::Ask) {
        self.asks.push(ask);
    }

    /// The same, with the records as part of a producer's transaction (KIP-98).
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "TxnOffsetCommit comes with the transaction coordinator")
    )]
    pub(in crate::coordinator) fn within(self, transaction: Transaction) -> Self {
        Self { transaction: Some(transaction), ..self }
    }
}
