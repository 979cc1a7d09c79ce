//! ListConfigResources over TCP, and the subscriptions that it lists.

use kestrel_protocol::messages::alter_configs::{self, AlterConfigsRequest};
use kestrel_protocol::messages::describe_configs::{DescribeConfigsRequest, DescribeConfigsResource};
use kestrel_protocol::messages::incremental_alter_configs::{
    AlterConfigsResource, AlterableConfig, IncrementalAlterConfigsRequest,
};

use super::*;
use crate::Broker;
use crate::testing::Peer;

const SET: i8 = 0;
const DELETE: i8 = 1;
const APPEND: i8 = 2;

/// Changes a subscription.
pub(in crate::api) async fn alter(peer: &mut Peer, name: &str, changes: &[(&str, i8, &str)]) -> ErrorCode {
    let change = |(key, operation, value): &(&str, i8, &str)| AlterableConfig {
        name: (*key).to_owned().into(),
        config_operation: *operation,
        value: (*operation != DELETE).then(|| (*value).to_owned().into()),
    };
    let resource = AlterConfigsResource {
        resource_type: CLIENT_METRICS,
        resource_name: name.to_owned().into(),
        configs: changes.iter().map(change).collect(),
    };
    let request = IncrementalAlterConfigsRequest { resources: vec![resource], validate_only: false };
    peer.call(&request, 1).await.responses[0].error_code
}

async fn list(peer: &mut Peer, version: i16, types: &[i8]) -> Result<Vec<(i8, String)>, ErrorCode> {
    let request = ListConfigResourcesRequest { resource_types: types.to_vec() };
    let response = peer.call(&request, version).await;
    match response.error_code {
        ErrorCode::None => Ok(response
            .config_resources
            .iter()
            .map(|resource| (resource.resource_type, resource.resource_name.to_string()))
            .collect()),
        error => Err(error),
    }
}

/// The keys of a subscription as key, value and source.
async fn describe(peer: &mut Peer, name: &str) -> Vec<(String, String, i8)> {
    let resource = DescribeConfigsResource {
        resource_type: CLIENT_METRICS,
        resource_name: name.to_owned().into(),
        configuration_keys: None,
    };
    let request = DescribeConfigsRequest {
        resources: vec![resource],
        include_synonyms: true,
        include_documentation: true,
    };
    let result = peer.call(&request, 4).await.results.remove(0);
    assert_eq!(result.error_code, ErrorCode::None, "{:?}", result.error_message);
    let shown = |value: Option<ByteString>| value.unwrap_or_default().to_string();
    result
        .configs
        .into_iter()
        .map(|key| (key.name.to_string(), shown(key.value), key.config_source))
        .collect()
}

#[tokio::test]
async fn subscriptions_are_made_changed_shown_and_taken_back() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    let key = |name: &str, value: &str, source| (name.to_owned(), value.to_owned(), source);
    let defaults = [key("interval.ms", "300000", 5), key("match", "", 5), key("metrics", "", 5)];
    assert_eq!(describe(&mut peer, "nobody").await, defaults);
    let changes = [("metrics", SET, "org.apache.kafka.producer."), ("interval.ms", SET, " 1000 ")];
    assert_eq!(alter(&mut peer, "producers", &changes).await, ErrorCode::None);
    let both = "org.apache.kafka.producer.,org.apache.kafka.consumer.";
    let changes = [("metrics", SET, both), ("match", SET, "client_id=a.*")];
    assert_eq!(alter(&mut peer, "producers", &changes).await, ErrorCode::None);
    let shown = [key("interval.ms", "1000", 7), key("match", "client_id=a.*", 7), key("metrics", both, 7)];
    assert_eq!(describe(&mut peer, "producers").await, shown);
    for version in [0, 1] {
        let listed = list(&mut peer, version, if version == 0 { &[] } else { &[CLIENT_METRICS] }).await;
        assert_eq!(listed.unwrap(), [(CLIENT_METRICS, "producers".to_owned())]);
    }
    // They are in the log.
    broker.restart().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    assert_eq!(describe(&mut peer, "producers").await, shown);
    let all = [("metrics", DELETE, ""), ("interval.ms", DELETE, ""), ("match", DELETE, "")];
    assert_eq!(alter(&mut peer, "producers", &all).await, ErrorCode::None);
    assert_eq!(list(&mut peer, 0, &[]).await.unwrap(), []);
}

#[tokio::test]
async fn a_subscription_is_refused_as_apache_kafka_refuses_it() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    for (name, change, error) in [
        ("", ("metrics", SET, "a."), ErrorCode::InvalidRequest),
        ("s", ("nope", SET, "1"), ErrorCode::InvalidRequest),
        ("s", ("interval.ms", SET, "99"), ErrorCode::InvalidRequest),
        ("s", ("interval.ms", SET, "3600001"), ErrorCode::InvalidRequest),
        ("s", ("interval.ms", SET, "soon"), ErrorCode::InvalidConfig),
        ("s", ("interval.ms", APPEND, "1"), ErrorCode::InvalidConfig),
        ("s", ("match", SET, "client_id"), ErrorCode::InvalidConfig),
        ("s", ("match", SET, "client_id=["), ErrorCode::InvalidConfig),
        ("s", ("match", SET, "rack=a"), ErrorCode::InvalidConfig),
        ("s", ("metrics", APPEND, "a."), ErrorCode::InvalidConfig),
    ] {
        assert_eq!(alter(&mut peer, name, &[change]).await, error, "{change:?}");
    }
    assert_eq!(list(&mut peer, 0, &[]).await.unwrap(), []);
    for interval in ["100", "3600000"] {
        assert_eq!(alter(&mut peer, "s", &[("interval.ms", SET, interval)]).await, ErrorCode::None);
    }
}

#[tokio::test]
async fn what_is_not_named_is_reset_by_the_older_request() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    alter(&mut peer, "s", &[("metrics", SET, "a."), ("interval.ms", SET, "500")]).await;
    let config = alter_configs::AlterableConfig { name: "metrics".into(), value: Some("b.".into()) };
    let resource = alter_configs::AlterConfigsResource {
        resource_type: CLIENT_METRICS,
        resource_name: "s".into(),
        configs: vec![config],
    };
    let request = AlterConfigsRequest { resources: vec![resource], validate_only: false };
    assert_eq!(peer.call(&request, 2).await.responses[0].error_code, ErrorCode::None);
    let shown = describe(&mut peer, "s").await;
    assert_eq!((&*shown[0].1, &*shown[2].1), ("300000", "b."));
}

#[tokio::test]
async fn version_1_lists_topics_and_brokers_too() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    peer.create_topic("t").await;
    alter(&mut peer, "s", &[("metrics", SET, "*")]).await;
    let all = [(CLIENT_METRICS, "s".to_owned()), (BROKER, "1".to_owned()), (TOPIC, "t".to_owned())];
    assert_eq!(list(&mut peer, 1, &[]).await.unwrap(), all);
    assert_eq!(list(&mut peer, 1, &[TOPIC, BROKER]).await.unwrap(), all[1..]);
    assert_eq!(list(&mut peer, 1, &[GROUP, BROKER_LOGGER]).await.unwrap(), []);
    assert_eq!(list(&mut peer, 1, &[TOPIC, 3]).await, Err(ErrorCode::UnsupportedVersion));
}
