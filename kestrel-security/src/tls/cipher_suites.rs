//! The cipher suites that a broker speaks.

use std::sync::Arc;

use rustls::SupportedCipherSuite;
use rustls::crypto::CryptoProvider;

use super::{TlsError, provider};

/// The cipher suites that one side speaks, by the names that they are registered under. Default all that there are.
///
/// ```
/// use kestrel_security::tls::CipherSuites;
///
/// let suites: CipherSuites = "TLS_AES_256_GCM_SHA384,TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384".parse()?;
/// assert_ne!(suites, CipherSuites::default());
/// assert_eq!("".parse::<CipherSuites>()?, CipherSuites::default());
/// # Ok::<(), kestrel_security::tls::TlsError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CipherSuites(Vec<String>);

/// Reads `ssl.cipher.suites`: names with commas; none is all of them.
impl std::str::FromStr for CipherSuites {
    type Err = TlsError;

    fn from_str(list: &str) -> Result<Self, TlsError> {
        let there: Vec<String> = provider().cipher_suites.iter().map(name).collect();
        let names = list.split(',').map(str::trim).filter(|name| !name.is_empty());
        let known = names.map(|name| match there.iter().any(|known| known == name) {
            true => Ok(name.to_owned()),
            false => {
                let problem = format!("{name:?} is not there: there are {}", there.join(", "));
                Err(TlsError::new("ssl.cipher.suites", problem))
            }
        });
        known.collect::<Result<_, _>>().map(Self)
    }
}

impl CipherSuites {
    /// The provider with these suites alone.
    pub(super) fn provider(&self) -> Arc<CryptoProvider> {
        if self.0.is_empty() {
            return provider();
        }
        let mut restricted = rustls::crypto::ring::default_provider();
        restricted.cipher_suites.retain(|suite| self.0.contains(&name(suite)));
        Arc::new(restricted)
    }
}

/// The name of a suite as it is registered, and as Java has it: that of TLS 1.3 is another one in rustls.
fn name(suite: &SupportedCipherSuite) -> String {
    let name = suite.suite().as_str().unwrap_or_default();
    name.strip_prefix("TLS13_").map_or_else(|| name.to_owned(), |rest| format!("TLS_{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suites(list: &str) -> Vec<String> {
        list.parse::<CipherSuites>().unwrap().provider().cipher_suites.iter().map(name).collect()
    }

    #[test]
    fn those_that_are_named_are_spoken() {
        assert_eq!(suites("").len(), provider().cipher_suites.len());
        assert_eq!(suites(" TLS_AES_256_GCM_SHA384 ,"), ["TLS_AES_256_GCM_SHA384"]);
        let both = "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,TLS_CHACHA20_POLY1305_SHA256";
        assert_eq!(suites(both).len(), 2);
    }

    #[test]
    fn what_is_not_there_is_refused_with_what_is() {
        for name in
            ["TLS_RSA_WITH_AES_128_CBC_SHA", "TLS13_AES_256_GCM_SHA384", "aes", "TLS_NULL_WITH_NULL_NULL"]
        {
            let error = name.parse::<CipherSuites>().unwrap_err().to_string();
            assert!(error.contains("there are TLS_AES_"), "{error}");
        }
    }
}
