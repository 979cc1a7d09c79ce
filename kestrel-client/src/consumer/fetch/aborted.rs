//! Which batches of a fetched run belong to aborted transactions (`isolation.level=read_committed`, KIP-98).
//!
//! Used by [`CompletedFetch`](super::completed::CompletedFetch), batch after batch. Looks at no user record.

use std::collections::{HashSet, VecDeque};

use kestrel_protocol::messages::fetch::AbortedTransaction;
use kestrel_protocol::record::RecordBatch;
use kestrel_protocol::record::control::{ControlRecord, EndTransactionMarker, TransactionOutcome};
use kestrel_protocol::{DecodeError, ProducerId};

/// Room for the one record of a transaction marker, which is never large, in bytes.
const MARKER_LIMIT_BYTES: usize = 64 * 1024;

/// The aborted transactions that overlap a fetched run of batches.
#[derive(Debug)]
pub(super) struct AbortedTransactions {
    /// Those that begin further on, by first offset.
    ahead: VecDeque<AbortedTransaction>,
    /// The producers whose records are skipped here.
    aborting: HashSet<ProducerId>,
}

impl AbortedTransactions {
    /// The list as the broker sent it, in any order: brokers do not promise one.
    pub(super) fn new(mut transactions: Vec<AbortedTransaction>) -> Self {
        transactions.sort_by_key(|transaction| transaction.first_offset);
        Self { ahead: transactions.into(), aborting: HashSet::new() }
    }

    /// Whether the next batch of the run is to be skipped. Every batch has to be shown here, in order.
    ///
    /// # Errors
    /// When a marker cannot be read: what its producer writes after it may be of another transaction, so that nothing more may be
    /// shown.
    pub(super) fn is_aborted(&mut self, batch: &RecordBatch) -> Result<bool, DecodeError> {
        let header = batch.header();
        while self.ahead.front().is_some_and(|next| next.first_offset <= header.last_offset()) {
            let Some(begun) = self.ahead.pop_front() else { break };
            self.aborting.insert(begun.producer_id);
        }
        if header.is_control() {
            if is_abort_marker(batch)? {
                self.aborting.remove(&header.producer_id);
            }
            return Ok(false);
        }
        Ok(header.is_transactional() && self.aborting.contains(&header.producer_id))
    }
}

fn is_abort_marker(batch: &RecordBatch) -> Result<bool, DecodeError> {
    let mut records = batch.records(MARKER_LIMIT_BYTES)?;
    // Compaction leaves batches without a record.
    let Some(first) = records.next_view() else { return Ok(false) };
    Ok(matches!(
        ControlRecord::parse(&first?)?,
        ControlRecord::EndTransaction(EndTransactionMarker { outcome: TransactionOutcome::Abort, .. })
    ))
}
