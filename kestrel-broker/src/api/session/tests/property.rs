//! Whatever comes before a login: nothing is served, nothing panics, and no more is held than is allowed.

use kestrel_protocol::{ApiKey, FrameDecoder};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// A frame of some peer: requests that make sense, requests of any API with any body, and any bytes at all.
fn frames() -> impl Strategy<Value = Vec<u8>> {
    let mechanism = prop_oneof![Just("PLAIN"), Just("SCRAM-SHA-256"), Just("GSSAPI"), Just("")];
    let handshake = (mechanism, 0..=1i16).prop_map(|(mechanism, version)| {
        framed(&SaslHandshakeRequest { mechanism: mechanism.into() }, version)
    });
    let tokens = prop_oneof![
        Just(plain("alice", "guessed").into_bytes()),
        Just(plain("", "").into_bytes()),
        Just(scram_client("guessed").initial().to_vec()),
        vec(any::<u8>(), 0..300),
    ];
    let authenticate = (tokens.clone(), 0..=2i16)
        .prop_map(|(token, version)| framed(&SaslAuthenticateRequest { auth_bytes: token.into() }, version));
    let versions = (0..=4i16).prop_map(|version| framed(&ApiVersionsRequest::default(), version));
    let other = (0..100i16, 0..15i16, vec(any::<u8>(), 0..100)).prop_map(|(api, version, body)| {
        let head =
            [&api.to_be_bytes()[..], &version.to_be_bytes(), &7i32.to_be_bytes(), &[0xff, 0xff]].concat();
        [head, body].concat()
    });
    prop_oneof![handshake, authenticate, versions, other, tokens]
}

fn framed<R: Request>(request: &R, version: i16) -> Vec<u8> {
    encode_request(request, version, 1, None).unwrap().concat().split_off(4)
}

/// Hands a frame to a session as its connection does; gives the name of an API that is served.
fn deliver(client: &mut Client, frame: Vec<u8>) -> Option<ApiKey> {
    match client.session.intake().kind {
        FrameKind::Token => {
            let _ = client.handle_token(&frame);
            None
        }
        FrameKind::Request => {
            let frame = RequestFrame::parse(frame.into()).ok()?;
            let verdict = client.handle_request(&frame);
            matches!(verdict, Ok(Verdict::Serve(_))).then(|| frame.header.api()).flatten()
        }
    }
}

proptest! {
    #[test]
    fn without_a_password_nothing_is_served(frames in vec(frames(), 0..40)) {
        let mut client = Client::of(&[]);
        for frame in frames {
            let served = deliver(&mut client, frame);
            prop_assert!(matches!(served, None | Some(ApiKey::ApiVersions)), "{served:?}");
            prop_assert_eq!(client.metrics().authenticated, 0);
            if client.session.end().is_none() {
                let intake = client.session.intake();
                prop_assert_eq!(intake.max_frame_bytes, Some(524_288));
                prop_assert!(intake.deadline.is_some());
            }
        }
        prop_assert!(!client.is_served());
    }

    #[test]
    fn no_more_is_held_of_a_stranger_than_is_allowed(pieces in vec(vec(any::<u8>(), 0..3000), 0..30)) {
        let mut client = Client::of(&[("sasl.server.max.receive.size", "4096")]);
        let mut received = bytes::BytesMut::new();
        for piece in pieces {
            received.extend_from_slice(&piece);
            while let Some(limit) = client.session.intake().max_frame_bytes {
                prop_assert!(client.session.end().is_some() || received.len() <= limit + 4 + 3000);
                match FrameDecoder::new(limit).decode(&mut received) {
                    Ok(Some(frame)) => { deliver(&mut client, frame.to_vec()); }
                    Ok(None) => break,
                    Err(_) => return Ok(()),
                }
                if client.session.end().is_some() {
                    return Ok(());
                }
            }
        }
    }
}
