//! Authentication: proves to a broker who the client is, by SASL. A machine: bytes in, bytes out.
//!
//! ```text
//!   Naming ── SaslHandshake (mechanism) ──▶ taken ──▶ Proving ── SaslAuthenticate (token) ──▶ token ──▶ … ──▶ Done(lifetime)
//!     │ UNSUPPORTED_SASL_MECHANISM, with those that the broker has          │ SASL_AUTHENTICATION_FAILED, with its reason
//!     └──▶ failed                                                           └──▶ failed
//! ```
//! Driven by [`dial`](super::dial) on a fresh stream, and by a [`Connection`](super::Connection) on one that is in use (KIP-368),
//! one request at a time. Tokens travel in SaslAuthenticate alone (KIP-152), never as raw bytes.

use std::time::Duration;

use bytes::Bytes;
use kestrel_protocol::messages::sasl_authenticate::{SaslAuthenticateRequest, SaslAuthenticateResponse};
use kestrel_protocol::messages::sasl_handshake::{SaslHandshakeRequest, SaslHandshakeResponse};
use kestrel_protocol::{
    ApiKey, ByteString, DecodeError, EncodeError, ErrorCode, SecretBytes, correlation_id, decode_response,
    encode_request,
};
use kestrel_security::sasl::{ClientStep, Mechanism, SaslClient, SaslError};

use super::versions::Versions;

/// The version of SaslHandshake whose tokens travel in SaslAuthenticate.
const HANDSHAKE_VERSION: i16 = 1;
/// The most mechanisms of a broker that an error names.
const NAMED_MECHANISMS: usize = 10;

/// One authentication, the first one of a connection or a later one.
#[derive(Debug)]
pub(crate) struct Authentication {
    client_id: ByteString,
    client: SaslClient,
    authenticate_version: i16,
    correlation_id: i32,
    state: State,
}

#[derive(Debug)]
enum State {
    Naming,
    /// The token to send next.
    Proving(SecretBytes),
}

/// What to do after an answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Send [`Authentication::request`] again: it has changed.
    Continue,
    /// The broker knows who the client is: for ever, or for so long.
    Done(Option<Duration>),
}

