//! ApiVersions, versions 0 to 4: what this broker speaks (KIP-35, KIP-511) and its feature levels (KIP-584).
//!
//! A version above ours is answered in the layout of version 0 with UNSUPPORTED_VERSION, so that a newer client learns ours.

use std::sync::Arc;

use bytestring::ByteString;
use kestrel_protocol::messages::api_versions::{
    ApiVersion, ApiVersionsRequest, ApiVersionsResponse, FinalizedFeatureKey, SupportedFeatureKey,
};
use kestrel_protocol::{ApiKey, ErrorCode};

use super::table::APIS;
use super::{Handler, RequestContext, ServedApi, State};
use crate::cluster::{ClusterImage, SUPPORTED_FEATURES};

/// The first version in which a client says which software it is.
const FIRST_SOFTWARE_VERSION: i16 = 3;
/// The first version in which the range of a feature may begin at 0; older clients take that for an error (KIP-1022).
const FIRST_LEVEL_ZERO_VERSION: i16 = 4;

impl Handler for ApiVersionsRequest {
    async fn handle(self, context: RequestContext, state: Arc<State>) -> ApiVersionsResponse {
        if !is_valid(&self, context.version) {
            return self.refusal(ErrorCode::InvalidRequest);
        }
        context.software.name(&self.client_software_name, &self.client_software_version);
        let image = state.cluster.image();
        let shows_metrics = state.config.metrics.is_some();
        ApiVersionsResponse {
            api_keys: APIS.iter().filter(|api| shows_metrics || !api.is_of_telemetry).map(row).collect(),
            supported_features: supported_features(context.version),
            finalized_features_epoch: image.last_offset(),
            finalized_features: finalized_features(&image),
            ..Default::default()
        }
    }

    fn refusal(&self, error: ErrorCode) -> ApiVersionsResponse {
        ApiVersionsResponse { error_code: error, ..Default::default() }
    }

    fn unsupported_version() -> Option<ApiVersionsResponse> {
        Some(ApiVersionsResponse {
            error_code: ErrorCode::UnsupportedVersion,
            api_keys: APIS.iter().filter(|api| api.key == ApiKey::ApiVersions).map(row).collect(),
            ..Default::default()
        })
    }
}

/// Whether a request of this version is answered in full: later ones name the client's software (KIP-511).
pub(super) fn is_valid(request: &ApiVersionsRequest, version: i16) -> bool {
    version < FIRST_SOFTWARE_VERSION
        || (is_name(&request.client_software_name) && is_name(&request.client_software_version))
}

/// Letters and digits; dots and dashes inside (KIP-511).
fn is_name(text: &str) -> bool {
    let is_alphanumeric = |c: char| c.is_ascii_alphanumeric();
    text.starts_with(is_alphanumeric)
        && text.ends_with(is_alphanumeric)
        && text.chars().all(|c| is_alphanumeric(c) || c == '.' || c == '-')
}

fn supported_features(version: i16) -> Vec<SupportedFeatureKey> {
    SUPPORTED_FEATURES
        .iter()
        .filter(|feature| feature.min_level > 0 || version >= FIRST_LEVEL_ZERO_VERSION)
        .map(|feature| SupportedFeatureKey {
            name: ByteString::from_static(feature.name),
            min_version: feature.min_level,
            max_version: feature.max_level,
        })
        .collect()
}

/// The levels of the features that are there. A folder that Apache Kafka wrote may hold levels of others.
fn finalized_features(image: &ClusterImage) -> Vec<FinalizedFeatureKey> {
    image
        .features()
        .iter()
        .filter(|(name, _)| SUPPORTED_FEATURES.iter().any(|feature| **name == *feature.name))
        .map(|(name, level)| FinalizedFeatureKey {
            name: name.clone(),
            max_version_level: level,
            min_version_level: level,
        })
        .collect()
}

fn row(api: &ServedApi) -> ApiVersion {
    let versions = api.advertised();
    ApiVersion { api_key: api.key.key(), min_version: *versions.start(), max_version: *versions.end() }
}

#[cfg(test)]
mod tests;
