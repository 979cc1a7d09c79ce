//! The connections of a client: made when first asked for, shared, replaced when they end.
//!
//! Asked by everything that sends. Knows the addresses of the brokers (told by the metadata refresher) and the
//! bootstrap servers; waits out the reconnect backoff; connects once however many callers wait. Never retries for a caller.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use futures::FutureExt;
use kestrel_protocol::{ByteString, NodeId};
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use super::backoff::ExponentialBackoff;
use super::broker_name::BrokerName;
use super::connection::{Connection, ConnectionOptions};
use super::dial::Dialler;
use super::dial_error::DialError;
use super::host_port::HostPort;
use crate::config::ClientSettings;
use crate::environment::{self, after};
use crate::error::{Error, FailedAttempt, SharedError};
use crate::observer::{ConnectFailed, Connected};
use crate::tasks::Tasks;

/// The most requests in flight on a connection that no producer has narrowed.
const DEFAULT_WINDOW: usize = 64;

/// A producer or consumer, as far as connections are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct HandleId(u64);

impl HandleId {
    /// What no other handle of the client has.
    pub(crate) const fn number(self) -> u64 {
        self.0
    }
}

/// What a connection is for. A broker answers each connection in order, so what may wait long has one of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Purpose {
    /// Short requests of everyone.
    General,
    /// The record batches of one producer.
    Produce(HandleId),
    /// The long polls of one consumer.
    Fetch(HandleId),
    /// What one member of a group and its coordinator say to each other.
    Coordinator(HandleId),
}

/// Whom to connect to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Peer {
    /// A broker of the cluster.
    Node(NodeId),
    /// The entry of `bootstrap.servers` with this index.
    Bootstrap(usize),
}

/// The connections of a client.
#[derive(Debug)]
pub(crate) struct Pool {
    settings: Arc<ClientSettings>,
    dialler: Dialler,
    tasks: Tasks,
    shutdown: CancellationToken,
    next_handle: AtomicU64,
    state: Mutex<State>,
}

type Link = Arc<OnceCell<Connection>>;

#[derive(Debug)]
struct State {
    brokers: HashMap<NodeId, HostPort>,
    links: HashMap<(Purpose, Peer), Link>,
    reconnects: HashMap<Peer, Reconnect>,
    backoff: ExponentialBackoff,
}

/// How often connecting has failed in a row, and when to try next.
#[derive(Debug, Clone, Copy)]
struct Reconnect {
    failures: u32,
    not_before: Instant,
}

impl Pool {
    pub(crate) fn new(settings: Arc<ClientSettings>, tasks: Tasks, shutdown: CancellationToken) -> Self {
        let backoff = ExponentialBackoff::new(
            settings.reconnect_backoff,
            settings.reconnect_backoff_max,
            environment::seed(),
        );
        let dialler = Dialler {
            client_id: settings.client_id.clone(),
            setup_timeout: settings.socket_connection_setup_timeout,
            security: Arc::clone(&settings.security),
            connector: settings.connector.clone(),
        };
        Self {
            settings,
            dialler,
            tasks,
            shutdown,
            next_handle: AtomicU64::new(0),
            state: Mutex::new(State {
                brokers: HashMap::new(),
                links: HashMap::new(),
                reconnects: HashMap::new(),
                backoff,
            }),
        }
    }

    pub(crate) fn tasks(&self) -> &Tasks {
        &self.tasks
    }

    /// A new producer or consumer wants connections of its own.
    pub(crate) fn new_handle(&self) -> HandleId {
        HandleId(self.next_handle.fetch_add(1, Ordering::Relaxed))
    }

    /// A producer or consumer is gone: its connections are closed.
    pub(crate) fn release(&self, handle: HandleId) {
        let owns = |purpose: &Purpose| match purpose {
            Purpose::General => false,
            Purpose::Produce(owner) | Purpose::Fetch(owner) | Purpose::Coordinator(owner) => *owner == handle,
        };
        self.close_where("its owner has gone", |purpose, _| owns(purpose));
    }

    /// The brokers of the cluster have changed. Connections to those that are gone or have moved are closed, so that
    /// what waits on them fails at once and not when it times out.
    pub(crate) fn set_brokers(&self, brokers: HashMap<NodeId, HostPort>) {
        let differs = |state: &State, node: &NodeId| state.brokers.get(node) != brokers.get(node);
        let moved: HashSet<NodeId> = {
            let state = self.state();
            state.brokers.keys().filter(|node| differs(&state, node)).copied().collect()
        };
        self.state().brokers = brokers;
        self.close_where(
            "the broker has left the cluster or moved",
            |_, peer| matches!(peer, Peer::Node(node) if moved.contains(node)),
        );
        self.adopt_bootstrap_connections();
    }

