//! From a host name to a stream on which everything is done that comes before the first request.
//!
//! ```text
//!   every address of the name ── TCP ── TLS ── ApiVersions ── SASL ──▶ Dialled
//!   a connector of the program ──┘    └──────── as security.protocol says
//! ```
//! Called by the [`Pool`](super::Pool) for each new connection. Never retries: the pool decides about that.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use kestrel_protocol::ByteString;
use kestrel_security::sasl::SaslClient;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::authentication::{Authentication, Step};
use super::connector::Connector;
use super::dial_error::{DialError, DialStep, Endpoint};
use super::handshake::{Handshake, Progress};
use super::host_port::HostPort;
use super::session::Session;
use super::stream::Stream;
use super::versions::Versions;
use crate::environment;
use crate::error::Chain;
#[cfg(feature = "tls")]
use crate::security::{Encryptor, in_words};
use crate::security::{Proof, Sasl, Security};

/// What all connections of a client are made with.
#[derive(Clone)]
pub(crate) struct Dialler {
    pub(crate) client_id: ByteString,
    /// How long each address may take, for all steps together.
    pub(crate) setup_timeout: Duration,
    pub(crate) security: Arc<Security>,
    /// The program's own way to open a stream.
    pub(crate) connector: Option<Arc<dyn Connector>>,
}

/// A stream that is ready for requests.
#[derive(Debug)]
pub(crate) struct Dialled {
    pub(crate) stream: Stream,
    pub(crate) versions: Versions,
    /// What the client has authenticated with.
    pub(crate) session: Option<Session>,
}

impl Dialler {
    /// Connects to the first address of `target` that answers.
    pub(crate) async fn dial(&self, target: &HostPort) -> Result<Dialled, DialError> {
        let endpoints = self.endpoints(target).await?;
        // Once for all addresses, and outside of their limit, which is for the broker: a token may come from far away.
        let proof = match self.security.sasl() {
            Some(sasl) => Some(sasl.proof(self.setup_timeout).await.map_err(DialError::Token)?),
            None => None,
        };
        let mut last = DialError::NoAddress;
        for endpoint in endpoints {
            match self.dial_endpoint(target, endpoint, proof.as_ref()).await {
                Ok(dialled) => return Ok(dialled),
                // Another address of the name may have another certificate.
                Err(error) if error.is_about_encryption() => last = error,
                // Another address of the name would say the same, and count a wrong password once more.
                Err(error) if error.is_about_identity() => {
                    if let Some(proof) = proof.filter(|_| error.is_refusal()) {
                        proof.note_refusal();
                    }
                    return Err(error);
                }
                Err(error) => {
                    tracing::debug!(%target, error = %Chain(&error), "an address did not answer");
                    if !last.is_about_encryption() {
                        last = error;
                    }
                }
            }
        }
        Err(last)
    }

    /// Where `target` leads to.
    async fn endpoints(&self, target: &HostPort) -> Result<Vec<Endpoint>, DialError> {
        if self.connector.is_some() {
            return Ok(vec![Endpoint::Name(target.to_string())]);
        }
        let addresses = tokio::net::lookup_host((&*target.host, target.port)).await;
        Ok(addresses.map_err(DialError::Resolve)?.map(Endpoint::Address).collect())
    }

    async fn dial_endpoint(
        &self,
        target: &HostPort,
        endpoint: Endpoint,
        proof: Option<&Proof>,
    ) -> Result<Dialled, DialError> {
        match self.attempt(target, &endpoint, proof, false).await {
            Err(error) if error.is_hang_up() => self.attempt(target, &endpoint, proof, true).await,
            result => result,
        }
    }

    async fn attempt(
        &self,
        target: &HostPort,
        endpoint: &Endpoint,
        proof: Option<&Proof>,
        oldest: bool,
    ) -> Result<Dialled, DialError> {
        let too_late =
            |step| DialError::Timeout { endpoint: endpoint.clone(), step, after: self.setup_timeout };
        // A limit of their own, since the broker has nothing to do with it: a disk in the network may never answer.
        #[cfg(feature = "tls")]
        let encryptor = match timeout(self.setup_timeout, self.security.encryptor(&target.host)).await {
            Ok(read) => read.map_err(DialError::Certificates)?,
            Err(_) => return Err(too_late(DialStep::Reading)),
        };
        let client = proof.map(Proof::client).transpose().map_err(DialError::Token)?;
        let mut call = DialCall {
            dialler: self,
            target,
            endpoint,
            step: DialStep::Connecting,
            #[cfg(feature = "tls")]
            encryptor,
        };
        match timeout(self.setup_timeout, call.run(client, oldest)).await {
            Ok(result) => result,
            Err(_) => Err(too_late(call.step)),
        }
    }
}

impl fmt::Debug for Dialler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialler").field("security", &self.security).finish_non_exhaustive()
    }
}

/// One attempt at one address, and how far it has come.
struct DialCall<'a> {
    dialler: &'a Dialler,
    target: &'a HostPort,
    endpoint: &'a Endpoint,
    step: DialStep,
    #[cfg(feature = "tls")]
    encryptor: Option<Encryptor>,
}

