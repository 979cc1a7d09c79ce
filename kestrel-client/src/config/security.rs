//! The settings of a client that say how its connections are encrypted and authenticated. `security` makes of them what is used.

use std::time::Duration;

use kestrel_settings::{Chosen, Secret, settings};

use crate::security::SecurityProtocol;

settings! {
    /// What `security.protocol` asks for and needs, before it is checked.
    pub(crate) struct SecurityConfig, keys SECURITY: SecurityKeys;

    /// Whether connections are encrypted (SSL), authenticated (SASL), both or neither.
    protocol: Chosen<SecurityProtocol>, "security.protocol", String, "PLAINTEXT",
        [any_case "PLAINTEXT" | "SSL" | "SASL_PLAINTEXT" | "SASL_SSL"];
    /// A PEM file with the authorities that may have signed the certificates of brokers; without one, those that the machine trusts.
    truststore_location: Option<String>, "ssl.truststore.location", String, null, [any];
    /// The same, as librdkafka has it.
    ca_location: Option<String>, "ssl.ca.location", String, null, [any];
    /// The same as a PEM text.
    truststore_certificates: Secret, "ssl.truststore.certificates" | "ssl.ca.pem", Password, null, [any];
    /// What kind of file ssl.truststore.location is: PEM. Unless it is set, the file itself tells.
    truststore_type: Chosen<String>, "ssl.truststore.type", String, "JKS", [any];
    /// PEM files have no password.
    truststore_password: Secret, "ssl.truststore.password", Password, null, [any];
    /// A PEM file with the client's private key, its certificate, and those of who signed that (mutual TLS).
    keystore_location: Option<String>, "ssl.keystore.location", String, null, [any];
    /// What kind of file ssl.keystore.location is: PEM. Unless it is set, the file itself tells.
    keystore_type: Chosen<String>, "ssl.keystore.type", String, "JKS", [any];
    /// PEM files have no password; that of an encrypted key is ssl.key.password.
    keystore_password: Secret, "ssl.keystore.password", Password, null, [any];
    /// The client's certificate and those of who signed it as a PEM text.
    keystore_certificate_chain: Secret, "ssl.keystore.certificate.chain" | "ssl.certificate.pem", Password, null, [any];
    /// The private key of the client's certificate as a PEM text.
    keystore_key: Secret, "ssl.keystore.key" | "ssl.key.pem", Password, null, [any];
    /// A PEM file with the client's certificate and those of who signed it, beside ssl.key.location, as librdkafka has it.
    certificate_location: Option<String>, "ssl.certificate.location", String, null, [any];
    /// A PEM file with the private key of the client's certificate, as librdkafka has it.
    key_location: Option<String>, "ssl.key.location", String, null, [any];
    /// The password of the private key, when it is encrypted.
    key_password: Secret, "ssl.key.password", Password, null, [any];
    /// The versions of TLS that are spoken.
    enabled_protocols: String, "ssl.enabled.protocols", List, "TLSv1.2,TLSv1.3", [each "TLSv1.2" | "TLSv1.3"];
    /// Whether a broker's certificate has to be for the host that is connected to: https, or dangerously not, which is none or empty.
    endpoint_identification: String, "ssl.endpoint.identification.algorithm", String, "https",
        [any_case "https" | "none" | ""];
    /// Whether a broker's certificate is looked at. Without that, everybody on the way can pass for a broker.
    certificate_verification: bool, "enable.ssl.certificate.verification", Boolean, "true", [any];
    /// How the client proves who it is: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER. Apache Kafka's default is not there.
    mechanism: String, "sasl.mechanism" | "sasl.mechanisms", String, "GSSAPI", [any];
    /// User and password as Java has them. The class in it is only looked at, never loaded.
    jaas_config: Secret, "sasl.jaas.config", Password, null, [any];
    /// The user of PLAIN and SCRAM, as librdkafka has it.
    username: Option<String>, "sasl.username", String, null, [any];
    /// The password of PLAIN and SCRAM, as librdkafka has it.
    password: Secret, "sasl.password", Password, null, [any];
    /// Where tokens of OAUTHBEARER are asked for: the https:// address of an OpenID Connect provider (KIP-768). Needs the feature oidc.
    token_endpoint_url: Option<String>, "sasl.oauthbearer.token.endpoint.url", String, null, [any];
    /// The client's id at the OpenID Connect provider; also clientId in sasl.jaas.config.
    oauth_client_id: Option<String>,
        "sasl.oauthbearer.client.credentials.client.id" | "sasl.oauthbearer.client.id", String, null, [any];
    /// The client's secret at the OpenID Connect provider; also clientSecret in sasl.jaas.config.
    oauth_client_secret: Secret,
        "sasl.oauthbearer.client.credentials.client.secret" | "sasl.oauthbearer.client.secret", Password, null, [any];
    /// What tokens have to be good for, as the provider names it; also scope in sasl.jaas.config.
    oauth_scope: Option<String>, "sasl.oauthbearer.scope", String, null, [any];
    /// What brokers get beside a token: name=value, several separated by commas; in Java extension_NAME in sasl.jaas.config.
    oauth_extensions: Option<String>, "sasl.oauthbearer.extensions", String, null, [any];
    /// Whether id and secret are escaped before they go into the header, as RFC 6749 says and few providers expect.
    oauth_header_urlencode: bool, "sasl.oauthbearer.header.urlencode", Boolean, "false", [any];
    /// A PEM file with the authorities that may have signed the OpenID Connect provider's certificate, as librdkafka has it; without
    /// one, those that the machine trusts.
    https_ca_location: Option<String>, "https.ca.location", String, null, [any];
    /// How long connecting to the OpenID Connect provider may take; 10 s unless it is set.
    login_connect_timeout: Option<Duration>, "sasl.login.connect.timeout.ms", Int, null, [1..];
    /// How long the OpenID Connect provider's answer may take; 10 s unless it is set.
    login_read_timeout: Option<Duration>, "sasl.login.read.timeout.ms", Int, null, [1..];
    /// The first wait before a token is asked for again; it doubles each time.
    login_retry_backoff: Duration, "sasl.login.retry.backoff.ms", Long, "100", [0..];
    /// For how long a token is asked for again at all.
    login_retry_backoff_max: Duration, "sasl.login.retry.backoff.max.ms", Long, "10000", [0..];
}
