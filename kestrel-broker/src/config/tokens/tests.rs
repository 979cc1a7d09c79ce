//! What the keys of tokens mean for a listener.

use std::path::Path;
use std::time::Duration;

use kestrel_settings::RawSettings;

use super::super::sasl::SaslListener;
use super::with_tokens::{KeySource, SignedChecks, TokenChecks};
use super::{ALLOWED_URLS_KEY, JWKS_URL_KEY, UNSECURED_VALIDATOR, VALIDATOR_KEY};

const URL: &str = "https://issuer.example/keys";
const LINE: &str = "listener.name.out.oauthbearer.sasl.jaas.config";
const MODULE: &str = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required";

fn checks(said: &[(&str, &str)]) -> Result<TokenChecks, String> {
    let mut raw = RawSettings::default();
    raw.set("sasl.enabled.mechanisms", "OAUTHBEARER");
    said.iter().for_each(|(name, value)| raw.set(*name, *value));
    let mut sasl = SaslListener::new(&raw, "OUT").map_err(|error| error.to_string())?;
    Ok(sasl.mechanisms.remove(0).tokens.expect("the mechanism takes tokens"))
}

fn signed(said: &[(&str, &str)]) -> SignedChecks {
    match checks(said).unwrap() {
        TokenChecks::Signed(signed) => *signed,
        TokenChecks::Unsecured(_) => panic!("nothing is validated"),
    }
}

#[test]
fn keys_of_an_issuer_are_named_twice() {
    let checks = signed(&[(JWKS_URL_KEY, URL), (ALLOWED_URLS_KEY, &format!("https://other.example, {URL}"))]);
    let KeySource::Url(address, _) = &checks.source else { panic!("an address") };
    assert_eq!(address.to_string(), "https://issuer.example:443/keys");
    assert_eq!(checks.refresh, Duration::from_secs(3_600));
    assert_eq!((&*checks.tokens.subject_claim, checks.tokens.clock_skew), ("sub", Duration::from_secs(30)));
    assert_eq!(TokenChecks::Signed(Box::new(checks)).warnings().len(), 2);
}

#[test]
fn a_listener_and_its_mechanism_have_settings_of_their_own() {
    let checks = signed(&[
        ("listener.name.out.oauthbearer.sasl.oauthbearer.jwks.endpoint.url", "file:///etc/my%20keys.json"),
        ("listener.name.out.sasl.oauthbearer.expected.issuer", "https://issuer.example"),
        ("sasl.oauthbearer.expected.audience", "kafka, others"),
        ("sasl.oauthbearer.expected.issuer", "https://another.example"),
        ("sasl.oauthbearer.sub.claim.name", "client"),
        (ALLOWED_URLS_KEY, "file:///etc/my%20keys.json"),
        (VALIDATOR_KEY, "org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallbackHandler"),
    ]);
    assert_eq!(checks.source, KeySource::File(Path::new("/etc/my keys.json").to_owned()));
    assert_eq!(checks.tokens.expected_issuer.as_deref(), Some("https://issuer.example"));
    assert_eq!(checks.tokens.expected_audience, ["kafka", "others"]);
    assert_eq!(checks.tokens.subject_claim, "client");
    assert!(TokenChecks::Signed(Box::new(checks)).warnings().is_empty());
}

#[test]
fn nothing_is_taken_unsigned_unless_that_is_said() {
    let options = "unsecuredValidatorPrincipalClaimName=user unsecuredValidatorRequiredScope=\"a b\" \
                   unsecuredValidatorAllowableClockSkewMs=\"3000\" unsecuredLoginStringClaim_sub=broker";
    let checks = checks(&[
        ("listener.name.out.oauthbearer.sasl.server.callback.handler.class", UNSECURED_VALIDATOR),
        (LINE, &format!("{MODULE} {options};")),
    ]);
    let checks = checks.unwrap();
    assert_eq!(checks.warnings().len(), 1);
    let TokenChecks::Unsecured(tokens) = checks else { panic!("they are validated") };
    assert_eq!((&*tokens.principal_claim, tokens.clock_skew), ("user", Duration::from_secs(3)));
    assert_eq!(tokens.required_scope, ["a", "b"]);
}

#[test]
fn what_cannot_be_is_refused() {
    let allowed = (
        ALLOWED_URLS_KEY,
        "https://issuer.example/keys,http://issuer.example/keys,keys.json,file:keys.json,file://a/b,file:///a%2",
    );
    for (said, expected) in [
        (vec![], "--unsecured-tokens"),
        (
            vec![(JWKS_URL_KEY, URL)],
            "an address that is allowed: org.apache.kafka.sasl.oauthbearer.allowed.urls=https://issuer.example/keys",
        ),
        (vec![(JWKS_URL_KEY, "https://issuer.example/keys/"), allowed], "an address that is allowed"),
        (vec![(JWKS_URL_KEY, "http://issuer.example/keys"), allowed], "it has to be https://"),
        (vec![(JWKS_URL_KEY, "keys.json"), allowed], "only https:// and http:// are spoken"),
        (vec![(JWKS_URL_KEY, "file:keys.json"), allowed], "a file as file:///"),
        (vec![(JWKS_URL_KEY, "file://a/b"), allowed], "a file as file:///"),
        (vec![(JWKS_URL_KEY, "file:///a%2"), allowed], "a file as file:///"),
        (vec![(JWKS_URL_KEY, URL), allowed, (VALIDATOR_KEY, UNSECURED_VALIDATOR)], "not to be given"),
        (vec![(VALIDATOR_KEY, "com.acme.Validator")], "OAuthBearerValidatorCallbackHandler"),
        (
            vec![(JWKS_URL_KEY, URL), allowed, ("sasl.oauthbearer.jwt.validator.class", "com.acme.Jwt")],
            "DefaultJwtValidator",
        ),
        (
            vec![(JWKS_URL_KEY, URL), allowed, (LINE, "a.PlainLoginModule required user_a=hunter2;")],
            "OAuthBearerLoginModule",
        ),
        (
            vec![
                (VALIDATOR_KEY, UNSECURED_VALIDATOR),
                (LINE, "a.OAuthBearerLoginModule required unsecuredValidatorAllowableClockSkewMs=\"-1\";"),
            ],
            "milliseconds",
        ),
    ] {
        let error = checks(&said).unwrap_err();
        assert!(error.contains(expected), "{said:?}: {error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}
