//! IncrementalAlterConfigs: sets, deletes, appends to or subtracts from single configuration keys (KIP-339).

use bytestring::ByteString;

use crate::error_code::ErrorCode;
use crate::message;

message! {
    /// Sets, deletes, appends to or subtracts from single configuration keys (KIP-339).
    IncrementalAlterConfigsRequest(versions: 0..=1, flexible: 1..) {
        resources: Vec<AlterConfigsResource>;
        validate_only: bool;
    }
    /// An entry of [`IncrementalAlterConfigsRequest::resources`].
    AlterConfigsResource {
        resource_type: i8;
        resource_name: ByteString;
        configs: Vec<AlterableConfig>;
    }
    /// An entry of [`AlterConfigsResource::configs`].
    AlterableConfig {
        name: ByteString;
        config_operation: i8;
        value: Option<ByteString>;
    }
}

message! {
    /// The outcome for each resource.
    IncrementalAlterConfigsResponse(versions: 0..=1, flexible: 1..) {
        throttle_time_ms: i32;
        responses: Vec<AlterConfigsResourceResponse>;
    }
    /// An entry of [`IncrementalAlterConfigsResponse::responses`].
    AlterConfigsResourceResponse {
        error_code: ErrorCode;
        error_message: Option<ByteString>;
        resource_type: i8;
        resource_name: ByteString;
    }
}
