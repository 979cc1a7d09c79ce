//! Describes the cluster (KIP-700; brokers that are not up, KIP-1073).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use kestrel_protocol::messages::describe_cluster::{
    DescribeClusterBroker, DescribeClusterRequest, DescribeClusterResponse,
};
use kestrel_protocol::{ApiKey, ByteString, NodeId};

use crate::admin::AclOperation;
use crate::admin::settle::{Call, Round, check};
use crate::client::{Client, Target};
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
    /// The brokers that are registered and not up, by id; none from brokers older than Apache Kafka 4.0 (KIP-1073).
    pub fenced_brokers: Vec<BrokerView>,
    /// What the caller may do with the cluster, after
    /// [`Admin::with_authorized_operations`](crate::Admin::with_authorized_operations).
    pub authorized_operations: Option<BTreeSet<AclOperation>>,
}

impl ClusterDescription {
    fn read(response: DescribeClusterResponse) -> Self {
        let (fenced, up): (Vec<_>, Vec<_>) =
            response.brokers.into_iter().partition(|broker| broker.is_fenced);
        Self {
            cluster_id: response.cluster_id,
            controller: (response.controller_id != NodeId::NONE).then_some(response.controller_id),
            brokers: by_id(up),
            fenced_brokers: by_id(fenced),
            authorized_operations: AclOperation::from_bits(response.cluster_authorized_operations),
        }
    }
}

fn by_id(brokers: Vec<DescribeClusterBroker>) -> Vec<BrokerView> {
    let mut brokers: Vec<_> = brokers.into_iter().filter_map(broker).collect();
    brokers.sort_by_key(|broker| broker.id);
    brokers
}

fn broker(broker: DescribeClusterBroker) -> Option<BrokerView> {
    let DescribeClusterBroker { broker_id, host, port, rack, .. } = broker;
    Some(BrokerView { id: broker_id, host: Arc::from(&*host), port: u16::try_from(port).ok()?, rack })
}

/// Asks a broker for the cluster.
#[derive(Debug)]
pub(super) struct DescribeCluster {
    pub(super) with_operations: bool,
}

impl Call for DescribeCluster {
    type Item = ();
    type Output = ClusterDescription;
    const OPERATION: &'static str = "describing the cluster";

    async fn round(&self, client: &Client, _: &[()], _: Instant) -> Round<Self> {
        let request = DescribeClusterRequest {
            include_cluster_authorized_operations: self.with_operations,
            include_fenced_brokers: true,
            ..DescribeClusterRequest::default()
        };
        let response = client.send(Target::Any, &request).await?;
        check(ApiKey::DescribeCluster, response.error_code, response.error_message.as_deref())?;
        Ok(vec![Ok(ClusterDescription::read(response))])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brokers_that_are_not_up_stand_apart() {
        let broker = |id, is_fenced| DescribeClusterBroker {
            broker_id: NodeId(id),
            host: "host".into(),
            port: 9092,
            is_fenced,
            ..DescribeClusterBroker::default()
        };
        let brokers = vec![broker(3, false), broker(2, true), broker(1, false)];
        let described = ClusterDescription::read(DescribeClusterResponse {
            brokers,
            ..DescribeClusterResponse::default()
        });
        let ids = |brokers: &[BrokerView]| brokers.iter().map(|broker| broker.id.0).collect::<Vec<_>>();
        assert_eq!((ids(&described.brokers), ids(&described.fenced_brokers)), (vec![1, 3], vec![2]));
        assert_eq!((described.controller, described.authorized_operations), (None, None));
    }
}