/// Why an authentication failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AuthenticationError {
    #[error("the broker has no SaslHandshake 1 and SaslAuthenticate, which came with Apache Kafka 1.0")]
    Unsupported,
    #[error("the mechanism {mechanism} is not enabled: the broker has {offered} (setting sasl.mechanism)")]
    Mechanism { mechanism: Mechanism, offered: String },
    #[error(
        "the listener does not authenticate: it is one for security.protocol={without_sasl}, or another port is meant"
    )]
    NotWanted { without_sasl: &'static str },
    #[error("SaslHandshake failed: {0}")]
    Handshake(ErrorCode),
    #[error("{mechanism} failed ({advice})")]
    Refused {
        mechanism: Mechanism,
        advice: &'static str,
        #[source]
        cause: SaslError,
    },
    #[error("the answer has correlation id {0}, which was not asked")]
    WrongCorrelation(i32),
    #[error("the answer to {api} cannot be read")]
    Malformed {
        api: ApiKey,
        #[source]
        cause: DecodeError,
    },
    #[error("the request cannot be sent")]
    Unsendable(#[from] EncodeError),
}

impl Authentication {
    /// An authentication by `client` at a broker that speaks `versions`.
    ///
    /// # Errors
    /// When the broker cannot carry the tokens in requests.
    pub(crate) fn new(
        client: SaslClient,
        client_id: ByteString,
        versions: &Versions,
    ) -> Result<Self, AuthenticationError> {
        let handshake = versions.newest_up_to(ApiKey::SaslHandshake, HANDSHAKE_VERSION);
        let authenticate = versions.newest(ApiKey::SaslAuthenticate);
        match (handshake, authenticate) {
            (Some(HANDSHAKE_VERSION), Some(authenticate_version)) => {
                Ok(Self { client_id, client, authenticate_version, correlation_id: 0, state: State::Naming })
            }
            _ => Err(AuthenticationError::Unsupported),
        }
    }

    /// The API and the version of the request to send now.
    pub(crate) const fn api(&self) -> (ApiKey, i16) {
        match self.state {
            State::Naming => (ApiKey::SaslHandshake, HANDSHAKE_VERSION),
            State::Proving(_) => (ApiKey::SaslAuthenticate, self.authenticate_version),
        }
    }

    /// The request to send now, as byte runs.
    ///
    /// # Errors
    /// When the protocol has no room for it.
    pub(crate) fn request(&mut self, correlation_id: i32) -> Result<Vec<Bytes>, AuthenticationError> {
        self.correlation_id = correlation_id;
        let client_id = Some(self.client_id.clone());
        let (_, version) = self.api();
        Ok(match &self.state {
            State::Naming => {
                let mechanism = ByteString::from_static(self.client.mechanism().name());
                encode_request(&SaslHandshakeRequest { mechanism }, version, correlation_id, client_id)?
            }
            State::Proving(token) => {
                let request = SaslAuthenticateRequest { auth_bytes: token.clone() };
                encode_request(&request, version, correlation_id, client_id)?
            }
        })
    }

    /// The answer to the last request has come.
    ///
    /// # Errors
    /// When the broker refuses, or is not to be trusted: the connection is of no further use.
    pub(crate) fn handle_answer(&mut self, frame: Bytes) -> Result<Step, AuthenticationError> {
        let (api, version) = self.api();
        let malformed = |cause| AuthenticationError::Malformed { api, cause };
        let received = correlation_id(&frame).map_err(malformed)?;
        if received != self.correlation_id {
            return Err(AuthenticationError::WrongCorrelation(received));
        }
        match self.state {
            State::Naming => {
                let answer = decode_response::<SaslHandshakeRequest>(frame, version).map_err(malformed)?;
                self.handle_handshake(&answer)
            }
            State::Proving(_) => {
                let answer = decode_response::<SaslAuthenticateRequest>(frame, version).map_err(malformed)?;
                self.handle_token(&answer)
            }
        }
    }

    fn handle_handshake(&mut self, answer: &SaslHandshakeResponse) -> Result<Step, AuthenticationError> {
        match answer.error_code {
            ErrorCode::None => {
                self.state = State::Proving(self.client.initial().into());
                Ok(Step::Continue)
            }
            ErrorCode::UnsupportedSaslMechanism => Err(AuthenticationError::Mechanism {
                mechanism: self.client.mechanism(),
                offered: named(&answer.mechanisms),
            }),
            ErrorCode::IllegalSaslState => {
                Err(AuthenticationError::NotWanted { without_sasl: "PLAINTEXT or SSL" })
            }
            code => Err(AuthenticationError::Handshake(code)),
        }
    }

    fn handle_token(&mut self, answer: &SaslAuthenticateResponse) -> Result<Step, AuthenticationError> {
        if answer.error_code != ErrorCode::None {
            let cause = self.client.handle_refusal(answer.error_message.as_deref());
            return Err(self.refused(cause));
        }
        match self.client.handle(answer.auth_bytes.expose()) {
            Ok(ClientStep::Send(token)) => {
                self.state = State::Proving(token.into());
                Ok(Step::Continue)
            }
            Ok(ClientStep::Done) => {
                let lifetime = u64::try_from(answer.session_lifetime_ms).unwrap_or(0);
                Ok(Step::Done((lifetime > 0).then(|| Duration::from_millis(lifetime))))
            }
            Err(cause) => Err(self.refused(cause)),
        }
    }

    fn refused(&self, cause: SaslError) -> AuthenticationError {
        let mechanism = self.client.mechanism();
        let advice = match mechanism {
            Mechanism::Plain => {
                "is the password right? settings sasl.username and sasl.password, or sasl.jaas.config"
            }
            Mechanism::ScramSha256 | Mechanism::ScramSha512 => {
                "is the password right, and is the user there for this mechanism? settings sasl.username and sasl.password, \
                 or sasl.jaas.config"
            }
            Mechanism::OAuthBearer => "is the token of the right issuer, for this audience and not expired?",
        };
        AuthenticationError::Refused { mechanism, advice, cause }
    }
}

/// The mechanisms of a broker, fit for an error: a hostile broker chooses them.
fn named(mechanisms: &[ByteString]) -> String {
    let is_name = |name: &&ByteString| name.len() <= 20 && name.bytes().all(|byte| byte.is_ascii_graphic());
    let names: Vec<&str> =
        mechanisms.iter().filter(is_name).take(NAMED_MECHANISMS).map(|name| &**name).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

#[cfg(test)]
mod tests;
