//! DescribeCluster over TCP.

use kestrel_protocol::NodeId;

use super::*;
use crate::Broker;
use crate::testing::Peer;

#[tokio::test]
async fn the_cluster_is_this_broker() {
    let broker = Broker::builder().ephemeral().set("broker.rack", "r1").start().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    for version in 0..=2 {
        let request =
            DescribeClusterRequest { include_cluster_authorized_operations: true, ..Default::default() };
        let response = peer.call(&request, version).await;
        assert_eq!(response.error_code, ErrorCode::None);
        assert_eq!(response.cluster_id.len(), 22);
        assert_eq!(response.controller_id, NodeId(1));
        assert_eq!(response.cluster_authorized_operations, 8096);
        let [node] = &response.brokers[..] else { panic!("one broker") };
        assert_eq!(format!("{}:{}", node.host, node.port), broker.bootstrap_servers());
        assert_eq!((node.broker_id, node.rack.as_deref(), node.is_fenced), (NodeId(1), Some("r1"), false));
    }
}

#[tokio::test]
async fn this_endpoint_is_a_brokers() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    for (endpoint_type, error) in
        [(CONTROLLERS, ErrorCode::MismatchedEndpointType), (3, ErrorCode::UnsupportedEndpointType)]
    {
        let response = peer.call(&DescribeClusterRequest { endpoint_type, ..Default::default() }, 1).await;
        assert_eq!((response.error_code, response.endpoint_type), (error, BROKERS));
        assert!(response.brokers.is_empty() && response.error_message.is_some());
    }
}
