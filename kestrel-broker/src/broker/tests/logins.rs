//! Clients that log in, over TCP.

use kestrel_protocol::messages::api_versions::ApiVersionsRequest;
use kestrel_protocol::messages::sasl_authenticate::{SaslAuthenticateRequest, SaslAuthenticateResponse};
use kestrel_protocol::messages::sasl_handshake::SaslHandshakeRequest;
use kestrel_security::sasl::{ClientStep, Nonce, SaslClient, ScramMechanism};
use kestrel_settings::Secret;

use super::*;
use crate::{AclBinding, AclOperation, ResourcePattern};

fn with_users() -> BrokerBuilder {
    Broker::builder().ephemeral().user("alice", "alice-secret").user("bob", "bob-secret")
}

pub(super) async fn shake_hands(peer: &mut Peer, mechanism: &str, version: i16) -> ErrorCode {
    let request = SaslHandshakeRequest { mechanism: mechanism.to_owned().into() };
    peer.call(&request, version).await.error_code
}

pub(super) async fn authenticate(peer: &mut Peer, token: &[u8]) -> SaslAuthenticateResponse {
    peer.call(&SaslAuthenticateRequest { auth_bytes: token.to_vec().into() }, 2).await
}

/// Whether a request is answered.
pub(super) async fn is_served(peer: &mut Peer) -> bool {
    peer.try_call(&MetadataRequest::default(), 12).await.is_some()
}

#[tokio::test]
async fn users_log_in_by_each_mechanism_also_after_a_restart() {
    let broker = with_users().start().await.unwrap();
    for _ in 0..2 {
        let mut peer = Peer::of(&broker).await;
        peer.call(&ApiVersionsRequest::default(), 0).await;
        assert_eq!(shake_hands(&mut peer, "PLAIN", 1).await, ErrorCode::None);
        assert_eq!(authenticate(&mut peer, b"\0alice\0alice-secret").await.error_code, ErrorCode::None);
        assert!(is_served(&mut peer).await);
        for mechanism in ScramMechanism::ALL {
            let mut peer = Peer::of(&broker).await;
            let nonce = Nonce::from_random([1; 24]);
            let mut client = SaslClient::scram(mechanism, "bob", &Secret::new("bob-secret"), nonce);
            assert_eq!(shake_hands(&mut peer, mechanism.name(), 1).await, ErrorCode::None);
            let challenge = authenticate(&mut peer, &client.initial()).await;
            let Ok(ClientStep::Send(proof)) = client.handle(challenge.auth_bytes.expose()) else {
                panic!("proof")
            };
            let last = authenticate(&mut peer, &proof).await;
            assert_eq!(client.handle(last.auth_bytes.expose()), Ok(ClientStep::Done));
            assert!(is_served(&mut peer).await);
        }
        let logins = broker.metrics().listeners["SASL_PLAINTEXT"].logins.clone();
        assert_eq!((logins.authenticated, logins.failed), (3, 0));
        broker.restart().await.unwrap();
    }
}

#[tokio::test]
async fn tokens_without_headers_are_frames_too() {
    let broker = with_users().start().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    shake_hands(&mut peer, "PLAIN", 0).await;
    let token = b"\0alice\0alice-secret";
    peer.send_bytes(&u32::try_from(token.len()).unwrap().to_be_bytes()).await;
    peer.send_bytes(token).await;
    assert_eq!(peer.receive_frame().await.unwrap(), "");
    assert!(is_served(&mut peer).await);
}

#[tokio::test]
async fn who_is_refused_gets_an_answer_and_the_end() {
    let broker = with_users().start().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    shake_hands(&mut peer, "PLAIN", 1).await;
    // What follows at once is not even looked at.
    peer.send(&SaslAuthenticateRequest { auth_bytes: b"\0alice\0guessed".to_vec().into() }, 2).await;
    peer.send(&SaslAuthenticateRequest { auth_bytes: b"\0alice\0alice-secret".to_vec().into() }, 2).await;
    let answer = peer.receive::<SaslAuthenticateRequest>(2).await.unwrap();
    assert_eq!(answer.error_code, ErrorCode::SaslAuthenticationFailed);
    assert_eq!(peer.receive_frame().await, None);

    let mut peer = Peer::of(&broker).await;
    assert_eq!(shake_hands(&mut peer, "OAUTHBEARER", 1).await, ErrorCode::UnsupportedSaslMechanism);
    assert_eq!(peer.receive_frame().await, None);

    let mut peer = Peer::of(&broker).await;
    assert!(!is_served(&mut peer).await, "nothing before a login");
    assert_eq!(broker.metrics().listeners["SASL_PLAINTEXT"].logins.failed, 3);
}

