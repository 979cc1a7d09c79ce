//! What an event leads to: records, replies and asks, in the order in which they take effect. Pure.

use std::convert::Infallible;
use std::fmt::Debug;

use super::reply::{Addressed, ReplyTo};
use crate::log::Transaction;

/// What an event leads to, with records of type `R` and asks of type `A`. First the records are appended and replayed; replies
/// and asks leave once those are stored.
#[derive(Debug)]
pub(in crate::coordinator) struct Effects<R, A = Infallible> {
    pub(super) records: Vec<R>,
    pub(super) transaction: Option<Transaction>,
    pub(super) replies: Vec<Addressed>,
    pub(super) asks: Vec<A>,
}

impl<R, A> Default for Effects<R, A> {
    fn default() -> Self {
        Self { records: Vec::new(), transaction: None, replies: Vec::new(), asks: Vec::new() }
    }
}

impl<R, A> From<Vec<R>> for Effects<R, A> {
    fn from(records: Vec<R>) -> Self {
        Self { records, ..Self::default() }
    }
}

impl<R, A> Effects<R, A> {
    /// Appends a record after those that are there.
    pub(in crate::coordinator) fn record(&mut self, record: R) {
        self.records.push(record);
    }

    /// Appends what another event leads to, which has happened after this one.
    pub(in crate::coordinator) fn append(&mut self, later: Self) {
        debug_assert_eq!(
            self.transaction, later.transaction,
            "records of one event are of one transaction, or of none"
        );
        self.records.extend(later.records);
        self.replies.extend(later.replies);
        self.asks.extend(later.asks);
    }

    /// Whether there is any record.
    pub(in crate::coordinator) fn has_records(&self) -> bool {
        !self.records.is_empty()
    }

    /// Answers a request that waits.
    pub(in crate::coordinator) fn reply<T: Debug + Send + 'static>(&mut self, to: ReplyTo<T>, answer: T) {
        self.replies.push(to.answer(answer));
    }

    /// Asks other rooms or nodes; what comes back is given back to the machine as an event.
    pub(in crate::coordinator) fn ask(&mut self, ask: A) {
        self.asks.push(ask);
    }

    /// The same, with the records as part of a producer's transaction (KIP-98).
    pub(in crate::coordinator) fn within(self, transaction: Transaction) -> Self {
        Self { transaction: Some(transaction), ..self }
    }
}
