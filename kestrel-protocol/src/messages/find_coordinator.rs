//! FindCoordinator: asks which broker coordinates a group or transactional id (in batches from version 4, KIP-699).

use bytestring::ByteString;

use crate::error_code::ErrorCode;
use crate::message;
use crate::types::NodeId;

message! {
    /// Asks which broker coordinates a group or transactional id (in batches from version 4, KIP-699).
    FindCoordinatorRequest(versions: 0..=6, flexible: 3..) {
        key: ByteString => 0..=3;
        key_type: i8 => 1..;
        coordinator_keys: Vec<ByteString> => 4..;
    }
}

message! {
    /// The coordinator of each key.
    FindCoordinatorResponse(versions: 0..=6, flexible: 3..) {
        throttle_time_ms: i32 => 1..;
        error_code: ErrorCode => 0..=3;
        error_message: Option<ByteString> => 1..=3;
        node_id: NodeId => 0..=3;
        host: ByteString => 0..=3;
        port: i32 => 0..=3;
        coordinators: Vec<Coordinator> => 4..;
    }
    /// An entry of [`FindCoordinatorResponse::coordinators`].
    Coordinator {
        key: ByteString;
        node_id: NodeId;
        host: ByteString;
        port: i32;
        error_code: ErrorCode;
        error_message: Option<ByteString>;
    }
}
