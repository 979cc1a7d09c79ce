//! Sasl: how a client proves who it is.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use kestrel_security::sasl::{Mechanism, Nonce, SaslClient, ScramMechanism};
use kestrel_settings::Secret;

use super::token::TokenError;
use crate::environment;
use crate::oauth::{Token, TokenCache, TokenProvider};

/// How a client proves to brokers who it is: a mechanism with what it needs. For [`ClientBuilder::sasl`](crate::ClientBuilder::sasl).
///
/// ```
/// use kestrel_client::{Client, Sasl};
///
/// let sasl = Sasl::scram_sha_512("alice", "opensesame");
/// assert!(!format!("{sasl:?}").contains("opensesame"));
/// let builder = Client::builder("kafka.example:9092").sasl(sasl);
/// ```
///
/// Without [`tls`](crate::ClientBuilder::tls) everybody on the way reads what is sent: PLAIN's password and OAUTHBEARER's token as they
/// are, SCRAM's proof, and all records.
#[derive(Clone)]
pub struct Sasl(Login);

#[derive(Clone)]
enum Login {
    Plain {
        user: Arc<str>,
        password: Secret,
    },
    Scram {
        mechanism: ScramMechanism,
        user: Arc<str>,
        password: Secret,
    },
    /// A delegation token is a user whose password is the token's HMAC (KIP-48).
    DelegationToken {
        mechanism: ScramMechanism,
        id: Arc<str>,
        hmac: Secret,
    },
    OAuthBearer(TokenCache),
}

impl Sasl {
    /// User and password as they are (PLAIN): what hosted clusters call key and secret. Only over TLS.
    #[must_use]
    pub fn plain(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self(Login::Plain { user: user.into().into(), password: Secret::new(password) })
    }

    /// A proof of the password that does not show it (SCRAM-SHA-256).
    #[must_use]
    pub fn scram_sha_256(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self::scram(ScramMechanism::Sha256, user, password)
    }

    /// A proof of the password that does not show it (SCRAM-SHA-512).
    #[must_use]
    pub fn scram_sha_512(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self::scram(ScramMechanism::Sha512, user, password)
    }

    fn scram(mechanism: ScramMechanism, user: impl Into<String>, password: impl Into<String>) -> Self {
        Self(Login::Scram { mechanism, user: user.into().into(), password: Secret::new(password) })
    }

    /// A delegation token, by SCRAM: its id, and its HMAC in Base64.
    pub(super) fn delegation_token(mechanism: ScramMechanism, id: &str, hmac: Secret) -> Self {
        Self(Login::DelegationToken { mechanism, id: id.into(), hmac })
    }

    /// A token that somebody else gives out (OAUTHBEARER). One is kept for all connections until four fifths of its time are over.
    ///
    /// ```
    /// use kestrel_client::{BoxError, Sasl};
    /// use kestrel_client::oauth::Token;
    ///
    /// let sasl = Sasl::oauthbearer(|| async { Ok::<_, BoxError>(Token::new(std::env::var("KAFKA_TOKEN")?)) });
    /// ```
    #[must_use]
    pub fn oauthbearer(provider: impl TokenProvider) -> Self {
        Self(Login::OAuthBearer(TokenCache::new(provider)))
    }

    pub(crate) fn mechanism(&self) -> Mechanism {
        match &self.0 {
            Login::Plain { .. } => Mechanism::Plain,
            Login::Scram { mechanism, .. } | Login::DelegationToken { mechanism, .. } => (*mechanism).into(),
            Login::OAuthBearer(_) => Mechanism::OAuthBearer,
        }
    }

    /// What the client proves who it is with at the moment: the same for several authentications, with one token.
    ///
    /// # Errors
    /// When there is no token, or none within `patience`.
    pub(crate) async fn proof(&self, patience: Duration) -> Result<Proof, TokenError> {
        let token = match &self.0 {
            Login::OAuthBearer(tokens) => {
                let token = tokio::time::timeout(patience, tokens.token()).await;
                Some(token.map_err(|_| TokenError::Late(patience))?.map_err(TokenError::Provider)?)
            }
            _ => None,
        };
        Ok(Proof { sasl: self.clone(), token })
    }
}

/// What proves who a client is, with the token that it has if it needs one.
#[derive(Debug)]
pub(crate) struct Proof {
    sasl: Sasl,
    token: Option<Token>,
}

impl Proof {
    /// The client's side of one authentication.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub(crate) fn client(&self) -> Result<SaslClient, TokenError> {
        Ok(match &self.sasl.0 {
            Login::Plain { user, password } => SaslClient::plain(user, password),
            Login::Scram { mechanism, user, password } => {
                SaslClient::scram(*mechanism, user, password, nonce()?)
            }
            Login::DelegationToken { mechanism, id, hmac } => {
                SaslClient::delegation_token(*mechanism, id, hmac, nonce()?)
            }
            Login::OAuthBearer(_) => {
                let token = self.token.as_ref().expect("a proof of OAUTHBEARER is made with a token");
                SaslClient::oauthbearer(token.text(), token.extensions())
            }
        })
    }

    /// A broker refuses it: a token is not used for the rest of its time.
    pub(crate) fn note_refusal(&self) {
        if let (Login::OAuthBearer(tokens), Some(token)) = (&self.sasl.0, &self.token) {
            tokens.forget(token);
        }
    }
}

fn nonce() -> Result<Nonce, TokenError> {
    environment::secret_random().map(Nonce::from_random).map_err(TokenError::from)
}

/// The user is no secret; what proves it is.
impl fmt::Debug for Sasl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = match &self.0 {
            Login::Plain { user, .. } | Login::Scram { user, .. } => Some(user),
            Login::DelegationToken { id, .. } => Some(id),
            Login::OAuthBearer(_) => None,
        };
        f.debug_struct("Sasl")
            .field("mechanism", &self.mechanism())
            .field("user", &user)
            .finish_non_exhaustive()
    }
}
