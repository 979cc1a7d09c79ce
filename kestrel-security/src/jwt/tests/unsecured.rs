//! Tokens without a signature.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::super::sasl::{InvalidToken, unsecured_token};
use super::super::{TokenError, UnsecuredTokens};
use super::{Issuer, claims, encoded, now};

fn unsecured(header: &Value, claims: &Value) -> String {
    format!("{}.{}.", encoded(header.to_string()), encoded(claims.to_string()))
}

#[test]
fn it_says_who_it_is_and_that_is_all() {
    let token = unsecured_token("alice", now(), Duration::from_secs(60));
    let identity = UnsecuredTokens::default().validate(token.expose(), now()).unwrap();
    assert_eq!((&*identity.principal_name, identity.expires_at), ("alice", now() + Duration::from_secs(60)));
    let error =
        UnsecuredTokens::default().validate(token.expose(), now() + Duration::from_secs(60)).unwrap_err();
    assert_eq!(error.to_string(), "its claim \"exp\" is over");
    let patient = UnsecuredTokens { clock_skew: Duration::from_secs(1), ..UnsecuredTokens::default() };
    patient.validate(token.expose(), now() + Duration::from_secs(60)).unwrap();
}

/// A signature that nobody looks at would be taken for one that somebody has looked at.
#[test]
fn what_is_signed_is_refused() {
    let signed = Issuer::new().token(&json!({}));
    let (without, _) = signed.rsplit_once('.').unwrap();
    let none = unsecured(&json!({"alg": "none"}), &claims());
    for token in [&*signed, &format!("{without}."), &format!("{none}c2lnbmVk")] {
        let error = UnsecuredTokens::default().validate(token, now()).unwrap_err();
        assert!(error.to_string().contains("it is signed"), "{error}");
    }
    UnsecuredTokens::default().validate(&none, now()).unwrap();
}

#[test]
fn claims_and_scopes_are_those_of_the_settings() {
    let rules = UnsecuredTokens {
        principal_claim: "user".to_owned(),
        scope_claim: "roles".to_owned(),
        required_scope: vec!["read".to_owned(), "write".to_owned()],
        ..UnsecuredTokens::default()
    };
    let validate = |claims: Value| rules.validate(&unsecured(&json!({"alg": "none"}), &claims), now());
    let end = 1_700_003_600;
    validate(json!({"user": "alice", "exp": end, "roles": "write read all"})).unwrap();
    validate(json!({"user": "alice", "exp": end, "roles": ["write", "read"]})).unwrap();
    for (claims, expected) in [
        (json!({"sub": "alice", "exp": end, "roles": "read write"}), "its claim \"user\" is missing"),
        (json!({"user": "alice", "roles": "read write"}), "its claim \"exp\" is missing"),
        (
            json!({"user": "alice", "exp": end, "iat": 1_700_000_011, "roles": "read write"}),
            "its claim \"iat\" is still to come",
        ),
        (json!({"user": "alice", "exp": end, "roles": "read"}), "it lacks the scope \"read write\""),
        (json!({"user": "alice", "exp": end}), "it lacks the scope \"read write\""),
    ] {
        assert_eq!(validate(claims).unwrap_err().to_string(), expected);
    }
}

#[test]
fn a_client_is_told_of_a_scope_and_of_nothing_else() {
    let scope = InvalidToken::from(TokenError::Scope("read".to_owned()));
    assert_eq!((&*scope.status, scope.scope.as_deref()), ("insufficient_scope", Some("read")));
    let other = InvalidToken::from(TokenError::Signature);
    assert_eq!((&*other.status, other.scope), ("invalid_token", None));
}

#[test]
fn a_token_is_valid_in_the_millisecond_in_which_it_is_made() {
    for millis in 0..1_000 {
        let made = now() + Duration::from_millis(millis);
        let token = unsecured_token("alice", made, Duration::from_secs(60));
        let identity = UnsecuredTokens::default().validate(token.expose(), made);
        assert!(identity.is_ok(), "{millis}: {identity:?}");
    }
}
