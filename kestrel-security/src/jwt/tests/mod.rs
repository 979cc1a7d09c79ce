//! Tokens that are right, and tokens in which one thing is wrong.

mod forgeries;
mod unsecured;
mod vectors;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    KeyPair,
};
use serde_json::{Value, json};

use super::{KeySet, SignedTokens};

/// A time within those of the tokens.
fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_700_000_010)
}

/// What the tokens have to say.
fn rules() -> SignedTokens {
    SignedTokens {
        expected_issuer: Some("https://issuer.example".to_owned()),
        expected_audience: vec!["kafka".to_owned(), "others".to_owned()],
        ..SignedTokens::default()
    }
}

/// The claims of a token that is right.
fn claims() -> Value {
    json!({
        "iss": "https://issuer.example", "aud": ["kafka"], "sub": "alice",
        "iat": 1_700_000_000, "nbf": 1_700_000_000, "exp": 1_700_003_600,
    })
}

fn encoded(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A set of these keys.
fn keys(keys: &[&str]) -> KeySet {
    KeySet::from_json(format!(r#"{{"keys":[{}]}}"#, keys.join(",")).as_bytes()).unwrap()
}

/// Why a token is refused.
fn refused(token: &str, keys: &KeySet) -> String {
    rules().validate(token, keys, now()).expect_err(token).to_string()
}

/// An issuer with a key of its own.
struct Issuer {
    pair: EcdsaKeyPair,
    curve: &'static str,
    random: SystemRandom,
}

impl Issuer {
    fn new() -> Self {
        Self::on("P-256", &ECDSA_P256_SHA256_FIXED_SIGNING)
    }

    fn on(curve: &'static str, algorithm: &'static EcdsaSigningAlgorithm) -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).unwrap();
        Self { pair, curve, random }
    }

    fn algorithm(&self) -> &'static str {
        if self.curve == "P-256" { "ES256" } else { "ES384" }
    }

    /// The key as a JSON Web Key with `more` members.
    fn key(&self, more: &Value) -> String {
        let point = &self.pair.public_key().as_ref()[1..];
        let (x, y) = point.split_at(point.len() / 2);
        let mut key = json!({"kty": "EC", "crv": self.curve, "x": encoded(x), "y": encoded(y)});
        key.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        key.to_string()
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let signed = format!("{}.{}", encoded(header.to_string()), encoded(claims.to_string()));
        let signature = self.pair.sign(&self.random, signed.as_bytes()).unwrap();
        format!("{signed}.{}", encoded(signature.as_ref()))
    }

    /// A token that is right but for the claims in `changes`; null takes one away.
    fn token(&self, changes: &Value) -> String {
        let mut claims = claims();
        let members = claims.as_object_mut().unwrap();
        for (name, value) in changes.as_object().unwrap() {
            match value {
                Value::Null => drop(members.remove(name)),
                value => drop(members.insert(name.clone(), value.clone())),
            }
        }
        self.sign(&json!({"alg": self.algorithm(), "kid": "1"}), &claims)
    }
}

#[test]
fn a_token_says_who_it_is_and_until_when() {
    for issuer in [Issuer::new(), Issuer::on("P-384", &ECDSA_P384_SHA384_FIXED_SIGNING)] {
        let set = keys(&[&issuer.key(&json!({"kid": "1"}))]);
        let identity = rules().validate(&issuer.token(&json!({})), &set, now()).unwrap();
        assert_eq!(identity.principal_name, "alice");
        assert_eq!(identity.expires_at, UNIX_EPOCH + Duration::from_secs(1_700_003_600));
        // Padding of names is none of them, as in Apache Kafka.
        let padded = issuer.token(&json!({"sub": " alice ", "aud": "others", "scope": ["a", "b"]}));
        assert_eq!(rules().validate(&padded, &set, now()).unwrap().principal_name, "alice");
    }
}

#[test]
fn settings_name_other_claims() {
    let issuer = Issuer::new();
    let rules = SignedTokens { subject_claim: "client".into(), scope_claim: "roles".into(), ..rules() };
    let set = keys(&[&issuer.key(&json!({}))]);
    let token = issuer.token(&json!({"client": "orders", "sub": 5, "roles": "all", "scope": 7}));
    assert_eq!(rules.validate(&token, &set, now()).unwrap().principal_name, "orders");
}

/// As in jose4j, which Apache Kafka has: a token that is for somebody is for nobody whom the settings do not name.
#[test]
fn without_an_audience_in_the_settings_a_token_may_have_none() {
    let issuer = Issuer::new();
    let set = keys(&[&issuer.key(&json!({}))]);
    let rules = SignedTokens { clock_skew: Duration::ZERO, ..SignedTokens::default() };
    let validate = |changes| rules.validate(&issuer.token(&changes), &set, now());
    validate(json!({"aud": null, "iss": null})).unwrap();
    let error = validate(json!({})).unwrap_err().to_string();
    assert_eq!(error, "its claim \"aud\" is somebody else");
}
