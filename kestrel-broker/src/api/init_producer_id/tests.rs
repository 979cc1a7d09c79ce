//! InitProducerId over TCP.

use std::collections::HashSet;

use super::*;
use crate::Broker;
use crate::testing::Peer;

fn request() -> InitProducerIdRequest {
    InitProducerIdRequest { transaction_timeout_ms: 60_000, ..Default::default() }
}

#[tokio::test]
async fn no_id_is_given_twice_not_even_after_a_restart() {
    let broker = Broker::test().await.unwrap();
    let mut seen = HashSet::new();
    for _ in 0..2 {
        let mut peer = Peer::of(&broker).await;
        for version in 0..=5 {
            let response = peer.call(&request(), version).await;
            assert_eq!((response.error_code, response.producer_epoch), (ErrorCode::None, ProducerEpoch(0)));
            assert!(response.producer_id.0 >= 0 && seen.insert(response.producer_id));
        }
        broker.restart().await.unwrap();
    }
}

#[tokio::test]
async fn ids_go_on_when_a_block_is_used_up() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    let mut seen = HashSet::new();
    for _ in 0..1100 {
        assert!(seen.insert(peer.call(&request(), 4).await.producer_id));
    }
}

#[tokio::test]
async fn a_transactional_id_has_one_producer_at_a_time() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    let with = |transactional_id: &str| InitProducerIdRequest {
        transactional_id: Some(transactional_id.to_owned().into()),
        ..request()
    };
    // Nobody has asked where its coordinator is, and made its topic.
    assert_eq!(peer.call(&with("orders"), 5).await.error_code, ErrorCode::NotCoordinator);
    peer.find_transaction_coordinator("orders").await;
    let first = peer.call(&with("orders"), 5).await;
    assert_eq!((first.error_code, first.producer_epoch), (ErrorCode::None, ProducerEpoch(0)));
    let second = peer.call(&with("orders"), 5).await;
    assert_eq!((second.producer_id, second.producer_epoch), (first.producer_id, ProducerEpoch(1)));
    // Whoever was fenced hears it in the words of its version.
    let again = InitProducerIdRequest {
        producer_id: first.producer_id,
        producer_epoch: first.producer_epoch,
        ..with("orders")
    };
    for (version, expected) in [(3, ErrorCode::InvalidProducerEpoch), (4, ErrorCode::ProducerFenced)] {
        let fenced = peer.call(&again, version).await;
        assert_eq!(fenced.error_code, expected);
        assert_eq!((fenced.producer_id, fenced.producer_epoch), (ProducerId::NONE, ProducerEpoch::NONE));
    }
    assert_eq!(peer.call(&with(""), 5).await.error_code, ErrorCode::InvalidRequest);
    let endless = InitProducerIdRequest { transaction_timeout_ms: 900_001, ..with("orders") };
    assert_eq!(peer.call(&endless, 5).await.error_code, ErrorCode::InvalidTransactionTimeout);
    let timeless = InitProducerIdRequest { transaction_timeout_ms: -1, ..with("orders") };
    assert_eq!(peer.call(&timeless, 5).await.error_code, ErrorCode::InvalidTransactionTimeout);
}

#[tokio::test]
async fn an_id_comes_with_its_epoch_or_not_at_all() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    let both =
        InitProducerIdRequest { producer_id: ProducerId(7), producer_epoch: ProducerEpoch(3), ..request() };
    let response = peer.call(&both, 5).await;
    assert_eq!((response.error_code, response.producer_epoch), (ErrorCode::None, ProducerEpoch(0)));
    let half = InitProducerIdRequest { producer_epoch: ProducerEpoch::NONE, ..both };
    assert_eq!(peer.call(&half, 5).await.error_code, ErrorCode::InvalidRequest);
}
