//! The server's side of an exchange, whatever the mechanism.

use std::fmt;

use super::MAX_MESSAGE_BYTES;
use super::credentials::Credentials;
use super::mechanism::Mechanism;
use super::nonce::Nonce;
use super::oauthbearer::OAuthBearerServer;
use super::plain;
use super::refusal::Refusal;
use super::scram::ScramServer;
use super::step::ServerStep;

/// One authentication of a peer: a machine that is driven until it says [`ServerStep::Done`], or refuses.
///
/// The driver hands it each token that comes, and sends what it says. A refusal is final: it is answered with
/// [`Refusal::for_peer`], logged as it is displayed, and the connection closed.
///
/// What it holds of a peer is bounded by [`MAX_MESSAGE_BYTES`].
pub struct SaslServer {
    mechanism: Mechanism,
    /// `None` when the exchange is over.
    exchange: Option<Exchange>,
}

enum Exchange {
    Plain,
    Scram(ScramServer),
    OAuthBearer(OAuthBearerServer),
}

impl SaslServer {
    /// An exchange of `mechanism`. `nonce` is used by SCRAM alone.
    #[must_use]
    pub fn new(mechanism: Mechanism, nonce: Nonce) -> Self {
        let exchange = match (mechanism, mechanism.scram()) {
            (_, Some(scram)) => Exchange::Scram(ScramServer::new(scram, nonce)),
            (Mechanism::OAuthBearer, None) => Exchange::OAuthBearer(OAuthBearerServer::default()),
            (_, None) => Exchange::Plain,
        };
        Self { mechanism, exchange: Some(exchange) }
    }

    /// The mechanism of this exchange.
    #[must_use]
    pub fn mechanism(&self) -> Mechanism {
        self.mechanism
    }

    /// The peer's token has come.
    ///
    /// # Errors
    /// When the peer is refused. So is all that comes after a refusal, or after the end.
    pub fn handle(&mut self, response: &[u8], credentials: &dyn Credentials) -> Result<ServerStep, Refusal> {
        let exchange = self.exchange.take();
        let mut exchange = exchange.ok_or_else(|| Refusal::malformed("the exchange is over"))?;
        if response.len() > MAX_MESSAGE_BYTES {
            return Err(Refusal::malformed("the response is too long"));
        }
        let step = match &mut exchange {
            Exchange::Plain => plain::handle(response, credentials),
            Exchange::Scram(server) => server.handle(response, credentials),
            Exchange::OAuthBearer(server) => server.handle(response, credentials),
        }?;
        if matches!(step, ServerStep::Challenge(_)) {
            self.exchange = Some(exchange);
        }
        Ok(step)
    }
}

impl fmt::Debug for SaslServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SaslServer").field("mechanism", &self.mechanism).finish_non_exhaustive()
    }
}
