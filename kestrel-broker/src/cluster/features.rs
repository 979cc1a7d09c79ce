//! Feature levels (KIP-584): what the metadata log has finalized, and what that allows to be written to it.
//!
//! A folder that Kestrel formats is finalized at `metadata.version` 30, which is 4.3-IV0, and `transaction.version` 2: the levels
//! that Apache Kafka 4.3 gives a new cluster, so that records have the same versions. Pure.

use std::collections::BTreeMap;

use bytestring::ByteString;

use super::records::{FeatureLevelRecord, MetadataRecord, RecordVersions};

/// The feature that says how metadata records are written.
pub(super) const METADATA_VERSION: &str = "metadata.version";
/// Static or dynamic voters. Its level is in a control record and not among the feature levels.
pub(super) const KRAFT_VERSION: &str = "kraft.version";
/// How transactions are spoken of (KIP-890).
const TRANSACTION_VERSION: &str = "transaction.version";
/// Eligible leader replicas (KIP-966).
const ELR_VERSION: &str = "eligible.leader.replicas.version";
/// 3.3-IV3, the oldest that Apache Kafka 4 can read.
const MIN_METADATA_VERSION: i16 = 7;
/// 4.3-IV0.
const MAX_METADATA_VERSION: i16 = 30;
/// From here on brokers name their folders, and partitions the folder of each replica (3.7-IV2, KIP-858).
const DIRECTORY_ASSIGNMENT: i16 = 17;
/// From here on the metadata has users with SCRAM credentials (3.5-IV2, KIP-900).
const SCRAM: i16 = 11;
/// From here on controllers register themselves (3.7-IV0, KIP-919).
const CONTROLLER_REGISTRATION: i16 = 15;
/// From here on partitions have eligible leader replicas (4.0-IV1, KIP-966).
const ELR: i16 = 23;
/// From here on brokers name the folders that take no new partitions (4.3-IV0, KIP-1066).
const CORDONED_LOG_DIRS: i16 = 30;

/// A feature that Kestrel implements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SupportedFeature {
    /// The name.
    pub(crate) name: &'static str,
    /// The lowest level that it can be run with.
    pub(crate) min_level: i16,
    /// The highest level that it can be run with.
    pub(crate) max_level: i16,
}

/// The features that are there: what registration and ApiVersions name.
pub(crate) const SUPPORTED_FEATURES: &[SupportedFeature] = &[
    SupportedFeature { name: KRAFT_VERSION, min_level: 0, max_level: 1 },
    SupportedFeature {
        name: METADATA_VERSION,
        min_level: MIN_METADATA_VERSION,
        max_level: MAX_METADATA_VERSION,
    },
    SupportedFeature {
        name: TRANSACTION_VERSION,
        min_level: TransactionVersion::V0.0,
        max_level: TransactionVersion::V2.0,
    },
];

/// The levels of `metadata.version` that brought new records or fields, of those that are known.
const METADATA_CHANGES: &[i16] = &[7, 8, 11, 13, 14, 15, 17, 23, 30];

/// Whether one of the levels above `lower`, up to `higher`, brought records or fields that `lower` does not know.
pub(super) fn changes_metadata(lower: i16, higher: i16) -> bool {
    METADATA_CHANGES.iter().any(|level| *level > lower && *level <= higher)
}

/// The levels that something can be run with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LevelRange {
    /// The lowest.
    pub(super) min: i16,
    /// The highest.
    pub(super) max: i16,
}

impl LevelRange {
    /// That of a feature that is not known: it can be off.
    pub(super) const OFF: Self = Self { min: 0, max: 0 };

    /// Whether a level is one of them.
    ///
    /// # Errors
    /// With a sentence that begins with `who`.
    pub(super) fn check(self, level: i16, who: &str) -> Result<(), String> {
        match self {
            Self { min, max } if (min..=max).contains(&level) => Ok(()),
            Self { max: 0, .. } => Err(format!("{who} does not support this feature.")),
            Self { min, max } if min == max => Err(format!("{who} only supports versions {min}")),
            Self { min, max } => Err(format!("{who} only supports versions {min}-{max}")),
        }
    }
}

/// The levels that Kestrel can run a feature with; `None` for one that it does not know.
pub(super) fn supported_levels(name: &str) -> Option<LevelRange> {
    let feature = SUPPORTED_FEATURES.iter().find(|feature| feature.name == name);
    feature.map(|feature| LevelRange { min: feature.min_level, max: feature.max_level })
}

/// A level of the feature `transaction.version`: of the brokers, or the one that a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct TransactionVersion(pub(crate) i16);

impl TransactionVersion {
    /// Transactions as they were at first (KIP-98).
    pub(crate) const V0: Self = Self(0);
    /// Records of transactions may have tagged fields (KIP-890).
    pub(crate) const V1: Self = Self(1);
    /// Each transaction has an epoch of its own, and partitions are added by what is written to them (KIP-890).
    pub(crate) const V2: Self = Self(2);

