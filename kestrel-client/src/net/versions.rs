//! Which version of each API a connection uses: the newest that broker and client have in common.
//!
//! Made by the handshake from the broker's ApiVersions answer; read before each request.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use kestrel_protocol::ApiKey;
use kestrel_protocol::messages::api_versions::{ApiVersion, FinalizedFeatureKey};

/// The feature that says how transactions are spoken about (KIP-890).
const TRANSACTION_VERSION: &str = "transaction.version";

/// The ranges that both sides speak, by API.
#[derive(Debug, Clone, Default)]
pub(crate) struct Versions {
    ranges: HashMap<ApiKey, RangeInclusive<i16>>,
    /// The level of `transaction.version` that the cluster has finalized; 0 when it has none.
    transaction_level: i16,
}

impl Versions {
    /// Intersects what the broker advertises with what this client speaks.
    ///
    /// APIs that the client does not know are ignored, and so are ranges without a common version: some brokers
    /// advertise empty or reversed ones.
    pub(crate) fn intersect(advertised: &[ApiVersion]) -> Self {
        let common = |entry: &ApiVersion| {
            let api = ApiKey::from_key(entry.api_key)?;
            let ours = api.versions();
            let range = entry.min_version.max(*ours.start())..=entry.max_version.min(*ours.end());
            (!range.is_empty()).then_some((api, range))
        };
        Self { ranges: advertised.iter().filter_map(common).collect(), transaction_level: 0 }
    }

    /// With the features that the cluster has finalized (KIP-584).
    pub(crate) fn with_features(mut self, finalized: &[FinalizedFeatureKey]) -> Self {
        let level = finalized.iter().find(|feature| &*feature.name == TRANSACTION_VERSION);
        self.transaction_level = level.map_or(0, |feature| feature.max_version_level);
        self
    }

    /// The level of `transaction.version` that the cluster had finalized when the connection was made.
    pub(crate) const fn transaction_level(&self) -> i16 {
        self.transaction_level
    }

    /// The newest common version.
    pub(crate) fn newest(&self, api: ApiKey) -> Option<i16> {
        self.ranges.get(&api).map(|range| *range.end())
    }

    /// The newest common version that is `at_most`.
    pub(crate) fn newest_up_to(&self, api: ApiKey, at_most: i16) -> Option<i16> {
        let range = self.ranges.get(&api)?;
        (*range.start() <= at_most).then(|| at_most.min(*range.end()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(api: ApiKey, min_version: i16, max_version: i16) -> ApiVersion {
        ApiVersion { api_key: api.key(), min_version, max_version }
    }

    #[test]
    fn the_newest_common_version_is_chosen() {
        let ours = ApiKey::Metadata.versions();
        let versions =
            Versions::intersect(&[range(ApiKey::Metadata, 0, i16::MAX), range(ApiKey::Produce, 0, 9)]);
        assert_eq!(versions.newest(ApiKey::Metadata), Some(*ours.end()));
        assert_eq!(versions.newest(ApiKey::Produce), Some(9));
        assert_eq!(versions.newest_up_to(ApiKey::Produce, 7), Some(7));
        assert_eq!(versions.newest_up_to(ApiKey::Produce, 12), Some(9));
        assert_eq!(versions.newest_up_to(ApiKey::Produce, 2), None);
        assert_eq!(versions.newest(ApiKey::Fetch), None);
    }

    #[test]
    fn odd_ranges_are_as_good_as_none() {
        let versions = Versions::intersect(&[
            range(ApiKey::Metadata, 5, 2),
            range(ApiKey::Produce, -1, -1),
            range(ApiKey::Fetch, i16::MAX - 1, i16::MAX),
            ApiVersion { api_key: 9_999, min_version: 0, max_version: 1 },
        ]);
        for api in [ApiKey::Metadata, ApiKey::Produce, ApiKey::Fetch] {
            assert_eq!(versions.newest(api), None, "{api}");
        }
    }
}
