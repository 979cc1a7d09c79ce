//! AlterConfigs (API key 33, KIP-133).

use bytestring::ByteString;

use crate::error_code::ErrorCode;
use crate::message;

message! {
    /// Replaces everything that was set of topics and brokers (KIP-133); IncrementalAlterConfigs changes single keys.
    AlterConfigsRequest(versions: 0..=2, flexible: 2..) {
        resources: Vec<AlterConfigsResource>;
        validate_only: bool;
    }
    /// An entry of [`AlterConfigsRequest::resources`].
    AlterConfigsResource {
        resource_type: i8;
        resource_name: ByteString;
        configs: Vec<AlterableConfig>;
    }
    /// An entry of [`AlterConfigsResource::configs`].
    AlterableConfig {
        name: ByteString;
        value: Option<ByteString>;
    }
}

message! {
    /// Which topics and brokers were changed.
    AlterConfigsResponse(versions: 0..=2, flexible: 2..) {
        throttle_time_ms: i32;
        responses: Vec<AlterConfigsResourceResponse>;
    }
    /// An entry of [`AlterConfigsResponse::responses`].
    AlterConfigsResourceResponse {
        error_code: ErrorCode;
        error_message: Option<ByteString>;
        resource_type: i8;
        resource_name: ByteString;
    }
}
