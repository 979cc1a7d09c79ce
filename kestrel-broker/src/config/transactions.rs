//! The keys of transactions and their coordinator.

use std::time::Duration;

use kestrel_settings::Scope::ClusterWide;
use kestrel_settings::settings;

settings! {
    /// The settings of transactions, handed to each machine of the coordinator.
    #[derive(PartialEq, Eq)]
    pub(crate) struct TransactionSettings, keys TRANSACTIONS: TransactionKeys;

    /// How many milliseconds adding a partition to a transaction waits at most until the producer's last one is completed;
    /// then the answer is CONCURRENT_TRANSACTIONS.
    add_partitions_patience: Duration, "add.partitions.to.txn.retry.backoff.max.ms", Int, "100", [0..];
    /// How often, in milliseconds, it is looked for transactions that have timed out, to abort them.
    abort_check_interval: Duration, "transaction.abort.timed.out.transaction.cleanup.interval.ms", Int, "10000", [1..];
    /// The longest timeout, in milliseconds, that a producer may ask for. A longer one is refused with INVALID_TRANSACTION_TIMEOUT.
    max_timeout: Duration, "transaction.max.timeout.ms", Int, "900000", [1..];
    /// Whether records of older clients are taken for a transaction only after its coordinator has said that it has the partition.
    verifies_partitions: bool, "transaction.partition.verification.enable", Boolean, "true", [any], scope: ClusterWide;
    /// How often, in milliseconds, it is looked for transactional ids that have expired.
    expiration_check_interval: Duration, "transaction.remove.expired.transaction.cleanup.interval.ms", Int, "3600000", [1..];
    /// How many milliseconds a transactional id is remembered after it was last used.
    expiration: Duration, "transactional.id.expiration.ms", Int, "604800000", [1..];
}
