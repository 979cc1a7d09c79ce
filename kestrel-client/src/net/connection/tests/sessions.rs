//! Sessions that end: a connection authenticates again, the test being the broker and holding the clock.

use kestrel_protocol::ErrorCode;
use kestrel_protocol::messages::sasl_authenticate::{SaslAuthenticateRequest, SaslAuthenticateResponse};
use kestrel_protocol::messages::sasl_handshake::{SaslHandshakeRequest, SaslHandshakeResponse};

use super::*;
use crate::security::Sasl;

const LIFETIME: Duration = Duration::from_secs(100);

fn connect_for(lifetime: Duration) -> (Connection, Peer) {
    connect_as(Sasl::plain("alice", "opensesame"), lifetime)
}

fn connect_as(sasl: Sasl, lifetime: Duration) -> (Connection, Peer) {
    let session = Session {
        sasl,
        client_id: "test".into(),
        lifetime: Some(lifetime),
        authenticated_at: environment::now(),
        timeout: TIMEOUT,
    };
    connect_with(8, usize::MAX, ObserverSeat::default(), Some(session))
}

/// Sends a request, answers it, and gives the answer's controller.
async fn round_trip(connection: &mut Connection, peer: &mut Peer, controller: i32) -> i32 {
    ready(connection).await;
    let answer = call(connection, TIMEOUT);
    let request = peer.request().await;
    assert_eq!(request.header.api(), Some(ApiKey::Metadata));
    peer.answer(&request, controller).await;
    answer.await.unwrap().controller_id.0
}

/// Whether a request has arrived; it is not taken.
fn has_request(peer: &mut Peer) -> bool {
    let more = peer.stream.read_buf(&mut peer.received).now_or_never();
    more.is_some() || !peer.received.is_empty()
}

/// The broker's part in an authentication.
async fn authenticate(peer: &mut Peer, lifetime: Duration) {
    let request = peer.request().await;
    assert_eq!(&*request.decode::<SaslHandshakeRequest>().unwrap().mechanism, "PLAIN");
    peer.respond_to::<SaslHandshakeRequest>(&request, &SaslHandshakeResponse::default()).await;
    let request = peer.request().await;
    let token = request.decode::<SaslAuthenticateRequest>().unwrap().auth_bytes;
    assert_eq!(&token.expose()[..], b"\0alice\0opensesame");
    let session_lifetime_ms = i64::try_from(lifetime.as_millis()).unwrap();
    let response = SaslAuthenticateResponse { session_lifetime_ms, ..Default::default() };
    peer.respond_to::<SaslAuthenticateRequest>(&request, &response).await;
}

