//! SignedTokens: what a token that an issuer has signed must say (Apache Kafka's BrokerJwtValidator).

use std::time::{Duration, SystemTime};

use super::super::sasl::TokenIdentity;
use super::claims::Claims;
use super::error::TokenError;
use super::jws::Jws;
use super::key_set::KeySet;

/// What a token that an issuer has signed must say; the settings are Apache Kafka's `sasl.oauthbearer.*`.
///
/// ```
/// use kestrel_security::jwt::SignedTokens;
///
/// let tokens = SignedTokens {
///     expected_issuer: Some("https://issuer.example".to_owned()),
///     expected_audience: vec!["kafka".to_owned()],
///     ..SignedTokens::default()
/// };
/// # let _ = tokens;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedTokens {
    /// Who has to have issued it; `None` is anybody whose key is known.
    pub expected_issuer: Option<String>,
    /// For whom it may be. Empty: it may not say for whom it is.
    pub expected_audience: Vec<String>,
    /// The claim that has the scopes. Default `scope`.
    pub scope_claim: String,
    /// The claim that has the name of the principal. Default `sub`.
    pub subject_claim: String,
    /// By how much the clock of the issuer may differ. Default 30 s.
    pub clock_skew: Duration,
}

impl Default for SignedTokens {
    fn default() -> Self {
        Self {
            expected_issuer: None,
            expected_audience: Vec::new(),
            scope_claim: "scope".to_owned(),
            subject_claim: "sub".to_owned(),
            clock_skew: Duration::from_secs(30),
        }
    }
}

impl SignedTokens {
    /// Validates a token: its signature first, and then what it says.
    ///
    /// # Errors
    /// When it is refused. [`TokenError::UnknownKey`] may end when the keys are fetched again.
    pub fn validate(&self, token: &str, keys: &KeySet, now: SystemTime) -> Result<TokenIdentity, TokenError> {
        let jws = Jws::parse(token)?;
        keys.verify(&jws)?;
        let claims = Claims(jws.claims);
        let times = claims.times(now, self.clock_skew)?;
        if times.issued_at.is_none() {
            return Err(TokenError::claim("iat", "is missing"));
        }
        if let Some(issuer) = &self.expected_issuer {
            claims.check_issuer(issuer)?;
        }
        claims.check_audience(&self.expected_audience)?;
        claims.scopes(&self.scope_claim)?;
        Ok(TokenIdentity {
            principal_name: claims.subject(&self.subject_claim)?,
            expires_at: times.expires_at,
        })
    }
}
