//! A listener at work: accepts connections on one address and gives each its own task.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, info, warn};

use super::acceptor::Acceptor;
use super::closed::Closed;
use super::complaints::Complaints;
use super::connection::{Connection, ConnectionLimits};
use super::connection_count::{ConnectionCount, Counted};
use super::encryption::{Encrypted, Encryption};
use super::transport::Transport;
use crate::api::{ListenerId, Origin, Pipeline};
use crate::metrics::{ConnectionCounters, Inside};
use crate::quota::Quotas;

/// How long accepting rests after it failed: out of file descriptors, most often.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How many times accepting fails until that is said again: for a minute.
const REFUSALS_PER_WARNING: u64 = 600;

/// Advice for a connection that cannot be accepted.
fn remedy(error: &io::Error) -> &'static str {
    match rustix::io::Errno::from_io_error(error) {
        Some(rustix::io::Errno::MFILE | rustix::io::Errno::NFILE) => {
            "; raise the limit of open files (ulimit -n), or lower max.connections"
        }
        _ => "",
    }
}

/// The parts of a listener: its socket, what is spoken there, and its limits.
#[derive(Debug)]
pub(crate) struct Door {
    /// The socket.
    pub(crate) acceptor: Acceptor,
    /// Which listener of the configuration this is.
    pub(crate) id: ListenerId,
    /// What encrypts its connections, where they are.
    pub(crate) encryption: Option<Arc<Encryption>>,
    /// The limits of each connection.
    pub(crate) limits: ConnectionLimits,
    /// The open connections, which the listeners share.
    pub(crate) count: Arc<ConnectionCount>,
    /// The rates at which connections may be made, which the listeners share too.
    pub(crate) quotas: Arc<Quotas>,
    /// The complaints about peers, likewise.
    pub(crate) complaints: Arc<Mutex<Complaints>>,
    /// The counters of this listener.
    pub(crate) counters: Arc<ConnectionCounters>,
}

/// Accepts the connections of one address.
#[derive(Debug)]
pub(crate) struct Listener<M> {
    door: Door,
    /// Makes the pipeline of each connection, for the user that its certificate names.
    make_pipeline: M,
    tasks: TaskTracker,
    stopping: CancellationToken,
}

impl<M, P> Listener<M>
where
    M: Fn(Option<&str>) -> P + Clone + Send + 'static,
    P: Pipeline + Send + 'static,
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
                accepted = self.door.acceptor.accept() => accepted,
                () = stopping.cancelled() => return,
            };
            match accepted {
                Ok((stream, peer)) => {
                    if std::mem::take(&mut refused) > 0 {
                        info!("connections are accepted again");
                    }
                    tokio::select! {
                        biased;
                        () = stopping.cancelled() => return,
                        counted = self.admit(peer) => match counted {
                            Ok(counted) => self.serve(stream, peer, counted),
                            Err(delay) => self.refuse(stream, delay),
                        },
                    }
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

    /// Waits as long as connections come too fast or too many are open, and counts one in. Meanwhile the next ones wait to be
    /// accepted, as with Apache Kafka.
    ///
    /// # Errors
    /// When its own address is over a limit: the connection is then closed after the time given.
    async fn admit(&self, peer: SocketAddr) -> Result<Counted, Duration> {
        let Door { id, count, quotas, counters, .. } = &self.door;
        let (ip, now) = (peer.ip().to_canonical(), || tokio::time::Instant::now().into_std());
        let pause = quotas.arrive(id.0, now());
        if !pause.is_zero() {
            counters.paused.count();
            let reason = "max.connection.creation.rate is exceeded";
            self.complain(peer, reason, reason, "accepting pauses with a connection");
            tokio::time::sleep(pause).await;
        }
        if let Err(delay) = quotas.admit(id.0, ip, now()) {
            counters.refused.count();
            let reason = "connection_creation_rate of its address is exceeded";
            self.complain(peer, reason, reason, "refused a connection");
            return Err(delay);
        }
        loop {
            let left = count.left();
            let too_many = match count.enter(*id, ip) {
                Ok(counted) => return Ok(counted),
                Err(too_many) => too_many,
            };
            if !too_many.may_wait() {
                counters.refused.count();
                self.complain(peer, too_many.kind(), &too_many.to_string(), "refused a connection");
                return Err(Duration::ZERO);
            }
            counters.paused.count();
            self.complain(peer, too_many.kind(), &too_many.to_string(), "accepting pauses with a connection");
            left.await;
        }
    }

    /// Closes a connection, after a time in which its client does not try again.
    fn refuse<S: Send + 'static>(&self, stream: S, delay: Duration) {
        let stopping = self.stopping.clone();
        if delay.is_zero() {
            return;
        }
        self.tasks.spawn(async move {
            tokio::select! {
                () = tokio::time::sleep(delay) => {}
                () = stopping.cancelled() => {}
            }
            drop(stream);
        });
    }

    fn complain(&self, peer: SocketAddr, kind: &'static str, reason: &str, what: &str) {
        let say = |about: &str| warn!("{what} from {peer}: {about}");
        complain(&self.door.complaints, peer, (kind, reason), say);
    }

    /// Serves a connection on a task of its own.
    fn serve<S: Transport + Send + 'static>(&self, stream: S, peer: SocketAddr, counted: Counted) {
        let Door { id, encryption, limits, complaints, counters, .. } = &self.door;
        counters.accepted.count();
        let visit = Visit {
            peer,
            complaints: Arc::clone(complaints),
            counters: Arc::clone(counters),
            _counted: counted,
            _open: counters.open.enter(),
        };
        let origin = Origin { peer, listener: *id };
        let (make_pipeline, limits, stopping) = (self.make_pipeline.clone(), *limits, self.stopping.clone());
        match encryption.clone() {
            None => {
                let connection = Connection::new(stream, origin, make_pipeline(None), limits);
                self.tasks.spawn(drive(connection, visit, stopping));
            }
            // The handshake is done on the task of the connection: a slow client keeps nobody else waiting.
            Some(encryption) => {
                self.tasks.spawn(async move {
                    match encrypt(&encryption, stream, &stopping).await {
                        Ok((stream, user)) => {
                            let pipeline = make_pipeline(user.as_deref());
                            drive(Connection::new(stream, origin, pipeline, limits), visit, stopping).await;
                        }
                        Err(closed) => visit.end_before_a_request(&closed),
                    }
                });
            }
        }
    }
}

