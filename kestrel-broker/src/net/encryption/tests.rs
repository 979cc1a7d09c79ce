//! A listener with TLS over real TCP: clients of rustls, peers that are none, and a certificate that changes.

use std::path::Path;

use kestrel_protocol::messages::metadata::MetadataRequest;
use kestrel_security::tls::{ClientTls, Identity, Reloading, server_name};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::testing::Peer;
use crate::{Broker, BrokerBuilder, StartError};

/// An authority with a folder for what it signs.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    dir: tempfile::TempDir,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("ca.pem"), &pem).unwrap();
        Self { issuer: Issuer::new(params, key), pem, dir }
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }

    /// Puts a key and its certificate into a file.
    fn sign(&self, file: &str, user: &str) -> String {
        let mut params = CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, user);
        let key = KeyPair::generate().unwrap();
        let pem = format!("{}{}", key.serialize_pem(), params.signed_by(&key, &self.issuer).unwrap().pem());
        let path = self.path(file);
        std::fs::write(&path, pem).unwrap();
        path
    }

    /// A broker with a listener SSL.
    fn broker(&self) -> BrokerBuilder {
        Broker::builder()
            .ephemeral()
            .set("listeners", "SSL://127.0.0.1:0")
            .set("ssl.keystore.location", self.sign("broker.pem", "broker"))
    }

    fn client(&self) -> ClientTls {
        ClientTls::ca_pem(&self.pem)
    }
}

/// Connects; the failure is that of the handshake or of the first request.
async fn connect(broker: &Broker, client: ClientTls) -> Option<Peer> {
    let stream = TcpStream::connect(broker.bootstrap_servers()).await.unwrap();
    let connector = TlsConnector::from(Reloading::new(client).unwrap().current());
    let stream = connector.connect(server_name("localhost").unwrap(), stream).await.ok()?;
    let mut peer = Peer::over(stream);
    peer.try_call(&MetadataRequest::default(), 12).await.map(|_| peer)
}

/// Waits until so many handshakes failed; a client can see its end before it is counted.
async fn until_failed(broker: &Broker, count: u64) {
    let failed = || broker.metrics().listeners["SSL"].failed_handshakes;
    while failed() < count {
        tokio::task::yield_now().await;
    }
    assert_eq!(failed(), count);
}

#[tokio::test]
async fn requests_are_answered_in_tls_and_large_fetches_too() {
    let ca = Authority::new();
    let broker = ca.broker().start().await.unwrap();
    for version in ["TLSv1.2", "TLSv1.3"] {
        let mut peer = connect(&broker, ca.client().versions(version.parse().unwrap())).await.unwrap();
        peer.create_topic(version).await;
        let value = "x".repeat(300_000);
        let batch = crate::testing::batch(&[&value, &value]);
        assert_eq!(peer.produce(version, batch.clone()).await.error_code, crate::ErrorCode::None);
        let records = peer.fetch(version, 0).await.records.unwrap();
        assert_eq!(records.len(), batch.len(), "what leaves from its file is whole");
    }
    until_failed(&broker, 0).await;
    broker.stop().await.unwrap();
}

#[tokio::test]
async fn who_is_not_let_in_is_counted() {
    let (ca, other) = (Authority::new(), Authority::new());
    let broker =
        ca.broker().set("ssl.client.auth", "required").set("ssl.truststore.location", ca.path("ca.pem"));
    let broker = broker.set("ssl.principal.mapping.rules", "RULE:^CN=(good.*)$/$1/").start().await.unwrap();
    let with = |signer: &Authority, user: &str| {
        let file = signer.sign("client.pem", user);
        ca.client().client_cert(Identity::from_file(file))
    };
    assert!(connect(&broker, with(&ca, "good one")).await.is_some());
    for (count, refused) in [(1, ca.client()), (2, with(&other, "good one")), (3, with(&ca, "nobody's rule"))]
    {
        assert!(connect(&broker, refused).await.is_none());
        until_failed(&broker, count).await;
    }
}

#[tokio::test]
async fn a_client_without_tls_is_closed_without_an_answer() {
    let ca = Authority::new();
    let broker = ca.broker().start().await.unwrap();
    for first in [&b"\0\0\0\x2b\0\x12\0\x04"[..], b"GET / HTTP/1.1\r\n", b"\x16\x03\x01\0\x04\xff\0\0\0"] {
        let mut stream = TcpStream::connect(broker.bootstrap_servers()).await.unwrap();
        stream.write_all(first).await.unwrap();
        let mut answer = Vec::new();
        let _reset_or_end = stream.read_to_end(&mut answer).await;
        let is_tls = first.starts_with(&[0x16]);
        assert_eq!(answer.is_empty(), !is_tls, "{first:?} is answered by {answer:?}");
    }
    until_failed(&broker, 3).await;
    drop(TcpStream::connect(broker.bootstrap_servers()).await.unwrap());
    let peer = connect(&broker, ca.client()).await;
    assert!(peer.is_some());
    until_failed(&broker, 3).await;
}

