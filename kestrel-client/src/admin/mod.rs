//! Admin: topics, replicas, configurations, offsets, groups, transactions, ACLs, users, quotas and the cluster itself.
//!
//! One file per family of calls. Each call is a `settle::Call`: one round of requests, repeated for the items that
//! failed for a reason that passes, until the time is up. Nothing here keeps state between calls.

mod acls;
mod cluster;
mod configs;
mod groups;
mod leaders;
mod named;
mod numbered;
mod offsets;
mod parts;
mod quotas;
mod replicas;
mod scram;
pub(crate) mod settle;
mod topics;
mod transactions;
mod visibility;

use std::time::Duration;

use crate::client::Client;
use crate::error::Result;

pub use self::acls::{
    AclBinding, AclBindingFilter, AclOperation, AclPermissionType, PatternType, ResourcePattern, ResourceType,
};
pub use self::cluster::{
    ClusterDescription, FeatureUpdate, Features, MetadataQuorum, QuorumEndpoint, QuorumReplica,
};
pub use self::configs::{
    AlterConfigs, ConfigEntry, ConfigResource, ConfigResourceType, ConfigSource, ConfigSynonym, ConfigType,
};
pub use self::groups::{
    ConsumerGroupDescription, ConsumerGroupMemberDescription, GroupDescription, GroupFilter, GroupListing,
    GroupMemberDescription, GroupState, GroupType, MemberAssignment, MemberToRemove, OffsetReset, ResetTo,
};
pub(crate) use self::offsets::list_offsets;
pub use self::offsets::{DeleteRecordsTo, ListedOffset, OffsetSpec};
pub use self::quotas::{
    ClientQuotaAlteration, ClientQuotaEntity, ClientQuotaEntityType, ClientQuotaFilter, ClientQuotas,
};
pub use self::replicas::{
    ElectionOutcome, ElectionType, LogDirDescription, NewPartitionReassignment, PartitionReassignment,
    ReplicaInfo, ReplicaLogDir, ReplicaLogDirs, TopicPartitionReplica,
};
pub use self::scram::{
    ScramCredentialInfo, ScramMechanism, UserScramCredentialAlteration, UserScramCredentialsDescription,
};
pub use self::topics::{
    CreatedTopic, NewPartitions, NewTopic, PartitionDescription, TopicDescription, TopicListing,
};
pub use self::transactions::{
    FencedProducer, OpenTransaction, ProducerDescription, TransactionDescription, TransactionFilter,
    TransactionListing, TransactionState,
};

/// The setting that the texts of timeouts name.
const TIMEOUT_SETTING: &str = "default.api.timeout.ms";

/// Creates, describes, changes and deletes topics, configurations and groups, moves replicas, and looks after the cluster. Cheap to
/// clone.
///
/// Requests go to the broker that can answer them (the controller, a partition's leader, a group's coordinator, the broker that a
/// configuration or a folder belongs to) and are tried again while the reason of a failure is one that passes, such as a controller that moves.
/// Calls about several items give a result for each.
///
/// ```no_run
/// # async fn f(client: kestrel_client::Client) -> Result<(), kestrel_client::Error> {
/// use kestrel_client::admin::NewTopic;
///
/// let admin = client.admin();
/// admin.create_topics([NewTopic::new("clicks").partitions(3).config("retention.ms", "3600000")]).await.into_result()?;
/// for (topic, described) in admin.describe_topics(["clicks"]).await {
///     println!("{topic}: {} partitions", described?.partitions.len());
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Cancel safety
/// Dropping the future of a call that only reads changes nothing. Dropping that of a call that changes something leaves open
/// whether it was done.
#[derive(Debug, Clone)]
pub struct Admin {
    client: Client,
    timeout: Duration,
    with_authorized_operations: bool,
}

impl Client {
    /// The client's administrative calls.
    #[must_use]
    pub fn admin(&self) -> Admin {
        Admin {
            client: self.clone(),
            timeout: self.settings().consumer.default_api_timeout,
            with_authorized_operations: false,
        }
    }
}

impl Admin {
    /// How long each call may take, retries included. Default: 60 s, as Kafka's `default.api.timeout.ms`.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Descriptions of the cluster, topics and groups say what the caller may do with them (KIP-430). Default: they do not.
    ///
    /// ```no_run
    /// # async fn f(admin: kestrel_client::Admin) -> Result<(), kestrel_client::Error> {
    /// use kestrel_client::admin::AclOperation;
    ///
    /// let cluster = admin.with_authorized_operations().describe_cluster().await?;
    /// let may_create = cluster.authorized_operations.is_some_and(|allowed| allowed.contains(&AclOperation::Create));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_authorized_operations(mut self) -> Self {
        self.with_authorized_operations = true;
        self
    }
}

/// A result for each item of a call, in the order of the call.
#[derive(Debug, Clone)]
#[must_use = "each item has a result of its own: look at them, or use `into_result`"]
pub struct AdminResults<K, T>(Vec<(K, Result<T>)>);

impl<K, T> AdminResults<K, T> {
    /// The results, each with what `key` takes from its item.
    fn keyed<L>(self, key: impl Fn(K) -> L) -> AdminResults<L, T> {
        AdminResults(self.0.into_iter().map(|(item, result)| (key(item), result)).collect())
    }

    /// All values, or the first error.
    ///
    /// # Errors
    /// The first item's error, if any item failed; the others may have succeeded all the same.
    pub fn into_result(self) -> Result<Vec<(K, T)>> {
        self.0.into_iter().map(|(item, result)| Ok((item, result?))).collect()
    }

    /// The items with their results.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&K, &Result<T>)> {
        self.0.iter().map(|(item, result)| (item, result))
    }
}

impl<K, T> IntoIterator for AdminResults<K, T> {
    type Item = (K, Result<T>);
    type IntoIter = std::vec::IntoIter<(K, Result<T>)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
