//! Transactions: list, describe, fence their producers; the producers of partitions, and transactions that hang
//! (KIP-360, KIP-664).
//!
//! What is asked about a transactional id goes to its coordinator, a list to every broker, and what is asked about a
//! partition to its leader.

mod description;
mod fencing;
mod hanging;
mod listing;
mod producers;

use std::sync::Arc;
use std::time::Duration;

use kestrel_protocol::{ApiKey, ErrorCode};

pub use self::description::TransactionDescription;
pub use self::fencing::FencedProducer;
pub use self::hanging::OpenTransaction;
pub use self::listing::{TransactionFilter, TransactionListing, TransactionState};
pub use self::producers::ProducerDescription;
use super::{Admin, AdminResults};
use crate::error::{BrokerError, Error, Result};
use crate::into::IntoName;
use crate::record::TopicPartition;

impl Admin {
    /// The transactional ids of the cluster that this client may see, by id: every broker is asked for the ones that it
    /// coordinates.
    ///
    /// ```no_run
    /// # async fn f(admin: kestrel_client::Admin) -> Result<(), kestrel_client::Error> {
    /// use kestrel_client::admin::{TransactionFilter, TransactionState};
    ///
    /// let open = TransactionFilter::all().states([TransactionState::Ongoing]);
    /// for transaction in admin.list_transactions(open).await? {
    ///     println!("{} of {:?}", transaction.transactional_id, transaction.producer_id);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::UnsupportedApi`] when a broker is too old for the filter (Apache Kafka 3.8 for the duration, 4.1 for the
    /// pattern), `INVALID_REGULAR_EXPRESSION`, [`Error::Timeout`] when a broker cannot be asked: a list without its
    /// transactions would not be whole.
    pub async fn list_transactions(&self, filter: TransactionFilter) -> Result<Vec<TransactionListing>> {
        let mut transactions = self.settle_at_brokers(&listing::ListTransactions { filter }).await?;
        transactions.sort_by(|left, right| left.transactional_id.cmp(&right.transactional_id));
        // One that moved meanwhile may be named by two brokers.
        transactions.dedup_by(|left, right| left.transactional_id == right.transactional_id);
        Ok(transactions)
    }

    /// Transactional ids with their state, their producer and the partitions in their transaction.
    ///
    /// # Errors
    /// Per transactional id: `TRANSACTIONAL_ID_NOT_FOUND`, `TRANSACTIONAL_ID_AUTHORIZATION_FAILED`, [`Error::Timeout`].
    pub async fn describe_transactions(
        &self,
        transactional_ids: impl IntoIterator<Item = impl IntoName>,
    ) -> AdminResults<Arc<str>, TransactionDescription> {
        let ids = transactional_ids.into_iter().map(IntoName::into_name).collect();
        self.settle(&description::DescribeTransactions, ids).await
    }

    /// Fences the producers of transactional ids: their open transactions are aborted, and what they still try is refused.
    /// A transactional id that no producer had is made.
    ///
    /// ```no_run
    /// # async fn f(admin: kestrel_client::Admin) -> Result<(), kestrel_client::Error> {
    /// admin.fence_producers(["billing-1"]).await.into_result()?; // what `billing-1` had open is aborted
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Per transactional id: `TRANSACTIONAL_ID_AUTHORIZATION_FAILED`, `CLUSTER_AUTHORIZATION_FAILED`, `INVALID_TRANSACTION_TIMEOUT`
    /// when the client's `request.timeout.ms` is above the broker's `transaction.max.timeout.ms`, [`Error::Timeout`].
    pub async fn fence_producers(
        &self,
        transactional_ids: impl IntoIterator<Item = impl IntoName>,
    ) -> AdminResults<Arc<str>, FencedProducer> {
        let ids = transactional_ids.into_iter().map(IntoName::into_name).collect();
        self.settle(&fencing::FenceProducers, ids).await
    }

    /// The idempotent and transactional producers that have written to partitions, as long as the leaders remember them
    /// (`producer.id.expiration.ms`, 1 day).
    ///
    /// # Errors
    /// Per partition: [`Error::UnknownTopic`], [`Error::UnknownPartition`], `TOPIC_AUTHORIZATION_FAILED`, [`Error::Timeout`].
    pub async fn describe_producers(
        &self,
        partitions: impl IntoIterator<Item = impl Into<TopicPartition>>,
    ) -> AdminResults<TopicPartition, Vec<ProducerDescription>> {
        let partitions = partitions.into_iter().map(Into::into).collect();
        self.settle(&producers::DescribeProducers, partitions).await
    }

    /// Finds transactions that hang: open in a partition of `topics`, not written to for longer than `idle_for`, and not
    /// known to any coordinator, so that nobody will end them. Take the brokers' `transaction.max.timeout.ms`, which is 15
    /// minutes unless it was set, or longer.
    ///
    /// ```no_run
    /// # async fn f(admin: kestrel_client::Admin) -> Result<(), kestrel_client::Error> {
    /// use std::time::Duration;
    ///
    /// for hanging in admin.find_hanging_transactions(["clicks"], Duration::from_secs(15 * 60)).await? {
    ///     println!("{} is stuck at {}", hanging.partition, hanging.start_offset);
    ///     admin.abort_transaction(&hanging).await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The first that [`Self::describe_topics`], [`Self::describe_producers`], [`Self::list_transactions`] or
    /// [`Self::describe_transactions`] gave.
    pub async fn find_hanging_transactions(
        &self,
        topics: impl IntoIterator<Item = impl IntoName>,
        idle_for: Duration,
    ) -> Result<Vec<OpenTransaction>> {
        hanging::find(self, topics.into_iter().map(IntoName::into_name).collect(), idle_for).await
    }

    /// Aborts a hanging transaction in its one partition, past the coordinator.
    ///
    /// Only for one that [`Self::find_hanging_transactions`] gave: a transaction that its coordinator knows is ended by its
    /// producer, its timeout, or [`Self::fence_producers`], in all of its partitions; aborted here, it may be committed in
    /// the others.
    ///
    /// # Errors
    /// `INVALID_PRODUCER_EPOCH` when the producer has a later epoch by now, `TRANSACTION_COORDINATOR_FENCED`,
    /// `CLUSTER_AUTHORIZATION_FAILED`, [`Error::UnknownTopic`], [`Error::UnknownPartition`], [`Error::Timeout`].
    pub async fn abort_transaction(&self, transaction: &OpenTransaction) -> Result<()> {
        let aborted = self.settle(&hanging::AbortTransaction, vec![transaction.clone()]).await;
        aborted.into_result().map(drop)
    }
}

fn check(api: ApiKey, id: &Arc<str>, code: ErrorCode) -> Result<()> {
    match code {
        ErrorCode::None => Ok(()),
        code => Err(BrokerError::new(api, code).transactional_id(Arc::clone(id)).into()),
    }
}

/// The error of a transactional id that an answer leaves out.
fn left_out(api: ApiKey, id: &Arc<str>) -> Error {
    let message = Some("the broker's answer leaves it out");
    BrokerError::new(api, ErrorCode::UnknownServerError)
        .transactional_id(Arc::clone(id))
        .message(message)
        .into()
}
