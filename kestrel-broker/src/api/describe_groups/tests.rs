//! DescribeGroups over TCP, in every version.

use super::*;
use crate::Broker;
use crate::testing::{Peer, join_request};

#[tokio::test]
async fn groups_are_described_in_every_version() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    peer.create_topic("t").await;
    let member = peer.join_alone("stable").await;
    peer.commit("simple", None, "t", 1).await;
    for version in 0..=6 {
        let request = DescribeGroupsRequest {
            groups: vec!["stable".into(), "simple".into(), "nobody".into()],
            include_authorized_operations: version >= 3,
        };
        let response = peer.call(&request, version).await;
        let [stable, simple, nobody] = &response.groups[..] else { panic!("three groups") };
        assert_eq!(
            (&*stable.group_state, &*stable.protocol_type, &*stable.protocol_data),
            ("Stable", "consumer", "range")
        );
        let [described] = &stable.members[..] else { panic!("one member") };
        assert_eq!(
            (&described.member_id, &*described.client_id, &*described.client_host),
            (&member.id, "tester", "/127.0.0.1")
        );
        assert_eq!(
            (&described.member_metadata[..], &described.member_assignment[..]),
            (&b"opaque"[..], &b"everything"[..])
        );
        assert_eq!((&*simple.group_state, &*simple.protocol_type, simple.members.len()), ("Empty", "", 0));
        let expected = if version == 6 { ErrorCode::GroupIdNotFound } else { ErrorCode::None };
        assert_eq!((&*nobody.group_state, nobody.error_code), ("Dead", expected), "version {version}");
        assert_eq!(nobody.error_message.is_some(), version == 6);
        assert_eq!(nobody.authorized_operations, if (3..6).contains(&version) { 3400 } else { i32::MIN });
        assert_eq!(stable.authorized_operations, if version >= 3 { 3400 } else { i32::MIN });
    }
}

#[tokio::test]
async fn what_changes_in_a_rebalance_is_not_told() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    peer.join_alone("g").await;
    let mut other = Peer::of(&broker).await;
    other.send(&join_request("g", ""), 3).await;
    loop {
        let request = DescribeGroupsRequest { groups: vec!["g".into()], ..Default::default() };
        let group = peer.call(&request, 5).await.groups.remove(0);
        if &*group.group_state == "PreparingRebalance" {
            assert_eq!((&*group.protocol_data, group.members.len()), ("", 2));
            assert!(group.members.iter().all(|member| member.member_assignment.is_empty()));
            break;
        }
    }
}
