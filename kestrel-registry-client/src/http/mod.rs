//! HTTP/1.1 to a registry: connections that are kept, attempts that are repeated, addresses that stand in for each other.
//!
//! ```text
//!   Sender ── Attempts says where and when ──► Pool ── Dialler, TLS ──► Connection ── one request, one answer
//! ```

mod connection;
mod dialler;
#[cfg(feature = "tls")]
mod encryption;
mod pool;
mod sender;
mod wire;

pub(crate) use dialler::Dialler;
#[cfg(feature = "tls")]
pub(crate) use encryption::Encryption;
pub(crate) use sender::{Limits, Sender};
