//! Handshakes in memory between the two configurations, with certificates made on the spot: what goes through, and the words for
//! what does not.

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;

use kestrel_settings::Secret;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    date_time_ymd,
};
use rustls::{ClientConfig, ClientConnection, Connection, ServerConfig, ServerConnection};

use super::*;

/// An authority.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// A certificate for `names`, with its key.
    fn sign(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> (String, String) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name.push(DnType::CommonName, "peer");
        params.distinguished_name.push(DnType::OrganizationName, "Example, Inc.");
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }

    fn identity(&self, names: &[&str]) -> Identity {
        let (chain, key) = self.sign(names, |_| {});
        Identity::from_pem(chain, key)
    }

    fn trust(&self) -> Trust {
        Trust::pem(&self.pem)
    }
}

fn built<P: Plan>(plan: P) -> Arc<P::Config> {
    Reloading::new(plan).unwrap().current()
}

/// Moves bytes until both sides are done, or one fails.
fn shake_hands(
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
    host: &str,
) -> Result<ServerConnection, HandshakeError> {
    let mut client = ClientConnection::new(client, server_name(host).unwrap()).unwrap().into();
    let mut server = Connection::from(ServerConnection::new(server).unwrap());
    for _ in 0..8 {
        carry(&mut client, &mut server).map_err(HandshakeError::of_server)?;
        carry(&mut server, &mut client).map_err(HandshakeError::of_client)?;
    }
    assert!(!client.is_handshaking() && !server.is_handshaking());
    let Connection::Server(server) = server else { unreachable!("it is one") };
    Ok(server)
}

fn carry(from: &mut Connection, to: &mut Connection) -> io::Result<()> {
    let mut bytes = Vec::new();
    while from.wants_write() {
        from.write_tls(&mut bytes)?;
    }
    let mut bytes = &bytes[..];
    while !bytes.is_empty() {
        to.read_tls(&mut bytes)?;
        to.process_new_packets().map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    }
    Ok(())
}

fn refusal(client: ClientTls, server: ServerTls, host: &str) -> String {
    let error = shake_hands(built(client), built(server), host).unwrap_err();
    assert!(error.is_final(), "{error}");
    error.to_string()
}

#[test]
fn both_versions_are_spoken_and_names_and_addresses_are_checked() {
    let ca = Authority::new("test");
    let server = || ServerTls::new(ca.identity(&["localhost", "127.0.0.1", "::1"]));
    for host in ["localhost", "LOCALHOST.", "127.0.0.1", "[::1]"] {
        for version in ["TLSv1.2", "TLSv1.3"] {
            let client = ClientTls::ca_pem(&ca.pem).versions(version.parse().unwrap());
            shake_hands(built(client), built(server()), host).unwrap();
        }
    }
    let wrong = refusal(ClientTls::ca_pem(&ca.pem), server(), "example.com");
    assert!(wrong.contains("is for localhost, 127.0.0.1, "), "{wrong}");
    assert!(wrong.contains("and not for example.com: connect by one of these names"), "{wrong}");
    let client = ClientTls::ca_pem(&ca.pem).danger_without_host_name_check();
    shake_hands(built(client), built(server()), "example.com").unwrap();
}

#[test]
fn who_signed_is_checked_unless_that_is_switched_off_loudly() {
    let (ca, other) = (Authority::new("one"), Authority::new("other"));
    let server = || ServerTls::new(ca.identity(&["localhost"]));
    let wrong = refusal(ClientTls::ca_pem(&other.pem), server(), "localhost");
    assert!(
        wrong.contains("no authority that is trusted here") && wrong.contains("ssl.truststore.location"),
        "{wrong}"
    );
    let nameless = ClientTls::ca_pem(&other.pem).danger_without_host_name_check();
    assert!(refusal(nameless, server(), "localhost").contains("no authority that is trusted here"));
    shake_hands(built(ClientTls::ca_pem(&other.pem).danger_without_any_check()), built(server()), "a")
        .unwrap();
}

