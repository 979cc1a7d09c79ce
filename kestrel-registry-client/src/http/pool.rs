//! Pool: connections that wait for the next request, of each address a few.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::connection::Connection;

/// The most connections of an address that are kept.
const MAX_IDLE: usize = 4;
/// The longest time that a connection is kept: registries close theirs after 30 seconds or later.
const IDLE_FOR: Duration = Duration::from_secs(25);

/// Connections that wait for the next request, by the place of their address.
#[derive(Debug)]
pub(super) struct Pool {
    idle: Vec<Mutex<Vec<Connection>>>,
}

impl Pool {
    pub(super) fn new(addresses: usize) -> Self {
        Self { idle: (0..addresses).map(|_| Mutex::default()).collect() }
    }

    /// Takes a connection out that can be used; none if there is none.
    pub(super) fn take(&self, address: usize, now: Instant) -> Option<Connection> {
        let mut idle = self.idle.get(address)?.lock();
        while let Some(mut connection) = idle.pop() {
            let is_young = now.saturating_duration_since(connection.idle_since()) < IDLE_FOR;
            if is_young && connection.is_open() {
                return Some(connection);
            }
        }
        None
    }

    /// Keeps a connection, if it can be used again.
    pub(super) fn put(&self, address: usize, mut connection: Connection, now: Instant) {
        let Some(idle) = self.idle.get(address) else { return };
        if connection.is_open() {
            connection.rest(now);
            let mut idle = idle.lock();
            if idle.len() < MAX_IDLE {
                idle.push(connection);
            }
        }
    }
}
