//! Connector: a program's own way to open streams to brokers, such as through a proxy.

use std::io;

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncWrite};

/// A stream of bytes in both directions. Every type that is one has it.
pub trait Transport: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Transport for T {}

/// Opens streams to brokers, in the place of TCP connections to the addresses of their names. For
/// [`ClientBuilder::connector`](crate::ClientBuilder::connector).
///
/// What goes over a stream is the client's: TLS, for the name of the broker, and SASL, where they are set. A connector is asked with
/// the names of `bootstrap.servers` and those that brokers advertise.
///
/// ```
/// use std::io;
///
/// use kestrel_client::{Connector, Transport, async_trait};
/// use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufStream};
/// use tokio::net::TcpStream;
///
/// /// Goes through an HTTP proxy.
/// struct Proxy(&'static str);
///
/// #[async_trait]
/// impl Connector for Proxy {
///     async fn connect(&self, host: &str, port: u16) -> io::Result<Box<dyn Transport>> {
///         let mut stream = BufStream::new(TcpStream::connect(self.0).await?);
///         stream.write_all(format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n").as_bytes()).await?;
///         stream.flush().await?;
///         let mut status = String::new();
///         stream.read_line(&mut status).await?;
///         if status.split(' ').nth(1) != Some("200") {
///             return Err(io::Error::other(format!("the proxy says {}", status.trim())));
///         }
///         let mut header = String::new();
///         while stream.read_line(&mut header).await? > 2 {
///             header.clear();
///         }
///         Ok(Box::new(stream))
///     }
/// }
///
/// let builder = kestrel_client::Client::builder("kafka.example:9092").connector(Proxy("proxy.example:3128"));
/// ```
#[async_trait]
pub trait Connector: Send + Sync + 'static {
    /// Opens a stream to `host`, which is a name or an address without brackets, and `port`.
    ///
    /// Called in the client's runtime, within `socket.connection.setup.timeout.ms`; dropped when that is over.
    ///
    /// # Errors
    /// What the client says as the cause of a failed connection, and tries again after `reconnect.backoff.ms`.
    async fn connect(&self, host: &str, port: u16) -> io::Result<Box<dyn Transport>>;
}