#[test]
fn a_certificate_that_is_not_right_for_a_broker_is_named() {
    let ca = Authority::new("test");
    let server = |names: &[&str], change: fn(&mut CertificateParams)| {
        let (chain, key) = ca.sign(names, change);
        ServerTls::new(Identity::from_pem(chain, key))
    };
    let refusal = |server| refusal(ClientTls::ca_pem(&ca.pem), server, "localhost");
    let expired = refusal(server(&["localhost"], |params| params.not_after = date_time_ymd(2020, 2, 1)));
    assert!(expired.contains("expired at 2020-02-01 00:00 UTC"), "{expired}");
    let early = refusal(server(&["localhost"], |params| params.not_before = date_time_ymd(2500, 1, 1)));
    assert!(early.contains("valid from 2500-01-01 00:00 UTC on"), "{early}");
    let nameless = refusal(server(&[], |_| {}));
    assert!(nameless.contains("has no names (subjectAltName)"), "{nameless}");
    let of_a_client = server(&["localhost"], |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    });
    assert!(refusal(of_a_client).contains("another purpose"));
    let authority = server(&["localhost"], |params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained));
    let own = refusal(authority);
    assert!(own.contains("is the one of an authority (CA:TRUE)"), "{own}");
}

#[test]
fn clients_show_certificates_where_they_are_asked() {
    let (ca, other) = (Authority::new("test"), Authority::new("other"));
    let server = |auth| ServerTls::new(ca.identity(&["localhost"])).client_auth(auth, ca.trust());
    let client = || ClientTls::ca_pem(&ca.pem);
    let subject = |client, auth| {
        let server = shake_hands(built(client), built(server(auth)), "localhost").unwrap();
        let shown = server.peer_certificates().and_then(|chain| chain.first());
        shown.map(|certificate| peer::Certificate::read(certificate).unwrap().subject().to_owned())
    };
    let with = || client().client_cert(ca.identity(&[]));
    assert_eq!(subject(with(), ClientAuth::None), None);
    assert_eq!(subject(client(), ClientAuth::Requested), None);
    for auth in [ClientAuth::Requested, ClientAuth::Required] {
        assert_eq!(subject(with(), auth).as_deref(), Some("O=Example\\, Inc.,CN=peer"));
    }
    let missing = refusal(client(), server(ClientAuth::Required), "localhost");
    assert!(missing.contains("shows no certificate, and ssl.client.auth=required"), "{missing}");
    let foreign = client().client_cert(other.identity(&[]));
    let foreign = refusal(foreign, server(ClientAuth::Requested), "localhost");
    assert!(foreign.contains("signed by no authority that ssl.truststore.location"), "{foreign}");
}

#[test]
fn versions_that_do_not_meet_are_named() {
    let ca = Authority::new("test");
    let server = ServerTls::new(ca.identity(&["localhost"])).versions("TLSv1.3".parse().unwrap());
    let client = ClientTls::ca_pem(&ca.pem).versions("TLSv1.2".parse().unwrap());
    assert!(refusal(client, server, "localhost").contains("speaks no version of TLS that is spoken here"));
}

#[test]
fn what_is_no_tls_is_named() {
    let ca = Authority::new("test");
    let config = built(ClientTls::ca_pem(&ca.pem));
    let mut client =
        Connection::from(ClientConnection::new(config, server_name("localhost").unwrap()).unwrap());
    client.read_tls(&mut &b"\0\0\0\x0a\0\0\0\x01\0\x23"[..]).unwrap();
    let error = client.process_new_packets().unwrap_err();
    let error = HandshakeError::of_client(io::Error::new(io::ErrorKind::InvalidData, error));
    assert!(error.to_string().contains("does not speak TLS on this port"), "{error}");
}

