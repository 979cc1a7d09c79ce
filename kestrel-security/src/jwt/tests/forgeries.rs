//! Each thing of a token and of a key forged for itself.

use ring::hmac;
use ring::signature::KeyPair;
use serde_json::{Value, json};

use super::super::{KeySet, KeySetError, TokenError};
use super::{Issuer, claims, encoded, keys, now, refused, rules};

#[test]
fn each_claim_that_is_missing_or_wrong_is_named() {
    let issuer = Issuer::new();
    let set = keys(&[&issuer.key(&json!({"kid": "1"}))]);
    for (changes, expected) in [
        (json!({"sub": null}), "\"sub\" is missing"),
        (json!({"sub": 7}), "\"sub\" is not a text"),
        (json!({"sub": " "}), "\"sub\" is empty"),
        (json!({"exp": null}), "\"exp\" is missing"),
        (json!({"exp": "1700003600"}), "\"exp\" is not a time"),
        (json!({"exp": -1}), "\"exp\" is not a time"),
        (json!({"exp": 1e300}), "\"exp\" is not a time"),
        (json!({"exp": 1_699_999_980}), "\"exp\" is over"),
        (json!({"nbf": 1_700_000_041}), "\"nbf\" is still to come"),
        (json!({"nbf": [1]}), "\"nbf\" is not a time"),
        (json!({"iat": null}), "\"iat\" is missing"),
        (json!({"iat": 1_700_003_601}), "\"exp\" is before its beginning"),
        (json!({"iss": null}), "\"iss\" is missing"),
        (json!({"iss": "https://issuer.example/"}), "\"iss\" is another issuer's"),
        (json!({"iss": ["https://issuer.example"]}), "\"iss\" is missing"),
        (json!({"aud": null}), "\"aud\" is missing"),
        (json!({"aud": "Kafka"}), "\"aud\" is somebody else"),
        (json!({"aud": []}), "\"aud\" is somebody else"),
        (json!({"aud": [["kafka"]]}), "\"aud\" is neither a text nor a list of texts"),
        (json!({"scope": 7}), "\"scope\" is neither a text nor a list of texts"),
        (json!({"scope": ["a", " "]}), "\"scope\" has an empty scope"),
    ] {
        assert_eq!(refused(&issuer.token(&changes), &set), format!("its claim {expected}"), "{changes}");
    }
    // By so much may clocks differ.
    for changes in [json!({"exp": 1_699_999_981, "iat": 1, "nbf": 1}), json!({"nbf": 1_700_000_040})] {
        rules().validate(&issuer.token(&changes), &set, now()).unwrap();
    }
}

#[test]
fn no_byte_of_a_token_can_be_another_one() {
    let issuer = Issuer::new();
    let set = keys(&[&issuer.key(&json!({"kid": "1"}))]);
    let token = issuer.token(&json!({}));
    for at in 0..token.len() {
        for other in ["A", "B", ".", "=", "/", ""] {
            let mut forged = token.clone();
            forged.replace_range(at..=at, other);
            let is_same = forged == token;
            assert_eq!(rules().validate(&forged, &set, now()).is_ok(), is_same, "{at} {other}");
        }
    }
    for shape in [
        "",
        ".",
        "..",
        "a.b.c.d",
        "a.b",
        "e30.e30.",
        "bnVsbA.bnVsbA.",
        &format!("{token}."),
        &format!(" {token}"),
    ] {
        rules().validate(shape, &set, now()).expect_err(shape);
    }
}