/// Held by a connection while it is served.
struct Visit {
    peer: SocketAddr,
    complaints: Arc<Mutex<Complaints>>,
    counters: Arc<ConnectionCounters>,
    _counted: Counted,
    _open: Inside,
}

impl Visit {
    /// Says why there is an end, with what is known of the client.
    fn end(&self, client: &str, closed: &Closed) {
        let peer = self.peer;
        if closed.is_fault() {
            complain(&self.complaints, peer, (closed.kind(), &closed.to_string()), |about| {
                warn!("closed connection from {peer}{client}: {about}");
            });
        } else {
            debug!("closed connection from {peer}{client}: {closed}");
        }
    }

    fn end_before_a_request(&self, closed: &Closed) {
        if closed.is_fault() {
            self.counters.failed_handshakes.count();
        }
        self.end("", closed);
    }
}

/// Shakes hands, unless the broker stops.
async fn encrypt<S: Transport>(
    encryption: &Encryption,
    stream: S,
    stopping: &CancellationToken,
) -> Result<(Encrypted<S>, Option<String>), Closed> {
    tokio::select! {
        biased;
        encrypted = encryption.shake_hands(stream) => encrypted,
        () = stopping.cancelled() => Err(Closed::Stopping),
    }
}

/// Serves one connection and says in one line why it ended.
async fn drive<S, P>(mut connection: Connection<S, P>, visit: Visit, stopping: CancellationToken)
where
    S: Transport,
    P: Pipeline,
    P::Future: Unpin,
{
    let closed = connection.drive(&stopping).await;
    connection.take_leave().await;
    visit.end(&format!(" (client.id {:?})", connection.client_id()), &closed);
}

/// Says what is wrong with a peer, unless it was said a moment ago.
fn complain(
    complaints: &Mutex<Complaints>,
    peer: SocketAddr,
    (kind, reason): (&'static str, &str),
    say: impl FnOnce(&str),
) {
    let now = tokio::time::Instant::now().into_std();
    let mut complaints = complaints.lock();
    let left_out = complaints.handle(peer.ip(), kind, now);
    drop(complaints);
    match left_out {
        Some(0) => say(reason),
        Some(times) => say(&format!("{reason} (and {times} more of the kind since the last line)")),
        None => debug!("from {peer} again: {reason}"),
    }
}
