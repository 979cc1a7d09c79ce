//! The settings that say where certificates and keys are, Kafka's and librdkafka's, and the sources that they mean. Pure.

use kestrel_settings::Secret;

use super::pem::{from_jks, from_pkcs12};
use super::{Identity, PemSource, TlsError, Trust};

/// The `ssl.*` settings that say where certificates and keys are, each as text or not set. Both sides fill it from their tables.
///
/// ```
/// use kestrel_security::tls::{StoreSettings, Trust};
///
/// let settings = StoreSettings { truststore_location: Some("ca.pem".to_owned()), ..Default::default() };
/// assert_eq!(settings.trust()?, Some(Trust::file("ca.pem")));
/// assert_eq!(settings.identity()?, None);
/// # Ok::<(), kestrel_security::tls::TlsError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct StoreSettings {
    /// `ssl.keystore.type`: PEM. Where it is not set the file decides; what is not PEM is refused when it is read.
    pub keystore_type: Option<String>,
    /// `ssl.keystore.location`: a PEM file with the private key and its certificates.
    pub keystore_location: Option<String>,
    /// `ssl.keystore.password`: PEM files have none.
    pub keystore_password: Option<Secret>,
    /// `ssl.keystore.certificate.chain`: the certificates as a PEM text.
    pub keystore_certificate_chain: Option<Secret>,
    /// `ssl.keystore.key`: the private key as a PEM text.
    pub keystore_key: Option<Secret>,
    /// `ssl.key.password`: the password of an encrypted private key.
    pub key_password: Option<Secret>,
    /// `ssl.truststore.type`: PEM.
    pub truststore_type: Option<String>,
    /// `ssl.truststore.location`: a PEM file with the certificates of authorities.
    pub truststore_location: Option<String>,
    /// `ssl.truststore.password`: PEM files have none.
    pub truststore_password: Option<Secret>,
    /// `ssl.truststore.certificates`: the certificates of authorities as a PEM text.
    pub truststore_certificates: Option<Secret>,
    /// `ssl.ca.location`, as librdkafka has it: the same as `ssl.truststore.location`.
    pub ca_location: Option<String>,
    /// `ssl.certificate.location`, as librdkafka has it: a PEM file with the certificates alone.
    pub certificate_location: Option<String>,
    /// `ssl.key.location`, as librdkafka has it: a PEM file with the private key alone.
    pub key_location: Option<String>,
}

impl StoreSettings {
    /// The certificate and key that are named; `None` when nothing is.
    ///
    /// # Errors
    /// When settings contradict each other, or are of a kind of store that is not read: the text says how to convert it.
    pub fn identity(&self) -> Result<Option<Identity>, TlsError> {
        let pair = Pair {
            names: ["ssl.keystore.certificate.chain", "ssl.keystore.key"],
            values: [self.keystore_certificate_chain.as_ref(), self.keystore_key.as_ref()],
        };
        let texts = pair.both(|name, text| PemSource::text(name, text.expose()))?;
        let pair = Pair {
            names: ["ssl.certificate.location", "ssl.key.location"],
            values: [self.certificate_location.as_ref(), self.key_location.as_ref()],
        };
        let files = pair.both(|_, path| PemSource::file(path))?;
        let store = self.keystore_location.as_deref().map(|path| {
            let store = Store { name: "ssl.keystore", path, type_name: self.keystore_type.as_deref() };
            store.pem(self.keystore_password.as_ref()).map(|source| (source.clone(), source))
        });
        let found: Vec<_> = [texts, files, store.transpose()?].into_iter().flatten().collect();
        match found.as_slice() {
            [] => Ok(None),
            [(chain, key)] => Ok(Some(self.with_password(Identity::new(chain.clone(), key.clone())))),
            _ => Err(TlsError::new(
                "ssl.keystore",
                "the private key is given more than once: by one of ssl.keystore.location, ssl.keystore.key with \
                 ssl.keystore.certificate.chain, and ssl.key.location with ssl.certificate.location",
            )),
        }
    }

    /// The authorities that are named; `None` when none are.
    ///
    /// # Errors
    /// As for [`identity`](Self::identity).
    pub fn trust(&self) -> Result<Option<Trust>, TlsError> {
        let text = self.truststore_certificates.as_ref();
        let text = text.map(|text| PemSource::text("ssl.truststore.certificates", text.expose()));
        let store = self.truststore_location.as_deref().map(|path| {
            let store = Store { name: "ssl.truststore", path, type_name: self.truststore_type.as_deref() };
            store.pem(self.truststore_password.as_ref())
        });
        let ca = self.ca_location.as_ref().map(PemSource::file);
        let mut found = [text, store.transpose()?, ca].into_iter().flatten();
        match (found.next(), found.next()) {
            (source, None) => Ok(source.map(Trust::new)),
            _ => Err(TlsError::new(
                "ssl.truststore",
                "the trusted certificates are given more than once: by one of ssl.truststore.location (ssl.ca.location) and \
                 ssl.truststore.certificates",
            )),
        }
    }

