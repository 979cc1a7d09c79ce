//! Why an OpenID Connect provider gave no token. No text has a token or a secret in it.

use std::io;
use std::time::Duration;

use kestrel_security::http::HttpError;
use kestrel_security::http::hyper::StatusCode;
use kestrel_security::tls::{HandshakeError, TlsError};

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub(super) enum OidcError {
    #[error("the token endpoint {endpoint} cannot be reached")]
    Connect {
        endpoint: String,
        #[source]
        cause: io::Error,
    },
    #[error("no {step} within {after:?} ({setting})", step = .step.text(), setting = .step.setting())]
    Timeout { step: HttpStep, after: Duration },
    #[error("the certificates for the token endpoint cannot be used")]
    Certificates(#[source] TlsError),
    #[error("the token endpoint {endpoint} cannot be spoken to by TLS")]
    Tls {
        endpoint: String,
        #[source]
        cause: HandshakeError,
    },
    #[error("the token endpoint {endpoint} did not answer as HTTP says")]
    Http {
        endpoint: String,
        #[source]
        cause: HttpError,
    },
    #[error("the id or the secret cannot be sent in a header")]
    Header,
    #[error("the token endpoint answered {status}: {reason}")]
    Refused { status: StatusCode, reason: String },
    #[error("the token endpoint's answer is of no use: {0}")]
    Answer(&'static str),
}

/// What took too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HttpStep {
    Connecting,
    Reading,
}

impl HttpStep {
    const fn text(self) -> &'static str {
        match self {
            Self::Connecting => "connection to the token endpoint",
            Self::Reading => "answer of the token endpoint",
        }
    }

    const fn setting(self) -> &'static str {
        match self {
            Self::Connecting => "sasl.login.connect.timeout.ms",
            Self::Reading => "sasl.login.read.timeout.ms",
        }
    }
}

impl OidcError {
    /// Whether the same request may succeed later: not after a refusal, by the codes that Kafka's client knows.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Refused { status, .. } => !FINAL.contains(status),
            Self::Certificates(_) | Self::Tls { .. } | Self::Header | Self::Answer(_) => false,
            Self::Connect { .. } | Self::Timeout { .. } | Self::Http { .. } => true,
        }
    }
}

/// The codes that a second request would bring again.
const FINAL: [StatusCode; 17] = [
    StatusCode::BAD_REQUEST,
    StatusCode::UNAUTHORIZED,
    StatusCode::PAYMENT_REQUIRED,
    StatusCode::FORBIDDEN,
    StatusCode::NOT_FOUND,
    StatusCode::METHOD_NOT_ALLOWED,
    StatusCode::NOT_ACCEPTABLE,
    StatusCode::PROXY_AUTHENTICATION_REQUIRED,
    StatusCode::CONFLICT,
    StatusCode::GONE,
    StatusCode::LENGTH_REQUIRED,
    StatusCode::PRECONDITION_FAILED,
    StatusCode::PAYLOAD_TOO_LARGE,
    StatusCode::URI_TOO_LONG,
    StatusCode::UNSUPPORTED_MEDIA_TYPE,
    StatusCode::NOT_IMPLEMENTED,
    StatusCode::HTTP_VERSION_NOT_SUPPORTED,
];
