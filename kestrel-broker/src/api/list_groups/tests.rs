//! ListGroups over TCP, in every version and with filters.

use super::*;
use crate::Broker;
use crate::testing::Peer;

#[tokio::test]
async fn groups_are_listed_and_filtered() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    assert_eq!(peer.call(&ListGroupsRequest::default(), 5).await, ListGroupsResponse::default());
    peer.create_topic("t").await;
    peer.join_alone("stable").await;
    peer.commit("simple", None, "t", 1).await;
    for version in 0..=5 {
        let mut groups = peer.call(&ListGroupsRequest::default(), version).await.groups;
        groups.sort_by(|one, other| one.group_id.cmp(&other.group_id));
        let [simple, stable] = &groups[..] else { panic!("two groups") };
        assert_eq!((&*simple.group_id, &*simple.protocol_type), ("simple", ""));
        assert_eq!((&*stable.group_id, &*stable.protocol_type), ("stable", "consumer"));
        assert_eq!(&*stable.group_state, if version >= 4 { "Stable" } else { "" });
        assert_eq!(&*stable.group_type, if version >= 5 { "classic" } else { "" });
    }
    let cases: [(&[&str], &[&str], &[&str]); 5] = [
        (&["stable"], &[], &["stable"]),
        (&["Empty", "Dead"], &[], &["simple"]),
        (&["Empty"], &["Classic"], &["simple"]),
        (&[], &["consumer"], &[]),
        (&["nonsense"], &[], &[]),
    ];
    for (states, types, expected) in cases {
        let texts = |names: &[&str]| names.iter().map(|name| (*name).into()).collect();
        let request = ListGroupsRequest { states_filter: texts(states), types_filter: texts(types) };
        let groups = peer.call(&request, 5).await.groups;
        let ids: Vec<_> = groups.iter().map(|group| &*group.group_id).collect();
        assert_eq!(ids, expected, "{states:?} {types:?}");
    }
}
