//! SCRAM (RFC 5802, RFC 7677): both sides prove that they know a password, and neither sends it.
//!
//! ```text
//!   client                                              server, which has salt, StoredKey, ServerKey, iterations
//!     n,,n=user,r=nonce            ─────────────────►
//!                                  ◄─────────────────   r=nonce+server's nonce,s=salt,i=iterations
//!     c=biws,r=both nonces,p=proof ─────────────────►   H(proof ⊕ HMAC(StoredKey, all of the above)) = StoredKey ?
//!                                  ◄─────────────────   v=HMAC(ServerKey, all of the above)
//! ```
//! As in Kafka there is no channel binding, and a password is its UTF-8 without SASLprep. With the extension `tokenauth=true` the
//! user is the id of a delegation token (KIP-48).

mod client;
mod credential;
mod mechanism;
mod message;
mod server;
mod user;

pub(super) use client::ScramClient;
pub use credential::{CredentialError, ScramCredential};
pub use mechanism::ScramMechanism;
pub(super) use server::ScramServer;
pub use user::{NewScramUser, NewScramUserError};
