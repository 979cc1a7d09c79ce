//! The versions of TLS that are spoken: 1.2 and 1.3.

use rustls::SupportedProtocolVersion;
use rustls::version::{TLS12, TLS13};

use super::TlsError;

/// The versions of TLS that one side speaks. Default both, 1.2 and 1.3.
///
/// ```
/// use kestrel_security::tls::TlsVersions;
///
/// let newest: TlsVersions = "TLSv1.3".parse()?;
/// assert_ne!(newest, TlsVersions::default());
/// assert_eq!("TLSv1.2,TLSv1.3".parse::<TlsVersions>()?, TlsVersions::default());
/// # Ok::<(), kestrel_security::tls::TlsError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TlsVersions {
    has_tls12: bool,
    has_tls13: bool,
}

impl Default for TlsVersions {
    fn default() -> Self {
        Self::BOTH
    }
}

/// Reads `ssl.enabled.protocols`: `TLSv1.2`, `TLSv1.3`, or both with a comma. Older ones are refused, as they are broken.
impl std::str::FromStr for TlsVersions {
    type Err = TlsError;

    fn from_str(list: &str) -> Result<Self, TlsError> {
        let mut versions = Self { has_tls12: false, has_tls13: false };
        for name in list.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            match name {
                "TLSv1.2" => versions.has_tls12 = true,
                "TLSv1.3" => versions.has_tls13 = true,
                other => return Err(unknown(&format!("{other} is not spoken"))),
            }
        }
        if versions.has_tls12 || versions.has_tls13 { Ok(versions) } else { Err(unknown("it names none")) }
    }
}

fn unknown(problem: &str) -> TlsError {
    TlsError::new("ssl.enabled.protocols", format!("{problem}: say TLSv1.2, TLSv1.3, or both with a comma"))
}

impl TlsVersions {
    pub(super) const BOTH: Self = Self { has_tls12: true, has_tls13: true };

    pub(super) fn as_rustls(self) -> Vec<&'static SupportedProtocolVersion> {
        let newest = self.has_tls13.then_some(&TLS13);
        newest.into_iter().chain(self.has_tls12.then_some(&TLS12)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_that_are_broken_are_refused_with_what_to_say() {
        for list in ["TLSv1.1,TLSv1.2", "SSLv3", "", ","] {
            let error = list.parse::<TlsVersions>().unwrap_err().to_string();
            assert!(error.contains("say TLSv1.2, TLSv1.3"), "{error}");
        }
        assert_eq!("TLSv1.2".parse::<TlsVersions>().unwrap().as_rustls(), [&TLS12]);
        assert_eq!(" TLSv1.3 ,".parse::<TlsVersions>().unwrap().as_rustls(), [&TLS13]);
    }
}
