//! DescribeConfigs over TCP: topics, brokers, and what is refused.

use super::*;
use crate::Broker;
use crate::testing::Peer;

fn resource(resource_type: i8, name: &str, keys: Option<&[&str]>) -> DescribeConfigsResource {
    let configuration_keys = keys.map(|keys| keys.iter().map(|key| (*key).to_owned().into()).collect());
    DescribeConfigsResource { resource_type, resource_name: name.to_owned().into(), configuration_keys }
}

fn request(resources: Vec<DescribeConfigsResource>) -> DescribeConfigsRequest {
    DescribeConfigsRequest { resources, include_synonyms: true, include_documentation: true }
}

#[tokio::test]
async fn a_topic_and_a_broker_show_every_key_in_every_version() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    peer.create_topic("t").await;
    for version in 1..=4 {
        let response =
            peer.call(&request(vec![resource(2, "t", None), resource(4, "1", None)]), version).await;
        let [topic, node] = &response.results[..] else { panic!("two resources") };
        assert_eq!((topic.error_code, topic.configs.len()), (ErrorCode::None, 33));
        assert_eq!((node.error_code, node.configs.len()), (ErrorCode::None, 340));
        assert!(
            topic.configs.is_sorted_by(|a, b| a.name < b.name)
                && node.configs.is_sorted_by(|a, b| a.name < b.name)
        );
        for config in topic.configs.iter().chain(&node.configs) {
            assert_eq!(config.config_type != 0, version >= 3, "{}", config.name);
            assert_eq!(config.documentation.is_some(), version >= 3, "{}", config.name);
        }
    }
}

#[tokio::test]
async fn a_topic_shows_where_its_values_come_from() {
    let broker = Broker::builder().ephemeral().set("message.max.bytes", "5000").start().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    peer.create_topic("t").await;
    let keys = Some(&["max.message.bytes", "no.such.key"][..]);
    let response = peer.call(&request(vec![resource(2, "t", keys)]), 4).await;
    let [config] = &response.results[0].configs[..] else { panic!("one key") };
    assert_eq!((config.value.as_deref(), config.config_source, config.config_type), (Some("5000"), 4, 3));
    let synonyms: Vec<_> = config.synonyms.iter().map(|synonym| (&*synonym.name, synonym.source)).collect();
    assert_eq!(synonyms, [("message.max.bytes", 4), ("message.max.bytes", 5)]);
    let plain = DescribeConfigsRequest {
        include_synonyms: false,
        include_documentation: false,
        ..request(vec![resource(2, "t", keys)])
    };
    let config = peer.call(&plain, 4).await.results[0].configs[0].clone();
    assert!(config.synonyms.is_empty() && config.documentation.is_none());
}

#[tokio::test]
async fn what_is_not_there_is_an_error_of_its_resource() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    let cases = [
        (2, "nope", ErrorCode::UnknownTopicOrPartition),
        (2, "no good", ErrorCode::InvalidTopic),
        (2, "", ErrorCode::InvalidTopic),
        (4, "7", ErrorCode::InvalidRequest),
        (4, "x", ErrorCode::InvalidRequest),
        (4, "", ErrorCode::None),
        (16, "", ErrorCode::InvalidRequest),
        (32, "g", ErrorCode::InvalidRequest),
    ];
    let resources = cases.map(|(kind, name, _)| resource(kind, name, None));
    let response = peer.call(&request(resources.to_vec()), 4).await;
    for (result, (kind, name, expected)) in response.results.iter().zip(cases) {
        assert_eq!((result.resource_type, &*result.resource_name), (kind, name));
        assert_eq!(result.error_code, expected, "{kind} {name}");
        assert!(result.configs.is_empty());
    }
}
