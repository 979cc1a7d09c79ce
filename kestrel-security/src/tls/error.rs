//! The reasons why certificates, keys and settings of TLS cannot be used.

use std::fmt::Display;
use std::io;

/// The reason why certificates, keys or settings of TLS cannot be used: one sentence that names the file or the setting, and
/// what to do.
///
/// What the system said of a file is the `source()`, and not in the text.
///
/// ```
/// use kestrel_security::tls::{ClientTls, Reloading};
///
/// let error = Reloading::new(ClientTls::ca_file("/no/such/ca.pem")).unwrap_err();
/// assert_eq!(error.to_string(), "/no/such/ca.pem: cannot be read");
/// ```
#[derive(Debug, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct TlsError {
    place: String,
    problem: String,
    source: Option<io::Error>,
}

impl TlsError {
    /// What is wrong with what is in `place`: a file or a setting.
    pub(super) fn new(place: impl Display, problem: impl Into<String>) -> Self {
        Self { place: place.to_string(), problem: problem.into(), source: None }
    }

    /// The sentence, and what the system said.
    #[must_use]
    pub fn into_parts(self) -> (String, Option<io::Error>) {
        (self.to_string(), self.source)
    }

    /// A file that the system does not give.
    pub(super) fn unreadable(place: impl Display, source: io::Error) -> Self {
        Self { source: Some(source), ..Self::new(place, "cannot be read") }
    }
}
