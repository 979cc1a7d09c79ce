//! The security state of a connection: who is at its other end, once that is known. Pure.

use kestrel_protocol::ApiKey;

use super::{Close, Principal};
use crate::config::SecurityProtocol;

/// The security state of a connection. Owned by its pipeline, asked before each request.
///
/// ```text
///   PLAINTEXT, SSL ───────────────────────────────────────────────► Authenticated(principal)
///   SASL_… ──► Unauthenticated ──(SaslHandshake, SaslAuthenticate)──►      │
///                    ▲                                                     │
///                    └──────────(the session is over, KIP-368)─────────────┘
/// ```
///
/// The listeners with SASL, and what leads from one state to the other, are not there yet.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    /// `None` as long as nobody has proved who he is.
    principal: Option<Principal>,
}

impl Session {
    /// The state in which a connection to a listener of this protocol begins.
    pub(crate) const fn begin(protocol: SecurityProtocol) -> Self {
        match protocol {
            SecurityProtocol::Plaintext => Self { principal: Some(Principal::ANONYMOUS) },
        }
    }

    /// The state before authentication, in which no connection begins yet.
    #[cfg(test)]
    pub(super) const fn unauthenticated() -> Self {
        Self { principal: None }
    }

    /// The sender of a request of the API.
    ///
    /// # Errors
    /// When nobody has proved yet who he is, and the API does not belong to proving it.
    pub(super) fn principal(&self, api: ApiKey) -> Result<Principal, Close> {
        match &self.principal {
            Some(principal) => Ok(principal.clone()),
            None if is_open(api) => Ok(Principal::ANONYMOUS),
            None => Err(Close::Unauthenticated(api)),
        }
    }
}

/// Whether a request of the API may come before authentication. The others that may are SaslHandshake and SaslAuthenticate.
const fn is_open(api: ApiKey) -> bool {
    matches!(api, ApiKey::ApiVersions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_is_anonymous_where_nobody_is_asked() {
        let session = Session::begin(SecurityProtocol::Plaintext);
        assert_eq!(session.principal(ApiKey::Produce), Ok(Principal::ANONYMOUS));
        assert_eq!(Principal::ANONYMOUS.to_string(), "User:ANONYMOUS");
    }

    #[test]
    fn before_authentication_only_what_belongs_to_it_is_served() {
        let session = Session::unauthenticated();
        for api in ApiKey::ALL.iter().copied() {
            let expected = match api {
                ApiKey::ApiVersions => Ok(Principal::ANONYMOUS),
                _ => Err(Close::Unauthenticated(api)),
            };
            assert_eq!(session.principal(api), expected, "{api}");
        }
    }
}