    /// A connection to `peer`, made now if there is none.
    ///
    /// Cancel-safe: another caller that waits goes on with connecting.
    pub(crate) async fn connection(&self, purpose: Purpose, peer: Peer) -> Result<Connection, Error> {
        self.connection_with_window(purpose, peer, DEFAULT_WINDOW).await
    }

    /// As [`Self::connection`], with at most `window` requests in flight if it is made now.
    pub(crate) async fn connection_with_window(
        &self,
        purpose: Purpose,
        peer: Peer,
        window: usize,
    ) -> Result<Connection, Error> {
        self.tasks.check()?;
        let link = self.link(purpose, peer);
        link.get_or_try_init(|| self.connect(peer, window)).await.cloned()
    }

    /// A connection for a request that any broker can answer: the least loaded one that is not held back, else a broker, else a
    /// bootstrap server.
    ///
    /// Tries all of them before it fails, so a client whose brokers have all moved finds them again (KIP-899), and one broker with a
    /// bad certificate does not keep it from the others. A refused login and a missing token are the same everywhere: after one of
    /// them it tries no other broker.
    pub(crate) async fn any(&self) -> Result<Connection, Error> {
        let mut attempts = Vec::new();
        let mut bad_certificate = None;
        for peer in self.candidates() {
            match self.connection(Purpose::General, peer).await {
                Ok(connection) => return Ok(connection),
                Err(Error::Disconnected { broker, cause, .. }) => {
                    let is_last = dial_error(&cause).is_some_and(DialError::is_about_the_token);
                    attempts.push(FailedAttempt::new(broker, cause));
                    if is_last {
                        break;
                    }
                }
                Err(error) if is_about_encryption(&error) => {
                    bad_certificate.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
        Err(bad_certificate.unwrap_or(Error::Bootstrap { attempts: attempts.into() }))
    }

    /// Forgets the brokers, so that the next request goes to a bootstrap server (KIP-1102).
    pub(crate) fn rebootstrap(&self) {
        self.state().brokers.clear();
        self.close_where("the client starts again from its bootstrap servers", |purpose, peer| {
            *purpose == Purpose::General && matches!(peer, Peer::Node(_))
        });
    }

    /// A bootstrap server that turned out to be a broker, under the very same address, is not connected to twice: that would
    /// be two round trips more before the first request.
    fn adopt_bootstrap_connections(&self) {
        let State { brokers, links, .. } = &mut *self.state();
        for (index, server) in self.settings.bootstrap_servers.iter().enumerate() {
            let Some((node, _)) = brokers.iter().find(|(_, address)| *address == server) else { continue };
            let (as_server, as_broker) = (Peer::Bootstrap(index), Peer::Node(*node));
            let is_open = |link: &Link| link.get().is_some_and(|connection| !connection.is_closed());
            if links.contains_key(&(Purpose::General, as_broker)) {
                continue;
            }
            if let Some(link) = links.remove(&(Purpose::General, as_server)).filter(is_open) {
                links.insert((Purpose::General, as_broker), link);
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    fn close_where(&self, cause: &str, condemned: impl Fn(&Purpose, &Peer) -> bool) {
        let mut closing = Vec::new();
        self.state().links.retain(|(purpose, peer), link| {
            let keep = !condemned(purpose, peer);
            if !keep {
                closing.push(Arc::clone(link));
            }
            keep
        });
        for connection in closing.iter().filter_map(|link| link.get()) {
            connection.close(cause);
        }
    }

    fn link(&self, purpose: Purpose, peer: Peer) -> Link {
        let mut state = self.state();
        let link = state.links.entry((purpose, peer)).or_default();
        if link.get().is_some_and(Connection::is_closed) {
            *link = Link::default();
        }
        Arc::clone(link)
    }

    /// Brokers with a connection first, the least loaded before the others; then the other brokers; then bootstrap servers.
    fn candidates(&self) -> Vec<Peer> {
        let state = self.state();
        let mut seed = environment::seed();
        let load = |peer: &Peer| {
            let link = state.links.get(&(Purpose::General, *peer));
            let connection = link.and_then(|link| link.get()).filter(|connection| !connection.is_closed());
            let load = connection.map_or(usize::MAX, Connection::in_flight);
            (connection.is_some_and(Connection::is_held_back), load)
        };
        let failures = |peer: &Peer| state.reconnects.get(peer).map_or(0, |reconnect| reconnect.failures);
        let mut nodes: Vec<Peer> = state.brokers.keys().map(|node| Peer::Node(*node)).collect();
        nodes.sort_by_cached_key(|peer| (load(peer), failures(peer), environment::next_random(&mut seed)));
        let mut bootstrap: Vec<Peer> =
            (0..self.settings.bootstrap_servers.len()).map(Peer::Bootstrap).collect();
        bootstrap.sort_by_key(|peer| (load(peer), failures(peer)));
        nodes.into_iter().chain(bootstrap).collect()
    }

    async fn connect(&self, peer: Peer, window: usize) -> Result<Connection, Error> {
        self.wait_for_turn(peer).await;
        let broker = self.broker_name(peer)?;
        let begun = environment::now();
        let client_id: ByteString = self.settings.client_id.clone();
        // In the client's runtime, whichever one the caller is in: the socket belongs to it.
        let (dialler, target) = (self.dialler.clone(), broker.address().clone());
        // Behind a pointer, because it is large, and in the future of everybody who might connect.
        let dial = async move { dialler.dial(&target).await }.boxed();
        let dialled = tokio::select! {
            () = self.shutdown.cancelled() => return Err(Error::closed("client")),
            dialled = self.tasks.run(dial) => dialled?,
        };
        let took = environment::now().saturating_duration_since(begun);
        let observer = self.tasks.observer();
        let dialled = dialled.map_err(|error| {
            self.note_failure(peer);
            let error = unreachable(peer, &broker, error);
            let event = ConnectFailed { broker: broker.observed(), took, error: &error };
            observer.tell(|observer| observer.on_connect_failed(&event));
            error
        })?;
        self.state().reconnects.remove(&peer);
        observer.tell(|observer| observer.on_connected(&Connected { broker: broker.observed(), took }));
        let options = ConnectionOptions {
            broker,
            client_id,
            window,
            receive_limit_bytes: self.settings.receive_message_max_bytes,
            max_idle: self.settings.connections_max_idle,
        };
        let ended = self.shutdown.child_token();
        Ok(Connection::start(dialled, options, &self.tasks, ended))
    }

    async fn wait_for_turn(&self, peer: Peer) {
        let not_before = self.state().reconnects.get(&peer).map(|reconnect| reconnect.not_before);
        if let Some(not_before) = not_before {
            environment::sleep_until(Some(not_before)).await;
        }
    }

    fn note_failure(&self, peer: Peer) {
        let mut state = self.state();
        let failures =
            state.reconnects.get(&peer).map_or(0, |reconnect| reconnect.failures).saturating_add(1);
        let not_before = after(environment::now(), state.backoff.delay(failures));
        state.reconnects.insert(peer, Reconnect { failures, not_before });
    }

    /// The name of `peer`, with the address as it is known now.
    fn broker_name(&self, peer: Peer) -> Result<BrokerName, Error> {
        let unknown = |broker: String| {
            Error::disconnected(broker, "the cluster has no broker with this id at the moment", false)
        };
        match peer {
            Peer::Node(node) => {
                let address = self.state().brokers.get(&node).cloned();
                Ok(BrokerName::new(Some(node), address.ok_or_else(|| unknown(node.to_string()))?))
            }
            Peer::Bootstrap(index) => {
                let address = self.settings.bootstrap_servers.get(index).cloned();
                Ok(BrokerName::new(None, address.ok_or_else(|| unknown(peer.to_string()))?))
            }
        }
    }
}

/// The error of a peer that cannot be connected to: with the broker's setting that is to blame, when the address is the one
/// that the broker names.
fn unreachable(peer: Peer, broker: &BrokerName, error: DialError) -> Error {
    match peer {
        _ if error.is_about_identity() => Error::authentication(broker.text(), error),
        Peer::Node(_) if error.is_about_the_address() => {
            Error::disconnected(broker.text(), Misadvertised { cause: error }, false)
        }
        _ => Error::disconnected(broker.text(), error, false),
    }
}

/// The failed dial that is the cause of an error of [`unreachable()`].
fn dial_error(cause: &SharedError) -> Option<&DialError> {
    cause.downcast_ref()
}

fn is_about_encryption(error: &Error) -> bool {
    match error {
        Error::Authentication { cause, .. } => dial_error(cause).is_some_and(DialError::is_about_encryption),
        _ => false,
    }
}

/// Why a broker whose address came from the brokers themselves cannot be connected to.
#[derive(Debug, thiserror::Error)]
#[error("the address that it advertises leads nowhere (the broker's setting advertised.listeners)")]
struct Misadvertised {
    #[source]
    cause: DialError,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(node) => write!(f, "{node}"),
            Self::Bootstrap(index) => write!(f, "bootstrap server {index}"),
        }
    }
}

#[cfg(test)]
mod tests;
