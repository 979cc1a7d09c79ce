//! The encryption of a listener: handshakes with the certificate that it has now, and who the client is by its own.

use std::error::Error;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use kestrel_security::tls::peer::{Certificate, PrincipalRules};
use kestrel_security::tls::rustls::ServerConfig;
use kestrel_security::tls::{HandshakeError, Reloading, ServerTls};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, BufReader};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tracing::{info, warn};

use super::closed::Closed;
use super::first_bytes::{FirstBytes, NotTls};
use super::transport::{Transport, send_piece};
use crate::config::{Listener, ListenerTls};
use crate::error::StartError;
use crate::log::FileRun;

/// The encryption of one listener, shared by its connections.
#[derive(Debug)]
pub(crate) struct Encryption {
    /// The listener's name.
    listener: String,
    /// The certificates as they are configured; locked as long as files are read.
    source: Mutex<Reloading<ServerTls>>,
    /// What the next handshake is made with; locked for a moment only.
    current: Mutex<Arc<ServerConfig>>,
    /// The rules that make users of certificates; `None` where users come from SASL.
    rules: Option<PrincipalRules>,
    /// How long a handshake may take.
    patience: Duration,
}

/// The reason why a handshake failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HandshakeFailure {
    /// The first bytes are not TLS, and of nothing else that is known.
    #[error(
        "the client does not speak TLS, and this listener does: it needs security.protocol=SSL or SASL_SSL, or the port of a \
         listener without TLS"
    )]
    NotTls,
    /// One side refused the other.
    #[error("{0}")]
    Refused(#[from] HandshakeError),
    /// It was not done in time.
    #[error("the TLS handshake was not done within {0:?} (socket.connection.setup.timeout.ms)")]
    Slow(Duration),
    /// No rule makes a user of the client's certificate.
    #[error("ssl.principal.mapping.rules has no rule for the certificate of {0:?}")]
    NoUser(String),
    /// The client's certificate cannot be read.
    #[error("the subject of the client's certificate cannot be read")]
    NoSubject,
}

impl HandshakeFailure {
    /// Its kind in a word or two.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::NotTls => "not TLS",
            Self::Refused(_) => "handshake",
            Self::Slow(_) => "slow handshake",
            Self::NoUser(_) | Self::NoSubject => "certificate",
        }
    }
}

/// How much is read from a socket at a time, in bytes: rustls reads no more than one of its records, 16 KiB.
const READ_BYTES: usize = 32 << 10;

/// A stream that encrypts.
pub(super) type Encrypted<S> = TlsStream<FirstBytes<BufReader<S>>>;

impl<S: AsyncRead + AsyncWrite + Unpin> Transport for Encrypted<S> {
    fn poll_send_file(&mut self, cx: &mut Context<'_>, run: &FileRun) -> Poll<io::Result<usize>> {
        // A socket that takes nothing is found out before the file is read, again and again for the same piece.
        ready!(Pin::new(&mut *self).poll_flush(cx))?;
        send_piece(self, cx, run)
    }
}

impl Encryption {
    /// Reads the certificates of a listener for the first time; `None` for one that does not encrypt.
    ///
    /// # Errors
    /// When they cannot be used.
    pub(crate) fn of(listener: &Listener, patience: Duration) -> Result<Option<Arc<Self>>, StartError> {
        let Some(ListenerTls { server, rules }) = listener.tls.clone() else { return Ok(None) };
        let source = Reloading::new(server).map_err(|error| StartError::tls(&listener.name, error))?;
        let current = Mutex::new(source.current());
        let rules = (!listener.protocol.has_sasl()).then_some(rules);
        let (listener, source) = (listener.name.clone(), Mutex::new(source));
        Ok(Some(Arc::new(Self { listener, source, current, rules, patience })))
    }

    /// Reads certificates that changed. Blocks; called every second. Connections that are open keep theirs.
    pub(crate) fn refresh(&self) {
        // Handshakes go on with what there is while files are read and keys are decrypted.
        let mut source = self.source.lock();
        match source.refresh() {
            Ok(false) => {}
            Ok(true) => {
                *self.current.lock() = source.current();
                info!("the certificates of the listener {} changed and were read again", self.listener);
            }
            Err(error) => {
                let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
                warn!(
                    "the listener {} keeps its certificates, since those that are there now cannot be used: {error}{cause}",
                    self.listener
                );
            }
        }
    }

    /// Shakes hands on a new connection; gives also the user that the client's certificate names, if it showed one.
    ///
    /// Before it is done rustls holds at most one message of 64 KiB of what the client sent.
    pub(super) async fn shake_hands<S: Transport>(
        &self,
        stream: S,
    ) -> Result<(Encrypted<S>, Option<String>), Closed> {
        let acceptor = TlsAcceptor::from(Arc::clone(&self.current.lock()));
        let stream = FirstBytes::new(BufReader::with_capacity(READ_BYTES, stream));
        match timeout(self.patience, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => {
                let user = self.user(&stream)?;
                Ok((stream, user))
            }
            Ok(Err(error)) => Err(failed(error)),
            Err(_) => Err(HandshakeFailure::Slow(self.patience).into()),
        }
    }

    fn user<S>(&self, stream: &Encrypted<S>) -> Result<Option<String>, Closed> {
        let Some(rules) = &self.rules else { return Ok(None) };
        let (_, session) = stream.get_ref();
        let certificate = session.peer_certificates().and_then(|chain| chain.first());
        let user = certificate.map(|certificate| user_of(rules, certificate)).transpose();
        user.map_err(Closed::from)
    }
}

/// The user that the rules make of a certificate.
fn user_of(rules: &PrincipalRules, certificate: &[u8]) -> Result<String, HandshakeFailure> {
    let certificate = Certificate::read(certificate).ok_or(HandshakeFailure::NoSubject)?;
    let subject = certificate.subject();
    rules.user(subject).ok_or_else(|| HandshakeFailure::NoUser(subject.to_owned()))
}

fn failed(error: io::Error) -> Closed {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<NotTls>()) {
        Some(NotTls::Nothing) => Closed::ByPeer,
        Some(NotTls::Other(Some(stranger))) => Closed::Stranger(*stranger),
        Some(NotTls::Other(None)) => HandshakeFailure::NotTls.into(),
        None => HandshakeFailure::from(HandshakeError::of_server(error)).into(),
    }
}

#[cfg(test)]
mod tests;
