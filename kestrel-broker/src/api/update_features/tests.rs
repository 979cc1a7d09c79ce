//! UpdateFeatures over TCP: what is refused, what is only checked, and what a change leads to.

use kestrel_protocol::Message;
use kestrel_protocol::messages::api_versions::{ApiVersionsRequest, ApiVersionsResponse};

use super::*;
use crate::Broker;
use crate::testing::Peer;

const UPGRADE: i8 = 1;
const SAFE_DOWNGRADE: i8 = 2;
const UNSAFE_DOWNGRADE: i8 = 3;

fn update_to(feature: &'static str, level: i16, upgrade_type: i8) -> FeatureUpdateKey {
    FeatureUpdateKey { feature: feature.into(), max_version_level: level, upgrade_type, ..Default::default() }
}

fn request(updates: &[FeatureUpdateKey]) -> UpdateFeaturesRequest {
    UpdateFeaturesRequest { feature_updates: updates.to_vec(), ..Default::default() }
}

async fn api_versions(peer: &mut Peer) -> ApiVersionsResponse {
    let request =
        ApiVersionsRequest { client_software_name: "test".into(), client_software_version: "1".into() };
    peer.call(&request, 4).await
}

/// The finalized level of a feature and their epoch.
async fn finalized(peer: &mut Peer, feature: &str) -> (i16, i64) {
    let response = api_versions(peer).await;
    let level = response.finalized_features.iter().find(|key| *key.name == *feature);
    (level.map_or(0, |key| key.max_version_level), response.finalized_features_epoch)
}

#[tokio::test]
async fn a_level_goes_down_and_up_and_is_there_after_a_restart() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    let (level, epoch) = finalized(&mut peer, "transaction.version").await;
    assert_eq!(level, 2);
    let lower = request(&[update_to("transaction.version", 0, SAFE_DOWNGRADE)]);
    let checked = UpdateFeaturesRequest { validate_only: true, ..lower.clone() };
    assert_eq!(peer.call(&checked, 1).await.error_code, ErrorCode::None);
    assert_eq!(finalized(&mut peer, "transaction.version").await, (2, epoch));

    let response = peer.call(&lower, 1).await;
    assert_eq!((response.error_code, response.results.len()), (ErrorCode::None, 1));
    assert_eq!(finalized(&mut peer, "transaction.version").await, (0, epoch + 1));
    // Once more: there is nothing to be done.
    assert_eq!(peer.call(&lower, 2).await, UpdateFeaturesResponse::default());
    assert_eq!(finalized(&mut peer, "transaction.version").await, (0, epoch + 1));

    broker.restart().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    assert_eq!(finalized(&mut peer, "transaction.version").await.0, 0);
    let higher = request(&[update_to("transaction.version", 1, UPGRADE)]);
    assert_eq!(peer.call(&higher, 0).await.error_code, ErrorCode::None);
    assert_eq!(finalized(&mut peer, "transaction.version").await.0, 1);
}

#[tokio::test]
async fn what_cannot_be_is_refused_for_all_features_at_once() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    let cases = [
        (update_to("transaction.version", 3, UPGRADE), "Local controller 1 only supports versions 0-2"),
        (update_to("transaction.version", -1, SAFE_DOWNGRADE), "cannot be less than 0"),
        (update_to("transaction.version", 1, UPGRADE), "without setting the upgrade type"),
        (update_to("transaction.version", 1, 9), "does not support the given upgrade type"),
        (update_to("group.version", 1, UPGRADE), "Local controller 1 does not support this feature."),
        (update_to("group.version", 0, UPGRADE), "Feature group.version not found."),
        (update_to("metadata.version", 31, UPGRADE), "only supports versions 7-30"),
        (update_to("metadata.version", 29, SAFE_DOWNGRADE), "might delete metadata information"),
        (update_to("metadata.version", 29, UNSAFE_DOWNGRADE), "Unsafe metadata downgrade is not supported"),
        (update_to("kraft.version", 1, UPGRADE), "static"),
    ];
    for (update, why) in cases {
        let good = update_to("metadata.version", 30, UPGRADE);
        let asked = if update.feature == good.feature { vec![update] } else { vec![update, good] };
        for version in UpdateFeaturesRequest::VERSIONS.skip(1) {
            let response = peer.call(&request(&asked), version).await;
            assert_eq!(response.error_code, ErrorCode::InvalidUpdateVersion, "{asked:?}");
            let message = response.error_message.unwrap_or_default();
            assert!(message.starts_with("The update failed for all") && message.contains(why), "{message}");
            assert!(response.results.is_empty());
        }
    }
    assert_eq!(finalized(&mut peer, "transaction.version").await.0, 2);
}