#[tokio::test(start_paused = true)]
async fn a_session_is_renewed_after_the_answers_that_are_owed_and_before_new_requests() {
    let (mut connection, mut peer) = connect_for(LIFETIME);
    assert_eq!(round_trip(&mut connection, &mut peer, 1).await, 1);
    tokio::time::advance(LIFETIME * 84 / 100).await;
    ready(&mut connection).await;
    let owed = call(&mut connection, TIMEOUT);
    let owed_request = peer.request().await;
    tokio::time::sleep(LIFETIME * 12 / 100).await;
    // It is time; an answer is owed.
    ready(&mut connection).await;
    let held = call(&mut connection, TIMEOUT);
    ready(&mut connection).await;
    let held_too = call(&mut connection, TIMEOUT);
    tokio::task::yield_now().await;
    assert!(!has_request(&mut peer), "nothing comes before the owed answer");
    peer.answer(&owed_request, 2).await;
    assert_eq!(owed.await.unwrap().controller_id.0, 2);
    authenticate(&mut peer, LIFETIME).await;
    for (controller, answer) in [(3, held), (4, held_too)] {
        let request = peer.request().await;
        assert_eq!(request.header.api(), Some(ApiKey::Metadata));
        peer.answer(&request, controller).await;
        assert_eq!(answer.await.unwrap().controller_id.0, controller);
    }
    assert_eq!(round_trip(&mut connection, &mut peer, 5).await, 5);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_not_used_is_renewed_by_its_next_request() {
    let (mut connection, mut peer) = connect_for(LIFETIME);
    for controller in 1..4 {
        if controller > 1 {
            // The request before is of this session: that is renewed, and the next one is not used.
            authenticate(&mut peer, LIFETIME).await;
        }
        tokio::time::sleep(2 * LIFETIME).await;
        assert!(!has_request(&mut peer), "nobody needs the session");
        ready(&mut connection).await;
        let answer = call(&mut connection, TIMEOUT);
        authenticate(&mut peer, LIFETIME).await;
        let request = peer.request().await;
        peer.answer(&request, controller).await;
        assert_eq!(answer.await.unwrap().controller_id.0, controller);
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_may_be_too_short_and_then_one_without_end() {
    let (mut connection, mut peer) = connect_for(Duration::from_millis(1));
    for controller in 1..20 {
        tokio::time::sleep(Duration::from_millis(5)).await;
        ready(&mut connection).await;
        let answer = call(&mut connection, TIMEOUT);
        authenticate(&mut peer, if controller < 19 { Duration::from_millis(1) } else { Duration::ZERO })
            .await;
        let request = peer.request().await;
        peer.answer(&request, controller).await;
        assert_eq!(answer.await.unwrap().controller_id.0, controller);
    }
    tokio::time::sleep(LIFETIME).await;
    assert_eq!(round_trip(&mut connection, &mut peer, 20).await, 20, "without another authentication");
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_not_renewed_ends_the_connection_and_what_waits_was_not_written() {
    let (mut connection, mut peer) = connect_for(LIFETIME);
    tokio::time::sleep(LIFETIME).await;
    ready(&mut connection).await;
    let held = call(&mut connection, TIMEOUT);
    let request = peer.request().await;
    peer.respond_to::<SaslHandshakeRequest>(&request, &SaslHandshakeResponse::default()).await;
    let request = peer.request().await;
    let refusal = SaslAuthenticateResponse {
        error_code: ErrorCode::SaslAuthenticationFailed,
        error_message: Some("the user is gone".into()),
        ..Default::default()
    };
    peer.respond_to::<SaslAuthenticateRequest>(&request, &refusal).await;
    let error = held.await.unwrap_err();
    let text = format!("{error:#}");
    assert!(text.contains("did not take the renewed session") && text.contains("the user is gone"), "{text}");
    assert!(!error.possibly_written() && !text.contains("opensesame"), "{text}");
    assert!(connection.is_closed());
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_does_not_answer_an_authentication_is_not_waited_for() {
    let (mut connection, mut peer) = connect_for(LIFETIME);
    tokio::time::sleep(LIFETIME).await;
    ready(&mut connection).await;
    let held = call(&mut connection, 10 * TIMEOUT);
    peer.request().await;
    let error = held.await.unwrap_err();
    assert!(!error.possibly_written() && connection.is_closed(), "{error:#}");
}

fn without_tokens() -> Sasl {
    Sasl::oauthbearer(|| async { Err("the issuer is down".into()) })
}

fn is_unwritten_timeout(error: &Error) -> bool {
    matches!(error, Error::Timeout { possibly_written: false, setting: Some("request.timeout.ms"), .. })
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_an_authentication_waits_no_longer_than_its_time() {
    let (mut connection, mut peer) = connect_for(LIFETIME);
    tokio::time::sleep(LIFETIME).await;
    ready(&mut connection).await;
    let held = call(&mut connection, TIMEOUT / 2);
    peer.request().await;
    let error = held.await.unwrap_err();
    assert!(is_unwritten_timeout(&error), "{error:#}");
    assert!(!connection.is_closed(), "the authentication may still be answered");
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_token_waits_no_longer_than_its_time() {
    let (mut connection, mut peer) = connect_as(without_tokens(), LIFETIME);
    round_trip(&mut connection, &mut peer, 1).await;
    tokio::time::sleep(LIFETIME * 965 / 1000).await;
    ready(&mut connection).await;
    let error = call(&mut connection, Duration::from_secs(1)).await.unwrap_err();
    assert!(is_unwritten_timeout(&error), "{error:#}");
    assert!(!connection.is_closed(), "the session lasts");
    ready(&mut connection).await;
    let error = call(&mut connection, TIMEOUT).await.unwrap_err();
    let text = format!("{error:#}");
    assert!(text.contains("the session ended before there was a new token: the provider gave no"), "{text}");
    assert!(text.contains("the issuer is down") && !error.possibly_written(), "{text}");
}
