//! From a host name to a stream on which the handshake is done: every address of the name is tried.
//!
//! Called by the [`Pool`](super::Pool) for each new connection. Never retries: the pool decides about that.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use kestrel_protocol::ByteString;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::handshake::{Handshake, HandshakeError, Progress};
use super::stream::Stream;
use super::versions::Versions;
use crate::error::{Chain, Error};

/// The one scheme that an address may have in front: what is spoken here.
const PLAINTEXT: &str = "PLAINTEXT";

/// The address of a broker, before it is resolved.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct HostPort {
    pub(crate) host: Arc<str>,
    pub(crate) port: u16,
}

impl HostPort {
    /// Reads one entry of `bootstrap.servers`: `host:port`, `[ipv6]:port`, with or without `PLAINTEXT://` in front. Any other
    /// scheme asks for what is not spoken here, and would get plain text instead.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        let invalid = |problem: &str| Error::config("bootstrap.servers", format!("`{text}`: {problem}"));
        let address = match text.split_once("://") {
            None => text,
            Some((scheme, address)) if scheme.eq_ignore_ascii_case(PLAINTEXT) => address,
            Some((scheme, _)) => {
                return Err(invalid(&format!(
                    "`{scheme}` is not supported: only {PLAINTEXT} is spoken, so write host:port or {PLAINTEXT}://host:port"
                )));
            }
        };
        let (host, port) = address.rsplit_once(':').ok_or_else(|| invalid("expected host:port"))?;
        let port = Some(port).filter(|port| port.bytes().all(|digit| digit.is_ascii_digit()));
        let port = port.and_then(|port| port.parse().ok()).filter(|port| *port > 0);
        let port = port.ok_or_else(|| invalid("the port is not a number from 1 to 65535"))?;
        let host = match host.strip_prefix('[') {
            Some(ipv6) => ipv6.strip_suffix(']').ok_or_else(|| invalid("`[` without `]`"))?,
            None if host.contains(':') => return Err(invalid("an IPv6 address goes into brackets")),
            None => host,
        };
        if host.is_empty() {
            return Err(invalid("expected host:port"));
        }
        if host.contains(|c: char| c.is_whitespace() || c.is_control() || "/@?#[]".contains(c)) {
            return Err(invalid("that is no host name: expected host:port"));
        }
        Ok(Self { host: host.into(), port })
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            return write!(f, "[{}]:{}", self.host, self.port);
        }
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// Why no stream could be had: the address, and the last cause.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DialError {
    #[error("the name cannot be resolved")]
    Resolve(#[source] io::Error),
    #[error("the name has no address")]
    NoAddress,
    #[error("{address} cannot be reached")]
    Connect {
        address: SocketAddr,
        #[source]
        cause: io::Error,
    },
    #[error("{address}: no connection within {after:?} (setting socket.connection.setup.timeout.ms)")]
    Timeout { address: SocketAddr, after: Duration },
    #[error("the handshake with {address} failed")]
    Io {
        address: SocketAddr,
        #[source]
        cause: io::Error,
    },
    #[error("the handshake with {address} failed")]
    Handshake {
        address: SocketAddr,
        #[source]
        cause: HandshakeError,
    },
}

impl DialError {
    /// Whether nobody answers there: the name leads nowhere, or the address does.
    pub(crate) fn is_about_the_address(&self) -> bool {
        matches!(self, Self::Resolve(_) | Self::NoAddress | Self::Connect { .. } | Self::Timeout { .. })
    }

    /// Whether the peer hung up while it had the first request, as some brokers do on a version they do not know.
    fn is_hang_up(&self) -> bool {
        matches!(self, Self::Io { cause, .. } if matches!(cause.kind(),
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe))
    }
}

/// Connects to the first address of `target` that answers; gives the stream and the versions to use on it.
///
/// `setup_timeout` is for each address, connection and handshake together.
pub(crate) async fn dial(
    target: &HostPort,
    client_id: &ByteString,
    setup_timeout: Duration,
) -> Result<(Stream, Versions), DialError> {
    let addresses =
        tokio::net::lookup_host((&*target.host, target.port)).await.map_err(DialError::Resolve)?;
    let mut last = DialError::NoAddress;
    for address in addresses {
        match dial_address(address, client_id, setup_timeout).await {
            Ok(ready) => return Ok(ready),
            Err(error) => {
                tracing::debug!(%target, error = %Chain(&error), "an address did not answer");
                last = error;
            }
        }
    }
    Err(last)
}

