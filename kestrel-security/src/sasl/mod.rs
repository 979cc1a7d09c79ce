//! SASL: the mechanisms of Apache Kafka as machines, for clients and for brokers.
//!
//! A machine makes one authentication, or one re-authentication: tokens in, tokens out. It has no socket, no clock and no randomness
//! of its own; the requests around the tokens (SaslHandshake, SaslAuthenticate) and the deadline belong to whoever drives it.
//!
//! ```text
//!            SaslClient                                    SaslServer  ◄── Credentials
//!   PLAIN        initial ──── user, password ─────────────► handle ─► Done
//!   SCRAM        initial ──── user, nonce ────────────────► handle ─► Challenge
//!                handle  ◄─── nonces, salt, iterations ────
//!                        ──── proof of the password ──────► handle ─► Done
//!                handle  ◄─── proof of the server ─────────           (in the last bytes)
//!   OAUTHBEARER  initial ──── token, extensions ──────────► handle ─► Done
//!                handle  ◄─── (error) JSON ────────────────           or a Challenge
//!                        ──── 0x01 ───────────────────────► handle ─► the refusal
//! ```
//!
//! What either side holds before the exchange is over is bounded by [`MAX_MESSAGE_BYTES`]; secrets are compared in constant time.
//!
//! ```
//! use kestrel_security::sasl::{ClientStep, Credentials, Nonce, SaslClient, SaslServer, ScramCredential};
//! use kestrel_security::sasl::{ScramMechanism, ServerStep};
//! use kestrel_settings::Secret;
//!
//! struct OneUser(ScramCredential);
//!
//! impl Credentials for OneUser {
//!     fn scram_credential(&self, _: ScramMechanism, user: &str) -> Option<ScramCredential> {
//!         (user == "alice").then(|| self.0.clone())
//!     }
//!
//!     fn decoy_key(&self) -> &[u8] {
//!         b"drawn when the broker starts"
//!     }
//! }
//!
//! let mechanism = ScramMechanism::Sha256;
//! let password = Secret::new("opensesame");
//! let users = OneUser(ScramCredential::from_password(mechanism, &password, b"a salt", 4096)?);
//! // Nonces are drawn for each exchange: these are an example's.
//! let mut client = SaslClient::scram(mechanism, "alice", &password, Nonce::from_random([1; 24]));
//! let mut server = SaslServer::new(mechanism.into(), Nonce::from_random([2; 24]));
//!
//! let mut token = client.initial();
//! let done = loop {
//!     match server.handle(&token, &users)? {
//!         ServerStep::Challenge(challenge) => match client.handle(&challenge)? {
//!             ClientStep::Send(response) => token = response,
//!             ClientStep::Done => unreachable!("the server has not proved itself"),
//!         },
//!         ServerStep::Done(done) => break done,
//!     }
//! };
//! assert_eq!(client.handle(&done.last)?, ClientStep::Done);
//! assert_eq!(done.authorization_id, "alice");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod client;
mod credentials;
mod error;
mod extensions;
mod jaas;
mod mechanism;
mod nonce;
mod oauthbearer;
mod plain;
mod refusal;
mod scram;
mod server;
mod step;
mod unsecured_token;

pub use client::SaslClient;
pub use credentials::{Credentials, InvalidToken, TokenIdentity, TokenUser};
pub use error::SaslError;
pub use extensions::{InvalidExtension, SaslExtensions};
pub use jaas::{JaasConfig, JaasError, LoginModule};
pub use mechanism::{Mechanism, UnknownMechanism};
pub use nonce::Nonce;
pub use refusal::Refusal;
pub use scram::{CredentialError, NewScramUser, NewScramUserError, ScramCredential, ScramMechanism};
pub use server::SaslServer;
pub use step::{Authenticated, ClientStep, ServerStep};
pub use unsecured_token::unsecured_token;

/// The most bytes of one token of an exchange; longer ones are refused unread.
pub const MAX_MESSAGE_BYTES: usize = 65_536;

#[cfg(test)]
mod tests;
