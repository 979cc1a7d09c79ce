//! How many connections are open, in all and by address. Asked by the listeners before they serve one.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

/// `max.connections` and `max.connections.per.ip`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConnectionMaxima {
    /// How many in all.
    pub(crate) total: usize,
    /// How many of one address.
    pub(crate) per_ip: usize,
}

/// The open connections of all listeners, counted.
#[derive(Debug)]
pub(crate) struct ConnectionCount {
    maxima: ConnectionMaxima,
    open: Mutex<HashMap<IpAddr, usize>>,
}

/// One open connection; counted until it is dropped.
#[derive(Debug)]
pub(super) struct Counted {
    count: Arc<ConnectionCount>,
    ip: IpAddr,
}

/// The limit that a connection would exceed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum TooMany {
    /// `max.connections`.
    #[error("max.connections={0} are open")]
    Total(usize),
    /// `max.connections.per.ip`.
    #[error("max.connections.per.ip={0} are open")]
    PerIp(usize),
}

impl ConnectionCount {
    /// Nothing open yet.
    pub(crate) fn new(maxima: ConnectionMaxima) -> Arc<Self> {
        Arc::new(Self { maxima, open: Mutex::default() })
    }

    /// Counts a connection from `ip` in.
    ///
    /// # Errors
    /// When there are as many as there may be.
    pub(super) fn enter(self: &Arc<Self>, ip: IpAddr) -> Result<Counted, TooMany> {
        let mut open = self.open.lock();
        if open.values().sum::<usize>() >= self.maxima.total {
            return Err(TooMany::Total(self.maxima.total));
        }
        if open.get(&ip).copied().unwrap_or_default() >= self.maxima.per_ip {
            return Err(TooMany::PerIp(self.maxima.per_ip));
        }
        *open.entry(ip).or_default() += 1;
        Ok(Counted { count: Arc::clone(self), ip })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut open = self.count.open.lock();
        if let Some(count) = open.get_mut(&self.ip) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.ip);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn both_limits_hold_and_a_closed_connection_makes_room() {
        let count = ConnectionCount::new(ConnectionMaxima { total: 3, per_ip: 2 });
        let [a, b, c] = [1, 2, 3].map(|last| IpAddr::from(Ipv4Addr::new(10, 0, 0, last)));
        let first = count.enter(a).unwrap();
        let _second = count.enter(a).unwrap();
        assert_eq!(count.enter(a).unwrap_err(), TooMany::PerIp(2));
        let _third = count.enter(b).unwrap();
        assert_eq!(count.enter(c).unwrap_err(), TooMany::Total(3));
        drop(first);
        assert!(count.enter(c).is_ok());
    }
}
