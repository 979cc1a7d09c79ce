//! One connection to one broker, and the pool of them.
//!
//! Everything that the client says to a cluster goes through here: the metadata refresher, producers, consumers and
//! admin calls ask the [`Pool`] for a [`Connection`] and send typed requests on it. Nothing here knows what a request
//! means, retries one, or keeps state beyond the connection.
//!
//! ```text
//!   Pool ── dial (every address of a name) ── Stream ── Handshake (ApiVersions) ── Connection
//!                                                                         │ outbox: requests → socket, by whoever has one
//!                                                                         │ task: socket → answers, in order
//! ```

mod backoff;
mod broker_name;
mod connection;
mod dial;
mod handshake;
mod in_flight;
mod pool;
mod stream;
mod versions;

pub(crate) use backoff::ExponentialBackoff;
pub(crate) use connection::{Call, Connection};
pub(crate) use dial::HostPort;
pub(crate) use pool::{HandleId, Peer, Pool, Purpose};
