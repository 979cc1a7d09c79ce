//! One connection to one broker, and the pool of them.
//!
//! Everything that the client says to a cluster goes through here: the metadata refresher, producers, consumers and
//! admin calls ask the [`Pool`] for a [`Connection`] and send typed requests on it. Nothing here knows what a request
//! means, retries one, or keeps state beyond the connection.
//!
//! ```text
//!   Pool ── dial ── Stream ── Handshake (ApiVersions) ── Authentication (SASL) ── Connection
//!            │ every address of a name, TCP, TLS                            │ outbox: requests → socket, by whoever has one
//!                                                                           │ task: socket → answers, in order
//! ```

mod authentication;
mod backoff;
mod broker_name;
mod connection;
mod connector;
mod dial;
mod dial_error;
mod handshake;
mod host_port;
mod in_flight;
mod pool;
mod session;
mod stream;
mod versions;

pub(crate) use backoff::ExponentialBackoff;
pub(crate) use connection::{Call, Connection};
pub use connector::{Connector, Transport};
pub(crate) use handshake::api_versions_request;
pub(crate) use host_port::HostPort;
pub(crate) use pool::{HandleId, Peer, Pool, Purpose};
