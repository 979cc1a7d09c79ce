//! TLS to a registry, with certificates that are read again when their files change.

use std::error::Error;
use std::sync::Arc;

use kestrel_security::tls::rustls::ClientConfig;
use kestrel_security::tls::{ClientTls, HandshakeError, Reloading, TlsError, server_name};
use parking_lot::Mutex;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::wire::Wire;

/// TLS for the connections of a client.
#[derive(Debug)]
pub(crate) struct Encryption {
    plan: ClientTls,
    /// `None` until the first connection.
    loaded: Arc<Mutex<Option<Reloading<ClientTls>>>>,
}

impl Encryption {
    pub(crate) fn new(plan: ClientTls) -> Self {
        Self { plan, loaded: Arc::default() }
    }

    pub(super) async fn encrypt(
        &self,
        host: &str,
        tcp: Wire<TcpStream>,
    ) -> Result<TlsStream<Wire<TcpStream>>, Box<dyn Error + Send + Sync>> {
        let name = server_name(host)?;
        let connector = TlsConnector::from(self.load().await?);
        Ok(connector.connect(name, tcp).await.map_err(HandshakeError::of_client)?)
    }

    /// Reads what is not read yet or has changed. Files that cannot be used any more leave it as it was.
    async fn load(&self) -> Result<Arc<ClientConfig>, TlsError> {
        let (plan, loaded) = (self.plan.clone(), Arc::clone(&self.loaded));
        let read = move || {
            let mut loaded = loaded.lock();
            let tls = match &mut *loaded {
                Some(tls) => {
                    if let Err(error) = tls.refresh() {
                        tracing::warn!(%error, "certificates have changed and cannot be used: those before go on");
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
}
