//! Coordinators: who keeps state for clients in an internal topic. Groups in `__consumer_offsets`, transactions in
//! `__transaction_state`.
//!
//! Called by `api/`. Writes through `partition/` as a producer would, and reads its own log back after a restart.
//!
//! ```text
//!   api ──► GroupCoordinator ──► runtime::Coordinator<GroupShard> ──► GroupShard (machine) ──► records ──► Partition
//!   api ──► TransactionCoordinator ──► ..Coordinator<TransactionShard> ──► TransactionShard ──► records ──► Partition
//!                 └─► MarkerWriter ──► Partition, and GroupCoordinator for the partitions of groups
//! ```
//!
//! `runtime/` is what all coordinators run on. A further one is a machine with its records in a folder of its own, and a file
//! like `groups.rs` and `transactions.rs` that gives its requests names.

mod group;
mod groups;
mod markers;
mod runtime;
mod transaction;
mod transactions;

pub(crate) use group::{Commit, CommittedPartition, FetchedOffset, GroupStanding, Joining, ListFilter};
pub(crate) use groups::{GROUPS_TOPIC, GroupCoordinator};
pub(crate) use markers::Marker;
pub(crate) use transaction::{
    Addition, Ending, Initialization, ListedTransaction, TopicPartition, TransactionFilter,
    TransactionMetadata, TransactionState,
};
pub(crate) use transactions::{TRANSACTIONS_TOPIC, TransactionCoordinator};