    /// Whether the end of a transaction bumps the epoch of its producer, so that what comes late belongs to no later one.
    pub(crate) fn bumps_epochs(self) -> bool {
        self >= Self::V2
    }
}

/// The finalized levels, by feature. A feature that is not there has level 0.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct FeatureLevels(BTreeMap<ByteString, i16>);

impl FeatureLevels {
    /// The level of a feature.
    pub(crate) fn level(&self, name: &str) -> i16 {
        self.0.get(name).copied().unwrap_or_default()
    }

    /// The features with a level above 0, by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&ByteString, i16)> {
        self.0.iter().map(|(name, level)| (name, *level))
    }

    /// Whether nothing is finalized: the log has not been begun.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The level at which transactions are coordinated. Clients speak the newer version when it is finalized here.
    pub(crate) fn transaction_version(&self) -> TransactionVersion {
        TransactionVersion(self.level(TRANSACTION_VERSION))
    }

    /// Sets the level at which transactions are coordinated.
    #[cfg(test)]
    pub(super) fn set_transaction_version(&mut self, version: TransactionVersion) {
        self.replay(FeatureLevelRecord { name: TRANSACTION_VERSION.into(), feature_level: version.0 });
    }

    /// Whether replicas that left the ISR are remembered as eligible (KIP-966).
    pub(crate) fn has_elr(&self) -> bool {
        self.level(ELR_VERSION) > 0
    }

    /// Whether users may have SCRAM credentials.
    pub(super) fn has_scram(&self) -> bool {
        self.level(METADATA_VERSION) >= SCRAM
    }

    /// Whether controllers register themselves.
    pub(super) fn has_controller_registration(&self) -> bool {
        self.level(METADATA_VERSION) >= CONTROLLER_REGISTRATION
    }

    /// The versions in which records are to be written.
    pub(super) fn record_versions(&self) -> RecordVersions {
        let level = self.level(METADATA_VERSION);
        RecordVersions {
            register_broker: match level {
                CORDONED_LOG_DIRS.. => 4,
                DIRECTORY_ASSIGNMENT.. => 3,
                _ => 2,
            },
            partition: match level {
                ELR.. => 2,
                DIRECTORY_ASSIGNMENT.. => 1,
                _ => 0,
            },
        }
    }

    /// Whether this Kestrel understands a log of this `metadata.version`.
    ///
    /// # Errors
    /// With a sentence that names both levels.
    pub(super) fn check_supported(&self) -> Result<(), String> {
        let level = self.level(METADATA_VERSION);
        if (MIN_METADATA_VERSION..=MAX_METADATA_VERSION).contains(&level) {
            return Ok(());
        }
        Err(format!(
            "the metadata log is of metadata.version {level}, and this Kestrel knows {MIN_METADATA_VERSION} to \
             {MAX_METADATA_VERSION}"
        ))
    }

    /// Takes a record over.
    pub(super) fn replay(&mut self, record: FeatureLevelRecord) {
        if record.feature_level == 0 {
            self.0.remove(&record.name);
        } else {
            self.0.insert(record.name, record.feature_level);
        }
    }
}

/// The records that a folder is formatted with: the metadata version, and the features that Apache Kafka finalizes with it as
/// far as they are there.
pub(super) fn bootstrap_records() -> Vec<MetadataRecord> {
    let levels = [(METADATA_VERSION, MAX_METADATA_VERSION), (TRANSACTION_VERSION, TransactionVersion::V2.0)];
    levels.map(|(name, feature_level)| FeatureLevelRecord { name: name.into(), feature_level }.into()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(level: i16) -> FeatureLevels {
        let mut levels = FeatureLevels::default();
        levels.replay(FeatureLevelRecord { name: METADATA_VERSION.into(), feature_level: level });
        levels
    }

    #[test]
    fn records_are_written_as_the_finalized_level_says() {
        // Taken from org.apache.kafka.server.common.MetadataVersion of Apache Kafka 4.3.1.
        for (level, register_broker, partition) in
            [(10, 2, 0), (17, 3, 1), (22, 3, 1), (23, 3, 2), (30, 4, 2)]
        {
            assert_eq!(at(level).record_versions(), RecordVersions { register_broker, partition }, "{level}");
        }
    }

    #[test]
    fn a_level_from_the_future_is_refused() {
        assert_eq!(at(30).check_supported(), Ok(()));
        for level in [0, 6, 31] {
            assert!(at(level).check_supported().unwrap_err().contains(&level.to_string()));
        }
    }

    #[test]
    fn level_zero_is_no_level() {
        let mut levels = at(30);
        levels.replay(FeatureLevelRecord { name: "group.version".into(), feature_level: 1 });
        assert_eq!(levels.level("group.version"), 1);
        levels.replay(FeatureLevelRecord { name: "group.version".into(), feature_level: 0 });
        assert_eq!(levels.iter().collect::<Vec<_>>(), [(&METADATA_VERSION.into(), 30)]);
    }
}
