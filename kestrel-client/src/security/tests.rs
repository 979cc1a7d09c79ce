//! What settings and the builder say together.

use super::*;
use crate::client::Client;
use crate::config::ClientBuilder;

fn check(
    pairs: &[(&str, &str)],
    change: impl FnOnce(ClientBuilder) -> ClientBuilder,
) -> Result<std::sync::Arc<Security>, String> {
    let servers = ("bootstrap.servers", "a:1");
    let builder = Client::from_properties(std::iter::once(servers).chain(pairs.iter().copied()));
    let builder = builder.map_err(|error| error.to_string())?;
    change(builder)
        .check()
        .map(|settings| std::sync::Arc::clone(&settings.security))
        .map_err(|error| error.to_string())
}

fn of_properties(pairs: &[(&str, &str)]) -> Result<std::sync::Arc<Security>, String> {
    check(pairs, |builder| builder)
}

const PLAIN: &str = "org.apache.kafka.common.security.plain.PlainLoginModule required username=\"alice\" password=\"opensesame\";";

#[test]
fn properties_of_java_and_of_librdkafka_name_the_same_login() {
    for pairs in [
        [("sasl.mechanism", "PLAIN"), ("sasl.jaas.config", PLAIN), ("client.id", "x")],
        [("sasl.mechanisms", "plain"), ("sasl.username", "alice"), ("sasl.password", "opensesame")],
    ] {
        let security =
            of_properties(&[&pairs[..], &[("security.protocol", "sasl_plaintext")]].concat()).unwrap();
        assert_eq!(security.protocol(), SecurityProtocol::SaslPlaintext);
        let text = format!("{security:?}");
        assert!(text.contains("Plain") && text.contains("alice") && !text.contains("opensesame"), "{text}");
    }
}

#[test]
fn what_is_missing_or_said_twice_is_named() {
    let sasl = ("security.protocol", "SASL_PLAINTEXT");
    let scram = ("sasl.mechanism", "SCRAM-SHA-512");
    for (pairs, problem) in [
        (vec![sasl], "sasl.mechanism: `GSSAPI`: expected PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER"),
        (vec![sasl, ("sasl.mechanism", "AWS_MSK_IAM")], "sasl.mechanism: `AWS_MSK_IAM`"),
        (
            vec![sasl, scram],
            "sasl.jaas.config: it, or sasl.username with sasl.password, or `.sasl(..)`, is required",
        ),
        (vec![sasl, scram, ("sasl.username", "alice")], "sasl.password: the password is required"),
        (vec![sasl, scram, ("sasl.password", "opensesame")], "sasl.username: the user is required"),
        (
            vec![sasl, scram, ("sasl.jaas.config", PLAIN)],
            "the login module of SCRAM-SHA-512 is ScramLoginModule",
        ),
        (vec![sasl, scram, ("sasl.jaas.config", "opensesame")], "sasl.jaas.config: "),
        (
            vec![sasl, ("sasl.mechanism", "PLAIN"), ("sasl.jaas.config", PLAIN), ("sasl.username", "alice")],
            "sasl.jaas.config: says the same as sasl.username and sasl.password",
        ),
        (vec![("security.protocol", "TLS")], "security.protocol: `TLS`: expected one of PLAINTEXT, SSL"),
    ] {
        let error = of_properties(&pairs).unwrap_err();
        assert!(error.contains(problem) && !error.contains("opensesame"), "{error}");
    }
}

#[test]
fn a_scheme_has_to_agree() {
    let plaintext = Client::builder("PLAINTEXT://a:1").check().unwrap();
    assert_eq!(plaintext.security.protocol(), SecurityProtocol::Plaintext);
    let sasl = || Sasl::plain("alice", "opensesame");
    Client::builder("SASL_PLAINTEXT://a:1,b:2").sasl(sasl()).check().unwrap();
    for servers in ["SSL://a:1", "a:1,PLAINTEXT://b:2"] {
        let error = Client::builder(servers).sasl(sasl()).check().unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, Error::Config { .. }) && text.contains("which is SASL_PLAINTEXT"), "{text}");
    }
}