async fn dial_address(
    address: SocketAddr,
    client_id: &ByteString,
    setup_timeout: Duration,
) -> Result<(Stream, Versions), DialError> {
    let attempt = |oldest| async move {
        match timeout(setup_timeout, connect_and_greet(address, client_id, oldest)).await {
            Ok(result) => result,
            Err(_) => Err(DialError::Timeout { address, after: setup_timeout }),
        }
    };
    match attempt(false).await {
        Err(error) if error.is_hang_up() => attempt(true).await,
        result => result,
    }
}

async fn connect_and_greet(
    address: SocketAddr,
    client_id: &ByteString,
    oldest: bool,
) -> Result<(Stream, Versions), DialError> {
    let connect_failed = |cause| DialError::Connect { address, cause };
    let tcp = connect(address).await.map_err(connect_failed)?;
    tcp.set_nodelay(true).map_err(connect_failed)?;
    let (reader, writer) = tcp.into_split();
    let mut stream = Stream::plain(reader, writer);
    let versions = greet(&mut stream, Handshake::new(client_id.clone(), oldest), address).await?;
    Ok((stream, versions))
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

/// Agrees with the broker on versions: the handshake's questions, until it has no more. An authenticator asks its own after it,
/// with the versions that came of this, and before the stream is a connection.
async fn greet(
    stream: &mut Stream,
    mut handshake: Handshake,
    address: SocketAddr,
) -> Result<Versions, DialError> {
    let failed = |cause| DialError::Handshake { address, cause };
    loop {
        let request = handshake.request().map_err(failed)?;
        let answer = stream.ask(request).await.map_err(|cause| DialError::Io { address, cause })?;
        match handshake.handle_answer(answer).map_err(failed)? {
            Progress::Continue => {}
            Progress::Done(versions) => return Ok(versions),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_kafka_writes_them() {
        for (text, host, port) in [
            ("localhost:9092", "localhost", 9092),
            (" 127.0.0.1:1 ", "127.0.0.1", 1),
            ("[::1]:9092", "::1", 9092),
            ("PLAINTEXT://kafka.example:9093", "kafka.example", 9093),
            ("plaintext://kafka.example:9093", "kafka.example", 9093),
            ("Plaintext://[::1]:9093", "::1", 9093),
        ] {
            let parsed = HostPort::parse(text).unwrap();
            assert_eq!((&*parsed.host, parsed.port), (host, port), "{text}");
        }
        assert_eq!(HostPort::parse("[::1]:9092").unwrap().to_string(), "[::1]:9092");
    }

    #[test]
    fn what_is_no_address_is_refused_with_its_text() {
        for text in [
            "",
            "localhost",
            ":9092",
            "host:0",
            "host:70000",
            "host:+9",
            "host:-1",
            "::1:9092",
            "[::1:9092",
            "[]:9092",
            "user:secret@host:9092",
            "user@host:9092",
            "//host:9092",
            "ho st:9092",
            "host/path:9092",
            "PLAINTEXT://:1",
            "PLAINTEXT://SSL://host:9092",
        ] {
            let error = HostPort::parse(text).unwrap_err().to_string();
            assert!(error.starts_with(&format!("bootstrap.servers: `{text}`: ")), "{error}");
        }
    }

    #[test]
    fn a_scheme_that_is_not_spoken_is_refused_with_what_is() {
        for scheme in
            ["SSL", "ssl", "SASL_SSL", "SASL_PLAINTEXT", "http", "https", "garbage", "PLAINTEXT ", ""]
        {
            let text = format!("{scheme}://host:9092");
            let error = HostPort::parse(&text).unwrap_err();
            assert!(matches!(error, Error::Config { .. }), "{error:?}");
            let expected =
                "is not supported: only PLAINTEXT is spoken, so write host:port or PLAINTEXT://host:port";
            assert!(error.to_string().ends_with(expected), "{error}");
        }
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn what_stays_within_the_machine_is_not_paced() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = connect(listener.local_addr().unwrap()).await.unwrap();
        assert!(socket2::SockRef::from(&stream).tcp_congestion().unwrap().starts_with(b"reno"));
    }
}
