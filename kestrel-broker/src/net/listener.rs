//! Accepts connections on one address and gives each its own task.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpSocket, TcpStream, lookup_host};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service;
use tracing::{debug, info, warn};

use super::complaints::Complaints;
use super::connection::{Connection, ConnectionLimits};
use super::connection_count::{ConnectionCount, Counted};
use super::transport::Transport;
use crate::api::{AnswerFrame, Close, ListenerId, Origin, Request};
use crate::config::Endpoint;

/// How long accepting rests after it failed: out of file descriptors, most often.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How many times accepting fails until that is said again: for a minute.
const REFUSALS_PER_WARNING: u64 = 600;

/// What to do when a connection cannot be accepted.
fn remedy(error: &io::Error) -> &'static str {
    match rustix::io::Errno::from_io_error(error) {
        Some(rustix::io::Errno::MFILE | rustix::io::Errno::NFILE) => {
            "; raise the limit of open files (ulimit -n), or lower max.connections"
        }
        _ => "",
    }
}

/// Listens on `endpoint`; the first address of its host that can be bound.
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

/// Where connections come in, and how many and what may.
#[derive(Debug)]
pub(crate) struct Door {
    /// What is listened on.
    pub(crate) socket: TcpListener,
    /// Which listener of the configuration this is.
    pub(crate) listener: ListenerId,
    /// The limits of each connection.
    pub(crate) limits: ConnectionLimits,
    /// The open connections, which the listeners share.
    pub(crate) count: Arc<ConnectionCount>,
    /// What was said of peers lately, which the listeners share too.
    pub(crate) complaints: Arc<Mutex<Complaints>>,
}

/// What accepts the connections of one address.
#[derive(Debug)]
pub(crate) struct Listener<M> {
    door: Door,
    /// Makes the pipeline of each connection.
    make_pipeline: M,
    tasks: TaskTracker,
    stopping: CancellationToken,
}

impl<M, P> Listener<M>
where
    M: Fn() -> P + Send + 'static,
    P: Service<Request, Response = AnswerFrame, Error = Close> + Send + 'static,
    P::Future: Unpin + Send,
{
    /// A listener whose connections run on `tasks` until `stopping` is cancelled.
    pub(crate) const fn new(
        door: Door,
        make_pipeline: M,
        tasks: TaskTracker,
        stopping: CancellationToken,
    ) -> Self {
        Self { door, make_pipeline, tasks, stopping }
    }

    /// Accepts until `stopping` is cancelled.
    pub(crate) async fn drive(self) {
        let stopping = self.stopping.clone();
        let mut refused = 0u64;
        loop {
            let accepted = tokio::select! {
                accepted = self.door.socket.accept() => accepted,
                () = stopping.cancelled() => return,
            };
            match accepted {
                Ok((stream, peer)) => {
                    if std::mem::take(&mut refused) > 0 {
                        info!("connections are accepted again");
                    }
                    self.serve(stream, peer);
                }
                Err(error) => {
                    // It waits in the backlog until it can be accepted; said now and then, not ten times a second.
                    if refused.is_multiple_of(REFUSALS_PER_WARNING) {
                        warn!("cannot accept a connection: {error}{}", remedy(&error));
                    }
                    refused += 1;
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn serve(&self, stream: TcpStream, peer: SocketAddr) {
        let counted = match self.door.count.enter(peer.ip()) {
            Ok(counted) => counted,
            Err(too_many) => {
                return complain(&self.door.complaints, peer, &too_many.to_string(), |about| {
                    warn!("refused a connection from {peer}: {about}");
                });
            }
        };
        if let Err(error) = stream.set_nodelay(true) {
            return debug!("closed connection from {peer}: {error}");
        }
        let origin =
            Origin { peer, listener: self.door.listener, file_run_min_bytes: TcpStream::FILE_RUN_MIN_BYTES };
        let connection = Connection::new(stream, origin, (self.make_pipeline)(), self.door.limits);
        let visit = Visit { peer, complaints: Arc::clone(&self.door.complaints), _counted: counted };
        self.tasks.spawn(drive(connection, visit, self.stopping.clone()));
    }
}

/// A connection while it is served.
struct Visit {
    peer: SocketAddr,
    complaints: Arc<Mutex<Complaints>>,
    _counted: Counted,
}

/// Serves one connection and says in one line why it ended.
async fn drive<P>(mut connection: Connection<TcpStream, P>, visit: Visit, stopping: CancellationToken)
where
    P: Service<Request, Response = AnswerFrame, Error = Close>,
    P::Future: Unpin,
{
    let closed = connection.drive(&stopping).await;
    let client_id = connection.client_id();
    let peer = visit.peer;
    if closed.is_fault() {
        complain(&visit.complaints, peer, &closed.to_string(), |about| {
            warn!("closed connection from {peer} (client.id {client_id:?}): {about}");
        });
    } else {
        debug!("closed connection from {peer} (client.id {client_id:?}): {closed}");
    }
}

/// Says what is wrong with a peer, unless it was said a moment ago.
fn complain(complaints: &Mutex<Complaints>, peer: SocketAddr, reason: &str, say: impl FnOnce(&str)) {
    let now = tokio::time::Instant::now().into_std();
    let mut complaints = complaints.lock();
    let left_out = complaints.handle(peer.ip(), reason, now);
    drop(complaints);
    match left_out {
        Some(0) => say(reason),
        Some(times) => say(&format!("{reason} (and {times} times more since this was last said)")),
        None => debug!("from {peer} again: {reason}"),
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
