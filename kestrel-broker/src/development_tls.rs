//! Certificates for development, made in the data folder: an authority, a certificate of the broker, and one of a client.
//!
//! They are files and in no folder of their own: Apache Kafka takes every folder in its data folder for a partition. The authority
//! and the client's certificate stay, so that clients can keep copies; the broker's own is made at each start, for the names that
//! it has then.

mod client_lines;

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use kestrel_security::sasl::Mechanism;
use kestrel_security::tls::peer::Certificate;
use kestrel_security::tls::rustls::pki_types::CertificateDer;
use kestrel_security::tls::rustls::pki_types::pem::PemObject;
use kestrel_settings::RawSettings;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

use crate::config::{Listener, SecurityProtocol};

/// The files.
const CA: &str = "kestrel-ca.pem";
const CA_KEY: &str = "kestrel-ca.key";
const BROKER: &str = "kestrel-broker.pem";
const CLIENT: &str = "kestrel-client.pem";

/// The keys that say which certificate a listener has of its own.
const KEYSTORE: [&str; 3] = ["ssl.keystore.location", "ssl.keystore.key", "ssl.keystore.certificate.chain"];
/// The keys that say whom it trusts.
const TRUSTSTORE: [&str; 2] = ["ssl.truststore.location", "ssl.truststore.certificates"];

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// How long the authority is valid.
const CA_VALIDITY: Duration = DAY.saturating_mul(3650);
/// How long the certificates are valid.
const VALIDITY: Duration = DAY.saturating_mul(365);
/// What is valid for no longer than this is made anew.
const RENEWAL: Duration = DAY.saturating_mul(30);

/// The certificates that a broker made for development, as files in its data folder.
///
/// Everybody who can read `kestrel-ca.key` can make more of them: they are for one's own machine, and for tests.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use kestrel_broker::Broker;
///
/// let broker = Broker::builder().ephemeral().tls().start().await?;
/// let tls = broker.development_tls().expect("it was asked for");
/// assert!(tls.ca_file().is_file() && tls.client_file().is_file());
/// assert!(tls.client_lines().contains(broker.bootstrap_servers()));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct DevelopmentTls {
    dir: PathBuf,
    /// The names of the listeners that have the broker's certificate if they speak TLS.
    listeners: Vec<String>,
    /// The first of them that does.
    shown: Option<Shown>,
}

/// What clients have to know of a listener.
#[derive(Debug, Clone)]
struct Shown {
    bootstrap_servers: String,
    protocol: SecurityProtocol,
    /// The best mechanism by which clients log in, if they do.
    mechanism: Option<Mechanism>,
}

impl DevelopmentTls {
    /// Those of a data folder; a build without them has none.
    pub(crate) fn of(data_dir: &Path) -> Option<Self> {
        Some(Self::new(data_dir))
    }

    fn new(data_dir: &Path) -> Self {
        // Clients that are told the paths run in other folders.
        let dir = std::path::absolute(data_dir).unwrap_or_else(|_| data_dir.to_path_buf());
        Self { dir, listeners: Vec::new(), shown: None }
    }

    /// The certificate of the authority, as PEM: what clients have to trust.
    #[must_use]
    pub fn ca_file(&self) -> PathBuf {
        self.dir.join(CA)
    }

    /// A client's certificate with its private key, as PEM: with it a client is `User:CN=client`.
    #[must_use]
    pub fn client_file(&self) -> PathBuf {
        self.dir.join(CLIENT)
    }

    /// The settings of clients, for Java, librdkafka and Kestrel: of those that connect to the first listener that has the broker's
    /// certificate. With SASL_SSL user and password are left to fill in; where there is no such listener there is nothing to say.
    #[must_use]
    pub fn client_lines(&self) -> String {
        let Some(Shown { bootstrap_servers, protocol, mechanism }) = &self.shown else {
            return String::new();
        };
        let (ca, client) = (self.ca_file().display().to_string(), self.client_file().display().to_string());
        match (protocol, mechanism) {
            (SecurityProtocol::SaslSsl, Some(mechanism)) => {
                client_lines::of_login(bootstrap_servers, &ca, *mechanism)
            }
            _ => client_lines::of_tls(bootstrap_servers, &ca, &client),
        }
    }

