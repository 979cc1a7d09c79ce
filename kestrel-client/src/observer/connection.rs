//! Events of connections and requests: told by `net`.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use kestrel_protocol::{ApiKey, NodeId};

use crate::error::Error;

/// A broker, as the client knew it when it connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ObservedBroker<'a> {
    /// Its id; `None` for a connection to an entry of `bootstrap.servers`.
    pub node: Option<NodeId>,
    /// Its host.
    pub host: &'a str,
    /// Its port.
    pub port: u16,
}

impl fmt::Display for ObservedBroker<'_> {
    /// `1 (kafka.example:9092)`, or the address alone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.node {
            Some(node) => write!(f, "{node} ({}:{})", self.host, self.port),
            None => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

/// A connection is ready for requests; see [`on_connected`](super::Observer::on_connected).
#[derive(Debug)]
#[non_exhaustive]
pub struct Connected<'a> {
    /// The broker.
    pub broker: ObservedBroker<'a>,
    /// From resolving its name to the end of the handshake.
    pub took: Duration,
}

/// A broker could not be connected to; see [`on_connect_failed`](super::Observer::on_connect_failed).
#[derive(Debug)]
#[non_exhaustive]
pub struct ConnectFailed<'a> {
    /// The broker.
    pub broker: ObservedBroker<'a>,
    /// How long it was tried.
    pub took: Duration,
    /// Why it failed.
    pub error: &'a Error,
}

/// A connection has ended; see [`on_disconnected`](super::Observer::on_disconnected).
#[derive(Debug)]
#[non_exhaustive]
pub struct Disconnected<'a> {
    /// The broker.
    pub broker: ObservedBroker<'a>,
    /// How many requests had no answer yet.
    pub in_flight: usize,
    /// Why it ended: an [`io::Error`](std::io::Error) of the socket, or a reason of the client's own, such as idleness.
    pub cause: &'a (dyn StdError + Send + Sync + 'static),
}

/// A request goes out; see [`on_request_written`](super::Observer::on_request_written).
#[derive(Debug)]
#[non_exhaustive]
pub struct RequestWritten<'a> {
    /// The broker.
    pub broker: ObservedBroker<'a>,
    /// What is asked.
    pub api: ApiKey,
    /// The version of it.
    pub version: i16,
    /// The size of the frame, its length field included.
    pub bytes: usize,
    /// How long it waited for the socket.
    pub queued: Duration,
}

/// A request that was written has come to its end; see [`on_request_ended`](super::Observer::on_request_ended).
#[derive(Debug)]
#[non_exhaustive]
pub struct RequestEnded<'a> {
    /// The broker.
    pub broker: ObservedBroker<'a>,
    /// What was asked.
    pub api: ApiKey,
    /// The version of it.
    pub version: i16,
    /// From [`RequestWritten`] on.
    pub latency: Duration,
    /// The size of the answer, without its length field; 0 for a request that is not answered (`acks=0`). A refusal is an
    /// answer; an error is a connection that has ended or a time that is over.
    pub outcome: Result<usize, &'a Error>,
}

/// A broker holds the client back; see [`on_throttled`](super::Observer::on_throttled).
#[derive(Debug)]
#[non_exhaustive]
pub struct Throttled<'a> {
    /// The broker.
    pub broker: ObservedBroker<'a>,
    /// The request whose answer says so.
    pub api: ApiKey,
    /// For how long the broker reads nothing more from the connection, and the client sends nothing over it.
    pub throttle: Duration,
}
