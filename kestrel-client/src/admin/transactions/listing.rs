//! Lists transactions by state, producer, duration and id.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;
use kestrel_protocol::messages::list_transactions::ListTransactionsRequest;
use kestrel_protocol::{ApiKey, ByteString, NodeId, ProducerId};

use crate::admin::named::named;
use crate::admin::settle::{Call, Round, check};
use crate::client::{Client, Target};
use crate::coordinators::is_passing_at_coordinator;
use crate::environment::wire_millis;
use crate::error::{Error, Result};
use crate::into::IntoName;

/// The first version of ListTransactions that filters by duration (KIP-994).
const DURATION_VERSION: i16 = 1;
/// The first version of ListTransactions that filters by transactional id (KIP-1152).
const PATTERN_VERSION: i16 = 2;

named! {
    /// The state of a transactional id.
    ///
    /// ```
    /// assert_eq!(kestrel_client::admin::TransactionState::PrepareCommit.to_string(), "PrepareCommit");
    /// ```
    TransactionState {
        /// Its producer has begun no transaction yet.
        Empty,
        /// A transaction is open.
        Ongoing,
        /// The transaction is committed; its markers are being written.
        PrepareCommit,
        /// The transaction is aborted; its markers are being written.
        PrepareAbort,
        /// The last transaction was committed.
        CompleteCommit,
        /// The last transaction was aborted.
        CompleteAbort,
        /// A producer that is replaced is being fenced.
        PrepareEpochFence,
    }
}

/// A filter over transactional ids: matches all until it is narrowed.
///
/// ```
/// use std::time::Duration;
///
/// use kestrel_client::admin::{TransactionFilter, TransactionState};
///
/// let filter = TransactionFilter::all().states([TransactionState::Ongoing]).longer_than(Duration::from_secs(600));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct TransactionFilter {
    states: Vec<TransactionState>,
    producer_ids: Vec<ProducerId>,
    longer_than: Option<Duration>,
    transactional_id_pattern: Option<Arc<str>>,
}

impl TransactionFilter {
    /// All transactional ids.
    pub const fn all() -> Self {
        Self {
            states: Vec::new(),
            producer_ids: Vec::new(),
            longer_than: None,
            transactional_id_pattern: None,
        }
    }

    /// Those in one of these states. Default: in any.
    pub fn states(mut self, states: impl IntoIterator<Item = TransactionState>) -> Self {
        self.states = states.into_iter().collect();
        self
    }

    /// Those of one of these producers. Default: of any.
    pub fn producer_ids(mut self, producer_ids: impl IntoIterator<Item = ProducerId>) -> Self {
        self.producer_ids = producer_ids.into_iter().collect();
        self
    }

    /// Those whose transaction began longer ago than this, in whole milliseconds, up to 24 days (KIP-994). Default: however
    /// long ago.
    pub const fn longer_than(mut self, duration: Duration) -> Self {
        self.longer_than = Some(duration);
        self
    }

    /// Those whose whole transactional id matches this regular expression, in RE2's syntax (KIP-1152). Default: any id.
    pub fn transactional_id_pattern(mut self, pattern: impl IntoName) -> Self {
        self.transactional_id_pattern = Some(pattern.into_name());
        self
    }

    fn first_version(&self) -> i16 {
        match (&self.transactional_id_pattern, self.longer_than) {
            (Some(_), _) => PATTERN_VERSION,
            (None, Some(_)) => DURATION_VERSION,
            (None, None) => 0,
        }
    }

    fn request(&self) -> ListTransactionsRequest {
        let name = |state: &TransactionState| ByteString::from_static(state.name());
        let pattern = self.transactional_id_pattern.as_deref();
        ListTransactionsRequest {
            state_filters: self.states.iter().map(name).collect(),
            producer_id_filters: self.producer_ids.clone(),
            duration_filter: self.longer_than.map_or(-1, |duration| wire_millis(duration).into()),
            transactional_id_pattern: pattern.map(ByteString::from),
        }
    }
}

/// A transactional id in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TransactionListing {
    /// The transactional id.
    pub transactional_id: Arc<str>,
    /// The id of its producer.
    pub producer_id: ProducerId,
    /// Its state.
    pub state: TransactionState,
    /// The broker that coordinates it.
    pub coordinator: NodeId,
}

/// Asks brokers for the transactional ids that they coordinate.
#[derive(Debug)]
pub(super) struct ListTransactions {
    pub(super) filter: TransactionFilter,
}

impl Call for ListTransactions {
    type Item = NodeId;
    type Output = Vec<TransactionListing>;
    const OPERATION: &'static str = "listing transactions";
    const IS_PASSING: fn(&Error) -> bool = is_passing_at_coordinator;

    async fn round(&self, client: &Client, items: &[NodeId], _: Instant) -> Round<Self> {
        Ok(join_all(items.iter().map(|&node| self.list_at(client, node))).await)
    }
}

impl ListTransactions {
    async fn list_at(&self, client: &Client, coordinator: NodeId) -> Result<Vec<TransactionListing>> {
        let api = ApiKey::ListTransactions;
        let (target, since) = (Target::Node(coordinator), self.filter.first_version());
        let response = client.send_since(target, &self.filter.request(), since).await?;
        check(api, response.error_code, None)?;
        let listed = response.transaction_states.into_iter().map(|listed| TransactionListing {
            transactional_id: Arc::from(&*listed.transactional_id),
            producer_id: listed.producer_id,
            state: TransactionState::from_name(&listed.transaction_state),
            coordinator,
        });
        Ok(listed.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_named_as_the_coordinator_does() {
        for name in ["Empty", "Ongoing", "PrepareCommit", "CompleteAbort", "PrepareEpochFence"] {
            assert_eq!(TransactionState::from_name(name).name(), name);
        }
        assert_eq!(TransactionState::from_name("Napping"), TransactionState::Unknown);
    }

    #[test]
    fn a_filter_needs_the_version_that_has_it() {
        let all = TransactionFilter::all();
        assert_eq!(all.clone().states([TransactionState::Ongoing]).first_version(), 0);
        assert_eq!(all.clone().longer_than(Duration::ZERO).first_version(), 1);
        assert_eq!(all.longer_than(Duration::ZERO).transactional_id_pattern("a.*").first_version(), 2);
    }

    #[test]
    fn a_filter_that_is_not_narrowed_asks_for_all() {
        let request = TransactionFilter::all().request();
        assert_eq!(request, ListTransactionsRequest { duration_filter: -1, ..Default::default() });
        let longer = TransactionFilter::all().longer_than(Duration::from_secs(2)).request();
        assert_eq!(longer.duration_filter, 2000);
    }
}