/// Keys as `openssl` writes them: PKCS#8 with and without a password, PKCS#1, SEC1.
#[test]
fn keys_of_each_kind_are_read() {
    let read = |key: &str, password: Option<&str>| {
        let identity = Identity::from_pem(include_str!("tests/certificate.pem"), key);
        let identity = match password {
            Some(password) => identity.with_key_password(Secret::new(password)),
            None => identity,
        };
        identity.read(&Files::default()).map(drop).map_err(|error| error.to_string())
    };
    let encrypted = include_str!("tests/encrypted.key");
    for key in [include_str!("tests/pkcs8.key"), include_str!("tests/pkcs1.key")] {
        assert_eq!(read(key, None), Ok(()));
        assert_eq!(read(&key.replace('\n', " "), Some("has no effect")), Ok(()));
    }
    assert_eq!(read(encrypted, Some("opensesame")), Ok(()));
    for (key, password, expected) in [
        (encrypted, None, "is encrypted: say its password with ssl.key.password"),
        (encrypted, Some("wrong"), "the password of ssl.key.password does not open the private key"),
        (include_str!("tests/old.key"), Some("opensesame"), "openssl pkcs8 -topk8 -v2 aes-256-cbc"),
        (include_str!("tests/sec1.key"), None, "is not the one of the first certificate"),
        (include_str!("tests/certificate.pem"), None, "there is no private key in it"),
    ] {
        let error = read(key, password).unwrap_err();
        assert!(error.contains(expected) && !error.contains("opensesame"), "{error}");
    }
}

#[test]
fn a_file_that_changes_is_read_again_and_a_broken_one_is_not_taken() {
    let folder = std::env::temp_dir().join(format!("kestrel-security-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("both.pem");
    let (one, other) = (Authority::new("one"), Authority::new("other"));
    let write = |text: &str| File::create(&file).unwrap().write_all(text.as_bytes()).unwrap();
    let both = |ca: &Authority| {
        let (chain, key) = ca.sign(&["localhost"], |_| {});
        format!("{key}{chain}")
    };
    write(&both(&one));
    let mut tls = Reloading::new(ServerTls::new(Identity::from_file(&file))).unwrap();
    let connects = |ca: &Authority, tls: &Reloading<ServerTls>| {
        shake_hands(built(ClientTls::ca_pem(&ca.pem)), tls.current(), "localhost").is_ok()
    };
    assert!(!tls.refresh().unwrap());
    assert!(connects(&one, &tls) && !connects(&other, &tls));
    write("-----BEGIN CERT");
    assert!(tls.refresh().is_err());
    assert!(!tls.refresh().unwrap(), "said once");
    assert!(connects(&one, &tls), "what was there goes on");
    // Padded, so that it has another length also where clocks of files are coarse.
    write(&format!("{}\n\n", both(&other)));
    assert!(tls.refresh().unwrap());
    assert!(connects(&other, &tls) && !connects(&one, &tls));
    std::fs::remove_file(&file).unwrap();
    assert!(tls.refresh().unwrap_err().to_string().ends_with("cannot be read"));
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn stores_of_java_are_refused_with_the_commands_that_convert_them() {
    let folder = std::env::temp_dir().join(format!("kestrel-stores-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    for (bytes, expected) in [
        (&b"\xfe\xed\xfe\xed\0\0\0\x02"[..], "keytool -importkeystore"),
        (b"\x30\x82\x0a\x00", "openssl pkcs12 -in"),
    ] {
        let file = folder.join("store");
        File::create(&file).unwrap().write_all(bytes).unwrap();
        let error = Reloading::new(ServerTls::new(Identity::from_file(&file))).unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains(&file.display().to_string()), "{error}");
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn only_files_that_count_are_looked_at() {
    let paths = |plan: &ClientTls| {
        plan.paths().into_iter().map(|path| path.display().to_string()).collect::<Vec<_>>()
    };
    let plan = ClientTls::ca_file("ca.pem").client_cert_files("a.pem", "a.key");
    assert_eq!(paths(&plan), ["ca.pem", "a.pem", "a.key"]);
    assert_eq!(paths(&plan.danger_without_any_check()), ["a.pem", "a.key"]);
}

#[test]
fn platform_roots_are_there_or_missed_with_words() {
    match Reloading::new(ClientTls::native_roots()) {
        Ok(_) => {}
        Err(error) => assert!(error.to_string().contains("ca-certificates"), "{error}"),
    }
}