    fn with_password(&self, identity: Identity) -> Identity {
        match &self.key_password {
            Some(password) => identity.with_key_password(password.clone()),
            None => identity,
        }
    }
}

/// Two settings of which each needs the other.
struct Pair<'a, T> {
    names: [&'static str; 2],
    values: [Option<&'a T>; 2],
}

impl<T> Pair<'_, T> {
    fn both(
        &self,
        source: impl Fn(&'static str, &T) -> PemSource,
    ) -> Result<Option<(PemSource, PemSource)>, TlsError> {
        let ([first, second], [one, other]) = (self.names, self.values);
        match (one, other) {
            (Some(one), Some(other)) => Ok(Some((source(first, one), source(second, other)))),
            (None, None) => Ok(None),
            (Some(_), None) => {
                Err(TlsError::new(first, format!("needs {second} beside it: the private key")))
            }
            (None, Some(_)) => {
                Err(TlsError::new(second, format!("needs {first} beside it: the certificates of the key")))
            }
        }
    }
}

/// A keystore or a truststore in a file.
struct Store<'a> {
    name: &'static str,
    path: &'a str,
    type_name: Option<&'a str>,
}

impl Store<'_> {
    fn pem(&self, password: Option<&Secret>) -> Result<PemSource, TlsError> {
        let wrong =
            |problem: String| Err(TlsError::new(format!("{}.location={}", self.name, self.path), problem));
        match self.type_name.map(str::to_ascii_uppercase).as_deref() {
            Some("PEM") if password.is_some() => Err(TlsError::new(
                format!("{}.password", self.name),
                "a PEM file has no password of its own: leave it out (the one of an encrypted private key is ssl.key.password)",
            )),
            None | Some("PEM") => Ok(PemSource::file(self.path)),
            Some("JKS") => wrong(from_jks(&self.path)),
            Some("PKCS12") => wrong(from_pkcs12(&self.path)),
            Some(other) => {
                Err(TlsError::new(format!("{}.type={other}", self.name), "is not supported: PEM is"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    fn secret(text: &str) -> Option<Secret> {
        Some(Secret::new(text))
    }

    #[test]
    fn each_way_to_name_a_key_is_read() {
        let file = PemSource::file("both.pem");
        for (settings, expected) in [
            (StoreSettings::default(), None),
            (
                StoreSettings { keystore_location: some("both.pem"), ..Default::default() },
                Some(Identity::new(file.clone(), file)),
            ),
            (
                StoreSettings {
                    certificate_location: some("a.pem"),
                    key_location: some("a.key"),
                    key_password: secret("open"),
                    ..Default::default()
                },
                Some(Identity::from_files("a.pem", "a.key").with_key_password(Secret::new("open"))),
            ),
            (
                StoreSettings {
                    keystore_type: some("pem"),
                    keystore_certificate_chain: secret("C"),
                    keystore_key: secret("K"),
                    ..Default::default()
                },
                Some(Identity::new(
                    PemSource::text("ssl.keystore.certificate.chain", "C"),
                    PemSource::text("ssl.keystore.key", "K"),
                )),
            ),
        ] {
            assert_eq!(settings.identity().unwrap(), expected);
        }
    }

    #[test]
    fn what_contradicts_itself_or_is_of_java_is_refused_with_what_to_do() {
        let half = StoreSettings { keystore_key: secret("K"), ..Default::default() };
        let twice = StoreSettings {
            keystore_location: some("a"),
            certificate_location: some("b"),
            key_location: some("c"),
            ..Default::default()
        };
        let jks = StoreSettings {
            keystore_type: some("JKS"),
            keystore_location: some("a.jks"),
            ..Default::default()
        };
        let sealed = StoreSettings {
            keystore_type: some("PEM"),
            keystore_location: some("a.pem"),
            keystore_password: secret("opensesame"),
            ..Default::default()
        };
        for (settings, expected) in [
            (half, "ssl.keystore.key: needs ssl.keystore.certificate.chain beside it"),
            (twice, "ssl.keystore: the private key is given more than once"),
            (jks, "keytool -importkeystore -srckeystore a.jks"),
            (sealed, "ssl.keystore.password: a PEM file has no password of its own"),
        ] {
            let error = settings.identity().unwrap_err().to_string();
            assert!(error.contains(expected) && !error.contains("opensesame"), "{error}");
        }
    }

    #[test]
    fn authorities_are_named_once() {
        let p12 = StoreSettings {
            truststore_type: some("PKCS12"),
            truststore_location: some("t.p12"),
            ..Default::default()
        };
        assert!(p12.trust().unwrap_err().to_string().contains("openssl pkcs12 -in t.p12"));
        let twice =
            StoreSettings { truststore_location: some("a"), ca_location: some("b"), ..Default::default() };
        assert!(twice.trust().unwrap_err().to_string().contains("more than once"));
        let text = StoreSettings { truststore_certificates: secret("T"), ..Default::default() };
        assert_eq!(
            text.trust().unwrap(),
            Some(Trust::new(PemSource::text("ssl.truststore.certificates", "T")))
        );
    }
}
