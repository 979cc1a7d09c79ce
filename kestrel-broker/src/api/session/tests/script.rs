//! From the first byte to who it is.

use super::*;

#[test]
fn who_does_not_log_in_is_named_by_a_certificate_or_not_at_all() {
    let now = Clock::System.now();
    let name = |certified| match Session::begin(None, certified, now) {
        Session::Named(principal) => principal.to_string(),
        Session::Sasl(_) => panic!("nobody logs in"),
    };
    assert_eq!(name(None), "User:ANONYMOUS");
    assert_eq!(name(Some("CN=alice")), "User:CN=alice");
    assert!(matches!(Session::begin(Some(login(&[])), Some("CN=alice"), now), Session::Sasl(_)));
}

#[test]
fn a_listener_without_sasl_serves_all() {
    let mut session = Session::Named(Principal::ANONYMOUS);
    assert_eq!(session.intake(), Intake::REQUESTS);
    assert!(session.end().is_none());
    let at = Moment { now: Clock::System.now(), wall: &|| panic!("nobody asks for the time") };
    let refused = session.handle_token(b"token", at).unwrap_err();
    assert_eq!(refused.close.to_string(), "a SASL token where none is expected");
}

#[test]
fn plain_leads_to_a_principal() {
    let mut client = Client::of(&[]);
    assert_eq!(client.send(&ApiVersionsRequest::default(), 0), Came::Served("User:ANONYMOUS".to_owned()));
    assert_eq!(client.log_in("alice"), 0, "the session has no end");
    assert_eq!(client.session.intake(), Intake::REQUESTS);
    assert_eq!(client.send(&MetadataRequest::default(), 12), Came::Served("User:alice".to_owned()));
    assert_eq!((client.metrics().authenticated, client.metrics().failed), (1, 0));
}

#[test]
fn scram_leads_to_a_principal() {
    let mut client = Client::of(&[]);
    let mut scram = scram_client(PASSWORD);
    assert_eq!(client.shake_hands("SCRAM-SHA-256", 1), ErrorCode::None);
    let Came::Answered(first) = client.authenticate(scram.initial(), 0) else { panic!("a challenge") };
    let Ok(ClientStep::Send(proof)) = scram.handle(first.auth_bytes.expose()) else { panic!("a proof") };
    let Came::Answered(last) = client.authenticate(proof, 0) else { panic!("the end") };
    assert_eq!(scram.handle(last.auth_bytes.expose()), Ok(ClientStep::Done), "the broker has proved itself");
    assert!(client.is_served());
}

#[test]
fn tokens_without_headers_follow_version_0_of_the_handshake() {
    let mut client = Client::of(&[]);
    let mut scram = scram_client(PASSWORD);
    assert_eq!(client.shake_hands("SCRAM-SHA-256", 0), ErrorCode::None);
    assert_eq!(client.session.intake().kind, FrameKind::Token);
    let challenge = bytes(client.handle_token(&scram.initial()).unwrap());
    let (length, challenge) = challenge.split_at(4);
    assert_eq!(length, u32::try_from(challenge.len()).unwrap().to_be_bytes());
    let Ok(ClientStep::Send(proof)) = scram.handle(challenge) else { panic!("a proof") };
    client.handle_token(&proof).unwrap();
    assert_eq!(client.session.intake(), Intake::REQUESTS);
    assert!(client.is_served());

    let mut client = Client::of(&[]);
    client.shake_hands("PLAIN", 0);
    let refused = client.handle_token(plain("alice", "guessed").as_bytes()).unwrap_err();
    assert!(refused.answer.is_none(), "there is no room for an error");
    assert_eq!((refused.delay, client.is_served()), (DELAY, false));
}

#[test]
fn a_wrong_password_and_an_unknown_user_are_told_the_same_after_a_while() {
    let mut answers = Vec::new();
    for (user, said) in
        [("alice", "user \"alice\": wrong password"), ("mallory", "user \"mallory\" is unknown")]
    {
        let mut client = Client::of(&[]);
        client.shake_hands("PLAIN", 1);
        let Came::Refused(Some(answer), delay, reason) = client.authenticate(plain(user, "guessed"), 2)
        else {
            panic!("refused")
        };
        assert_eq!((answer.error_code, delay), (ErrorCode::SaslAuthenticationFailed, DELAY));
        assert!(reason.starts_with(&format!("authentication with PLAIN failed: {said}")), "{reason}");
        assert!(!reason.contains("guessed"), "{reason}");
        answers.push(answer);
        assert_eq!(client.session.end().unwrap().to_string(), reason);
        assert!(!client.is_served());
        assert!(matches!(client.authenticate(plain("alice", PASSWORD), 2), Came::Refused(..)), "it is over");
        assert_eq!((client.metrics().authenticated, client.metrics().failed), (0, 1));
    }
    assert_eq!(answers[0], answers[1]);
}

