//! Clients that log in with tokens, over TCP.

use kestrel_protocol::Timestamp;
use kestrel_protocol::messages::sasl_authenticate::SaslAuthenticateResponse;
use kestrel_security::sasl::{SaslClient, SaslExtensions, unsecured_token};
use kestrel_settings::Secret;

use super::logins::{authenticate, is_served, shake_hands};
use super::*;
use crate::clock::Clock;
use crate::testing::Issuer;

async fn log_in(broker: &Broker, token: &Secret) -> (Peer, SaslAuthenticateResponse) {
    let mut peer = Peer::of(broker).await;
    assert_eq!(shake_hands(&mut peer, "OAUTHBEARER", 1).await, ErrorCode::None);
    let client = SaslClient::oauthbearer(token, &SaslExtensions::default());
    let answer = authenticate(&mut peer, &client.initial()).await;
    (peer, answer)
}

fn now() -> Timestamp {
    Clock::System.wall()
}

fn unsecured(name: &str, lifetime: Duration) -> Secret {
    unsecured_token(name, now().to_system_time().unwrap(), lifetime)
}

#[tokio::test]
async fn tokens_that_nobody_has_signed_are_taken_at_home() {
    let broker = Broker::builder().ephemeral().unsecured_tokens().start().await.unwrap();
    let (mut peer, answer) = log_in(&broker, &unsecured("alice", Duration::from_secs(60))).await;
    assert_eq!(answer.error_code, ErrorCode::None);
    assert!((1..=60_000).contains(&answer.session_lifetime_ms), "{}", answer.session_lifetime_ms);
    assert!(is_served(&mut peer).await);
    assert_eq!(
        shake_hands(&mut Peer::of(&broker).await, "PLAIN", 1).await,
        ErrorCode::UnsupportedSaslMechanism
    );
}

#[tokio::test]
async fn users_and_tokens_may_be_beside_each_other() {
    let broker = Broker::builder().ephemeral().user("bob", "bob-secret").unsecured_tokens();
    let broker = broker.set("connections.max.reauth.ms", "5000").start().await.unwrap();
    let (_, answer) = log_in(&broker, &unsecured("alice", Duration::from_secs(60))).await;
    assert_eq!((answer.error_code, answer.session_lifetime_ms), (ErrorCode::None, 5_000));
    let mut peer = Peer::of(&broker).await;
    assert_eq!(shake_hands(&mut peer, "PLAIN", 1).await, ErrorCode::None);
    assert_eq!(authenticate(&mut peer, b"\0bob\0bob-secret").await.error_code, ErrorCode::None);
}

#[tokio::test]
async fn a_session_ends_with_its_token() {
    let broker = Broker::builder().ephemeral().unsecured_tokens().start().await.unwrap();
    let (mut peer, _) = log_in(&broker, &unsecured("alice", Duration::from_secs(60))).await;
    assert!(is_served(&mut peer).await);
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(61)).await;
    assert!(!is_served(&mut peer).await);
}

#[tokio::test]
async fn a_signed_token_says_who_it_is() {
    let (issuer, stranger) = (Issuer::new("1"), Issuer::new("1"));
    let dir = tempfile::tempdir().unwrap();
    let keys = dir.path().join("jwks.json");
    std::fs::write(&keys, issuer.jwks()).unwrap();
    let broker = Broker::builder().ephemeral().signed_tokens(format!("file://{}", keys.display()));
    let broker = broker.start().await.unwrap();
    let seconds = now().as_millis() / 1_000;
    let token = |issuer: &Issuer| Secret::new(issuer.token("alice", seconds, seconds + 60));
    let (mut peer, answer) = log_in(&broker, &token(&issuer)).await;
    assert_eq!(answer.error_code, ErrorCode::None);
    assert!(is_served(&mut peer).await);
    for refused in [token(&stranger), unsecured("alice", Duration::from_secs(60))] {
        // RFC 7628: the reason first, and the refusal when the client has read it.
        let (mut peer, answer) = log_in(&broker, &refused).await;
        assert_eq!(answer.error_code, ErrorCode::None);
        assert_eq!(&answer.auth_bytes.expose()[..], br#"{"status":"invalid_token"}"#);
        assert_eq!(answer.session_lifetime_ms, 0);
        let answer = authenticate(&mut peer, b"\x01").await;
        assert_eq!(answer.error_code, ErrorCode::SaslAuthenticationFailed);
        assert_eq!(answer.error_message.as_deref(), Some(r#"{"status":"invalid_token"}"#));
        assert!(!is_served(&mut peer).await);
    }
}

#[tokio::test]
async fn a_broker_without_the_keys_does_not_start() {
    let error =
        Broker::builder().ephemeral().signed_tokens("file:///nowhere/jwks.json").start().await.unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("the listener SASL_PLAINTEXT cannot validate tokens"), "{text}");
    assert!(text.contains("/nowhere/jwks.json cannot be read"), "{text}");
}