#[test]
fn what_the_builder_was_given_must_not_contradict_the_protocol() {
    let sasl = |builder: ClientBuilder| builder.sasl(Sasl::scram_sha_256("alice", "opensesame"));
    let error = check(&[("security.protocol", "SSL")], sasl).unwrap_err();
    assert!(error.starts_with("security.protocol: `SSL` "), "{error}");
    let security =
        check(&[("security.protocol", "SASL_PLAINTEXT"), ("sasl.mechanism", "PLAIN")], sasl).unwrap();
    let mechanism = security.sasl().unwrap().mechanism();
    assert_eq!(mechanism.name(), "SCRAM-SHA-256", "what was given counts");
}

#[test]
fn a_password_does_not_go_out_readable_where_certificates_are_named() {
    let sasl = |builder: ClientBuilder| builder.sasl(Sasl::plain("alice", "opensesame"));
    for pair in [
        ("ssl.ca.location", "/ca.pem"),
        ("ssl.truststore.certificates", "PEM"),
        ("ssl.key.password", "opensesame"),
        ("ssl.endpoint.identification.algorithm", ""),
    ] {
        let error = check(&[pair], sasl).unwrap_err();
        assert!(error.starts_with("security.protocol: ") && error.contains("SASL_SSL"), "{error}");
        assert!(error.contains(pair.0) && !error.contains("opensesame"), "{error}");
        let security = check(&[pair, ("security.protocol", "SASL_PLAINTEXT")], sasl).unwrap();
        assert_eq!(security.protocol(), SecurityProtocol::SaslPlaintext, "it was asked for");
    }
}

#[test]
fn a_readable_login_is_warned_of_where_others_can_read_it() {
    let readable = |sasl: Sasl, is_loopback: bool| {
        let security = check(&[], |builder| builder.sasl(sasl)).unwrap();
        security.warn_if_readable(is_loopback);
        security.readable_login.is_completed()
    };
    assert!(readable(Sasl::plain("alice", "opensesame"), false));
    assert!(!readable(Sasl::plain("alice", "opensesame"), true));
    assert!(!readable(Sasl::scram_sha_256("alice", "opensesame"), false));
}

#[cfg(not(feature = "tls"))]
#[test]
fn without_the_feature_tls_encryption_is_refused_by_its_name() {
    let error = of_properties(&[("security.protocol", "SSL")]).unwrap_err();
    assert!(error.contains("the feature `tls` of the crate kestrel-client"), "{error}");
}

#[cfg(feature = "tls")]
mod with_tls {
    use super::*;

    #[test]
    fn both_make_the_protocol() {
        let tls = || Tls::native_roots();
        let sasl = || Sasl::plain("alice", "opensesame");
        let protocol = |builder: ClientBuilder| builder.check().unwrap().security.protocol();
        assert_eq!(protocol(Client::builder("a:1")), SecurityProtocol::Plaintext);
        assert_eq!(protocol(Client::builder("a:1").tls(tls())), SecurityProtocol::Ssl);
        assert_eq!(protocol(Client::builder("a:1").sasl(sasl())), SecurityProtocol::SaslPlaintext);
        assert_eq!(
            protocol(Client::builder("SASL_SSL://a:1").sasl(sasl()).tls(tls())),
            SecurityProtocol::SaslSsl
        );
        let error = check(&[("security.protocol", "PLAINTEXT")], |builder| builder.tls(tls())).unwrap_err();
        assert!(error.contains("contradicts `.tls(..)`"), "{error}");
    }

    #[test]
    fn certificates_that_contradict_each_other_are_refused() {
        let ssl = ("security.protocol", "SSL");
        for (pairs, problem) in [
            (vec![ssl, ("ssl.ca.location", "a"), ("ssl.truststore.location", "b")], "more than once"),
            (vec![ssl, ("ssl.key.location", "a")], "needs ssl.certificate.location"),
            (vec![ssl, ("ssl.truststore.location", "a"), ("ssl.truststore.type", "JKS")], "keytool"),
        ] {
            let error = of_properties(&pairs).unwrap_err();
            assert!(error.contains(problem), "{error}");
        }
    }

    #[tokio::test]
    async fn a_file_that_is_not_there_is_an_error_of_the_settings() {
        let security =
            of_properties(&[("security.protocol", "SSL"), ("ssl.ca.location", "/no/such/ca.pem")]).unwrap();
        let error = security.load().await.unwrap_err();
        assert!(matches!(error, Error::Config { .. }), "{error:?}");
        assert!(error.to_string().contains("/no/such/ca.pem: cannot be read"), "{error}");
    }
}