#[test]
fn the_key_decides_and_not_the_header() {
    let (issuer, other) = (Issuer::new(), Issuer::new());
    let set = keys(&[&issuer.key(&json!({"kid": "1"}))]);
    let header = |alg: &str| json!({"alg": alg, "kid": "1"});
    // Signed with the public key as if it were a secret, in each form in which somebody has it.
    for secret in [issuer.key(&json!({"kid": "1"})).as_bytes(), issuer.pair.public_key().as_ref()] {
        let signed = format!("{}.{}", encoded(header("HS256").to_string()), encoded(claims().to_string()));
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed.as_bytes());
        let token = format!("{signed}.{}", encoded(tag));
        assert!(refused(&token, &set).starts_with("its algorithm \"HS256\" is not accepted"));
    }
    for alg in ["none", "None", "NONE", "", "es256", "ES256K", "ES512"] {
        let token = issuer.sign(&header(alg), &claims());
        let (signed, _) = token.rsplit_once('.').unwrap();
        for token in [&*token, &format!("{signed}.")] {
            assert!(refused(token, &set).starts_with("its algorithm"), "{alg}");
        }
    }
    for alg in ["RS256", "PS512", "ES384", "EdDSA"] {
        let error = rules().validate(&issuer.sign(&header(alg), &claims()), &set, now()).unwrap_err();
        assert_eq!(error, TokenError::Signature, "{alg}: the key that it names is for another one");
    }
    // Nor does the header bring a key with it.
    let key: Value = serde_json::from_str(&other.key(&json!({"kid": "1"}))).unwrap();
    let own = json!({"alg": "ES256", "kid": "1", "jwk": key, "jku": "https://evil.example", "x5u": "https://evil.example"});
    assert_eq!(refused(&other.sign(&own, &claims()), &set), "its signature is not of the issuer's key");
    let critical = json!({"alg": "ES256", "kid": "1", "b64": false, "crit": ["b64"]});
    assert!(refused(&issuer.sign(&critical, &claims()), &set).contains("`crit`"));
    for header in [json!({"kid": "1"}), json!({"alg": 7}), json!([]), json!("ES256")] {
        assert!(refused(&issuer.sign(&header, &claims()), &set).starts_with("it is not a JWT"));
    }
}

#[test]
fn names_choose_the_key() {
    let (old, new) = (Issuer::new(), Issuer::new());
    let set = keys(&[&old.key(&json!({"kid": "0"})), &new.key(&json!({"kid": "1"}))]);
    rules().validate(&new.token(&json!({})), &set, now()).unwrap();
    assert_eq!(refused(&old.token(&json!({})), &set), "its signature is not of the issuer's key");
    // Without a name all that fit are tried.
    for issuer in [&old, &new] {
        rules().validate(&issuer.sign(&json!({"alg": "ES256"}), &claims()), &set, now()).unwrap();
    }
    let unknown = new.sign(&json!({"alg": "ES256", "kid": "x\n".repeat(500)}), &claims());
    let error = rules().validate(&unknown, &set, now()).unwrap_err();
    assert!(matches!(error, TokenError::UnknownKey(_)));
    assert!(error.to_string().len() < 400 && !error.to_string().contains('\n'));
}

#[test]
fn keys_that_are_for_something_else_are_left_out() {
    let issuer = Issuer::new();
    for (more, problem) in [
        (json!({"use": "enc"}), "it is not for signatures"),
        (json!({"key_ops": ["sign"]}), "it is not for verifying"),
        (json!({"alg": "RS256"}), "its `alg` is none of its type"),
        (json!({"alg": "ES384"}), "its `alg` is none of its type"),
        (json!({"alg": "HS256"}), "its `alg` is none that is verified here"),
        (json!({"kty": "oct", "k": "c2VjcmV0"}), "it is a shared secret"),
        (json!({"crv": "P-384"}), "`x` and `y` are no point of its curve"),
        (json!({"crv": "P-521"}), "its type or its curve is none that is verified here"),
        (json!({"kty": "RSA", "n": encoded([255; 128]), "e": "AQAB"}), "it has fewer than 2048 bits"),
        (
            json!({"kty": "RSA", "n": encoded([&[0; 200][..], &[255; 128]].concat()), "e": "AQAB"}),
            "it has fewer than 2048 bits",
        ),
        (json!({"kty": "RSA", "e": "AQAB"}), "it has no `n`"),
        (json!({"kty": "OKP", "crv": "Ed25519", "x": "AA"}), "its `x` is no point of its curve"),
    ] {
        let set = keys(&[&issuer.key(&more)]);
        assert!(set.is_empty());
        assert_eq!(set.left_out(), [format!("the key without a name: {problem}")]);
    }
    keys(&[&issuer.key(&json!({"use": "sig", "key_ops": ["verify"], "alg": "ES256", "x5c": ["MII"]}))])
        .verify(&super::super::jws::Jws::parse(&issuer.token(&json!({}))).unwrap())
        .unwrap();
}

#[test]
fn what_is_no_set_of_keys_is_refused() {
    for text in ["", "<html>", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":null}"#, &"[".repeat(200_000)] {
        assert!(matches!(KeySet::from_json(text.as_bytes()), Err(KeySetError::Malformed(_))), "{text:.20}");
    }
    let many = format!(r#"{{"keys":[{}]}}"#, vec!["{}"; 65].join(","));
    assert!(matches!(KeySet::from_json(many.as_bytes()), Err(KeySetError::TooMany { count: 65, .. })));
    assert_eq!(keys(&["7", "{}"]).left_out().len(), 2);
}
