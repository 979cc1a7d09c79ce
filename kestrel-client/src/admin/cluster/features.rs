//! The features of the cluster and their levels: describes them from ApiVersions, and changes them (KIP-584, KIP-1022).

use std::collections::{BTreeMap, HashMap};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Instant;

use kestrel_protocol::messages::api_versions::ApiVersionsResponse;
use kestrel_protocol::messages::update_features::{
    FeatureUpdateKey, UpdateFeaturesRequest, UpdateFeaturesResponse,
};
use kestrel_protocol::{ApiKey, ByteString};

use crate::admin::settle::{Call, Round, at_least, check, timeout_ms};
use crate::client::{Client, Target};
use crate::error::Result;
use crate::into::IntoName;
use crate::net::api_versions_request;

/// The first version of UpdateFeatures with kinds of changes, and changes that are only checked.
const TYPES_VERSION: i16 = 1;

/// The features of a cluster, such as `metadata.version`, with their levels.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Features {
    /// The levels that the cluster runs at. A feature that is not here is off, as at level 0.
    pub finalized: BTreeMap<Arc<str>, i16>,
    /// How often the finalized levels were changed, counted in offsets of the metadata's log; `None` when the broker did not say.
    pub finalized_epoch: Option<i64>,
    /// The levels that the broker which was asked could run at.
    pub supported: BTreeMap<Arc<str>, RangeInclusive<i16>>,
}

impl Features {
    /// The level that the cluster runs a feature at; 0 when it is off.
    #[must_use]
    pub fn level(&self, feature: &str) -> i16 {
        self.finalized.get(feature).copied().unwrap_or_default()
    }

    fn read(response: &ApiVersionsResponse) -> Result<Self> {
        check(ApiKey::ApiVersions, response.error_code, None)?;
        let finalized = response.finalized_features.iter();
        let supported = response.supported_features.iter();
        let epoch = response.finalized_features_epoch;
        Ok(Self {
            finalized: finalized.map(|key| (Arc::from(&*key.name), key.max_version_level)).collect(),
            finalized_epoch: (epoch >= 0).then_some(epoch),
            supported: supported
                .map(|key| (Arc::from(&*key.name), key.min_version..=key.max_version))
                .collect(),
        })
    }
}

/// A change of the level of a feature.
///
/// ```
/// use kestrel_client::admin::FeatureUpdate;
/// let newer = FeatureUpdate::upgrade("transaction.version", 2);
/// let off = FeatureUpdate::safe_downgrade("eligible.leader.replicas.version", 0);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct FeatureUpdate {
    pub(super) feature: Arc<str>,
    level: i16,
    upgrade_type: i8,
}

impl FeatureUpdate {
    const UPGRADE: i8 = 1;
    const SAFE_DOWNGRADE: i8 = 2;
    const UNSAFE_DOWNGRADE: i8 = 3;

    /// A higher level, or the one that the feature has, which changes nothing.
    pub fn upgrade(feature: impl IntoName, level: i16) -> Self {
        Self { feature: feature.into_name(), level, upgrade_type: Self::UPGRADE }
    }

    /// A lower level, 0 to turn the feature off, if no metadata is lost.
    pub fn safe_downgrade(feature: impl IntoName, level: i16) -> Self {
        Self { feature: feature.into_name(), level, upgrade_type: Self::SAFE_DOWNGRADE }
    }

    /// A lower level, 0 to turn the feature off, and metadata that it does not know is lost. Apache Kafka 4.3 does not do it for
    /// `metadata.version`.
    pub fn unsafe_downgrade(feature: impl IntoName, level: i16) -> Self {
        Self { feature: feature.into_name(), level, upgrade_type: Self::UNSAFE_DOWNGRADE }
    }

    fn to_wire(&self) -> FeatureUpdateKey {
        FeatureUpdateKey {
            feature: ByteString::from(&*self.feature),
            max_version_level: self.level,
            upgrade_type: self.upgrade_type,
            ..FeatureUpdateKey::default()
        }
    }
}

/// Asks brokers for the features that they know.
#[derive(Debug)]
pub(super) struct DescribeFeatures {
    pub(super) target: Target,
}

impl Call for DescribeFeatures {
    type Item = ();
    type Output = Features;
    const OPERATION: &'static str = "describing features";

    async fn round(&self, client: &Client, _: &[()], _: Instant) -> Round<Self> {
        let response = client.send(self.target, &api_versions_request()).await?;
        Ok(vec![Features::read(&response)])
    }
}

