//! Peers that lie: every field that is forged is refused, random bytes never panic, and nothing is held that is too long.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;

/// An exchange up to the client's last message.
fn half_way(users: &Users) -> (SaslClient, SaslServer, String) {
    let mut client = scram_client(ScramMechanism::Sha256, "alice", "opensesame");
    let (server, first) = challenged(users);
    let last = sent(client.handle(&first).unwrap());
    (client, server, String::from_utf8(last.to_vec()).unwrap())
}

/// A server that waits for the client's last message.
fn challenged(users: &Users) -> (SaslServer, Bytes) {
    let mut server = server(Mechanism::ScramSha256);
    let client = scram_client(ScramMechanism::Sha256, "alice", "opensesame");
    let first = challenge(server.handle(&client.initial(), users).unwrap());
    (server, first)
}

/// The message with the attribute `name` in another form.
fn with(message: &str, name: &str, value: &str) -> String {
    let part = |part: &str| match part.strip_prefix(&format!("{name}=")) {
        Some(_) => format!("{name}={value}"),
        None => part.to_owned(),
    };
    message.split(',').map(part).collect::<Vec<_>>().join(",")
}

#[test]
fn a_client_that_forges_a_field_of_its_proof_is_refused() {
    let users = Users::with("alice", "opensesame");
    let (_, _, honest) = half_way(&users);
    let client_nonce = Nonce::from_random(CLIENT_NONCE).into_text();
    let server_nonce = Nonce::from_random(SERVER_NONCE).into_text();
    let forgeries = [
        // The header of the first message: another flag, another name, and none.
        with(&honest, "c", "eSws"),
        with(&honest, "c", "bixhPWFsaWNlLA=="),
        with(&honest, "c", ""),
        // CVE-2024-56128: the nonce of one side, of both in another order, and more than both.
        with(&honest, "r", &client_nonce),
        with(&honest, "r", &server_nonce),
        with(&honest, "r", &format!("{server_nonce}{client_nonce}")),
        with(&honest, "r", &format!("x{client_nonce}{server_nonce}")),
        with(&honest, "r", &format!("{client_nonce}{server_nonce}x")),
        with(&honest, "r", ""),
        // Proofs: none, of the wrong length, of zeros.
        with(&honest, "p", ""),
        with(&honest, "p", "AAAA"),
        with(&honest, "p", &("A".repeat(43) + "=")),
        honest.replace(",p=", ",q="),
        // Signed with other words: the proof does not cover them.
        honest.replace(",p=", ",ext=1,p="),
        honest.replace("c=", "c=biws,c="),
    ];
    for forged in &forgeries {
        assert_ne!(forged, &honest);
        let (mut server, _) = challenged(&users);
        let refusal = server.handle(forged.as_bytes(), &users).expect_err(forged);
        assert!(refusal.for_peer().starts_with("Authentication failed"), "{refusal:?}");
        assert!(server.handle(honest.as_bytes(), &users).is_err(), "there is no second attempt");
    }
    let (mut server, _) = challenged(&users);
    assert!(matches!(server.handle(honest.as_bytes(), &users), Ok(ServerStep::Done(_))));
}

