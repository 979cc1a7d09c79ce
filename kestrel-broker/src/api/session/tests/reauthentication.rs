//! Logins on a connection whose client is logged in already (KIP-368).

use super::*;

const TEN_SECONDS: [(&str, &str); 1] = [("connections.max.reauth.ms", "10000")];

#[test]
fn a_session_that_is_over_ends_at_the_next_request() {
    let mut client = Client::of(&TEN_SECONDS);
    assert_eq!(client.log_in("alice"), 10_000);
    client.wait(Duration::from_secs(10));
    assert!(client.is_served());
    client.wait(Duration::from_millis(1));
    let Came::Refused(None, delay, reason) = client.send(&MetadataRequest::default(), 12) else {
        panic!("over")
    };
    assert!(delay.is_zero() && reason.starts_with("the session is over"), "{delay:?} {reason}");
    assert_eq!((client.metrics().expired, client.metrics().failed_again), (1, 0));
}

#[test]
fn so_does_that_of_a_client_that_cannot_know() {
    let mut client = Client::of(&TEN_SECONDS);
    client.shake_hands("PLAIN", 0);
    client.handle_token(plain("alice", PASSWORD).as_bytes()).unwrap();
    client.wait(Duration::from_secs(11));
    assert!(!client.is_served());
}

#[test]
fn who_logs_in_again_stays() {
    let mut client = Client::of(&TEN_SECONDS);
    client.log_in("alice");
    for _ in 0..5 {
        client.wait(Duration::from_secs(9));
        assert_eq!(client.log_in("alice"), 10_000);
        assert!(client.is_served());
    }
    client.wait(Duration::from_secs(20));
    assert_eq!(client.log_in("alice"), 10_000, "also when the session is over");
    assert_eq!((client.metrics().authenticated, client.metrics().reauthenticated), (1, 6));
}

#[test]
fn nothing_is_served_while_somebody_logs_in_again() {
    let mut client = Client::of(&TEN_SECONDS);
    client.log_in("alice");
    assert_eq!(client.shake_hands("PLAIN", 1), ErrorCode::None);
    assert_eq!(client.session.intake().deadline, Some(client.now + Duration::from_secs(30)));
    assert!(!client.is_served());
}

#[test]
fn who_logs_in_again_is_the_same_by_the_same_mechanism() {
    let mut client = Client::of(&TEN_SECONDS);
    client.log_in("alice");
    client.shake_hands("PLAIN", 1);
    let other = client.authenticate(plain("bob", "bob-secret"), 2);
    let Came::Refused(Some(answer), DELAY, reason) = other else { panic!("{other:?}") };
    assert_eq!(answer.error_code, ErrorCode::SaslAuthenticationFailed);
    let expected = "Cannot change principals during re-authentication from User.alice: User.bob";
    assert_eq!(reason, format!("re-authentication with PLAIN failed: {expected}"));

    let mut client = Client::of(&TEN_SECONDS);
    client.log_in("alice");
    assert_eq!(client.shake_hands("SCRAM-SHA-256", 1), ErrorCode::None, "as in Apache Kafka");
    let other = client.authenticate(scram_client(PASSWORD).initial(), 2);
    let Came::Refused(Some(answer), DELAY, _) = other else { panic!("{other:?}") };
    let expected = "SASL mechanism 'SCRAM-SHA-256' requested by client is not supported for re-authentication of \
                    mechanism 'PLAIN'";
    assert_eq!(answer.error_message.as_deref(), Some(expected));
    assert_eq!((client.metrics().failed_again, client.metrics().failed), (1, 0));
}

#[test]
fn once_a_second_is_often_enough() {
    let mut client = Client::of(&TEN_SECONDS);
    client.log_in("alice");
    client.log_in("alice");
    let too_soon = client.send(&SaslHandshakeRequest { mechanism: "PLAIN".into() }, 1);
    assert_eq!(too_soon, Came::Served("User:alice".to_owned()), "the handler answers ILLEGAL_SASL_STATE");
    client.wait(Duration::from_secs(1));
    assert_eq!(client.log_in("alice"), 10_000);
}
