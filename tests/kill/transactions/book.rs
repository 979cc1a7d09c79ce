//! What was asked of transactions and what was answered. Pure.

use std::collections::BTreeMap;
use std::ops::Range;

/// How a transaction ended, as its writer knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It has not ended.
    Open,
    /// Its commit was answered.
    Committed,
    /// Its abort was answered.
    Aborted,
    /// It failed before its commit was asked for.
    Failed,
    /// Its commit was asked for and not answered.
    InDoubt,
}

/// A transaction: the numbers of its records among those of its writer, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) records: Range<u64>,
    pub(crate) outcome: Outcome,
}

/// All transactions.
#[derive(Debug, Clone, Default)]
pub(crate) struct Book {
    /// By writer and the number of the first record.
    transactions: BTreeMap<(u32, u64), Asked>,
    /// What producers failed with, and how often.
    failures: BTreeMap<String, u32>,
}

impl Book {
    /// A writer begins a transaction of these records.
    pub(crate) fn begin(&mut self, writer: u32, records: Range<u64>) {
        self.transactions.insert((writer, records.start), Asked { records, outcome: Outcome::Open });
    }

    /// The transaction with this first record has ended.
    pub(crate) fn end(&mut self, writer: u32, first: u64, outcome: Outcome) {
        if let Some(asked) = self.transactions.get_mut(&(writer, first)) {
            asked.outcome = outcome;
        }
    }

    /// A producer has failed.
    pub(crate) fn failed(&mut self, why: String) {
        *self.failures.entry(why).or_default() += 1;
    }

    /// The transactions, with their writers.
    pub(crate) fn transactions(&self) -> impl Iterator<Item = (u32, &Asked)> {
        self.transactions.iter().map(|((writer, _), asked)| (*writer, asked))
    }

    /// What is to be said in the end.
    pub(crate) fn summary(&self) -> String {
        let count = |outcome| self.transactions.values().filter(|asked| asked.outcome == outcome).count();
        let failures =
            if self.failures.is_empty() { String::new() } else { format!(": {:?}", self.failures) };
        format!(
            "{} transactions committed, {} aborted, {} failed, {} in doubt{failures}",
            count(Outcome::Committed),
            count(Outcome::Aborted),
            count(Outcome::Failed),
            count(Outcome::InDoubt),
        )
    }
}
