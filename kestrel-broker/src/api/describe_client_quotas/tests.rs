//! Filters of quotas over TCP: what they select, and what is no filter.

use kestrel_protocol::messages::alter_client_quotas::{self, AlterClientQuotasRequest, OpData};

use super::*;
use crate::Broker;
use crate::testing::Peer;

/// A user, a client of everybody, and a client of the user.
async fn limited() -> (Broker, Peer) {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    let entity = |parts: &[(&'static str, &'static str)]| {
        let part = |(entity_type, name): &(&'static str, &'static str)| alter_client_quotas::EntityData {
            entity_type: (*entity_type).into(),
            entity_name: Some((*name).into()),
        };
        let ops = vec![OpData { key: "consumer_byte_rate".into(), value: 9.0, remove: false }];
        alter_client_quotas::EntryData { entity: parts.iter().map(part).collect(), ops }
    };
    let entries = vec![
        entity(&[("user", "alice")]),
        entity(&[("client-id", "c")]),
        entity(&[("user", "alice"), ("client-id", "c")]),
    ];
    peer.call(&AlterClientQuotasRequest { entries, validate_only: false }, 1).await;
    (broker, peer)
}

fn component(entity_type: &'static str, match_type: i8, name: Option<&'static str>) -> ComponentData {
    ComponentData { entity_type: entity_type.into(), match_type, match_name: name.map(Into::into) }
}

#[tokio::test]
async fn a_filter_selects_entities() {
    let (_broker, mut peer) = limited().await;
    let cases: [(Vec<ComponentData>, bool, usize); 7] = [
        (vec![], false, 3),
        (vec![], true, 0),
        (vec![component("user", EXACTLY, Some("alice"))], false, 2),
        (vec![component("user", EXACTLY, Some("alice"))], true, 1),
        (vec![component("user", ANYTHING, None), component("client-id", ANYTHING, None)], true, 1),
        (vec![component("user", DEFAULT, None)], false, 0),
        (vec![component("ip", ANYTHING, None)], false, 0),
    ];
    for version in 0..=1 {
        for (components, strict, count) in &cases {
            let request = DescribeClientQuotasRequest { components: components.clone(), strict: *strict };
            let response = peer.call(&request, version).await;
            assert_eq!(response.entries.map(|entries| entries.len()), Some(*count), "{request:?}");
        }
    }
}

#[tokio::test]
async fn what_is_no_filter_is_refused() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    let user = || component("user", ANYTHING, None);
    for (components, expected) in [
        (vec![component("", ANYTHING, None)], ErrorCode::InvalidRequest),
        (vec![component("group", ANYTHING, None)], ErrorCode::UnsupportedVersion),
        (vec![user(), user()], ErrorCode::InvalidRequest),
        (vec![user(), component("ip", ANYTHING, None)], ErrorCode::InvalidRequest),
        (vec![component("user", EXACTLY, None)], ErrorCode::InvalidRequest),
        (vec![component("user", DEFAULT, Some("a"))], ErrorCode::InvalidRequest),
        (vec![component("user", ANYTHING, Some("a"))], ErrorCode::InvalidRequest),
        (vec![component("user", 3, None)], ErrorCode::InvalidRequest),
    ] {
        let request = DescribeClientQuotasRequest { components, strict: false };
        let response = peer.call(&request, 1).await;
        assert_eq!((response.error_code, response.entries), (expected, None), "{request:?}");
    }
}
