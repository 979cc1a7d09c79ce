//! GetTelemetrySubscriptions and PushTelemetry over TCP: when they are advertised, and what becomes of a push.

use bytes::Bytes;
use kestrel_protocol::ApiKey;
use kestrel_protocol::messages::api_versions::ApiVersionsRequest;
use kestrel_protocol::messages::push_telemetry::PushTelemetryRequest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::super::list_config_resources::tests::alter;
use super::*;
use crate::Broker;
use crate::testing::Peer;

const SET: i8 = 0;
/// A `MetricsData` with one gauge: `a.b` is 2.5 for `node_id=1`.
const PUSHED: &[u8] = b"\x0a\x2a\x12\x28\x12\x26\x0a\x03a.b\x2a\x1f\x0a\x1d\x21\0\0\0\0\0\0\x04\x40\
                        \x3a\x12\x0a\x07node_id\x12\x07\x0a\x051-two";

async fn observed() -> Broker {
    Broker::builder().ephemeral().metrics("127.0.0.1:0").start().await.unwrap()
}

/// The keys in the answer to ApiVersions, in which the client names itself.
async fn advertised(peer: &mut Peer) -> Vec<i16> {
    let named =
        ApiVersionsRequest { client_software_name: "tester".into(), client_software_version: "1.2".into() };
    peer.call(&named, 3).await.api_keys.iter().map(|api| api.api_key).collect()
}

async fn get(peer: &mut Peer, instance_id: Uuid) -> GetTelemetrySubscriptionsResponse {
    peer.call(&GetTelemetrySubscriptionsRequest { client_instance_id: instance_id }, 0).await
}

fn push(granted: &GetTelemetrySubscriptionsResponse, metrics: &'static [u8]) -> PushTelemetryRequest {
    PushTelemetryRequest {
        client_instance_id: granted.client_instance_id,
        subscription_id: granted.subscription_id,
        metrics: Bytes::from_static(metrics),
        ..Default::default()
    }
}

async fn scrape(broker: &Broker) -> String {
    let mut stream = TcpStream::connect(broker.metrics_address().unwrap()).await.unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: broker\r\n\r\n").await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

#[tokio::test]
async fn it_is_advertised_where_somebody_can_see_what_is_pushed() {
    let keys = [ApiKey::GetTelemetrySubscriptions.key(), ApiKey::PushTelemetry.key()];
    let (observed, plain) = (observed().await, Broker::test().await.unwrap());
    for (broker, wanted) in [(&observed, true), (&plain, false)] {
        let mut peer = Peer::of(broker).await;
        let found = advertised(&mut peer).await;
        assert!(keys.iter().all(|key| found.contains(key) == wanted), "{found:?}");
        // Who asks all the same is answered, as by Apache Kafka.
        assert_eq!(get(&mut peer, Uuid::NIL).await.error_code, ErrorCode::None);
    }
}

#[tokio::test]
async fn what_a_client_pushes_is_seen_with_its_name() {
    let broker = observed().await;
    let mut peer = Peer::of(&broker).await;
    let matching =
        ("match", SET, "client_software_name=tester,client_software_version=1\\..*,client_id=tester");
    alter(&mut peer, "s", &[("metrics", SET, "a."), ("interval.ms", SET, "100"), matching]).await;
    let before = get(&mut peer, Uuid::from_u128(77)).await;
    assert_eq!((before.push_interval_ms, before.requested_metrics.len()), (300_000, 0));
    advertised(&mut peer).await;
    let granted = get(&mut peer, Uuid::NIL).await;
    assert_eq!(granted.error_code, ErrorCode::None);
    assert!(!granted.client_instance_id.is_nil());
    assert_eq!((granted.push_interval_ms, granted.telemetry_max_bytes), (100, 1_048_576));
    assert_eq!(
        (&granted.accepted_compression_types[..], granted.delta_temporality),
        (&[4, 3, 1, 2][..], true)
    );
    assert_eq!(granted.requested_metrics, ["a."]);
    let wrong =
        PushTelemetryRequest { subscription_id: granted.subscription_id ^ 1, ..push(&granted, PUSHED) };
    assert_eq!(peer.call(&wrong, 0).await.error_code, ErrorCode::UnknownSubscriptionId);
    assert!(!scrape(&broker).await.contains("kestrel_client_value{"));
    // The last push comes when it wants.
    let last = PushTelemetryRequest { terminating: true, ..push(&granted, PUSHED) };
    assert_eq!(peer.call(&last, 0).await.error_code, ErrorCode::None);
    let told = scrape(&broker).await;
    let id = granted.client_instance_id;
    let series = format!(
        "kestrel_client_value{{client_instance_id=\"{id}\",client_id=\"tester\",metric=\"a.b\",attributes=\"node_id=1-two\"}} 2.5\n"
    );
    assert!(told.contains(&series), "{told}");
    let info = format!(
        "kestrel_client_info{{client_instance_id=\"{id}\",client_id=\"tester\",software_name=\"tester\",\
         software_version=\"1.2\",address=\"127.0.0.1\",attributes=\"\"}} 1\n"
    );
    assert!(told.contains(&info) && told.contains("\nkestrel_client_instances 2\n"), "{told}");
}

#[tokio::test]
async fn a_push_is_limited_by_its_key() {
    let builder = Broker::builder().ephemeral().set("telemetry.max.bytes", "40");
    let broker = builder.start().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    let granted = get(&mut peer, Uuid::from_u128(5)).await;
    assert_eq!(granted.telemetry_max_bytes, 40);
    let large = PushTelemetryRequest { terminating: true, ..push(&granted, PUSHED) };
    assert_eq!(peer.call(&large, 0).await.error_code, ErrorCode::TelemetryTooLarge);
    let granted = get(&mut peer, Uuid::from_u128(6)).await;
    let damaged = push(&granted, &[0x0a, 9, 1]);
    assert_eq!(peer.call(&damaged, 0).await.error_code, ErrorCode::InvalidRecord);
    let granted = get(&mut peer, Uuid::from_u128(7)).await;
    let unknown = PushTelemetryRequest { compression_type: 9, ..push(&granted, PUSHED) };
    assert_eq!(peer.call(&unknown, 0).await.error_code, ErrorCode::UnsupportedCompressionType);
}
