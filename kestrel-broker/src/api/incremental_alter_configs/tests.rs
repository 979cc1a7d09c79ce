//! IncrementalAlterConfigs over TCP: what changes, and what is refused.

use kestrel_protocol::messages::describe_configs::{DescribeConfigsRequest, DescribeConfigsResource};

use super::*;
use crate::Broker;
use crate::testing::{Peer, batch};

const SET: i8 = 0;
const DELETE: i8 = 1;
const APPEND: i8 = 2;

fn resource(resource_type: i8, name: &str, configs: &[(&str, i8, Option<&str>)]) -> AlterConfigsResource {
    let configs = configs.iter().map(|(name, config_operation, value)| AlterableConfig {
        name: (*name).to_owned().into(),
        config_operation: *config_operation,
        value: value.map(|value| value.to_owned().into()),
    });
    AlterConfigsResource { resource_type, resource_name: name.to_owned().into(), configs: configs.collect() }
}

async fn alter(peer: &mut Peer, resource: AlterConfigsResource) -> ErrorCode {
    let request = IncrementalAlterConfigsRequest { resources: vec![resource], validate_only: false };
    peer.call(&request, 1).await.responses[0].error_code
}

async fn value(peer: &mut Peer, resource_type: i8, name: &str, key: &str) -> (Option<String>, i8) {
    let resource = DescribeConfigsResource {
        resource_type,
        resource_name: name.to_owned().into(),
        configuration_keys: Some(vec![key.to_owned().into()]),
    };
    let request = DescribeConfigsRequest { resources: vec![resource], ..Default::default() };
    let config = peer.call(&request, 4).await.results[0].configs[0].clone();
    (config.value.map(|value| value.to_string()), config.config_source)
}

#[tokio::test]
async fn a_new_value_is_in_force_when_the_answer_comes() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    peer.create_topic("t").await;
    assert_eq!(
        alter(&mut peer, resource(2, "t", &[("max.message.bytes", SET, Some("10"))])).await,
        ErrorCode::None
    );
    assert_eq!(peer.produce("t", batch(&["a"])).await.error_code, ErrorCode::MessageTooLarge);
    assert_eq!(value(&mut peer, 2, "t", "max.message.bytes").await, (Some("10".to_owned()), 1));

    broker.restart().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    assert_eq!(peer.produce("t", batch(&["a"])).await.error_code, ErrorCode::MessageTooLarge);
    assert_eq!(
        alter(&mut peer, resource(2, "t", &[("max.message.bytes", DELETE, None)])).await,
        ErrorCode::None
    );
    assert_eq!(peer.produce("t", batch(&["a"])).await.error_code, ErrorCode::None);
}

#[tokio::test]
async fn a_default_of_the_broker_reaches_its_topics() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    peer.create_topic("t").await;
    let key = "message.max.bytes";
    assert_eq!(alter(&mut peer, resource(4, "", &[(key, SET, Some("10"))])).await, ErrorCode::None);
    assert_eq!(peer.produce("t", batch(&["a"])).await.error_code, ErrorCode::MessageTooLarge);
    assert_eq!(value(&mut peer, 2, "t", "max.message.bytes").await, (Some("10".to_owned()), 3));
    assert_eq!(alter(&mut peer, resource(4, "1", &[(key, SET, Some("9000"))])).await, ErrorCode::None);
    assert_eq!(peer.produce("t", batch(&["a"])).await.error_code, ErrorCode::None);
    assert_eq!(value(&mut peer, 4, "1", key).await, (Some("9000".to_owned()), 2));
}

#[tokio::test]
async fn resources_are_changed_or_refused_by_themselves() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    peer.create_topic("t").await;
    peer.create_topic("u").await;
    for version in 0..=1 {
        let request = IncrementalAlterConfigsRequest {
            resources: vec![
                resource(2, "t", &[("cleanup.policy", APPEND, Some("compact"))]),
                resource(2, "nope", &[("retention.ms", SET, Some("1"))]),
                resource(2, "u", &[("retention.ms", SET, Some("1"))]),
                resource(2, "u", &[("retention.ms", SET, Some("2"))]),
                resource(4, "1", &[("log.retention.ms", 9, Some("1"))]),
            ],
            validate_only: false,
        };
        let response = peer.call(&request, version).await;
        let mut codes: Vec<_> =
            response.responses.iter().map(|result| (&*result.resource_name, result.error_code)).collect();
        codes.sort_unstable_by_key(|(name, code)| (*name, code.code()));
        assert_eq!(
            codes,
            [
                ("1", ErrorCode::InvalidRequest),
                ("nope", ErrorCode::UnknownTopicOrPartition),
                ("t", ErrorCode::None),
                ("u", ErrorCode::InvalidRequest),
                ("u", ErrorCode::InvalidRequest),
            ]
        );
    }
    assert_eq!(value(&mut peer, 2, "t", "cleanup.policy").await.0.as_deref(), Some("delete,compact"));
    let unchanged = value(&mut peer, 2, "u", "retention.ms").await;
    assert_eq!(unchanged, (Some("604800000".to_owned()), 5), "named twice, and so left alone");
}

#[tokio::test]
async fn validating_changes_nothing() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    peer.create_topic("t").await;
    let ok = resource(2, "t", &[("retention.ms", SET, Some("5"))]);
    let bad = resource(4, "1", &[("log.segment.bytes", SET, Some("x"))]);
    let request = IncrementalAlterConfigsRequest { resources: vec![ok, bad], validate_only: true };
    let response = peer.call(&request, 1).await;
    let codes: Vec<_> = response.responses.iter().map(|result| result.error_code).collect();
    assert_eq!(codes, [ErrorCode::None, ErrorCode::InvalidRequest]);
    assert_eq!(value(&mut peer, 2, "t", "retention.ms").await.1, 5);
}
