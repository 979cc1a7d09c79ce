//! Over TCP: what peers write at length is answered, never a panic.

use kestrel_protocol::messages::create_topics::{CreatableTopic, CreatableTopicConfig, CreateTopicsRequest};
use kestrel_protocol::messages::describe_configs::{DescribeConfigsRequest, DescribeConfigsResource};
use kestrel_protocol::messages::incremental_alter_configs::{
    AlterConfigsResource, AlterableConfig, IncrementalAlterConfigsRequest,
};
use kestrel_protocol::messages::join_group::JoinGroupRequest;
use kestrel_protocol::wire::MAX_STRING_BYTES;
use kestrel_protocol::{ApiKey, ErrorCode, FrameDecoder, encode_request};

use crate::Broker;
use crate::testing::{Peer, join_request};

const SET: i8 = 0;
const APPEND: i8 = 2;
const UNKNOWN: i8 = 9;

fn alteration(topic: &str, key: &str, operation: i8, value: &str) -> IncrementalAlterConfigsRequest {
    let config = AlterableConfig { name: key.into(), config_operation: operation, value: Some(value.into()) };
    let resource =
        AlterConfigsResource { resource_type: 2, resource_name: topic.into(), configs: vec![config] };
    IncrementalAlterConfigsRequest { resources: vec![resource], validate_only: false }
}

#[tokio::test]
async fn an_error_message_with_a_long_key_in_it_is_cut() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    peer.create_topic("t").await;
    let longest = "k".repeat(MAX_STRING_BYTES);
    for version in 0..=1 {
        let answer = peer.call(&alteration("t", &longest, UNKNOWN, "1"), version).await.responses.remove(0);
        assert_eq!(answer.error_code, ErrorCode::InvalidRequest);
        let message = answer.error_message.unwrap();
        assert_eq!(message.len(), MAX_STRING_BYTES);
        assert!(message.starts_with("Unknown operation type 9 for key kkk"), "{}", &message[..50]);
        let answer = peer.call(&alteration("t", &longest, SET, "1"), version).await.responses.remove(0);
        assert_eq!(answer.error_code, ErrorCode::InvalidConfig);
        let answer = peer.call(&alteration(&longest, "retention.ms", SET, "1"), version).await;
        assert_eq!(answer.responses[0].error_code, ErrorCode::InvalidTopic);
    }
    for version in 2..=7 {
        let config = CreatableTopicConfig { name: longest.as_str().into(), value: Some("1".into()) };
        let topic = CreatableTopic {
            name: "new".into(),
            num_partitions: 1,
            replication_factor: 1,
            configs: vec![config],
            ..Default::default()
        };
        let request = CreateTopicsRequest { topics: vec![topic], ..Default::default() };
        let answer = peer.call(&request, version).await.topics.remove(0);
        assert_eq!(answer.error_code, ErrorCode::InvalidConfig, "version {version}");
    }
}

#[tokio::test]
async fn a_list_does_not_grow_beyond_what_can_be_described() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    peer.create_topic("t").await;
    let key = "leader.replication.throttled.replicas";
    let replicas = |from: i32| (from..from + 3000).map(|p| format!("{p}:1")).collect::<Vec<_>>().join(",");
    let mut codes = Vec::new();
    for (operation, value) in [(SET, replicas(10_000)), (APPEND, replicas(20_000)), (APPEND, "1:1".into())] {
        codes.push(peer.call(&alteration("t", key, operation, &value), 1).await.responses[0].error_code);
    }
    assert_eq!(codes, [ErrorCode::None, ErrorCode::InvalidConfig, ErrorCode::None]);
    let resource = DescribeConfigsResource {
        resource_type: 2,
        resource_name: "t".into(),
        configuration_keys: Some(vec![key.into()]),
    };
    let request =
        DescribeConfigsRequest { resources: vec![resource], include_synonyms: true, ..Default::default() };
    for version in 1..=4 {
        let config = peer.call(&request, version).await.results.remove(0).configs.remove(0);
        assert_eq!(config.value.unwrap(), format!("{},1:1", replicas(10_000)));
    }
}

#[tokio::test]
async fn a_member_of_a_client_with_a_long_name_has_an_id() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    peer.find_coordinator("g").await;
    for (name, version) in [("n".repeat(MAX_STRING_BYTES), 4), ("é".repeat(16_383), 9)] {
        let frame = encode_request(&join_request("g", ""), version, 1, Some(name.as_str().into())).unwrap();
        peer.send_bytes(&frame.concat()).await;
        let joined = peer.receive::<JoinGroupRequest>(version).await.expect("an answer");
        assert_eq!(joined.error_code, ErrorCode::MemberIdRequired);
        assert!(joined.member_id.len() <= MAX_STRING_BYTES && joined.member_id.starts_with(&name[..100]));
        // It is kept in a record, too.
        let frame = encode_request(&join_request("g", &joined.member_id), version, 2, Some(name.into()));
        peer.send_bytes(&frame.unwrap().concat()).await;
        let joined = peer.receive::<JoinGroupRequest>(version).await.expect("an answer");
        assert_eq!(joined.error_code, ErrorCode::None);
        peer.call(
            &kestrel_protocol::messages::leave_group::LeaveGroupRequest {
                group_id: "g".into(),
                member_id: joined.member_id,
                ..Default::default()
            },
            1,
        )
        .await;
    }
}

/// Any bytes at all in place of a request's body: an answer, or the end of the connection; never a panic, which would
/// show as the end without a line in the log.
#[tokio::test]
async fn a_text_above_the_limit_ends_the_connection_also_where_its_length_could_be_said() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    // Metadata v12: no client id, no tags, one topic without id whose name has 40,000 bytes.
    let mut frame = vec![0, 0, 0, 0, 0, 3, 0, 12, 0, 0, 0, 1, 0xff, 0xff, 0, 2];
    frame.extend([0; 16]);
    frame.extend([0xc1, 0xb8, 0x02]);
    frame.extend([b'a'; 40_000]);
    frame.extend([0, 0, 0, 0]);
    let length = u32::try_from(frame.len() - 4).unwrap();
    frame[..4].copy_from_slice(&length.to_be_bytes());
    assert!(FrameDecoder::new(1 << 20).decode(&mut frame.as_slice().into()).unwrap().is_some());
    peer.send_bytes(&frame).await;
    assert_eq!(peer.receive_frame().await, None);
    assert!(ApiKey::Metadata.is_flexible(12));
}
