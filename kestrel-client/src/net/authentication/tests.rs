//! The machine by script, the test being the broker.

use bytes::BytesMut;
use kestrel_protocol::messages::api_versions::ApiVersion;
use kestrel_protocol::{FrameDecoder, Request, RequestFrame, encode_response};
use kestrel_security::sasl::{Nonce, SaslExtensions, ScramMechanism};
use kestrel_settings::Secret;

use super::*;

fn versions(handshake: i16, authenticate: i16) -> Versions {
    let speaks = |api: ApiKey, max_version| ApiVersion { api_key: api.key(), min_version: 0, max_version };
    Versions::intersect(&[
        speaks(ApiKey::SaslHandshake, handshake),
        speaks(ApiKey::SaslAuthenticate, authenticate),
    ])
}

fn begin(client: SaslClient) -> Authentication {
    Authentication::new(client, "test".into(), &versions(1, 2)).unwrap()
}

fn plain() -> SaslClient {
    SaslClient::plain("alice", &Secret::new("opensesame"))
}

fn frame(chunks: Vec<Bytes>) -> Bytes {
    let mut stream: BytesMut = chunks.into_iter().flatten().collect();
    FrameDecoder::new(1 << 20).decode(&mut stream).unwrap().unwrap()
}

fn sent<R: Request>(machine: &mut Authentication) -> R {
    let (api, version) = machine.api();
    let request = RequestFrame::parse(frame(machine.request(7).unwrap())).unwrap();
    assert_eq!((request.header.api(), request.header.api_version), (Some(api), version));
    request.decode().unwrap()
}

fn answer<R: Request>(
    machine: &mut Authentication,
    response: &R::Response,
) -> Result<Step, AuthenticationError> {
    let (_, version) = machine.api();
    machine.handle_answer(frame(encode_response::<R>(response, version, 7).unwrap()))
}

fn take_mechanism(machine: &mut Authentication) {
    let handshake: SaslHandshakeRequest = sent(machine);
    assert_eq!(&*handshake.mechanism, machine.client.mechanism().name());
    let taken = answer::<SaslHandshakeRequest>(machine, &SaslHandshakeResponse::default());
    assert_eq!(taken, Ok(Step::Continue));
}

fn token(bytes: &[u8]) -> SaslAuthenticateResponse {
    SaslAuthenticateResponse { auth_bytes: bytes.to_vec().into(), ..Default::default() }
}

#[test]
fn the_mechanism_is_named_and_then_the_tokens_go() {
    let mut machine = begin(plain());
    take_mechanism(&mut machine);
    let first: SaslAuthenticateRequest = sent(&mut machine);
    assert_eq!(&first.auth_bytes.expose()[..], b"\0alice\0opensesame");
    let done = answer::<SaslAuthenticateRequest>(&mut machine, &token(b""));
    assert_eq!(done, Ok(Step::Done(None)), "a session that never ends");
}

#[test]
fn a_session_lasts_as_long_as_the_broker_says() {
    for (session_lifetime_ms, expected) in [
        (3_600_000, Some(Duration::from_secs(3600))),
        (1, Some(Duration::from_millis(1))),
        (0, None),
        (-5, None),
    ] {
        let mut machine = begin(plain());
        take_mechanism(&mut machine);
        machine.request(7).unwrap();
        let response = SaslAuthenticateResponse { session_lifetime_ms, ..token(b"") };
        assert_eq!(answer::<SaslAuthenticateRequest>(&mut machine, &response), Ok(Step::Done(expected)));
    }
}

#[test]
fn a_mechanism_that_is_not_there_is_met_with_those_that_are() {
    let mut machine = begin(plain());
    machine.request(7).unwrap();
    let refusal = SaslHandshakeResponse {
        error_code: ErrorCode::UnsupportedSaslMechanism,
        mechanisms: vec!["SCRAM-SHA-512".into(), "evil\nline".into(), "OAUTHBEARER".into()],
    };
    let error = answer::<SaslHandshakeRequest>(&mut machine, &refusal).unwrap_err().to_string();
    assert_eq!(
        error,
        "the mechanism PLAIN is not enabled: the broker has SCRAM-SHA-512, OAUTHBEARER (setting sasl.mechanism)"
    );
}

