//! DeleteGroups over TCP, in every version; what is deleted stays deleted.

use super::*;
use crate::Broker;
use crate::testing::Peer;

#[tokio::test]
async fn empty_groups_go_with_their_offsets() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    peer.create_topic("t").await;
    peer.join_alone("busy").await;
    for version in 0..=2 {
        peer.commit("simple", None, "t", 7).await;
        let groups_names = vec!["busy".into(), "simple".into(), "nobody".into()];
        let response = peer.call(&DeleteGroupsRequest { groups_names }, version).await;
        let codes: Vec<_> = response.results.iter().map(|result| result.error_code).collect();
        let expected = [ErrorCode::NonEmptyGroup, ErrorCode::None, ErrorCode::GroupIdNotFound];
        assert_eq!(codes, expected, "version {version}");
        assert_eq!(peer.committed("simple", "t").await, -1);
    }
    broker.restart().await.unwrap();
    assert_eq!(Peer::of(&broker).await.committed("simple", "t").await, -1);
}
