//! ApiVersions: asks which APIs and versions a broker speaks: the first request on a connection (KIP-35, KIP-511).

use bytestring::ByteString;

use crate::error_code::ErrorCode;
use crate::message;

message! {
    /// Asks which APIs and versions a broker speaks: the first request on a connection (KIP-35, KIP-511).
    ApiVersionsRequest(versions: 0..=4, flexible: 3..) {
        client_software_name: ByteString => 3..;
        client_software_version: ByteString => 3..;
    }
}

message! {
    /// The APIs, versions and features of the broker (KIP-584).
    ApiVersionsResponse(versions: 0..=4, flexible: 3..) {
        error_code: ErrorCode;
        api_keys: Vec<ApiVersion>;
        throttle_time_ms: i32 => 1..;
        supported_features: Vec<SupportedFeatureKey> => 3.., tag 0;
        finalized_features_epoch: i64 => 3.., tag 1, default -1;
        finalized_features: Vec<FinalizedFeatureKey> => 3.., tag 2;
        zk_migration_ready: bool => 3.., tag 3;
    }
    /// An entry of [`ApiVersionsResponse::api_keys`].
    ApiVersion {
        api_key: i16;
        min_version: i16;
        max_version: i16;
    }
    /// An entry of [`ApiVersionsResponse::supported_features`].
    SupportedFeatureKey {
        name: ByteString;
        min_version: i16;
        max_version: i16;
    }
    /// An entry of [`ApiVersionsResponse::finalized_features`].
    FinalizedFeatureKey {
        name: ByteString;
        max_version_level: i16;
        min_version_level: i16;
    }
}
