//! RegistryError: why a schema registry did not do what it was asked.
//!
//! Every implementation of [`SchemaRegistry`](super::SchemaRegistry) returns it, and formats hand it on inside of a
//! [`SerdeError`](crate::SerdeError). It never holds a password or a token.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use crate::BoxError;

/// The reason why a schema registry did not do what it was asked: which registry, which request, its answer, and what to do.
///
/// Cheap enough to keep and to clone: what failed once is remembered for a while.
///
/// ```
/// use kestrel_serde::registry::{RegistryError, RegistryErrorKind};
///
/// let error = RegistryError::new(RegistryErrorKind::NotFound, "Schema 7 not found")
///     .with_code(40403)
///     .asking("http://127.0.0.1:8081", "GET /schemas/ids/7");
/// assert_eq!(
///     error.to_string(),
///     "the schema registry http://127.0.0.1:8081 answered GET /schemas/ids/7: Schema 7 not found (error code 40403); \
///      is this the registry and context that the writer registered with, and was nothing deleted there?"
/// );
/// assert_eq!((error.code(), error.is_retriable()), (Some(40403), false));
/// ```
#[derive(Debug, Clone)]
pub struct RegistryError(Box<Details>);

#[derive(Debug, Clone)]
struct Details {
    kind: RegistryErrorKind,
    code: Option<i32>,
    problem: String,
    url: Option<String>,
    request: Option<String>,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

/// The kinds of [`RegistryError`], by what can be done about them.
///
/// What becomes of a record that was read, and whose schema the registry does not give for this reason:
///
/// | | |
/// |---|---|
/// | [`NotFound`](Self::NotFound) | It is kept for 3 seconds, in which the registry is asked again, because one that follows another lags. Then it is poison: the only kind that ever is. |
/// | [`Unavailable`](Self::Unavailable) | It is kept, and the registry is asked again. |
/// | [`Denied`](Self::Denied), [`Answer`](Self::Answer) | The same, for 5 minutes; then the error is [none that passes](crate::SerdeError::is_retriable), and the record is kept all the same. |
/// | all others | It is kept, and the error is none that passes. |
///
/// ```
/// use kestrel_serde::registry::RegistryErrorKind;
///
/// assert_eq!(RegistryErrorKind::of_code(40901), RegistryErrorKind::Incompatible);
/// assert_eq!(RegistryErrorKind::of_code(50002), RegistryErrorKind::Unavailable);
/// // A registry that knows no such call, or a web server: neither says that a schema is missing.
/// assert_eq!(RegistryErrorKind::of_code(404), RegistryErrorKind::Answer);
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RegistryErrorKind {
    /// The registry says itself that there is no such subject, version, schema, id or GUID (404xx).
    NotFound,
    /// The schema is not compatible with what its subject has already (409xx).
    Incompatible,
    /// What was asked cannot be: no schema, no level, not permitted in this mode, still referred to (422xx, 400).
    Invalid,
    /// The registry does not know who asks, or does not let them (401, 403); or there is no token to say it with.
    Denied,
    /// The registry cannot be reached, is too slow or too busy, or failed itself (5xx, 429): the same request may succeed later.
    Unavailable,
    /// What answered does not speak as a schema registry does: a proxy, a web server, a registry that does not know the call.
    Answer,
    /// A schema refers to too many others, too deep, or in a circle.
    TooIntricate,
    /// The client itself is set up in a way that cannot work.
    Config,
}

impl RegistryErrorKind {
    /// The kind of an error code of a registry; its first three digits are an HTTP status.
    #[must_use]
    pub const fn of_code(code: i32) -> Self {
        match if code >= 1000 { code / 100 } else { code } {
            // The number alone is of whatever serves the registry's pages, and says that there is no such page.
            404 if code == 404 => Self::Answer,
            404 => Self::NotFound,
            409 => Self::Incompatible,
            401 | 403 => Self::Denied,
            408 | 429 | 500..=599 => Self::Unavailable,
            400..=499 => Self::Invalid,
            _ => Self::Answer,
        }
    }

    const fn remedy(self) -> &'static str {
        match self {
            Self::NotFound => {
                "is this the registry and context that the writer registered with, and was nothing deleted there?"
            }
            Self::Incompatible => {
                "change the schema so that it gets along with the earlier versions (a new field with a default), or the \
                 subject's level of compatibility"
            }
            Self::Invalid => "",
            Self::Denied => "check the user and password, or the token, and what they may do",
            Self::Unavailable => {
                "is it running, and is this its address? What was asked before goes on working"
            }
            Self::Answer => {
                "is this the address of a schema registry, path included, and does that one know the call?"
            }
            Self::TooIntricate => "split the schema, or break the circle",
            Self::Config => "",
        }
    }
}

impl RegistryError {
    /// An error of this kind, with what the registry said of it.
    pub fn new(kind: RegistryErrorKind, problem: impl Into<String>) -> Self {
        let (code, url, request, source) = (None, None, None, None);
        Self(Box::new(Details { kind, code, problem: problem.into(), url, request, source }))
    }

    /// The same, with the registry's number for it.
    #[must_use]
    pub fn with_code(mut self, code: i32) -> Self {
        self.0.code = Some(code);
        self
    }

    /// The same, as the answer to `request` of the registry at `url`, which has no user and password in it.
    #[must_use]
    pub fn asking(mut self, url: impl Into<String>, request: impl Into<String>) -> Self {
        (self.0.url, self.0.request) = (Some(url.into()), Some(request.into()));
        self
    }

    /// The same, because of `cause`.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Into<BoxError>) -> Self {
        self.0.source = Some(Arc::from(cause.into()));
        self
    }

    /// What can be done about it.
    #[must_use]
    pub fn kind(&self) -> RegistryErrorKind {
        self.0.kind
    }

    /// The registry's number for it, such as 40401 or 42201; `None` when it did not come from a registry.
    #[must_use]
    pub fn code(&self) -> Option<i32> {
        self.0.code
    }

    /// What the registry said, without anything around it.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.problem
    }

    /// The address of the registry, without user and password.
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        self.0.url.as_deref()
    }

    /// Whether the same request may succeed later without anybody changing anything.
    #[must_use]
    pub fn is_retriable(&self) -> bool {
        self.0.kind == RegistryErrorKind::Unavailable
    }

    /// Whether there is no such thing as was asked for.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.0.kind == RegistryErrorKind::NotFound
    }
}

impl fmt::Display for RegistryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Details { kind, code, problem, url, request, .. } = &*self.0;
        if let (Some(url), Some(request)) = (url, request) {
            let did = if code.is_some() { "answered" } else { "did not answer" };
            write!(f, "the schema registry {url} {did} {request}: ")?;
        }
        f.write_str(problem)?;
        if let Some(code) = code {
            write!(f, " (error code {code})")?;
        }
        match kind.remedy() {
            "" => Ok(()),
            remedy => write!(f, "; {remedy}"),
        }
    }
}

impl Error for RegistryError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}
