//! The life of members over TCP: JoinGroup, SyncGroup, Heartbeat and LeaveGroup, in every version.

use kestrel_protocol::messages::heartbeat::HeartbeatRequest;
use kestrel_protocol::messages::leave_group::{LeaveGroupRequest, MemberIdentity};
use kestrel_protocol::messages::sync_group::SyncGroupRequest;

use super::*;
use crate::Broker;
use crate::testing::{Member, Peer, join_request, sync_request};

async fn heartbeat(peer: &mut Peer, group: &str, member: &Member, version: i16) -> ErrorCode {
    let request = HeartbeatRequest {
        group_id: group.into(),
        generation_id: member.generation,
        member_id: member.id.clone(),
        ..Default::default()
    };
    peer.call(&request, version).await.error_code
}

async fn leave(peer: &mut Peer, group: &str, member: &Member, version: i16) -> ErrorCode {
    let identity = MemberIdentity { member_id: member.id.clone(), ..Default::default() };
    let request =
        LeaveGroupRequest { group_id: group.into(), member_id: member.id.clone(), members: vec![identity] };
    let response = peer.call(&request, version).await;
    response.members.first().map_or(response.error_code, |member| member.error_code)
}

#[tokio::test]
async fn a_member_joins_stays_and_leaves_in_every_version() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    peer.find_coordinator("any").await;
    for version in 0..=9 {
        let group = format!("group-{version}");
        let mut joined = peer.call(&join_request(&group, ""), version).await;
        if version >= 4 {
            assert_eq!(joined.error_code, ErrorCode::MemberIdRequired);
            joined = peer.call(&join_request(&group, &joined.member_id), version).await;
        }
        assert_eq!((joined.error_code, joined.generation_id), (ErrorCode::None, 1), "version {version}");
        assert_eq!(joined.protocol_name.as_deref(), Some("range"));
        assert_eq!(joined.protocol_type.is_some(), version >= 7);
        assert_eq!((&joined.leader, joined.members.len()), (&joined.member_id, 1));
        assert!(joined.member_id.starts_with("tester-"), "named after the client");

        let member = Member { id: joined.member_id, generation: joined.generation_id };
        let synced = peer.call(&sync_request(&group, &member), version.min(5)).await;
        assert_eq!((synced.error_code, &synced.assignment[..]), (ErrorCode::None, &b"everything"[..]));
        assert_eq!(heartbeat(&mut peer, &group, &member, version.min(4)).await, ErrorCode::None);
        let stale = Member { generation: 7, ..member.clone() };
        assert_eq!(heartbeat(&mut peer, &group, &stale, version.min(4)).await, ErrorCode::IllegalGeneration);
        assert_eq!(leave(&mut peer, &group, &member, version.min(5)).await, ErrorCode::None);
        assert_eq!(leave(&mut peer, &group, &member, version.min(5)).await, ErrorCode::UnknownMemberId);
    }
}

#[tokio::test]
async fn two_members_share_a_generation() {
    let broker = Broker::test().await.unwrap();
    let (mut one, mut two) = (Peer::of(&broker).await, Peer::of(&broker).await);
    let first = one.join_alone("g").await;
    two.send(&join_request("g", ""), 3).await;
    // The first one learns by its heartbeat that somebody came.
    while heartbeat(&mut one, "g", &first, 4).await != ErrorCode::RebalanceInProgress {}
    let again = one.call(&join_request("g", &first.id), 9).await;
    let newcomer = two.receive::<JoinGroupRequest>(3).await.unwrap();
    assert_eq!((again.generation_id, newcomer.generation_id), (2, 2));
    assert_eq!((again.members.len(), newcomer.members.len()), (2, 0));

    let newcomer = Member { id: newcomer.member_id, generation: 2 };
    two.send(&SyncGroupRequest { assignments: Vec::new(), ..sync_request("g", &newcomer) }, 4).await;
    let mut leading = sync_request("g", &Member { id: first.id.clone(), generation: 2 });
    leading.assignments.extend(sync_request("g", &newcomer).assignments);
    assert_eq!(one.call(&leading, 5).await.error_code, ErrorCode::None);
    let synced = two.receive::<SyncGroupRequest>(4).await.unwrap();
    assert_eq!(&synced.assignment[..], b"everything");
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    // Before anyone looked for the coordinator there is none.
    assert_eq!(peer.call(&join_request("g", ""), 5).await.error_code, ErrorCode::NotCoordinator);
    peer.find_coordinator("g").await;
    assert_eq!(peer.call(&join_request("", ""), 5).await.error_code, ErrorCode::InvalidGroupId);
    for session_timeout_ms in [5_999, 1_800_001, -1] {
        let request = JoinGroupRequest { session_timeout_ms, ..join_request("g", "") };
        assert_eq!(peer.call(&request, 5).await.error_code, ErrorCode::InvalidSessionTimeout);
    }
    assert_eq!(peer.call(&join_request("g", "made-up"), 5).await.error_code, ErrorCode::UnknownMemberId);
    let member = peer.join_alone("g").await;
    let unnamed = SyncGroupRequest { protocol_name: None, ..sync_request("g", &member) };
    assert_eq!(peer.call(&unnamed, 5).await.error_code, ErrorCode::InconsistentGroupProtocol);
    assert_eq!(peer.call(&unnamed, 4).await.error_code, ErrorCode::None);
}

