//! The cluster: its id, controller and brokers (KIP-700).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use kestrel_protocol::messages::describe_cluster::{DescribeClusterBroker, DescribeClusterRequest};
use kestrel_protocol::{ApiKey, ByteString, NodeId};

use super::settle::{Call, check, settle_one};
use super::{AclOperation, Admin};
use crate::client::{Client, Target};
use crate::error::Result;
use crate::metadata::BrokerView;

/// A description of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClusterDescription {
    /// The cluster's id.
    pub cluster_id: ByteString,
    /// The broker that takes requests for the controller, when there is one.
    pub controller: Option<NodeId>,
    /// The brokers that are up, by id.
    pub brokers: Vec<BrokerView>,
    /// What the caller may do with the cluster, after [`Admin::with_authorized_operations`].
    pub authorized_operations: Option<BTreeSet<AclOperation>>,
}

impl Admin {
    /// The cluster's id, its controller and its brokers.
    ///
    /// # Errors
    /// [`Error::UnsupportedApi`](crate::Error::UnsupportedApi) from brokers older than Apache Kafka 2.8, [`Error::Timeout`](crate::Error::Timeout),
    /// [`Error::Bootstrap`](crate::Error::Bootstrap) when no broker can be reached.
    pub async fn describe_cluster(&self) -> Result<ClusterDescription> {
        let call = DescribeCluster { with_operations: self.with_authorized_operations };
        settle_one(&self.client, &call, self.timeout).await
    }
}

#[derive(Debug)]
struct DescribeCluster {
    with_operations: bool,
}

impl Call for DescribeCluster {
    type Item = ();
    type Output = ClusterDescription;
    const OPERATION: &'static str = "describing the cluster";

    async fn round(&self, client: &Client, _: &[()], _: Instant) -> Vec<Result<ClusterDescription>> {
        vec![describe(client, self.with_operations).await]
    }
}

async fn describe(client: &Client, with_operations: bool) -> Result<ClusterDescription> {
    let request = DescribeClusterRequest {
        include_cluster_authorized_operations: with_operations,
        ..DescribeClusterRequest::default()
    };
    let response = client.send(Target::Any, &request).await?;
    check(ApiKey::DescribeCluster, response.error_code, response.error_message.as_deref())?;
    let mut brokers: Vec<_> = response.brokers.into_iter().filter_map(broker).collect();
    brokers.sort_by_key(|broker| broker.id);
    Ok(ClusterDescription {
        cluster_id: response.cluster_id,
        controller: (response.controller_id != NodeId::NONE).then_some(response.controller_id),
        brokers,
        authorized_operations: AclOperation::from_bits(response.cluster_authorized_operations),
    })
}

fn broker(broker: DescribeClusterBroker) -> Option<BrokerView> {
    let DescribeClusterBroker { broker_id, host, port, rack, .. } = broker;
    Some(BrokerView { id: broker_id, host: Arc::from(&*host), port: u16::try_from(port).ok()?, rack })
}
