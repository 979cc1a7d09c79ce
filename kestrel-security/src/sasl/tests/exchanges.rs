//! Exchanges of honest peers: they end as the credentials say, and show nobody a secret.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const INVALID: &str =
    "Authentication failed during authentication due to invalid credentials with SASL mechanism SCRAM-SHA-";

fn refused_for(refusal: &str) -> SaslError {
    SaslError::Refused { reason: refusal.to_owned() }
}

#[test]
fn plain_accepts_the_password_and_says_the_same_of_what_is_wrong() {
    let users = Users::with("alice", "opensesame");
    let attempt = |user: &str, password: &str| {
        talk(&mut SaslClient::plain(user, &Secret::new(password)), &mut server(Mechanism::Plain), &users)
    };
    assert_eq!(attempt("alice", "opensesame"), Ok(Authenticated::new("alice")));
    let (wrong_password, error) = attempt("alice", "opensesam").unwrap_err();
    let (unknown_user, _) = attempt("bob", "opensesame").unwrap_err();
    assert_eq!(wrong_password.for_peer(), "Authentication failed: Invalid username or password");
    assert_eq!(wrong_password.for_peer(), unknown_user.for_peer());
    assert_eq!(error, refused_for("Authentication failed: Invalid username or password"));
    assert_eq!(wrong_password.to_string(), r#"user "alice": wrong password"#);
    assert_eq!(unknown_user.to_string(), r#"user "bob" is unknown, or has no password for PLAIN"#);
}

#[test]
fn an_empty_password_is_nobodys() {
    let mut users = Users::with("alice", "opensesame");
    users.plain.insert("alice".into(), Secret::new(""));
    let refusal = server(Mechanism::Plain).handle(b"\0alice\0", &users).unwrap_err();
    assert_eq!(refusal.for_peer(), "Authentication failed: password not specified");
    let refusal = server(Mechanism::Plain).handle(b"\0nobody\0", &users).unwrap_err();
    assert_eq!(refusal.for_peer(), "Authentication failed: password not specified");
}

#[test]
fn plain_allows_an_authorization_id_that_is_the_user() {
    let users = Users::with("alice", "opensesame");
    let step = server(Mechanism::Plain).handle(b"alice\0alice\0opensesame", &users);
    assert_eq!(step, Ok(ServerStep::Done(Authenticated::new("alice"))));
    let refusal = server(Mechanism::Plain).handle(b"root\0alice\0opensesame", &users).unwrap_err();
    assert!(refusal.for_peer().ends_with("an authorization id that is different from username"));
}

#[test]
fn scram_accepts_the_password_and_says_the_same_of_what_is_wrong() {
    let users = Users::with("alice", "opensesame");
    for (mechanism, hash) in ScramMechanism::ALL.into_iter().zip(["256", "512"]) {
        let attempt = |user, password| {
            talk(&mut scram_client(mechanism, user, password), &mut server(mechanism), &users)
        };
        assert_eq!(attempt("alice", "opensesame").unwrap().authorization_id, "alice");
        let (wrong_password, _) = attempt("alice", "opensesam").unwrap_err();
        let (unknown_user, _) = attempt("bob", "opensesame").unwrap_err();
        assert_eq!(wrong_password.for_peer(), format!("{INVALID}{hash}"));
        assert_eq!(wrong_password.for_peer(), unknown_user.for_peer());
        assert_eq!(wrong_password.to_string(), r#"user "alice": wrong password"#);
        assert_eq!(unknown_user.to_string(), r#"user "bob": there is no such user of this mechanism"#);
    }
}

/// What a server answers to the first message of a user.
fn first_answer(users: &Users, user: &str) -> String {
    let first = scram_client(ScramMechanism::Sha512, user, "?").initial();
    let answer = challenge(server(Mechanism::ScramSha512).handle(&first, users).unwrap());
    String::from_utf8(answer.to_vec()).unwrap()
}

#[test]
fn an_unknown_user_of_scram_is_answered_like_a_known_one() {
    let users = Users::with("alice", "opensesame");
    let (known, unknown) = (first_answer(&users, "alice"), first_answer(&users, "bobby"));
    assert_eq!(known.len(), unknown.len(), "{known}\n{unknown}");
    assert_eq!(unknown, first_answer(&users, "bobby"), "the salt stays the same");
    assert_ne!(unknown, first_answer(&users, "boddy"), "and is the user's own");
}

#[test]
fn an_unknown_user_of_scram_has_as_many_iterations_as_a_known_one() {
    let iterations = |users: &Users, user: &str| {
        let answer = first_answer(users, user);
        answer.rsplit_once(",i=").unwrap().1.parse::<u32>().unwrap()
    };
    let unknown: Vec<_> = (0..40).map(|number| format!("bob{number}")).collect();
    let of_all = |users: &Users| unknown.iter().map(|user| iterations(users, user)).collect::<Vec<_>>();
    let mut users = Users::default();
    assert_eq!(of_all(&users), [4096; 40]);
    users.add("alice", "opensesame", 8192);
    assert_eq!(of_all(&users), [8192; 40]);
    users.add("carol", "opensesame", 4096);
    let both = of_all(&users);
    assert_eq!(both.iter().copied().collect::<BTreeSet<_>>(), BTreeSet::from([4096, 8192]));
    // When somebody comes, a user stays as it was or is like that one.
    users.add("dave", "opensesame", 10_000);
    let three = of_all(&users);
    assert!(three.contains(&10_000));
    assert!(
        both.iter().zip(&three).all(|(before, now)| before == now || *now == 10_000),
        "{both:?} {three:?}"
    );
}

#[test]
fn a_delegation_token_logs_in_as_its_owner() {
    let hmac = Secret::new("aG1hYw==");
    let mechanism = ScramMechanism::Sha256;
    let credential = ScramCredential::from_password(mechanism, &hmac, SALT, 4096).unwrap();
    let token = TokenUser { owner: "alice".into(), credential, expires_at: in_an_hour() };
    let users = Users { delegated: BTreeMap::from([("id-1".to_owned(), token)]), ..Users::default() };
    let nonce = || Nonce::from_random(CLIENT_NONCE);
    let mut client = SaslClient::delegation_token(mechanism, "id-1", &hmac, nonce());
    assert!(client.initial().ends_with(b",tokenauth=true"));
    let done = talk(&mut client, &mut server(mechanism), &users).unwrap();
    assert_eq!((&*done.authorization_id, done.expires_at), ("alice", Some(in_an_hour())));
    assert!(done.token_authenticated);

    let mut as_a_user = SaslClient::scram(mechanism, "id-1", &hmac, nonce());
    let (refusal, _) = talk(&mut as_a_user, &mut server(mechanism), &users).unwrap_err();
    assert_eq!(refusal.to_string(), r#"user "id-1": there is no such user of this mechanism"#);
}

#[test]
fn a_token_is_sent_with_its_extensions() {
    let users = Users::with_token("head.body.signature");
    let mut extensions = SaslExtensions::default();
    extensions.insert("logicalCluster", "lkc-1").unwrap();
    extensions.insert("identityPoolId", "pool-2").unwrap();
    let mut client = SaslClient::oauthbearer(&Secret::new("head.body.signature"), &extensions);
    let expected = "n,,\u{1}auth=Bearer head.body.signature\u{1}identityPoolId=pool-2\u{1}logicalCluster=lkc-1\u{1}\u{1}";
    assert_eq!(client.initial(), expected);
    let done = talk(&mut client, &mut server(Mechanism::OAuthBearer), &users).unwrap();
    assert_eq!((&*done.authorization_id, done.expires_at), ("alice", Some(in_an_hour())));
}

#[test]
fn a_refused_token_is_answered_in_json_and_then_refused() {
    let users = Users::with_token("head.body.signature");
    let mut client = SaslClient::oauthbearer(&Secret::new("head.body.forged"), &SaslExtensions::default());
    let mut server = server(Mechanism::OAuthBearer);
    let json = challenge(server.handle(&client.initial(), &users).unwrap());
    assert_eq!(json, r#"{"status":"invalid_token"}"#);
    assert_eq!(sent(client.handle(&json).unwrap()), "\u{1}");
    let refusal = server.handle(b"\x01", &users).unwrap_err();
    assert_eq!(refusal.for_peer(), r#"{"status":"invalid_token"}"#);
    assert_eq!(refusal.to_string(), "the token is refused: another token");
    let error = client.handle_refusal(Some("Authentication failed"));
    assert_eq!(error, refused_for(r#"{"status":"invalid_token"}"#));
}

#[test]
fn nothing_that_is_printed_has_a_secret_in_it() {
    let users = Users::with("alice", "opensesame");
    let mut client = scram_client(ScramMechanism::Sha256, "alice", "opensesame");
    let mut server = server(Mechanism::ScramSha256);
    let first = server.handle(&client.initial(), &users).unwrap();
    let last = client.handle(&challenge(first)).unwrap();
    let token = SaslClient::oauthbearer(&Secret::new("opensesame"), &SaslExtensions::default());
    let plain = SaslClient::plain("alice", &Secret::new("opensesame"));
    let initial = ClientStep::Send(plain.initial());
    let credential = users.scram.values().next().unwrap();
    let printed = format!("{client:?} {server:?} {last:?} {token:?} {plain:?} {initial:?} {credential:?}");
    assert_eq!(
        printed,
        "SaslClient { mechanism: ScramSha256, .. } SaslServer { mechanism: ScramSha256, .. } Send(120 bytes) \
         SaslClient { mechanism: OAuthBearer, .. } SaslClient { mechanism: Plain, .. } Send(17 bytes) \
         ScramCredential { iterations: 4096, .. }"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn the_password_decides_whatever_user_and_password_are(
        user in "[^\0]{1,12}", password in "[^\0]{1,12}", other in "[^\0]{1,12}", sha512: bool,
    ) {
        let mechanism = if sha512 { ScramMechanism::Sha512 } else { ScramMechanism::Sha256 };
        let users = Users::with(&user, &password);
        for attempt in [&password, &other] {
            let is_right = *attempt == password;
            let scram = talk(&mut scram_client(mechanism, &user, attempt), &mut server(mechanism), &users);
            prop_assert_eq!(scram.is_ok(), is_right);
            let mut client = SaslClient::plain(&user, &Secret::new(attempt));
            let plain = talk(&mut client, &mut server(Mechanism::Plain), &users);
            prop_assert_eq!(plain.is_ok(), is_right);
            prop_assert!(plain.is_err() || plain.unwrap().authorization_id == user);
        }
    }
}
