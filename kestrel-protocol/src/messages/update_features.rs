//! UpdateFeatures: raises and lowers the levels of the cluster's features (KIP-584; safe and unsafe downgrades, KIP-778).

use bytestring::ByteString;

use crate::error_code::ErrorCode;
use crate::message;

message! {
    /// Raises and lowers the levels of the cluster's features (KIP-584; safe and unsafe downgrades, KIP-778).
    UpdateFeaturesRequest(versions: 0..=2, flexible: 0..) {
        timeout_ms: i32, default 60000;
        feature_updates: Vec<FeatureUpdateKey>;
        validate_only: bool => 1..;
    }
    /// An entry of [`UpdateFeaturesRequest::feature_updates`].
    FeatureUpdateKey {
        feature: ByteString;
        max_version_level: i16;
        allow_downgrade: bool => 0..=0;
        upgrade_type: i8 => 1.., default 1;
    }
}

message! {
    /// Whether the levels are now so.
    UpdateFeaturesResponse(versions: 0..=2, flexible: 0..) {
        throttle_time_ms: i32;
        error_code: ErrorCode;
        error_message: Option<ByteString>;
        results: Vec<UpdatableFeatureResult> => 0..=1;
    }
    /// An entry of [`UpdateFeaturesResponse::results`].
    UpdatableFeatureResult {
        feature: ByteString;
        error_code: ErrorCode;
        error_message: Option<ByteString>;
    }
}