#[tokio::test]
async fn a_stop_answers_those_who_wait() {
    let broker = Broker::test().await.unwrap();
    let (mut one, mut two) = (Peer::of(&broker).await, Peer::of(&broker).await);
    one.join_alone("g").await;
    two.send(&join_request("g", ""), 3).await;
    two.send(&HeartbeatRequest { group_id: "other".into(), ..Default::default() }, 4).await;
    broker.stop().await.unwrap();
    let waiting = two.receive::<JoinGroupRequest>(3).await;
    assert!(waiting.is_none_or(|answer| answer.error_code == ErrorCode::NotCoordinator));
}

#[tokio::test]
async fn members_survive_a_restart_of_the_broker() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    let member = peer.join_alone("g").await;
    broker.restart().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    assert_eq!(heartbeat(&mut peer, "g", &member, 4).await, ErrorCode::None);
    loop {
        // While groups are being loaded a member is sent to join again.
        let synced = peer.call(&sync_request("g", &member), 5).await;
        if synced.error_code != ErrorCode::RebalanceInProgress {
            assert_eq!((synced.error_code, &synced.assignment[..]), (ErrorCode::None, &b"everything"[..]));
            break;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_is_sent_after_a_join_that_waits_has_its_effect_at_once() {
    let broker = Broker::test().await.unwrap();
    let (mut one, mut two) = (Peer::of(&broker).await, Peer::of(&broker).await);
    let first = one.join_alone("g").await;
    let asked = two.call(&join_request("g", ""), 5).await;
    two.send(&join_request("g", &asked.member_id), 5).await;
    let leaving = MemberIdentity { member_id: asked.member_id, ..Default::default() };
    let leave = LeaveGroupRequest { group_id: "g".into(), members: vec![leaving], ..Default::default() };
    two.send(&leave, 5).await;
    // Nobody else has joined, and yet both are answered, in their order.
    let joined = two.receive::<JoinGroupRequest>(5).await.unwrap();
    assert_eq!(joined.error_code, ErrorCode::UnknownMemberId);
    let left = two.receive::<LeaveGroupRequest>(5).await.unwrap();
    assert_eq!(left.members[0].error_code, ErrorCode::None);
    assert_eq!(one.call(&join_request("g", &first.id), 5).await.members.len(), 1);
}

#[tokio::test]
async fn a_group_that_is_too_large_for_its_topic_is_refused_and_the_others_go_on() {
    use kestrel_protocol::messages::incremental_alter_configs::{
        AlterConfigsResource, AlterableConfig, IncrementalAlterConfigsRequest,
    };
    let broker =
        Broker::builder().ephemeral().set("offsets.topic.num.partitions", "1").start().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    let member = peer.join_alone("small").await;
    let config = AlterableConfig {
        name: "max.message.bytes".into(),
        value: Some("1000".into()),
        ..Default::default()
    };
    let resource = AlterConfigsResource {
        resource_type: 2,
        resource_name: "__consumer_offsets".into(),
        configs: vec![config],
    };
    let alter = IncrementalAlterConfigsRequest { resources: vec![resource], ..Default::default() };
    assert_eq!(peer.call(&alter, 1).await.responses[0].error_code, ErrorCode::None);

    let mut large = join_request("large", "");
    large.protocols[0].metadata = vec![0; 2000].into();
    let joined = peer.call(&large, 3).await;
    assert_eq!(joined.error_code, ErrorCode::None);
    let joined = Member { id: joined.member_id, generation: joined.generation_id };
    let synced = peer.call(&sync_request("large", &joined), 5).await;
    assert_eq!(synced.error_code, ErrorCode::UnknownServerError);
    // What was not stored is as if it had never been; what was, is read back.
    while heartbeat(&mut peer, "large", &joined, 4).await != ErrorCode::UnknownMemberId {}
    assert_eq!(heartbeat(&mut peer, "small", &member, 4).await, ErrorCode::None);
    let mut again = Peer::of(&broker).await;
    again.join_alone("other").await;
}
