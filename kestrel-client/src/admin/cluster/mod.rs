//! The cluster: its id, controller and brokers, its features, the quorum of its metadata, and brokers that leave it for good.

mod describe;
mod features;
mod quorum;
mod unregister;

use std::sync::Arc;

use kestrel_protocol::NodeId;

pub use self::describe::ClusterDescription;
pub use self::features::{FeatureUpdate, Features};
pub use self::quorum::{MetadataQuorum, QuorumEndpoint, QuorumReplica};
use super::{Admin, AdminResults};
use crate::client::Target;
use crate::error::Result;

impl Admin {
    /// The cluster's id, its controller and its brokers (KIP-700).
    ///
    /// # Errors
    /// [`Error::UnsupportedApi`](crate::Error::UnsupportedApi) from brokers older than Apache Kafka 2.8, [`Error::Timeout`](crate::Error::Timeout),
    /// [`Error::Bootstrap`](crate::Error::Bootstrap) when no broker can be reached.
    pub async fn describe_cluster(&self) -> Result<ClusterDescription> {
        let call = describe::DescribeCluster { with_operations: self.with_authorized_operations };
        self.settle_one(&call).await
    }

    /// The features of the cluster with their levels, and the levels that the broker which answers could run at (KIP-584).
    ///
    /// ```no_run
    /// # async fn f(admin: kestrel_client::Admin) -> Result<(), kestrel_client::Error> {
    /// let features = admin.describe_features().await?;
    /// for (feature, levels) in &features.supported {
    ///     println!("{feature} at {}, from {} to {}", features.level(feature), levels.start(), levels.end());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Timeout`](crate::Error::Timeout), [`Error::Bootstrap`](crate::Error::Bootstrap) when no broker can be reached. Brokers older
    /// than Apache Kafka 2.7 name no features.
    pub async fn describe_features(&self) -> Result<Features> {
        self.settle_one(&features::DescribeFeatures { target: Target::Any }).await
    }

    /// As [`Self::describe_features`], from one broker: in the middle of an upgrade brokers differ in what they could run at.
    ///
    /// # Errors
    /// [`Error::Timeout`](crate::Error::Timeout), also when the cluster has no such broker.
    pub async fn describe_features_of(&self, broker: NodeId) -> Result<Features> {
        let call = features::DescribeFeatures { target: Target::Node(broker) };
        self.settle_one(&call).await
    }

    /// Sets features to other levels. Controllers since Apache Kafka 4.0 do it for all of them or none, and then each item has the
    /// error of the whole (KIP-1022).
    ///
    /// ```no_run
    /// # async fn f(admin: kestrel_client::Admin) -> Result<(), kestrel_client::Error> {
    /// use kestrel_client::admin::FeatureUpdate;
    ///
    /// let updates = [FeatureUpdate::upgrade("transaction.version", 2)];
    /// admin.validate_features(updates.clone()).await.into_result()?;
    /// admin.update_features(updates).await.into_result()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Per feature, with the controller's words: `INVALID_UPDATE_VERSION`, `FEATURE_UPDATE_FAILED`, `INVALID_REQUEST`,
    /// `CLUSTER_AUTHORIZATION_FAILED`; [`Error::InvalidArgument`](crate::Error::InvalidArgument) for a level below 0, and for an upgrade
    /// to 0; [`Error::UnsupportedApi`](crate::Error::UnsupportedApi) from brokers older than Apache Kafka 3.3;
    /// [`Error::Timeout`](crate::Error::Timeout).
    pub async fn update_features(
        &self,
        updates: impl IntoIterator<Item = FeatureUpdate>,
    ) -> AdminResults<Arc<str>, ()> {
        self.update(updates.into_iter().collect(), false).await
    }

    /// Checks whether features could be set to other levels, and changes nothing.
    ///
    /// # Errors
    /// As [`Self::update_features`].
    pub async fn validate_features(
        &self,
        updates: impl IntoIterator<Item = FeatureUpdate>,
    ) -> AdminResults<Arc<str>, ()> {
        self.update(updates.into_iter().collect(), true).await
    }

    async fn update(&self, updates: Vec<FeatureUpdate>, validate_only: bool) -> AdminResults<Arc<str>, ()> {
        let call = features::UpdateFeatures { validate_only };
        self.settle(&call, updates).await.keyed(|update| update.feature)
    }

    /// The quorum that keeps the cluster's metadata: who leads, who votes, who follows, and how far each one is (KIP-595).
    ///
    /// ```no_run
    /// # async fn f(admin: kestrel_client::Admin) -> Result<(), kestrel_client::Error> {
    /// let quorum = admin.describe_metadata_quorum().await?;
    /// println!("controller {} in epoch {}", quorum.leader, quorum.leader_epoch);
    /// for replica in quorum.voters.iter().chain(&quorum.observers) {
    ///     println!("  {}: {:?} records behind", replica.id, quorum.lag(replica));
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::UnsupportedApi`](crate::Error::UnsupportedApi) from brokers older than Apache Kafka 3.3 and from clusters with
    /// ZooKeeper, `CLUSTER_AUTHORIZATION_FAILED`, [`Error::Timeout`](crate::Error::Timeout).
    pub async fn describe_metadata_quorum(&self) -> Result<MetadataQuorum> {
        self.settle_one(&quorum::DescribeQuorum).await
    }

    /// Takes a broker that is down and does not come back out of the cluster, after its replicas were moved away
    /// ([`Self::alter_partition_reassignments`]). Brokers do not check that it is down: one that is up is out of the cluster until it
    /// is started again.
    ///
    /// # Errors
    /// `BROKER_ID_NOT_REGISTERED` (also when an earlier attempt of this call had done it and its answer was lost),
    /// `CLUSTER_AUTHORIZATION_FAILED`, [`Error::UnsupportedApi`](crate::Error::UnsupportedApi) from clusters with ZooKeeper,
    /// [`Error::Timeout`](crate::Error::Timeout).
    pub async fn unregister_broker(&self, broker: NodeId) -> Result<()> {
        self.settle_one(&unregister::UnregisterBroker { broker }).await
    }
}
