//! Quotas over TCP: set, described, taken back, and still there after a restart.

use kestrel_protocol::messages::describe_client_quotas::DescribeClientQuotasRequest;

use super::*;
use crate::Broker;
use crate::testing::Peer;

type Parts<'a> = &'a [(&'static str, Option<&'static str>)];
type Limits<'a> = &'a [(&'static str, Option<f64>)];

fn entry(parts: Parts<'_>, limits: Limits<'_>) -> EntryData {
    let part = |(entity_type, name): &(&'static str, Option<&'static str>)| EntityData {
        entity_type: (*entity_type).into(),
        entity_name: name.map(Into::into),
    };
    let op = |(key, limit): &(&'static str, Option<f64>)| OpData {
        key: (*key).into(),
        value: limit.unwrap_or_default(),
        remove: limit.is_none(),
    };
    EntryData { entity: parts.iter().map(part).collect(), ops: limits.iter().map(op).collect() }
}

async fn alter(
    peer: &mut Peer,
    entries: Vec<EntryData>,
    validate_only: bool,
    version: i16,
) -> Vec<ErrorCode> {
    let response = peer.call(&AlterClientQuotasRequest { entries, validate_only }, version).await;
    response.entries.into_iter().map(|entry| entry.error_code).collect()
}

/// All quotas, each entity with its limits.
async fn quotas(peer: &mut Peer) -> Vec<String> {
    let response = peer.call(&DescribeClientQuotasRequest::default(), 1).await;
    let shown = response.entries.unwrap_or_default().into_iter().map(|entry| {
        let parts = entry.entity.iter().map(|part| {
            format!("{}={}", part.entity_type, part.entity_name.as_deref().unwrap_or("<default>"))
        });
        let limits = entry.values.iter().map(|value| format!("{}={}", value.key, value.value));
        format!("{}: {}", parts.collect::<Vec<_>>().join(","), limits.collect::<Vec<_>>().join(","))
    });
    shown.collect()
}

#[tokio::test]
async fn limits_are_set_described_and_taken_back() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    for version in 0..=1 {
        let entries = vec![
            entry(
                &[("user", Some("alice"))],
                &[("producer_byte_rate", Some(1024.0)), ("request_percentage", Some(1.5))],
            ),
            entry(&[("user", None), ("client-id", Some("c"))], &[("consumer_byte_rate", Some(5.0))]),
            entry(&[("ip", Some("127.0.0.1"))], &[("connection_creation_rate", Some(3.0))]),
        ];
        assert_eq!(alter(&mut peer, entries.clone(), true, version).await, [ErrorCode::None; 3]);
        assert!(quotas(&mut peer).await.is_empty(), "nothing changes when it is only checked");
        assert_eq!(alter(&mut peer, entries, false, version).await, [ErrorCode::None; 3]);
        let expected = [
            "ip=127.0.0.1: connection_creation_rate=3",
            "user=<default>,client-id=c: consumer_byte_rate=5",
            "user=alice: producer_byte_rate=1024,request_percentage=1.5",
        ];
        assert_eq!(quotas(&mut peer).await, expected);
        broker.restart().await.unwrap();
        peer = Peer::of(&broker).await;
        assert_eq!(quotas(&mut peer).await, expected);
        let entries = vec![
            entry(&[("user", Some("alice"))], &[("producer_byte_rate", None), ("request_percentage", None)]),
            entry(&[("user", None), ("client-id", Some("c"))], &[("consumer_byte_rate", None)]),
            entry(&[("ip", Some("127.0.0.1"))], &[("connection_creation_rate", None)]),
        ];
        assert_eq!(alter(&mut peer, entries, false, version).await, [ErrorCode::None; 3]);
        assert!(quotas(&mut peer).await.is_empty());
    }
}

#[tokio::test]
async fn each_entity_is_changed_or_refused_by_itself() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    let entries = vec![
        entry(&[("user", Some("alice"))], &[("producer_byte_rate", Some(1.0)), ("nope", Some(1.0))]),
        entry(&[("user", Some("bob"))], &[("producer_byte_rate", Some(1.0))]),
        entry(&[], &[("producer_byte_rate", Some(1.0))]),
    ];
    // By entity, the one without parts first.
    let expected = [ErrorCode::InvalidRequest, ErrorCode::InvalidRequest, ErrorCode::None];
    assert_eq!(alter(&mut peer, entries, false, 1).await, expected);
    assert_eq!(quotas(&mut peer).await, ["user=bob: producer_byte_rate=1"]);
}
