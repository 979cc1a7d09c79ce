//! The cluster: its id, controller and brokers (KIP-700).

use std::sync::Arc;
use std::time::Instant;

use kestrel_protocol::messages::describe_cluster::{DescribeClusterBroker, DescribeClusterRequest};
use kestrel_protocol::{ApiKey, ByteString, ErrorCode, NodeId};

use super::Admin;
use super::settle::{Call, settle};
use crate::client::{Client, Target};
use crate::error::{BrokerError, Error, Result};
use crate::metadata::BrokerView;

/// The cluster as a broker describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClusterDescription {
    /// The cluster's id.
    pub cluster_id: ByteString,
    /// The broker that takes requests for the controller, when there is one.
    pub controller: Option<NodeId>,
    /// The brokers that are up, by id.
    pub brokers: Vec<BrokerView>,
}

impl Admin {
    /// The cluster's id, its controller and its brokers.
    ///
    /// # Errors
    /// [`Error::UnsupportedApi`] from brokers older than Apache Kafka 2.8, [`Error::Timeout`],
    /// [`Error::Bootstrap`] when no broker can be reached.
    pub async fn describe_cluster(&self) -> Result<ClusterDescription> {
        let mut settled = settle(&self.client, &DescribeCluster, vec![()], self.timeout).await;
        settled.pop().map_or_else(|| Err(Error::closed("client")), |(_, result)| result)
    }
}

#[derive(Debug)]
struct DescribeCluster;

impl Call for DescribeCluster {
    type Item = ();
    type Output = ClusterDescription;
    const OPERATION: &'static str = "describing the cluster";

    async fn round(&self, client: &Client, _: &[()], _: Instant) -> Vec<Result<ClusterDescription>> {
        vec![describe(client).await]
    }
}

async fn describe(client: &Client) -> Result<ClusterDescription> {
    let response = client.send(Target::Any, &DescribeClusterRequest::default()).await?;
    if response.error_code != ErrorCode::None {
        let error = BrokerError::new(ApiKey::DescribeCluster, response.error_code);
        return Err(error.message(response.error_message.as_deref()).into());
    }
    let mut brokers: Vec<_> = response.brokers.into_iter().filter_map(broker).collect();
    brokers.sort_by_key(|broker| broker.id);
    Ok(ClusterDescription {
        cluster_id: response.cluster_id,
        controller: (response.controller_id != NodeId::NONE).then_some(response.controller_id),
        brokers,
    })
}

fn broker(broker: DescribeClusterBroker) -> Option<BrokerView> {
    let DescribeClusterBroker { broker_id, host, port, rack, .. } = broker;
    Some(BrokerView { id: broker_id, host: Arc::from(&*host), port: u16::try_from(port).ok()?, rack })
}
