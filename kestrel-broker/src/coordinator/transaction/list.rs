//! DescribeTransactions and ListTransactions (KIP-664, KIP-994): what there is, as clients are shown it. Part of the machine.

use std::collections::BTreeMap;
use std::time::Duration;

use bytestring::ByteString;
use kestrel_protocol::{ProducerId, Timestamp};

use super::metadata::TransactionMetadata;
use super::{TransactionShard, TransactionState};

/// Which transactional ids are listed; what is not said selects all.
#[derive(Debug, Default)]
pub(crate) struct TransactionFilter {
    /// Those in one of these states.
    pub(crate) states: Option<Vec<TransactionState>>,
    /// Those of one of these producers.
    pub(crate) producer_ids: Option<Vec<ProducerId>>,
    /// Those whose transaction began longer ago.
    pub(crate) older_than: Option<Duration>,
}

impl TransactionFilter {
    fn selects(&self, metadata: &TransactionMetadata, now: Timestamp) -> bool {
        let is_old = |age: Duration| {
            let took = i128::from(now.as_millis()) - i128::from(metadata.started_at.as_millis());
            took > i128::try_from(age.as_millis()).unwrap_or(i128::MAX)
        };
        self.states.as_ref().is_none_or(|states| states.contains(&metadata.state))
            && self.producer_ids.as_ref().is_none_or(|ids| ids.contains(&metadata.producer.producer_id))
            && self.older_than.is_none_or(is_old)
    }
}

/// A transactional id as ListTransactions shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListedTransaction {
    pub(crate) transactional_id: ByteString,
    pub(crate) producer_id: ProducerId,
    pub(crate) state: TransactionState,
}

impl TransactionShard {
    /// Handles DescribeTransactions for one transactional id; `None` when it is not there.
    pub(in crate::coordinator) fn describe(&self, transactional_id: &str) -> Option<TransactionMetadata> {
        self.stored.get(transactional_id).cloned()
    }

    /// Adds how many transactional ids are in each state to those of other shards.
    pub(in crate::coordinator) fn add_to(&self, by_state: &mut BTreeMap<&'static str, u64>) {
        self.stored.values().for_each(|metadata| *by_state.entry(metadata.state.name()).or_default() += 1);
    }

    /// Handles ListTransactions.
    pub(in crate::coordinator) fn list(
        &self,
        filter: &TransactionFilter,
        now: Timestamp,
    ) -> Vec<ListedTransaction> {
        let selected = self.stored.iter().filter(|(_, metadata)| filter.selects(metadata, now));
        let listed = selected.map(|(id, metadata)| ListedTransaction {
            transactional_id: id.clone(),
            producer_id: metadata.producer.producer_id,
            state: metadata.state,
        });
        listed.collect()
    }
}
