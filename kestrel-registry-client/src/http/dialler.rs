//! Dialler: opens a stream to an address, and encrypts it if the address says so.

use std::error::Error;
use std::io;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::connection::{Connection, Stream};
#[cfg(feature = "tls")]
use super::encryption::Encryption;
use super::wire::Wire;
use crate::address::Address;
use crate::environment::now;

/// Opens connections.
#[derive(Debug)]
pub(crate) struct Dialler {
    /// How long all steps together may take.
    pub(crate) connect_timeout: Duration,
    #[cfg(feature = "tls")]
    pub(crate) encryption: Encryption,
}

/// A connection that was not opened.
#[derive(Debug, thiserror::Error)]
pub(super) enum DialError {
    #[error("cannot connect")]
    Connect(#[source] io::Error),
    #[error("no connection within {0:?}")]
    Timeout(Duration),
    #[error("TLS: {0}")]
    #[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "said where the feature is on"))]
    Encrypt(#[source] Box<dyn Error + Send + Sync>),
    #[error("it is an https:// address, and the feature `tls` is off")]
    #[cfg_attr(feature = "tls", expect(dead_code, reason = "said where the feature is off"))]
    NoTls,
    #[error("the other side does not speak HTTP")]
    Http(#[source] hyper::Error),
}

impl DialError {
    /// Whether another attempt would end alike until somebody changes something.
    pub(super) const fn is_final(&self) -> bool {
        matches!(self, Self::NoTls)
    }
}

impl Dialler {
    pub(super) async fn dial(&self, address: &Address) -> Result<Connection, DialError> {
        let dialled = timeout(self.connect_timeout, self.open(address)).await;
        dialled.unwrap_or(Err(DialError::Timeout(self.connect_timeout)))
    }

    async fn open(&self, address: &Address) -> Result<Connection, DialError> {
        let tcp =
            TcpStream::connect((address.bare_host(), address.port())).await.map_err(DialError::Connect)?;
        tcp.set_nodelay(true).map_err(DialError::Connect)?;
        let tcp = Wire::new(tcp);
        let stream: Box<dyn Stream> =
            if address.is_encrypted() { self.encrypt(address, tcp).await? } else { Box::new(tcp) };
        Connection::new(stream, now()).await.map_err(DialError::Http)
    }

    #[cfg(feature = "tls")]
    async fn encrypt(&self, address: &Address, tcp: Wire<TcpStream>) -> Result<Box<dyn Stream>, DialError> {
        let encrypted = self.encryption.encrypt(address.bare_host(), tcp).await;
        encrypted.map(|stream| Box::new(stream) as _).map_err(DialError::Encrypt)
    }

    #[cfg(not(feature = "tls"))]
    #[expect(clippy::unused_async, reason = "the same with and without TLS")]
    async fn encrypt(&self, _: &Address, _: Wire<TcpStream>) -> Result<Box<dyn Stream>, DialError> {
        Err(DialError::NoTls)
    }
}