#[tokio::test]
async fn a_stranger_may_not_announce_much() {
    let broker = with_users().start().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    peer.send_bytes(&524_289u32.to_be_bytes()).await;
    assert_eq!(peer.receive_frame().await, None);
}

#[tokio::test]
async fn a_login_that_takes_too_long_ends() {
    let broker = with_users().start().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    shake_hands(&mut peer, "SCRAM-SHA-256", 1).await;
    tokio::time::pause();
    assert_eq!(peer.receive_frame().await, None);
}

#[tokio::test]
async fn who_logs_in_again_goes_on_and_who_does_not_is_closed() {
    let broker = with_users().set("connections.max.reauth.ms", "60000").start().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    for _ in 0..2 {
        assert_eq!(shake_hands(&mut peer, "PLAIN", 1).await, ErrorCode::None);
        let answer = authenticate(&mut peer, b"\0alice\0alice-secret").await;
        assert_eq!((answer.error_code, answer.session_lifetime_ms), (ErrorCode::None, 60_000));
        assert!(is_served(&mut peer).await);
    }
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(61)).await;
    assert!(!is_served(&mut peer).await);
    let logins = broker.metrics().listeners["SASL_PLAINTEXT"].logins.clone();
    assert_eq!((logins.authenticated, logins.reauthenticated, logins.expired), (1, 1, 1));
}

#[tokio::test]
async fn listeners_with_and_without_logins_stand_side_by_side() {
    let broker = Broker::builder()
        .ephemeral()
        .set("listeners", "PLAINTEXT://127.0.0.1:0,SASL_PLAINTEXT://127.0.0.1:0")
        .set("listener.name.sasl_plaintext.sasl.enabled.mechanisms", "PLAIN")
        .set(
            "listener.name.sasl_plaintext.plain.sasl.jaas.config",
            "org.apache.kafka.common.security.plain.PlainLoginModule required user_carol=\"carol-secret\";",
        )
        .start()
        .await
        .unwrap();
    let mut open = Peer::of(&broker).await;
    assert!(is_served(&mut open).await);
    assert_eq!(shake_hands(&mut open, "PLAIN", 1).await, ErrorCode::IllegalSaslState);
    let mut peer = Peer::at(&broker.bootstrap_servers_of("SASL_PLAINTEXT").unwrap()).await;
    shake_hands(&mut peer, "PLAIN", 1).await;
    assert_eq!(authenticate(&mut peer, b"\0carol\0carol-secret").await.error_code, ErrorCode::None);
    assert!(is_served(&mut peer).await);
}

#[tokio::test]
async fn acls_without_the_authorizer_that_asks_them_are_a_contradiction() {
    let acl = AclBinding::allow("User:alice", AclOperation::Read, ResourcePattern::topic("t"));
    let builder = Broker::builder().ephemeral().set("authorizer.class.name", "").acl(acl);
    let Err(StartError::Config { message, .. }) = builder.start().await.map(drop) else { panic!("refused") };
    assert!(message.starts_with("authorizer.class.name=: expected "), "{message}");
}

#[test]
fn a_listener_has_users_where_one_of_its_mechanisms_has() {
    let mut raw = kestrel_settings::RawSettings::default();
    raw.set("listeners", "SASL_PLAINTEXT://127.0.0.1:0");
    let image = crate::cluster::ClusterImage::new("cluster", kestrel_protocol::NodeId(1));
    let alice = || vec![("alice".to_owned(), Secret::new("hunter2"))];
    for (mechanisms, users, expected) in [
        ("PLAIN,SCRAM-SHA-512", Vec::new(), false),
        ("PLAIN,SCRAM-SHA-512", alice(), true),
        // Those of SCRAM are in the metadata, and there are none.
        ("SCRAM-SHA-512", alice(), false),
    ] {
        raw.set("sasl.enabled.mechanisms", mechanisms);
        let mut config = BrokerConfig::new(&raw).unwrap();
        config.know(users);
        let sasl = config.listeners[0].sasl.as_ref().unwrap();
        assert_eq!(running::has_users(sasl, &config, &image), expected, "{mechanisms}");
    }
}
