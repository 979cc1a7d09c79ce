//! Tokens against those of AWS's own signer for Python (aws-msk-iam-sasl-signer-python 1.0.2, its clock held at the moment below).

use std::collections::BTreeSet;

use super::credentials::of_variables;
use super::*;

/// 2026-02-28 23:05:09 UTC.
const NOW: Timestamp = Timestamp::from_millis(1_772_319_909_000);
const OF_AWS: &str = "https://kafka.eu-west-1.amazonaws.com/?Action=kafka-cluster%3AConnect&X-Amz-Algorithm=AWS4-HMAC-SHA256\
    &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20260228%2Feu-west-1%2Fkafka-cluster%2Faws4_request\
    &X-Amz-Date=20260228T230509Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host\
    &X-Amz-Signature=21c924a2e1c27b022ed6a97d90c5492d0034864200f2a24d0feee937b2078d42";
const OF_AWS_IN_A_SESSION: &str = "https://kafka.eu-west-1.amazonaws.com/?Action=kafka-cluster%3AConnect\
    &X-Amz-Algorithm=AWS4-HMAC-SHA256\
    &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20260228%2Feu-west-1%2Fkafka-cluster%2Faws4_request\
    &X-Amz-Date=20260228T230509Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host\
    &X-Amz-Security-Token=FwoGZXIvYXdzE%2B%2F%3Dsession\
    &X-Amz-Signature=32ad931c768b3d02317db7db4bffb4c72e2f4f416dc558dddaf5aa221045d993";

fn credentials() -> AwsCredentials {
    AwsCredentials::new("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
}

fn address(token: &Token) -> String {
    String::from_utf8(URL_SAFE_NO_PAD.decode(token.text().expose()).unwrap()).unwrap()
}

/// The pairs of a query, whose order does not matter.
fn pairs(address: &str) -> BTreeSet<&str> {
    address.split(['?', '&']).collect()
}

#[test]
fn a_token_is_the_one_that_awss_signer_makes() {
    let user_agent = format!("&User-Agent=kestrel-client%2F{}", env!("CARGO_PKG_VERSION"));
    for (credentials, of_aws) in [
        (credentials(), OF_AWS),
        (credentials().session_token("FwoGZXIvYXdzE+/=session"), OF_AWS_IN_A_SESSION),
    ] {
        let token = token("eu-west-1", &credentials, NOW);
        assert_eq!(pairs(&address(&token)), pairs(&format!("{of_aws}{user_agent}")));
        assert_eq!(token.end(), Some(NOW.saturating_add(LIFETIME)));
    }
}

/// The domains are those of AWS's list of partitions; no cluster of one was at hand.
#[test]
fn a_region_of_another_partition_has_its_domain() {
    for (region, host) in [
        ("eu-west-1", "kafka.eu-west-1.amazonaws.com"),
        ("us-gov-west-1", "kafka.us-gov-west-1.amazonaws.com"),
        ("cn-north-1", "kafka.cn-north-1.amazonaws.com.cn"),
        ("us-iso-east-1", "kafka.us-iso-east-1.c2s.ic.gov"),
        ("us-isob-east-1", "kafka.us-isob-east-1.sc2s.sgov.gov"),
    ] {
        let address = address(&token(region, &credentials(), NOW));
        assert!(address.starts_with(&format!("https://{host}/?")), "{address}");
    }
}

#[test]
fn a_token_ends_with_its_credentials() {
    let soon = NOW.saturating_add(Duration::from_secs(60));
    assert_eq!(token("eu-west-1", &credentials().expires_at(soon), NOW).end(), Some(soon));
}

#[test]
fn the_environment_has_all_or_says_what_is_missing() {
    let of = |variables: &[(&str, &str)]| {
        let variable = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        of_variables(variable).map_err(|error| error.to_string())
    };
    let both = [("AWS_ACCESS_KEY_ID", "AKIA"), ("AWS_SECRET_ACCESS_KEY", "s")];
    assert_eq!(of(&both), Ok(AwsCredentials::new("AKIA", "s")));
    let session = [both[0], both[1], ("AWS_SESSION_TOKEN", "t")];
    assert_eq!(of(&session), Ok(AwsCredentials::new("AKIA", "s").session_token("t")));
    assert_eq!(of(&both[..1]), Err("the environment variable AWS_SECRET_ACCESS_KEY is not set".into()));
    assert_eq!(
        of(&[("AWS_ACCESS_KEY_ID", "")]),
        Err("the environment variable AWS_ACCESS_KEY_ID is not set".into())
    );
}

#[test]
fn nothing_that_is_printed_has_a_secret_in_it() {
    let printed = format!("{:?} {:?}", credentials().session_token("session"), MskIam::from_env("eu-west-1"));
    assert_eq!(
        printed,
        r#"AwsCredentials { access_key_id: "AKIAIOSFODNN7EXAMPLE", .. } MskIam { region: "eu-west-1", .. }"#
    );
}
