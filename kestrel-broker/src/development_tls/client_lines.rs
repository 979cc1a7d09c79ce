//! The settings of clients that connect to a broker with certificates for development, as text. Pure.

use kestrel_security::sasl::Mechanism;

/// The settings of clients that trust the authority of the file `ca`, and may show the certificate of the file `client`.
pub(super) fn of_tls(bootstrap_servers: &str, ca: &str, client: &str) -> String {
    format!(
        "Java:       bootstrap.servers={bootstrap_servers}
            security.protocol=SSL
            ssl.truststore.type=PEM
            ssl.truststore.location={ca}
librdkafka: bootstrap.servers={bootstrap_servers}
            security.protocol=ssl
            ssl.ca.location={ca}
Kestrel:    Client::builder({bootstrap_servers:?}).tls(Tls::ca_file({ca:?}))
To be User:CN=client, and not User:ANONYMOUS:
Java:       ssl.keystore.type=PEM
            ssl.keystore.location={client}
librdkafka: ssl.certificate.location={client}
            ssl.key.location={client}
Kestrel:    .client_cert_files({client:?}, {client:?})
"
    )
}

/// The settings of clients that trust the authority of the file `ca`, and log in; USER and PASSWORD are theirs to fill in.
pub(super) fn of_login(bootstrap_servers: &str, ca: &str, mechanism: Mechanism) -> String {
    let (module, method) = match mechanism {
        Mechanism::ScramSha512 => ("scram.ScramLoginModule", "scram_sha_512"),
        Mechanism::ScramSha256 => ("scram.ScramLoginModule", "scram_sha_256"),
        Mechanism::Plain | Mechanism::OAuthBearer => ("plain.PlainLoginModule", "plain"),
    };
    format!(
        "Java:       bootstrap.servers={bootstrap_servers}
            security.protocol=SASL_SSL
            ssl.truststore.type=PEM
            ssl.truststore.location={ca}
            sasl.mechanism={mechanism}
            sasl.jaas.config=org.apache.kafka.common.security.{module} required username=\"USER\" password=\"PASSWORD\";
librdkafka: bootstrap.servers={bootstrap_servers}
            security.protocol=sasl_ssl
            ssl.ca.location={ca}
            sasl.mechanism={mechanism}
            sasl.username=USER
            sasl.password=PASSWORD
Kestrel:    Client::builder({bootstrap_servers:?}).tls(Tls::ca_file({ca:?})).sasl(Sasl::{method}(\"USER\", \"PASSWORD\"))
"
    )
}
