//! UpdateFeatures: raises and lowers the finalized levels of features (KIP-584, KIP-778, KIP-1022).

use std::collections::BTreeMap;

use bytestring::ByteString;
use kestrel_protocol::ErrorCode;

use super::{Controller, Effects, Intent};
use crate::cluster::error::ApiError;
use crate::cluster::features::{
    KRAFT_VERSION, LevelRange, METADATA_VERSION, changes_metadata, supported_levels,
};
use crate::cluster::records::{FeatureLevelRecord, MetadataRecord};

/// Which way a level may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UpgradeType {
    /// Up.
    Upgrade,
    /// Down, if nothing is lost.
    SafeDowngrade,
    /// Down, and what the lower level does not know is lost.
    UnsafeDowngrade,
}

impl UpgradeType {
    /// The type that a request names.
    pub(crate) const fn from_wire(number: i8) -> Option<Self> {
        match number {
            1 => Some(Self::Upgrade),
            2 => Some(Self::SafeDowngrade),
            3 => Some(Self::UnsafeDowngrade),
            _ => None,
        }
    }
}

/// A level that a feature shall have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FeatureUpdate {
    /// The feature.
    pub(crate) feature: ByteString,
    /// The level.
    pub(crate) level: i16,
    /// Which way it may go; `None` when the request names none that is known.
    pub(crate) upgrade_type: Option<UpgradeType>,
}

impl Controller {
    /// Sets the levels of features, all of them or none. `kraft_version` is the level of the feature that is not among the records.
    /// Of two levels for one feature the last counts.
    pub(crate) fn update_features(
        &self,
        updates: &[FeatureUpdate],
        intent: Intent,
        kraft_version: i16,
    ) -> Effects<Result<(), ApiError>> {
        let updates: BTreeMap<&ByteString, &FeatureUpdate> =
            updates.iter().map(|update| (&update.feature, update)).collect();
        let mut records: Vec<MetadataRecord> = Vec::new();
        for update in updates.into_values() {
            match self.feature_update(update, kraft_version) {
                Ok(record) => records.extend(record.map(MetadataRecord::from)),
                Err(error) => return Effects { records: Vec::new(), reply: Err(error) },
            }
        }
        Effects { records, reply: Ok(()) }.for_intent(intent)
    }

    /// The record of an update; none when the feature has the level.
    fn feature_update(
        &self,
        update: &FeatureUpdate,
        kraft_version: i16,
    ) -> Result<Option<FeatureLevelRecord>, ApiError> {
        let FeatureUpdate { feature, level, upgrade_type } = update;
        let invalid = |why: &str| {
            invalid_version(format!("Invalid update version {level} for feature {feature}. {why}"))
        };
        let upgrade_type =
            upgrade_type.ok_or_else(|| invalid("The controller does not support the given upgrade type."))?;
        if *level < 0 {
            return Err(invalid("A feature version cannot be less than 0."));
        }
        self.check_supported(feature, *level).map_err(|why| invalid(&why))?;
        let current =
            if **feature == *KRAFT_VERSION { kraft_version } else { self.image().features().level(feature) };
        check_direction(current, *level, upgrade_type).map_err(invalid)?;
        if *level == current {
            let is_known = current > 0 || supported_levels(feature).is_some();
            return if is_known { Ok(None) } else { Err(invalid(&format!("Feature {feature} not found."))) };
        }
        match &**feature {
            // The voters would have to be written down with it, with addresses for controllers, of which there are none.
            KRAFT_VERSION => return Err(invalid("The voters of this node are static and stay so.")),
            METADATA_VERSION => check_metadata_downgrade(current, *level, upgrade_type)?,
            _ => {}
        }
        Ok(Some(FeatureLevelRecord { name: feature.clone(), feature_level: *level }))
    }

    /// Whether this node and all brokers that are registered can run a feature at a level.
    fn check_supported(&self, feature: &str, level: i16) -> Result<(), String> {
        let local = supported_levels(feature).unwrap_or(LevelRange::OFF);
        local.check(level, &format!("Local controller {}", self.config.node_id))?;
        for broker in self.image().brokers() {
            let registered = broker.features.iter().find(|registered| *registered.name == *feature);
            let range = registered.map_or(LevelRange::OFF, |registered| LevelRange {
                min: registered.min_supported_version,
                max: registered.max_supported_version,
            });
            range.check(level, &format!("Broker {}", broker.id))?;
        }
        Ok(())
    }
}

/// Whether a level may go where it shall by a change of this type.
fn check_direction(from: i16, to: i16, upgrade_type: UpgradeType) -> Result<(), &'static str> {
    match upgrade_type {
        UpgradeType::Upgrade if to < from => Err(
            "Can't downgrade the version of this feature without setting the upgrade type to either safe or unsafe \
                 downgrade.",
        ),
        UpgradeType::SafeDowngrade | UpgradeType::UnsafeDowngrade if to > from => {
            Err("Can't downgrade to a newer version.")
        }
        _ => Ok(()),
    }
}

/// Whether the metadata can go from a level to a lower one: where no level in between has brought records that would be lost.
fn check_metadata_downgrade(from: i16, to: i16, upgrade_type: UpgradeType) -> Result<(), ApiError> {
    if to > from || !changes_metadata(to, from) {
        return Ok(());
    }
    let why = if upgrade_type == UpgradeType::UnsafeDowngrade {
        "Unsafe metadata downgrade is not supported in this version."
    } else {
        "Refusing to perform the requested downgrade because it might delete metadata information."
    };
    Err(invalid_version(format!("Unsupported metadata.version downgrade from {from} to {to}. {why}")))
}

fn invalid_version(message: String) -> ApiError {
    ApiError::new(ErrorCode::InvalidUpdateVersion, message)
}