#[test]
fn a_proof_is_of_one_exchange() {
    let users = Users::with("alice", "opensesame");
    let (_, _, overheard) = half_way(&users);
    let mut later = SaslServer::new(Mechanism::ScramSha256, Nonce::from_random([3; 24]));
    challenge(later.handle(&scram_client(ScramMechanism::Sha256, "alice", "?").initial(), &users).unwrap());
    let refusal = later.handle(overheard.as_bytes(), &users).unwrap_err();
    assert_eq!(refusal.to_string(), r#"user "alice": the nonce is not this exchange's"#);
}

#[test]
fn a_client_that_forges_its_first_message_is_refused() {
    let users = Users::with("alice", "opensesame");
    for forged in [
        "",
        "n",
        "n,,",
        "n=alice,r=abc",
        "y,,n=alice,r=abc",
        "p=tls-unique,,n=alice,r=abc",
        "n,a=root,n=alice,r=abc",
        "n,root,n=alice,r=abc",
        "n,,m=must,n=alice,r=abc",
        "n,,n=,r=abc",
        "n,,n=alice,r=",
        "n,,n=alice",
        "n,,r=abc,n=alice",
        "n,,n=al=ice,r=abc",
        "n,,n=al=2cice,r=abc",
        "n,,n=alice,r=a\u{7f}bc",
        "n,,n=al\0ice,r=abc",
        "n,,n=alice,r=abc,ext",
        "n,,n=alice,r=abc,=1",
    ] {
        let refusal = server(Mechanism::ScramSha256).handle(forged.as_bytes(), &users).expect_err(forged);
        assert!(refusal.for_peer().starts_with("Authentication failed: "), "{refusal:?}");
    }
    for fine in ["n,a=alice,n=alice,r=abc", "n,,n=alice,r=abc,ext=1"] {
        challenge(server(Mechanism::ScramSha256).handle(fine.as_bytes(), &users).unwrap());
    }
}

#[test]
fn a_server_that_forges_a_field_is_left() {
    let nonce = Nonce::from_random(CLIENT_NONCE).into_text();
    let honest = format!("r={nonce}more,s=c2FsdA==,i=4096");
    let malformed = |problem| SaslError::Malformed { message: "first message", problem };
    let number = malformed("the number of iterations is none");
    for (forged, expected) in [
        (with(&honest, "r", "another"), SaslError::WrongNonce),
        (with(&honest, "r", &nonce), SaslError::WrongNonce),
        (with(&honest, "r", &format!("x{nonce}more")), SaslError::WrongNonce),
        (with(&honest, "i", "4095"), SaslError::TooFewIterations { iterations: 4095, least: 4096 }),
        (with(&honest, "i", "65537"), SaslError::TooManyIterations { iterations: 65_537, most: 65_536 }),
        (with(&honest, "i", "+4096"), number.clone()),
        (with(&honest, "i", "4294967296"), number.clone()),
        (with(&honest, "i", ""), number),
        (with(&honest, "s", "c2FsdA"), malformed("an attribute is not Base64")),
        (
            format!("m=must,{honest}"),
            malformed("an attribute is missing, or in another order than RFC 5802 says"),
        ),
        (
            "x".repeat(MAX_MESSAGE_BYTES + 1),
            SaslError::Malformed { message: "challenge", problem: "it is too long" },
        ),
    ] {
        let mut client = scram_client(ScramMechanism::Sha256, "alice", "opensesame");
        assert_eq!(client.handle(forged.as_bytes()), Err(expected), "{forged:.80}");
    }
}

#[test]
fn a_server_that_does_not_prove_itself_is_left() {
    let users = Users::with("alice", "opensesame");
    let (mut impostor, ..) = half_way(&users);
    let signature = format!("v={}=", "A".repeat(43));
    assert_eq!(impostor.handle(signature.as_bytes()), Err(SaslError::WrongServerSignature));
    let (mut silent, ..) = half_way(&users);
    let nothing = SaslError::Malformed {
        message: "final message",
        problem: "an attribute is missing, or in another order than RFC 5802 says",
    };
    assert_eq!(silent.handle(b""), Err(nothing));
    let (mut refused, ..) = half_way(&users);
    let told = SaslError::Refused { reason: "other error".into() };
    assert_eq!(refused.handle(b"e=other\nerror"), Err(told));
}

#[test]
fn a_forged_token_message_is_refused() {
    let users = Users::with_token("abc");
    for forged in [
        "",
        "n,,",
        "n,,\u{1}\u{1}",
        "n,,\u{1}auth=Bearer abc\u{1}",
        "y,,\u{1}auth=Bearer abc\u{1}\u{1}",
        "n,a=root,\u{1}auth=Bearer abc\u{1}\u{1}",
        "n,,\u{1}auth=Basic abc\u{1}\u{1}",
        "n,,\u{1}auth=Bearer \u{1}\u{1}",
        "n,,\u{1}auth=Bearer a b\u{1}\u{1}",
        "n,,\u{1}auth=Bearer abc\u{1}auth=Bearer abc\u{1}\u{1}",
        "n,,\u{1}auth=Bearer abc\u{1}x1=2\u{1}\u{1}",
        "n,,\u{1}auth=Bearer abc\u{1}x=\u{1}\u{1}",
    ] {
        let refusal = server(Mechanism::OAuthBearer).handle(forged.as_bytes(), &users);
        assert!(refusal.is_err(), "{forged:?}: {refusal:?}");
    }
    let fine = "n,a=alice,\u{1}x=1\u{1}auth=bearer  abc\u{1}\u{1}";
    assert!(matches!(
        server(Mechanism::OAuthBearer).handle(fine.as_bytes(), &users),
        Ok(ServerStep::Done(_))
    ));
}

#[test]
fn what_is_too_long_is_refused_unread() {
    let users = Users::with("alice", "opensesame");
    for mechanism in Mechanism::ALL {
        let refusal = server(mechanism).handle(&vec![b'x'; MAX_MESSAGE_BYTES + 1], &users).unwrap_err();
        assert_eq!(refusal.for_peer(), "Authentication failed: the response is too long");
    }
}

/// The users of [`half_way`] and what an honest client says last, computed once.
static HONEST: LazyLock<(Users, String)> = LazyLock::new(|| {
    let users = Users::with("alice", "opensesame");
    let (_, _, last) = half_way(&users);
    (users, last)
});

proptest! {
    #[test]
    fn a_proof_with_another_byte_anywhere_is_refused(at in 0..120usize, other: u8) {
        let (users, honest) = &*HONEST;
        let mut forged = honest.clone().into_bytes();
        prop_assume!(forged.len() == 120 && forged[at] != other);
        forged[at] = other;
        let (mut server, _) = challenged(users);
        prop_assert!(server.handle(&forged, users).is_err(), "{}", String::from_utf8_lossy(&forged));
    }

    #[test]
    fn random_bytes_neither_panic_nor_authenticate(
        mechanism in proptest::sample::select(&Mechanism::ALL[..]),
        messages in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..64), 1..4),
    ) {
        let users = Users::default();
        let mut server = server(mechanism);
        for message in &messages {
            prop_assert!(!matches!(server.handle(message, &users), Ok(ServerStep::Done(_))));
        }
        let nonce = Nonce::from_random(CLIENT_NONCE);
        let mut client = match mechanism.scram() {
            Some(scram) => SaslClient::scram(scram, "alice", &Secret::new("opensesame"), nonce),
            None => SaslClient::oauthbearer(&Secret::new("abc"), &SaslExtensions::default()),
        };
        for message in messages.iter().filter(|message| !message.is_empty()) {
            prop_assert_ne!(client.handle(message), Ok(ClientStep::Done));
        }
    }

    #[test]
    fn what_looks_like_a_message_neither_panics_nor_authenticates(
        mechanism in proptest::sample::select(&Mechanism::ALL[..]),
        message in "(n|y|p=x)?,?(a=[a-z=,]{0,3})?,?[\u{1}\0]?(m=1,)?(n=|auth=Bearer )?[a-z=,\0\u{1}]{0,9}(,r=)?[!-~]{0,9}[\u{1},=]{0,3}",
    ) {
        let mut server = server(mechanism);
        let step = server.handle(message.as_bytes(), &Users::default());
        prop_assert!(!matches!(step, Ok(ServerStep::Done(_))));
    }
}
