//! UnsecuredTokens: tokens that nobody has signed, for development (Apache Kafka's OAuthBearerUnsecuredValidatorCallbackHandler).

use std::time::{Duration, SystemTime};

use super::super::sasl::TokenIdentity;
use super::claims::{Claims, later};
use super::error::TokenError;
use super::jws::Jws;

/// What a token without a signature must say. Whoever can connect can be anybody: for development alone.
///
/// ```
/// use kestrel_security::jwt::UnsecuredTokens;
///
/// let tokens = UnsecuredTokens { required_scope: vec!["kafka".to_owned()], ..UnsecuredTokens::default() };
/// # let _ = tokens;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnsecuredTokens {
    /// The claim that has the name of the principal. Default `sub`.
    pub principal_claim: String,
    /// The claim that has the scopes. Default `scope`.
    pub scope_claim: String,
    /// The scopes that it has to have, all of them.
    pub required_scope: Vec<String>,
    /// By how much the clock of who made it may differ. Default 0.
    pub clock_skew: Duration,
}

impl Default for UnsecuredTokens {
    fn default() -> Self {
        Self {
            principal_claim: "sub".to_owned(),
            scope_claim: "scope".to_owned(),
            required_scope: Vec::new(),
            clock_skew: Duration::ZERO,
        }
    }
}

impl UnsecuredTokens {
    /// Validates a token. One that is signed is refused: nobody has looked at the signature.
    ///
    /// # Errors
    /// When it is refused.
    pub fn validate(&self, token: &str, now: SystemTime) -> Result<TokenIdentity, TokenError> {
        let jws = Jws::parse(token)?;
        if jws.algorithm != "none" || !jws.signature.is_empty() {
            return Err(TokenError::Malformed(
                "it is signed, and only tokens without a signature are taken here",
            ));
        }
        let claims = Claims(jws.claims);
        let principal_name = claims.subject(&self.principal_claim)?;
        let times = claims.times(now, self.clock_skew)?;
        if times.issued_at.is_some_and(|issued| issued > later(now, self.clock_skew)) {
            return Err(TokenError::claim("iat", "is still to come"));
        }
        let scopes = claims.scopes(&self.scope_claim)?;
        let has = |wanted: &String| {
            scopes.iter().flat_map(|scope| scope.split_whitespace()).any(|scope| scope == wanted)
        };
        if !self.required_scope.iter().all(has) {
            return Err(TokenError::Scope(self.required_scope.join(" ")));
        }
        Ok(TokenIdentity { principal_name, expires_at: times.expires_at })
    }
}
