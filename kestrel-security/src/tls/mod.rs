//! TLS for both sides: certificates, keys and roots become rustls configurations, and failed handshakes become words.
//!
//! ```text
//!   settings ──► StoreSettings ──► Identity, Trust ──► ClientTls, ServerTls ──build──► rustls configuration
//!                                  PEM files or text                └── Reloading: built anew when a file changed
//!
//!   a handshake failed       ──► HandshakeError     what is wrong, and which setting mends it
//!   a client's certificate   ──► peer::Certificate  its subject as Kafka writes it ──► PrincipalRules ──► a name
//! ```
//!
//! The provider is `ring`, given to each configuration and never installed for the process: two libraries in one program do not
//! fight over it. Opens no socket; the handshake itself is the caller's. Files are read in `pem/files` alone.

mod cipher_suites;
mod client;
mod error;
mod handshake_error;
mod identity;
pub mod peer;
mod pem;
mod reloading;
mod server;
mod stores;
mod trust;
mod unverified;
mod versions;

use std::sync::Arc;

pub use rustls;
use rustls::crypto::CryptoProvider;

pub use cipher_suites::CipherSuites;
pub use client::{ClientTls, server_name};
pub use error::TlsError;
pub use handshake_error::HandshakeError;
pub use identity::Identity;
pub use pem::{Files, PemSource};
pub use reloading::{Plan, Reloading};
pub use server::{ClientAuth, ServerTls};
pub use stores::StoreSettings;
pub use trust::Trust;
pub use versions::TlsVersions;

/// The provider of all cryptography of TLS.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

#[cfg(test)]
mod tests;
