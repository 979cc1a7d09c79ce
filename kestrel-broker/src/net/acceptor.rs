//! Sockets: binds an address, and gives the connections that come in as streams. The only file of `net/` that names TCP.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::task::{Context, Poll, ready};

use tokio::net::{TcpListener, TcpSocket, TcpStream, lookup_host};
use tracing::debug;

use super::transport::Transport;
use crate::config::Endpoint;
use crate::log::FileRun;

/// A socket that listens.
#[derive(Debug)]
pub(crate) struct Acceptor(TcpListener);

impl Acceptor {
    /// Listens on `endpoint`; the first address of its host that can be bound.
    ///
    /// # Errors
    /// When the host is not known or none of its addresses can be bound.
    pub(crate) async fn bind(endpoint: &Endpoint, backlog: u32) -> io::Result<Self> {
        bind(endpoint, backlog).await.map(Self)
    }

    /// The port, which the system may have chosen.
    ///
    /// # Errors
    /// When the system does not say.
    pub(crate) fn port(&self) -> io::Result<u16> {
        self.0.local_addr().map(|address| address.port())
    }

    /// The next connection and the address of its other end. Dropping the future loses none.
    ///
    /// # Errors
    /// When none can be accepted for now.
    pub(super) async fn accept(&self) -> io::Result<(impl Transport + Send + 'static, SocketAddr)> {
        loop {
            let (stream, peer) = self.0.accept().await?;
            match stream.set_nodelay(true) {
                Ok(()) => return Ok((stream, peer)),
                Err(error) => debug!("closed connection from {peer}: {error}"),
            }
        }
    }
}

/// As [`Acceptor::bind`], for who accepts connections himself.
///
/// # Errors
/// When the host is not known or none of its addresses can be bound.
pub(crate) async fn bind(endpoint: &Endpoint, backlog: u32) -> io::Result<TcpListener> {
    let host = if endpoint.is_wildcard() && endpoint.host != "0.0.0.0" { "::" } else { &endpoint.host };
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for address in lookup_host((host, endpoint.port)).await? {
        match listen(address, backlog) {
            Ok(listener) => return Ok(listener),
            Err(error) => failure = error,
        }
    }
    // A machine without IPv6 has no address that stands for both kinds.
    if host == "::" && failure.kind() != io::ErrorKind::AddrInUse {
        return listen(([0, 0, 0, 0], endpoint.port).into(), backlog);
    }
    Err(failure)
}

fn listen(address: SocketAddr, backlog: u32) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A restarted broker gets its port back although old connections linger; two that listen still exclude each other.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    #[cfg(target_os = "linux")]
    if address.ip().to_canonical().is_loopback()
        && let Err(error) = rustix::net::sockopt::set_tcp_congestion(&socket, "reno")
    {
        // Nothing is congested within one machine, and pacing (`bbr`) would set a timer for every 64 KiB (decision 0013).
        debug!("{address} sends as if over a network: {error}");
    }
    socket.bind(address)?;
    socket.listen(backlog)
}

#[cfg(not(target_os = "linux"))]
impl Transport for TcpStream {}

#[cfg(target_os = "linux")]
impl Transport for TcpStream {
    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
        more: bool,
    ) -> Poll<io::Result<usize>> {
        use rustix::net::{SendAncillaryBuffer, SendFlags, sendmsg};
        let flags = if more { SendFlags::NOSIGNAL | SendFlags::MORE } else { SendFlags::NOSIGNAL };
        poll_write_with(self, cx, |socket| {
            sendmsg(socket, slices, &mut SendAncillaryBuffer::default(), flags)
        })
    }

    fn poll_send_file(&mut self, cx: &mut Context<'_>, run: &FileRun) -> Poll<io::Result<usize>> {
        poll_write_with(self, cx, |socket| {
            let mut position = run.position();
            rustix::fs::sendfile(socket, run.file(), Some(&mut position), run.len())
        })
    }
}

/// Calls `write` when the socket takes bytes.
#[cfg(target_os = "linux")]
fn poll_write_with(
    socket: &TcpStream,
    cx: &mut Context<'_>,
    write: impl Fn(&TcpStream) -> rustix::io::Result<usize>,
) -> Poll<io::Result<usize>> {
    loop {
        ready!(socket.poll_write_ready(cx))?;
        match socket.try_io(tokio::io::Interest::WRITABLE, || write(socket).map_err(io::Error::from)) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            written => return Poll::Ready(written),
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_stays_within_the_machine_is_not_paced() {
        let listener = listen(([127, 0, 0, 1], 0).into(), 1).unwrap();
        let address = listener.local_addr().unwrap();
        let (_far, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        let (near, _) = accepted.unwrap();
        assert_eq!(rustix::net::sockopt::tcp_congestion(&near).unwrap(), "reno");
    }
}