impl DialCall<'_> {
    async fn run(&mut self, client: Option<SaslClient>, oldest: bool) -> Result<Dialled, DialError> {
        let mut stream = self.open().await?;
        self.step = DialStep::Greeting;
        let handshake = Handshake::new(self.dialler.client_id.clone(), oldest);
        let versions = self.greet(&mut stream, handshake).await?;
        self.step = DialStep::Authenticating;
        let session = match (self.dialler.security.sasl(), client) {
            (Some(sasl), Some(client)) => {
                Some(self.authenticate(&mut stream, sasl, client, &versions).await?)
            }
            _ => None,
        };
        Ok(Dialled { stream, versions, session })
    }

    /// A stream that encrypts if it has to.
    async fn open(&mut self) -> Result<Stream, DialError> {
        let failed = |cause| DialError::Connect { endpoint: self.endpoint.clone(), cause };
        match (&self.dialler.connector, self.endpoint) {
            (Some(connector), _) => {
                let opened = connector.connect(&self.target.host, self.target.port).await.map_err(failed)?;
                self.encrypt(opened, |opened| {
                    let (reader, writer) = tokio::io::split(opened);
                    Stream::plain(reader, writer)
                })
                .await
            }
            (None, Endpoint::Address(address)) => {
                let tcp = connect(*address).await.map_err(failed)?;
                tcp.set_nodelay(true).map_err(failed)?;
                self.encrypt(tcp, |tcp| {
                    let (reader, writer) = tcp.into_split();
                    Stream::plain(reader, writer)
                })
                .await
            }
            (None, Endpoint::Name(_)) => Err(DialError::NoAddress),
        }
    }

    #[cfg(feature = "tls")]
    async fn encrypt<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
        &mut self,
        opened: S,
        plain: impl FnOnce(S) -> Stream,
    ) -> Result<Stream, DialError> {
        let Some(encryptor) = &self.encryptor else { return Ok(plain(opened)) };
        self.step = DialStep::Encrypting;
        let encrypted = encryptor.encrypt(opened).await;
        let failed = |cause| DialError::Tls { endpoint: self.endpoint.clone(), cause };
        encrypted.map(Stream::encrypted).map_err(failed)
    }

    #[cfg(not(feature = "tls"))]
    async fn encrypt<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
        &mut self,
        opened: S,
        plain: impl FnOnce(S) -> Stream,
    ) -> Result<Stream, DialError> {
        Ok(plain(opened))
    }

    /// Agrees with the broker on versions: the handshake's questions, until it has no more.
    async fn greet(&self, stream: &mut Stream, mut handshake: Handshake) -> Result<Versions, DialError> {
        let failed = |cause| DialError::Handshake { endpoint: self.endpoint.clone(), cause };
        loop {
            let request = handshake.request().map_err(failed)?;
            let answer = stream.ask(request).await.map_err(|cause| self.broke_off(cause))?;
            match handshake.handle_answer(answer).map_err(failed)? {
                Progress::Continue => {}
                Progress::Done(versions) => return Ok(versions),
            }
        }
    }

    /// Proves who the client is, with the versions that came of the handshake.
    async fn authenticate(
        &self,
        stream: &mut Stream,
        sasl: &Sasl,
        client: SaslClient,
        versions: &Versions,
    ) -> Result<Session, DialError> {
        self.dialler.security.warn_if_readable(self.endpoint.is_loopback());
        let failed = |cause| DialError::Authentication { endpoint: self.endpoint.clone(), cause };
        let client_id = self.dialler.client_id.clone();
        let mut authentication = Authentication::new(client, client_id, versions).map_err(failed)?;
        loop {
            let request = authentication.request(0).map_err(failed)?;
            // The broker's session begins after this, and so ends later than this one.
            let authenticated_at = environment::now();
            let answer = stream.ask(request).await.map_err(|cause| self.broke_off(cause))?;
            if let Step::Done(lifetime) = authentication.handle_answer(answer).map_err(failed)? {
                return Ok(Session {
                    sasl: sasl.clone(),
                    client_id: self.dialler.client_id.clone(),
                    lifetime,
                    authenticated_at,
                    timeout: self.dialler.setup_timeout,
                });
            }
        }
    }

    /// The stream has ended, or what came from it is nothing that a broker says.
    fn broke_off(&self, cause: io::Error) -> DialError {
        let endpoint = self.endpoint.clone();
        #[cfg(feature = "tls")]
        let cause = match in_words(cause) {
            Ok(cause) => cause,
            Err(cause) => return DialError::Tls { endpoint, cause },
        };
        let is_hang_up = matches!(
            cause.kind(),
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe
        );
        if !is_hang_up {
            return DialError::Io { endpoint, step: self.step, cause };
        }
        let advice = match self.step {
            DialStep::Greeting if !self.dialler.security.protocol().has_tls() => {
                " (does the listener speak TLS? setting security.protocol)"
            }
            _ => "",
        };
        DialError::HungUp { endpoint, step: self.step, advice, cause }
    }
}

async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // Nothing is congested within one machine, and pacing (`bbr`) would set a timer for every 64 KiB (decision 0013).
    #[cfg(target_os = "linux")]
    if address.ip().to_canonical().is_loopback()
        && let Err(error) = socket2::SockRef::from(&socket).set_tcp_congestion(b"reno")
    {
        tracing::debug!(%address, %error, "sends as if over a network");
    }
    socket.connect(address).await
}

#[cfg(test)]
mod tests {
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn what_stays_within_the_machine_is_not_paced() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = super::connect(listener.local_addr().unwrap()).await.unwrap();
        assert!(socket2::SockRef::from(&stream).tcp_congestion().unwrap().starts_with(b"reno"));
    }
}
