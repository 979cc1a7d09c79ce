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
    /// The state in which a connection to a listener of this protocol begins. `certified` is the user that the client's
    /// certificate names; under SASL it does not count.
    pub(crate) fn begin(protocol: SecurityProtocol, certified: Option<&str>) -> Self {
        let principal = match protocol {
            SecurityProtocol::Plaintext => Some(Principal::ANONYMOUS),
            SecurityProtocol::Ssl => Some(certified.map_or(Principal::ANONYMOUS, Principal::user)),
            SecurityProtocol::SaslPlaintext | SecurityProtocol::SaslSsl => None,
        };
        Self { principal }
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
        let session = Session::begin(SecurityProtocol::Plaintext, None);
        assert_eq!(session.principal(ApiKey::Produce), Ok(Principal::ANONYMOUS));
        assert_eq!(Principal::ANONYMOUS.to_string(), "User:ANONYMOUS");
    }

    #[test]
    fn who_has_a_certificate_is_who_it_says_but_under_sasl() {
        let sender = |protocol, certified: Option<&str>| {
            let session = Session::begin(protocol, certified);
            session.principal(ApiKey::Produce).map(|principal| principal.to_string())
        };
        assert_eq!(sender(SecurityProtocol::Ssl, Some("CN=alice")).as_deref(), Ok("User:CN=alice"));
        assert_eq!(sender(SecurityProtocol::Ssl, None).as_deref(), Ok("User:ANONYMOUS"));
        let unknown = Err(Close::Unauthenticated(ApiKey::Produce));
        assert_eq!(sender(SecurityProtocol::SaslSsl, Some("CN=alice")), unknown);
        assert_eq!(sender(SecurityProtocol::SaslPlaintext, None), unknown);
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
