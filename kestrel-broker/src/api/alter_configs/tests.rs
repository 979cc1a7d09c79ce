//! AlterConfigs over TCP: what is named is set, and what is not has its default again.

use kestrel_protocol::messages::alter_configs::AlterableConfig;
use kestrel_protocol::messages::describe_configs::{DescribeConfigsRequest, DescribeConfigsResource};

use super::*;
use crate::Broker;
use crate::testing::Peer;

const TOPIC: i8 = 2;
const BROKER: i8 = 4;

fn resource(resource_type: i8, name: &str, configs: &[(&str, Option<&str>)]) -> AlterConfigsResource {
    let configs = configs
        .iter()
        .map(|(name, value)| AlterableConfig { name: (*name).into(), value: value.map(Into::into) });
    AlterConfigsResource { resource_type, resource_name: name.into(), configs: configs.collect() }
}

async fn alter(peer: &mut Peer, version: i16, resources: Vec<AlterConfigsResource>) -> Vec<ErrorCode> {
    let request = AlterConfigsRequest { resources, validate_only: false };
    peer.call(&request, version).await.responses.iter().map(|response| response.error_code).collect()
}

/// The keys that were set on a resource, with their values.
async fn set(peer: &mut Peer, resource_type: i8, name: &str, source: i8) -> Vec<(String, String)> {
    let resource = DescribeConfigsResource {
        resource_type,
        resource_name: name.into(),
        // As null: all.
        configuration_keys: Some(Vec::new()),
    };
    let request = DescribeConfigsRequest { resources: vec![resource], ..Default::default() };
    let configs = peer.call(&request, 4).await.results.remove(0).configs;
    let set = configs.into_iter().filter(|config| config.config_source == source);
    set.map(|config| (config.name.to_string(), config.value.unwrap().to_string())).collect()
}

#[tokio::test]
async fn what_is_not_named_has_its_default_again() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    peer.create_topic("t").await;
    for version in 0..=2 {
        let both =
            resource(TOPIC, "t", &[("retention.ms", Some("1000")), ("segment.bytes", Some("2000000"))]);
        assert_eq!(alter(&mut peer, version, vec![both]).await, [ErrorCode::None]);
        assert_eq!(set(&mut peer, TOPIC, "t", 1).await.len(), 2);
        let one = resource(TOPIC, "t", &[("retention.ms", Some("2000"))]);
        assert_eq!(alter(&mut peer, version, vec![one]).await, [ErrorCode::None]);
        assert_eq!(set(&mut peer, TOPIC, "t", 1).await, [("retention.ms".to_owned(), "2000".to_owned())]);
        assert_eq!(alter(&mut peer, version, vec![resource(TOPIC, "t", &[])]).await, [ErrorCode::None]);
        assert_eq!(set(&mut peer, TOPIC, "t", 1).await, []);
    }
}

#[tokio::test]
async fn a_resource_is_replaced_or_refused_as_a_whole() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    peer.create_topic("t").await;
    let before = resource(TOPIC, "t", &[("retention.ms", Some("1000"))]);
    alter(&mut peer, 2, vec![before]).await;
    let codes = alter(
        &mut peer,
        2,
        vec![
            resource(TOPIC, "t", &[("segment.bytes", Some("2000000")), ("nope", Some("1"))]),
            resource(TOPIC, "nope", &[("retention.ms", Some("1"))]),
            resource(TOPIC, "u", &[]),
            resource(TOPIC, "u", &[]),
            resource(BROKER, "1", &[("message.max.bytes", None)]),
        ],
    )
    .await;
    let mut numbers: Vec<i16> = codes.into_iter().map(ErrorCode::code).collect();
    numbers.sort_unstable();
    // Unknown topic, three invalid requests (what is named twice, the null), an invalid config.
    assert_eq!(numbers, [3, 40, 42, 42, 42]);
    assert_eq!(set(&mut peer, TOPIC, "t", 1).await, [("retention.ms".to_owned(), "1000".to_owned())]);

    let request = AlterConfigsRequest { resources: vec![resource(TOPIC, "t", &[])], validate_only: true };
    assert_eq!(peer.call(&request, 2).await.responses[0].error_code, ErrorCode::None);
    assert_eq!(set(&mut peer, TOPIC, "t", 1).await.len(), 1, "only validated");
}
