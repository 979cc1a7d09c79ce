//! DescribeCluster: asks for the cluster id, the controller and the brokers (KIP-700).

use bytestring::ByteString;

use crate::error_code::ErrorCode;
use crate::message;
use crate::types::NodeId;

message! {
    /// Asks for the cluster id, the controller and the brokers (KIP-700).
    DescribeClusterRequest(versions: 0..=2, flexible: 0..) {
        include_cluster_authorized_operations: bool;
        endpoint_type: i8 => 1.., default 1;
        include_fenced_brokers: bool => 2..;
    }
}

message! {
    /// The cluster id, the controller and the brokers.
    DescribeClusterResponse(versions: 0..=2, flexible: 0..) {
        throttle_time_ms: i32;
        error_code: ErrorCode;
        error_message: Option<ByteString>;
        endpoint_type: i8 => 1.., default 1;
        cluster_id: ByteString;
        controller_id: NodeId, default NodeId::NONE;
        brokers: Vec<DescribeClusterBroker>;
        cluster_authorized_operations: i32, default i32::MIN;
    }
    /// An entry of [`DescribeClusterResponse::brokers`].
    DescribeClusterBroker {
        broker_id: NodeId;
        host: ByteString;
        port: i32;
        rack: Option<ByteString>;
        is_fenced: bool => 2..;
    }
}