/// Asks the controller for other levels, or only whether they could be.
#[derive(Debug, Clone, Copy)]
pub(super) struct UpdateFeatures {
    pub(super) validate_only: bool,
}

impl Call for UpdateFeatures {
    type Item = FeatureUpdate;
    type Output = ();
    const OPERATION: &'static str = "updating features";

    fn check(&self, update: &FeatureUpdate) -> Result<()> {
        let least = if update.upgrade_type == FeatureUpdate::UPGRADE { 1 } else { 0 };
        at_least("level", i64::from(update.level), least)
    }

    async fn round(&self, client: &Client, items: &[FeatureUpdate], deadline: Instant) -> Round<Self> {
        let request = UpdateFeaturesRequest {
            timeout_ms: timeout_ms(client, deadline),
            feature_updates: items.iter().map(FeatureUpdate::to_wire).collect(),
            validate_only: self.validate_only,
        };
        // In version 0 a check would be a change.
        outcomes(items, &client.send_since(Target::Controller, &request, TYPES_VERSION).await?)
    }
}

/// The outcome for each feature: from version 2 on that of all of them.
fn outcomes(items: &[FeatureUpdate], response: &UpdateFeaturesResponse) -> Result<Vec<Result<()>>> {
    let api = ApiKey::UpdateFeatures;
    check(api, response.error_code, response.error_message.as_deref())?;
    let answers: HashMap<&str, _> =
        response.results.iter().map(|result| (&*result.feature, result)).collect();
    let outcome = |update: &FeatureUpdate| {
        answers
            .get(&*update.feature)
            .map_or(Ok(()), |answer| check(api, answer.error_code, answer.error_message.as_deref()))
    };
    Ok(items.iter().map(outcome).collect())
}

#[cfg(test)]
mod tests {
    use kestrel_protocol::ErrorCode;
    use kestrel_protocol::messages::api_versions::{FinalizedFeatureKey, SupportedFeatureKey};
    use kestrel_protocol::messages::update_features::UpdatableFeatureResult;

    use super::*;
    use crate::coordinators::each;

    #[test]
    fn a_feature_that_is_not_finalized_is_at_level_0() {
        let (name, max_version_level) = ("metadata.version".into(), 25);
        let finalized = FinalizedFeatureKey { name, max_version_level, min_version_level: 25 };
        let (name, max_version) = ("group.version".into(), 1);
        let supported = SupportedFeatureKey { name, min_version: 0, max_version };
        let response = ApiVersionsResponse {
            finalized_features: vec![finalized],
            supported_features: vec![supported],
            ..ApiVersionsResponse::default()
        };
        let features = Features::read(&response).unwrap();
        assert_eq!((features.level("metadata.version"), features.level("group.version")), (25, 0));
        assert_eq!(features.supported.get("group.version"), Some(&(0..=1)));
        assert_eq!(features.finalized_epoch, None);
    }

    #[test]
    fn a_level_that_turns_a_feature_off_is_no_upgrade() {
        let call = UpdateFeatures { validate_only: false };
        assert!(call.check(&FeatureUpdate::upgrade("f", 0)).is_err());
        assert!(call.check(&FeatureUpdate::safe_downgrade("f", 0)).is_ok());
        assert!(call.check(&FeatureUpdate::unsafe_downgrade("f", -1)).is_err());
        assert_eq!(FeatureUpdate::unsafe_downgrade("f", 1).to_wire().upgrade_type, 3);
    }

    #[test]
    fn an_outcome_is_that_of_the_feature_or_of_all() {
        let updates = [FeatureUpdate::upgrade("a", 1), FeatureUpdate::upgrade("b", 1)];
        let codes = |response| {
            let outcomes = each(updates.len(), outcomes(&updates, &response));
            outcomes
                .into_iter()
                .map(|outcome| outcome.err().and_then(|error| error.code()))
                .collect::<Vec<_>>()
        };
        let failed = ErrorCode::FeatureUpdateFailed;
        let whole = UpdateFeaturesResponse { error_code: failed, ..UpdateFeaturesResponse::default() };
        assert_eq!(codes(whole), [Some(failed); 2]);
        let result = UpdatableFeatureResult {
            feature: "b".into(),
            error_code: failed,
            ..UpdatableFeatureResult::default()
        };
        let single = UpdateFeaturesResponse { results: vec![result], ..UpdateFeaturesResponse::default() };
        assert_eq!(codes(single), [None, Some(failed)]);
    }
}
