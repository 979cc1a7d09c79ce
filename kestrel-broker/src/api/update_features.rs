//! UpdateFeatures, versions 0 to 2: raises and lowers the levels of the cluster's features, all of them or none (KIP-584, KIP-778,
//! KIP-1022).

use std::collections::BTreeSet;
use std::sync::Arc;

use kestrel_protocol::ErrorCode;
use kestrel_protocol::messages::update_features::{
    FeatureUpdateKey, UpdatableFeatureResult, UpdateFeaturesRequest, UpdateFeaturesResponse,
};

use super::{Handler, RequestContext, State};
use crate::cluster::{ApiError, FeatureUpdate, Intent, UpgradeType};

impl Handler for UpdateFeaturesRequest {
    async fn handle(self, _: RequestContext, state: Arc<State>) -> UpdateFeaturesResponse {
        let updates = self.feature_updates.iter().map(update).collect();
        match state.cluster.update_features(updates, Intent::of(self.validate_only)).await {
            Ok(()) => UpdateFeaturesResponse { results: updated(&self), ..Default::default() },
            Err(error) => failed(&error),
        }
    }

    fn refusal(&self, error: ErrorCode) -> UpdateFeaturesResponse {
        let (error_code, error_message) = ApiError::fields(Err(error.into()));
        UpdateFeaturesResponse { error_code, error_message, ..Default::default() }
    }
}

fn update(asked: &FeatureUpdateKey) -> FeatureUpdate {
    FeatureUpdate {
        feature: asked.feature.clone(),
        level: asked.max_version_level,
        upgrade_type: UpgradeType::from_wire(asked.upgrade_type),
    }
}

/// The features that now have their levels, each once; told in versions 0 and 1.
fn updated(request: &UpdateFeaturesRequest) -> Vec<UpdatableFeatureResult> {
    let features: BTreeSet<_> = request.feature_updates.iter().map(|asked| &asked.feature).collect();
    let result = |feature| UpdatableFeatureResult { feature, ..Default::default() };
    features.into_iter().cloned().map(result).collect()
}

/// What stands in the way of one feature stands in the way of all.
fn failed(error: &ApiError) -> UpdateFeaturesResponse {
    let words = "The update failed for all features since the following feature had an error";
    let error_message = Some(format!("{words}: {}", error.message).into());
    UpdateFeaturesResponse { error_code: error.code, error_message, ..Default::default() }
}

#[cfg(test)]
mod tests;