    /// Finds the listener that clients are given settings for: the first that has the broker's certificate.
    pub(crate) fn show<'l>(&mut self, listeners: &'l [Listener]) -> Option<&'l Listener> {
        let has_certificate = |listener: &&Listener| {
            let is_encrypted = matches!(listener.protocol, SecurityProtocol::Ssl | SecurityProtocol::SaslSsl);
            is_encrypted && self.listeners.iter().any(|name| name.eq_ignore_ascii_case(&listener.name))
        };
        let listener = listeners.iter().find(has_certificate)?;
        let mechanisms = listener.sasl.iter().flat_map(|sasl| &sasl.mechanisms);
        self.shown = Some(Shown {
            bootstrap_servers: listener.advertised().to_string(),
            protocol: listener.protocol,
            mechanism: mechanisms.map(|enabled| enabled.mechanism).max(),
        });
        Some(listener)
    }

    /// Sets what of the keys of certificates is not set for these listeners: those with certificates of their own keep them, and clients are asked
    /// for one and need none.
    pub(crate) fn fill_in(&mut self, settings: &mut RawSettings, listeners: &[String]) {
        for listener in listeners {
            let of_listener = |key: &str| format!("listener.name.{}.{key}", listener.to_ascii_lowercase());
            let has =
                |settings: &RawSettings, key: &str| settings.has(key) || settings.has(&of_listener(key));
            if !KEYSTORE.iter().any(|key| has(settings, key)) {
                settings.set(of_listener("ssl.keystore.type"), "PEM");
                let location = self.dir.join(BROKER).display().to_string();
                settings.set(of_listener("ssl.keystore.location"), location);
                self.listeners.push(listener.clone());
            }
            if !TRUSTSTORE.iter().any(|key| has(settings, key)) {
                settings.set(of_listener("ssl.truststore.type"), "PEM");
                let location = self.ca_file().display().to_string();
                settings.set(of_listener("ssl.truststore.location"), location);
                if !has(settings, "ssl.client.auth") {
                    settings.set(of_listener("ssl.client.auth"), "requested");
                }
            }
        }
    }

    /// Makes the files that are missing or no longer valid. `hosts` are names and addresses that clients connect by besides those
    /// of this machine itself; `now` is the time since 1970.
    ///
    /// # Errors
    /// When a file cannot be read or written, or a host is none that a certificate can have.
    pub(crate) fn provide(&self, hosts: impl IntoIterator<Item = String>, now: Duration) -> io::Result<()> {
        std::fs::create_dir_all(&self.dir)?;
        let key = self.ca_key()?;
        let mut ca = self.params([], now, CA_VALIDITY)?;
        // Two authorities of one name and with different keys would be mistaken for each other.
        let name = format!("Kestrel development CA {:08x}", crc32c::crc32c(key.public_key_raw()));
        ca.distinguished_name.push(DnType::CommonName, name);
        ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        ca.key_usages =
            vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
        if !self.is_valid(CA, now) {
            self.write(CA, &ca.self_signed(&key).map_err(io::Error::other)?.pem())?;
        }
        let issuer = Issuer::new(ca, key);
        let own = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        let mut names: Vec<String> = own.into_iter().chain(hosts).filter(|host| !host.is_empty()).collect();
        names.sort_unstable();
        names.dedup();
        let broker = self.params(names, now, VALIDITY)?;
        self.sign(BROKER, broker, ("broker", ExtendedKeyUsagePurpose::ServerAuth), &issuer)?;
        if !self.is_valid(CLIENT, now) {
            let client = self.params([], now, VALIDITY)?;
            self.sign(CLIENT, client, ("client", ExtendedKeyUsagePurpose::ClientAuth), &issuer)?;
        }
        Ok(())
    }

    fn ca_key(&self) -> io::Result<KeyPair> {
        match std::fs::read_to_string(self.dir.join(CA_KEY)) {
            Ok(pem) => KeyPair::from_pem(&pem).map_err(|error| {
                let remedy =
                    "delete it, and the next start makes another authority, which clients have to trust anew";
                io::Error::other(format!("{CA_KEY} is no private key ({error}): {remedy}"))
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let key = KeyPair::generate().map_err(io::Error::other)?;
                // What the lost key signed is nobody's any more; before there is another key, so that a crash leaves no two
                // files that do not belong together.
                self.remove(CA)?;
                self.remove(CLIENT)?;
                self.write(CA_KEY, &key.serialize_pem())?;
                Ok(key)
            }
            Err(error) => Err(error),
        }
    }

    fn params(
        &self,
        names: impl IntoIterator<Item = String>,
        now: Duration,
        validity: Duration,
    ) -> io::Result<CertificateParams> {
        let names: Vec<String> = names.into_iter().collect();
        let mut params = CertificateParams::new(names).map_err(io::Error::other)?;
        let date = date_time_ymd(1970, 1, 1) + now;
        // Clocks of clients may be behind.
        (params.not_before, params.not_after) = (date - DAY, date + validity);
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.use_authority_key_identifier_extension = true;
        Ok(params)
    }

    /// Puts a new key and its certificate into a file.
    fn sign(
        &self,
        file: &str,
        mut params: CertificateParams,
        (name, purpose): (&str, ExtendedKeyUsagePurpose),
        issuer: &Issuer<'_, KeyPair>,
    ) -> io::Result<()> {
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![purpose];
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let certificate = params.signed_by(&key, issuer).map_err(io::Error::other)?;
        self.write(file, &format!("{}{}", key.serialize_pem(), certificate.pem()))
    }

    /// Whether the certificate in a file will be valid for a while.
    fn is_valid(&self, file: &str, now: Duration) -> bool {
        let Ok(pem) = std::fs::read(self.dir.join(file)) else { return false };
        let certificate = CertificateDer::from_pem_slice(&pem).ok().and_then(|der| Certificate::read(&der));
        certificate.is_some_and(|certificate| certificate.not_after() > now.saturating_add(RENEWAL))
    }

    fn remove(&self, file: &str) -> io::Result<()> {
        match std::fs::remove_file(self.dir.join(file)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Replaces a file at once: whoever reads it has the old one or the new one, also after a crash. Only its owner can read it.
    fn write(&self, file: &str, contents: &str) -> io::Result<()> {
        let (path, next) = (self.dir.join(file), self.dir.join(format!("{file}.next")));
        let _left_by_a_crash = std::fs::remove_file(&next);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        if file != CA {
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        }
        let mut next_file = options.open(&next)?;
        next_file.write_all(contents.as_bytes())?;
        next_file.sync_all()?;
        std::fs::rename(&next, &path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1_800_000_000);

    fn contents(tls: &DevelopmentTls) -> [String; 4] {
        [CA, CA_KEY, BROKER, CLIENT].map(|file| std::fs::read_to_string(tls.dir.join(file)).unwrap())
    }

    #[test]
    fn the_authority_and_the_client_stay_until_they_expire() {
        let dir = tempfile::tempdir().unwrap();
        let tls = DevelopmentTls::new(dir.path());
        tls.provide(["kafka.example".to_owned()], NOW).unwrap();
        let first = contents(&tls);
        tls.provide([], NOW + VALIDITY - RENEWAL - DAY).unwrap();
        let second = contents(&tls);
        assert_eq!([&first[0], &first[1], &first[3]], [&second[0], &second[1], &second[3]]);
        assert_ne!(first[2], second[2], "the broker's own is made at each start");
        tls.provide([], NOW + VALIDITY - RENEWAL).unwrap();
        let third = contents(&tls);
        assert_eq!(third[0], first[0]);
        assert_ne!(third[3], first[3], "renewed in time");
        std::fs::remove_file(dir.path().join(CA_KEY)).unwrap();
        tls.provide([], NOW).unwrap();
        let fourth = contents(&tls);
        assert!(fourth[0] != first[0] && fourth[3] != third[3], "another authority signs everything anew");
        std::fs::write(dir.path().join(CA_KEY), "no key").unwrap();
        let error = tls.provide([], NOW).unwrap_err().to_string();
        assert!(
            error.starts_with("kestrel-ca.key is no private key") && error.contains("delete it"),
            "{error}"
        );
    }

    #[test]
    fn what_is_set_stays() {
        let mut tls = DevelopmentTls::new(Path::new("data"));
        let mut settings = RawSettings::default();
        settings.set("listener.name.own.ssl.keystore.key", "a key");
        settings.set("listener.name.own.ssl.keystore.certificate.chain", "its certificate");
        settings.set("listener.name.own.ssl.client.auth", "none");
        tls.fill_in(&mut settings, &["SSL".to_owned(), "OWN".to_owned()]);
        assert_eq!(settings.get("listener.name.ssl.ssl.client.auth"), Some("requested"));
        assert!(settings.has("listener.name.ssl.ssl.keystore.location"));
        assert!(!settings.has("listener.name.own.ssl.keystore.location"));
        assert_eq!(settings.get("listener.name.own.ssl.client.auth"), Some("none"));
        let mut own = RawSettings::default();
        own.set("ssl.keystore.location", "own.pem");
        own.set("ssl.truststore.location", "own-ca.pem");
        tls.fill_in(&mut own, &["SSL".to_owned()]);
        assert_eq!(own.iter().count(), 2);
    }

    #[cfg(unix)]
    #[test]
    fn keys_are_for_their_owner_alone() {
        use std::os::unix::fs::PermissionsExt;

        let dir = tempfile::tempdir().unwrap();
        DevelopmentTls::new(dir.path()).provide([], NOW).unwrap();
        for file in [CA_KEY, BROKER, CLIENT] {
            let mode = std::fs::metadata(dir.path().join(file)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{file}");
        }
    }

    fn lines(protocol: SecurityProtocol, mechanism: Option<Mechanism>) -> String {
        let shown = Shown { bootstrap_servers: "localhost:9093".to_owned(), protocol, mechanism };
        DevelopmentTls { shown: Some(shown), ..DevelopmentTls::new(Path::new("/data")) }.client_lines()
    }

    #[test]
    fn the_lines_for_clients_name_the_files() {
        let lines = lines(SecurityProtocol::Ssl, None);
        for line in [
            "ssl.truststore.location=/data/kestrel-ca.pem",
            "ssl.ca.location=/data/kestrel-ca.pem",
            "Client::builder(\"localhost:9093\").tls(Tls::ca_file(\"/data/kestrel-ca.pem\"))",
            "ssl.key.location=/data/kestrel-client.pem",
        ] {
            assert!(lines.contains(line), "{lines}");
        }
        assert_eq!(DevelopmentTls::new(Path::new("/data")).client_lines(), "");
    }

    #[test]
    fn the_lines_are_those_of_what_is_spoken() {
        let secure = lines(SecurityProtocol::SaslSsl, Some(Mechanism::ScramSha512));
        for line in [
            "security.protocol=SASL_SSL",
            "security.protocol=sasl_ssl",
            "sasl.mechanism=SCRAM-SHA-512",
            ".tls(Tls::ca_file(\"/data/kestrel-ca.pem\")).sasl(Sasl::scram_sha_512(\"USER\", \"PASSWORD\"))",
        ] {
            assert!(secure.contains(line), "{secure}");
        }
        assert!(!secure.contains("CN=client"), "the user is the one that logs in");
    }
}