#[test]
fn a_certificate_without_a_subject_is_nobodys() {
    let user = super::user_of(&kestrel_security::tls::peer::PrincipalRules::default(), b"no certificate");
    assert!(matches!(user, Err(super::HandshakeFailure::NoSubject)), "{user:?}");
}

/// There the user is the one that logs in, and no rule need fit the certificate.
#[tokio::test]
async fn with_sasl_no_rule_makes_a_user_of_a_certificate() {
    let ca = Authority::new();
    let broker = ca
        .broker()
        .set("listeners", "SASL_SSL://127.0.0.1:0")
        .set("ssl.client.auth", "required")
        .set("ssl.truststore.location", ca.path("ca.pem"))
        .set("ssl.principal.mapping.rules", "RULE:^CN=(good.*)$/$1/")
        .start()
        .await
        .unwrap();
    let client = ca.client().client_cert(Identity::from_file(ca.sign("client.pem", "nobody's rule")));
    let stream = TcpStream::connect(broker.bootstrap_servers()).await.unwrap();
    let connector = TlsConnector::from(Reloading::new(client).unwrap().current());
    let stream = connector.connect(server_name("localhost").unwrap(), stream).await.unwrap();
    let versions = kestrel_protocol::messages::api_versions::ApiVersionsRequest::default();
    assert!(Peer::over(stream).try_call(&versions, 0).await.is_some());
}

/// Bytes that begin as a handshake does and go on as chance wants.
#[tokio::test]
async fn hostile_bytes_are_never_served() {
    let ca = Authority::new();
    let broker = ca.broker().start().await.unwrap();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    for round in 1..=64u64 {
        let mut bytes: Vec<u8> = (0..64).flat_map(|_| random()).collect();
        // Some are records of the right form: a length that is there, a message that is none.
        bytes[..3].copy_from_slice(&[0x16, 3, 1]);
        bytes[3] *= u8::from(round % 2 == 0);
        let mut stream = TcpStream::connect(broker.bootstrap_servers()).await.unwrap();
        let _it_may_be_closed = stream.write_all(&bytes).await;
        let _it_may_be_closed = stream.shutdown().await;
        let mut answer = Vec::new();
        let _reset_or_end = stream.read_to_end(&mut answer).await;
        assert!(answer.len() <= 7, "an alert at most: {answer:?}");
        until_failed(&broker, round).await;
    }
    assert_eq!(broker.metrics().apis.values().map(crate::ApiMetrics::count).sum::<u64>(), 0);
}

#[tokio::test]
async fn a_slow_handshake_ends() {
    let ca = Authority::new();
    let broker = ca.broker().set("socket.connection.setup.timeout.ms", "1").start().await.unwrap();
    let mut stream = TcpStream::connect(broker.bootstrap_servers()).await.unwrap();
    stream.write_all(b"\x16").await.unwrap();
    assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0);
    until_failed(&broker, 1).await;
}

#[tokio::test]
async fn a_certificate_that_changes_is_shown_to_new_connections() {
    let (ca, other) = (Authority::new(), Authority::new());
    let broker = ca.broker().start().await.unwrap();
    let mut early = connect(&broker, ca.client()).await.unwrap();
    std::fs::copy(other.sign("broker.pem", "a broker with a longer name"), Path::new(&ca.path("broker.pem")))
        .unwrap();
    // The broker looks every second; each try is a condition, and the runner's limit the deadline.
    while connect(&broker, other.client()).await.is_none() {
        tokio::task::yield_now().await;
    }
    assert!(early.try_call(&MetadataRequest::default(), 12).await.is_some(), "connections stay");
}

#[tokio::test]
async fn a_certificate_that_cannot_be_used_is_named_at_the_start() {
    let ca = Authority::new();
    let missing = Broker::builder().ephemeral().set("listeners", "SSL://127.0.0.1:0");
    let wrong = missing.clone().set("listener.name.ssl.ssl.keystore.location", ca.path("ca.pem"));
    let gone = missing.clone().set("ssl.keystore.location", "/no/such/file.pem");
    let untrusting = ca.broker().set("ssl.client.auth", "required");
    let old = ca.broker().set("ssl.enabled.protocols", "TLSv1.1");
    for (builder, expected) in [
        (missing, "ssl.keystore.location=: expected a PEM file"),
        (wrong, "there is no private key in it"),
        (gone, "/no/such/file.pem: cannot be read"),
        (untrusting, "ssl.truststore.location=: expected a PEM file with the authorities"),
        (old, "ssl.enabled.protocols: TLSv1.1 is not spoken"),
    ] {
        let Err(StartError::Config { message, .. }) = builder.start().await.map(drop) else {
            panic!("{expected}")
        };
        assert!(message.starts_with("the listener SSL cannot encrypt: "), "{message}");
        assert!(message.contains(expected), "{message}");
    }
}
