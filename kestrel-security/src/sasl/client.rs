//! The client's side of an exchange, whatever the mechanism.

use std::fmt;

use bytes::Bytes;
use kestrel_settings::Secret;

use super::MAX_MESSAGE_BYTES;
use super::error::SaslError;
use super::extensions::SaslExtensions;
use super::mechanism::Mechanism;
use super::nonce::Nonce;
use super::oauthbearer::OAuthBearerClient;
use super::plain::PlainClient;
use super::scram::{ScramClient, ScramMechanism};
use super::step::ClientStep;

/// One authentication of a client: a machine that is driven until it says [`ClientStep::Done`], or fails.
///
/// The driver sends [`Self::initial`], hands each answer to [`Self::handle`] and sends what that says. When the broker answers with an
/// error in place of a token, [`Self::handle_refusal`] puts it into words.
///
/// ```
/// use kestrel_security::sasl::{ClientStep, SaslClient};
/// use kestrel_settings::Secret;
///
/// let mut client = SaslClient::plain("alice", &Secret::new("opensesame"));
/// assert_eq!(&client.initial()[..], b"\0alice\0opensesame");
/// assert_eq!(client.handle(b"")?, ClientStep::Done);
/// # Ok::<(), kestrel_security::sasl::SaslError>(())
/// ```
pub struct SaslClient {
    exchange: Exchange,
}

enum Exchange {
    Plain(PlainClient),
    Scram(ScramClient),
    OAuthBearer(OAuthBearerClient),
}

impl SaslClient {
    /// An authentication by user and password, both sent as they are.
    #[must_use]
    pub fn plain(user: &str, password: &Secret) -> Self {
        Self { exchange: Exchange::Plain(PlainClient::new(user, password)) }
    }

    /// An authentication by a proof of the password.
    #[must_use]
    pub fn scram(mechanism: ScramMechanism, user: &str, password: &Secret, nonce: Nonce) -> Self {
        Self { exchange: Exchange::Scram(ScramClient::new(mechanism, user, password, nonce, false)) }
    }

    /// An authentication by a delegation token (KIP-48): its id, and its HMAC in Base64 as the proof.
    #[must_use]
    pub fn delegation_token(mechanism: ScramMechanism, token_id: &str, hmac: &Secret, nonce: Nonce) -> Self {
        Self { exchange: Exchange::Scram(ScramClient::new(mechanism, token_id, hmac, nonce, true)) }
    }

    /// An authentication by a token of OAuth.
    #[must_use]
    pub fn oauthbearer(token: &Secret, extensions: &SaslExtensions) -> Self {
        Self { exchange: Exchange::OAuthBearer(OAuthBearerClient::new(token, extensions)) }
    }

    /// The mechanism that SaslHandshake has to name.
    #[must_use]
    pub fn mechanism(&self) -> Mechanism {
        match &self.exchange {
            Exchange::Plain(_) => Mechanism::Plain,
            Exchange::Scram(client) => client.mechanism().into(),
            Exchange::OAuthBearer(_) => Mechanism::OAuthBearer,
        }
    }

    /// The first token.
    #[must_use]
    pub fn initial(&self) -> Bytes {
        match &self.exchange {
            Exchange::Plain(client) => client.initial(),
            Exchange::Scram(client) => client.initial(),
            Exchange::OAuthBearer(client) => client.initial(),
        }
    }

    /// The broker's token has come.
    ///
    /// # Errors
    /// When it is malformed, or shows that the broker is not to be trusted. The exchange is over then.
    pub fn handle(&mut self, challenge: &[u8]) -> Result<ClientStep, SaslError> {
        if challenge.len() > MAX_MESSAGE_BYTES {
            return Err(SaslError::Malformed { message: "challenge", problem: "it is too long" });
        }
        match &mut self.exchange {
            Exchange::Plain(client) => client.handle(challenge),
            Exchange::Scram(client) => client.handle(challenge),
            Exchange::OAuthBearer(client) => client.handle(challenge),
        }
    }

    /// The broker has refused the authentication, with this text in its answer.
    #[must_use]
    pub fn handle_refusal(&mut self, message: Option<&str>) -> SaslError {
        let told = match &self.exchange {
            // RFC 7628: the reason came with the challenge before.
            Exchange::OAuthBearer(client) => client.refusal(),
            Exchange::Plain(_) | Exchange::Scram(_) => None,
        };
        SaslError::refused(told.or(message).unwrap_or("without a reason"))
    }
}

impl fmt::Debug for SaslClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SaslClient").field("mechanism", &self.mechanism()).finish_non_exhaustive()
    }
}