#[test]
fn a_mechanism_that_is_not_enabled_is_answered_with_those_that_are() {
    let mut client = Client::of(&[]);
    let asked = SaslHandshakeRequest { mechanism: "GSSAPI".into() };
    let Came::Refused(Some(answer), DELAY, reason) = client.send(&asked, 1) else { panic!("refused") };
    assert_eq!(answer.error_code, ErrorCode::UnsupportedSaslMechanism);
    assert_eq!(answer.mechanisms, ["PLAIN", "SCRAM-SHA-256"]);
    assert!(
        reason.starts_with("the SASL mechanism GSSAPI is not enabled here: PLAIN, SCRAM-SHA-256"),
        "{reason}"
    );
}

#[test]
fn nothing_else_is_served_before_a_login() {
    let mut client = Client::of(&[]);
    let Came::Refused(None, DELAY, reason) = client.send(&MetadataRequest::default(), 12) else {
        panic!("refused without an answer")
    };
    assert!(reason.starts_with("Metadata before authentication: clients of this listener need"), "{reason}");
    assert!(reason.contains("security.protocol=SASL_PLAINTEXT"), "{reason}");

    let mut client = Client::of(&[]);
    client.shake_hands("SCRAM-SHA-256", 1);
    let Came::Refused(Some(answer), DELAY, reason) = client.send(&ApiVersionsRequest::default(), 0) else {
        panic!("refused with an answer")
    };
    assert_eq!(answer.error_code, ErrorCode::IllegalSaslState);
    assert_eq!(reason, "ApiVersions in the middle of an authentication with SCRAM-SHA-256");

    let mut client = Client::of(&[]);
    let early = client.authenticate(plain("alice", PASSWORD), 2);
    assert!(matches!(early, Came::Refused(None, DELAY, _)), "{early:?}");
}

#[test]
fn api_versions_comes_once_unless_it_could_not_be_answered() {
    let mut client = Client::of(&[]);
    let nameless = ApiVersionsRequest::default();
    let named =
        ApiVersionsRequest { client_software_name: "kestrel".into(), client_software_version: "1".into() };
    for _ in 0..2 {
        assert!(matches!(client.send(&nameless, 3), Came::Served(_)), "INVALID_REQUEST is the handler's");
    }
    assert!(matches!(client.send(&named, 3), Came::Served(_)));
    let Came::Refused(None, DELAY, reason) = client.send(&named, 3) else { panic!("refused") };
    assert_eq!(reason, "ApiVersions a second time before authentication");
}

#[test]
fn what_comes_before_a_login_is_bounded() {
    let mut client = Client::of(&[("sasl.server.max.receive.size", "1000")]);
    let Intake { max_frame_bytes, deadline, .. } = client.session.intake();
    assert_eq!(max_frame_bytes, Some(1000));
    assert_eq!(deadline, Some(client.now + Duration::from_secs(30)));
    let nameless = ApiVersionsRequest::default();
    for _ in 0..16 {
        assert!(matches!(client.send(&nameless, 3), Came::Served(_)));
    }
    let Came::Refused(None, DELAY, reason) = client.send(&nameless, 3) else { panic!("refused") };
    assert_eq!(reason, "more than 16 requests before authentication");
    assert_eq!(client.session.intake().deadline, None, "it ends by itself");
}

#[test]
fn who_has_logged_in_for_good_may_not_do_so_again() {
    let mut client = Client::of(&[]);
    client.log_in("alice");
    // The handlers answer ILLEGAL_SASL_STATE, as in Apache Kafka, and the client stays.
    let again = client.send(&SaslHandshakeRequest { mechanism: "PLAIN".into() }, 1);
    assert_eq!(again, Came::Served("User:alice".to_owned()));
    assert!(client.is_served());
}