#[test]
fn a_refusal_says_what_the_broker_said_and_what_to_look_at() {
    let mut machine = begin(plain());
    take_mechanism(&mut machine);
    machine.request(7).unwrap();
    let refusal = SaslAuthenticateResponse {
        error_code: ErrorCode::SaslAuthenticationFailed,
        error_message: Some("Authentication failed: Invalid username or password".into()),
        ..Default::default()
    };
    let error = answer::<SaslAuthenticateRequest>(&mut machine, &refusal).unwrap_err();
    assert!(error.to_string().starts_with("PLAIN failed (is the password right?"), "{error}");
    let AuthenticationError::Refused { cause, .. } = &error else { panic!("{error:?}") };
    assert!(cause.to_string().contains("Invalid username or password"), "{cause}");
    assert!(!format!("{error:?} {machine:?}").contains("opensesame"));
}

#[test]
fn a_listener_without_sasl_says_so() {
    let mut machine = begin(plain());
    machine.request(7).unwrap();
    let refusal = SaslHandshakeResponse { error_code: ErrorCode::IllegalSaslState, ..Default::default() };
    let error = answer::<SaslHandshakeRequest>(&mut machine, &refusal).unwrap_err().to_string();
    assert!(error.contains("security.protocol=PLAINTEXT or SSL"), "{error}");
}

#[test]
fn a_server_that_is_not_the_users_is_refused() {
    let nonce = Nonce::from_random([1; 24]);
    let client = SaslClient::scram(ScramMechanism::Sha256, "alice", &Secret::new("opensesame"), nonce);
    let mut machine = begin(client);
    take_mechanism(&mut machine);
    machine.request(7).unwrap();
    let forged = token(b"r=another,s=c2FsdA==,i=4096");
    let error = answer::<SaslAuthenticateRequest>(&mut machine, &forged).unwrap_err();
    assert!(matches!(error, AuthenticationError::Refused { cause: SaslError::WrongNonce, .. }), "{error:?}");
}

#[test]
fn a_token_that_is_refused_says_why() {
    let mut machine = begin(SaslClient::oauthbearer(&Secret::new("opensesame"), &SaslExtensions::default()));
    take_mechanism(&mut machine);
    machine.request(7).unwrap();
    let reason = token(br#"{"status":"invalid_token"}"#);
    assert_eq!(answer::<SaslAuthenticateRequest>(&mut machine, &reason), Ok(Step::Continue));
    let last: SaslAuthenticateRequest = sent(&mut machine);
    assert_eq!(&last.auth_bytes.expose()[..], b"\x01", "RFC 7628: the client confirms that it has heard");
}

#[test]
fn a_broker_that_takes_only_raw_tokens_is_not_spoken_to() {
    for (handshake, authenticate) in [(0, 2), (-1, 2), (1, -1)] {
        let result = Authentication::new(plain(), "test".into(), &versions(handshake, authenticate));
        assert_eq!(result.unwrap_err(), AuthenticationError::Unsupported);
    }
}

#[test]
fn what_cannot_be_read_or_was_not_asked_is_an_error() {
    let mut machine = begin(plain());
    machine.request(7).unwrap();
    for garbage in [&b""[..], &[0, 0], &[0, 0, 0, 7], &[0, 0, 0, 7, 0, 0, 255, 255, 255, 255]] {
        let error = machine.handle_answer(Bytes::copy_from_slice(garbage)).unwrap_err();
        assert!(matches!(error, AuthenticationError::Malformed { .. }), "{error:?}");
    }
    let other = encode_response::<SaslHandshakeRequest>(&SaslHandshakeResponse::default(), 1, 8).unwrap();
    assert_eq!(machine.handle_answer(frame(other)), Err(AuthenticationError::WrongCorrelation(8)));
}
