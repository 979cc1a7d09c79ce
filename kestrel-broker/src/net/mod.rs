//! The network: accepts connections, cuts their bytes into requests, hands those to the pipeline and sends the answers.
//!
//! ```text
//!   Acceptor ──stream──► Listener ──► Encryption ──► Connection ──Request──► pipeline        one task for each connection
//!   TCP                  limits       TLS, or none   over any Transport
//! ```
//!
//! Knows frames and nothing of what is in them. Started by `broker/`; calls `api/` through [`tower::Service`] only.

mod acceptor;
mod closed;
mod complaints;
mod connection;
mod connection_count;
#[cfg_attr(not(feature = "tls"), path = "no_encryption.rs")]
mod encryption;
#[cfg(feature = "tls")]
mod first_bytes;
mod listener;
mod outbox;
mod stranger;
mod transport;

pub(crate) use acceptor::Acceptor;
#[cfg(feature = "metrics")]
pub(crate) use acceptor::bind;
pub(crate) use connection::ConnectionLimits;
pub(crate) use connection_count::{ConnectionCount, ConnectionMaxima};
pub(crate) use encryption::Encryption;
pub(crate) use listener::{Door, Listener};
