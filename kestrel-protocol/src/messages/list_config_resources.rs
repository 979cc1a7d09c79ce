//! ListConfigResources: asks which resources have a configuration (KIP-1142; client metrics alone in version 0, KIP-714).

use bytestring::ByteString;

use crate::error_code::ErrorCode;
use crate::message;

message! {
    /// Asks which resources have a configuration (KIP-1142; client metrics alone in version 0, KIP-714).
    ListConfigResourcesRequest(versions: 0..=1, flexible: 0..) {
        resource_types: Vec<i8> => 1..;
    }
}

message! {
    /// The resources, by type and name.
    ListConfigResourcesResponse(versions: 0..=1, flexible: 0..) {
        throttle_time_ms: i32;
        error_code: ErrorCode;
        config_resources: Vec<ConfigResource>;
    }
    /// An entry of [`ListConfigResourcesResponse::config_resources`].
    ConfigResource {
        resource_name: ByteString;
        resource_type: i8 => 1.., default 16;
    }
}
