//! Encryption: makes an encrypted stream of one that is not, by TLS, with certificates that are read again when their files change.

use std::io;
use std::sync::Arc;

use kestrel_security::tls::rustls::ClientConfig;
use kestrel_security::tls::rustls::pki_types::ServerName;
use kestrel_security::tls::{ClientTls, HandshakeError, Reloading, TlsError, rustls, server_name};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, BufReader};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::error::Chain;

/// How much is read from a socket at a time, in bytes.
const READ_BYTES: usize = 64 * 1024;

/// TLS for the connections of a client; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Encryption {
    plan: ClientTls,
    /// `None` until the first connection.
    loaded: Arc<Mutex<Option<Reloading<ClientTls>>>>,
}

/// What one connection is encrypted with.
#[derive(Clone)]
pub(crate) struct Encryptor {
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl Encryption {
    pub(crate) fn new(plan: ClientTls) -> Self {
        Self { plan, loaded: Arc::default() }
    }

    /// Reads what is not read yet or has changed. Files that cannot be used any more leave it as it was.
    ///
    /// # Errors
    /// When files cannot be used the first time.
    pub(crate) async fn load(&self) -> Result<Arc<ClientConfig>, TlsError> {
        let Self { plan, loaded } = self.clone();
        let read = move || {
            let mut loaded = loaded.lock();
            let tls = match &mut *loaded {
                Some(tls) => {
                    match tls.refresh() {
                        Ok(true) => tracing::info!("certificates have changed and were read again"),
                        Ok(false) => {}
                        Err(error) => tracing::warn!(
                            error = %Chain(&error),
                            "certificates have changed and cannot be used: new connections go on with what was read before"
                        ),
                    }
                    tls
                }
                None => loaded.insert(Reloading::new(plan)?),
            };
            Ok(tls.current())
        };
        // Files, and the certificates of a whole machine to parse: not for a thread that others wait for.
        match tokio::task::spawn_blocking(read).await {
            Ok(loaded) => loaded,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime shuts down, and whoever waits here with it.
                Err(_) => std::future::pending().await,
            },
        }
    }

    /// What a connection to `host` is encrypted with.
    ///
    /// # Errors
    /// As [`load`](Self::load), and when no certificate could be for such a host.
    pub(crate) async fn encryptor(&self, host: &str) -> Result<Encryptor, TlsError> {
        let name = server_name(host)?;
        Ok(Encryptor { connector: TlsConnector::from(self.load().await?), name })
    }
}

impl Encryptor {
    /// Does the handshake. What comes is read in large pieces: rustls reads no more than one of its records at a time, 16 KiB.
    ///
    /// # Errors
    /// With what is wrong, and what to change.
    pub(crate) async fn encrypt<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
    ) -> Result<TlsStream<BufReader<S>>, HandshakeError> {
        let stream = BufReader::with_capacity(READ_BYTES, stream);
        let handshake = self.connector.connect(self.name.clone(), stream);
        handshake.await.map_err(HandshakeError::of_client)
    }
}

/// What a stream failed with before it was of use: a broker that wants a client certificate may say so only now.
pub(crate) fn in_words(error: io::Error) -> Result<io::Error, HandshakeError> {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(_) => Err(HandshakeError::of_client(error)),
        None => Ok(error),
    }
}
