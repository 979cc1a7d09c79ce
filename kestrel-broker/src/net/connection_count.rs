//! How many connections are open: in all, by listener and by address. Asked by the listeners before they serve one.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::api::ListenerId;

/// `max.connections` and `max.connections.per.ip`.
#[derive(Debug, Clone, Default)]
pub(crate) struct ConnectionMaxima {
    /// How many in all.
    pub(crate) total: usize,
    /// How many of each listener.
    pub(crate) listeners: Vec<usize>,
    /// How many of one address.
    pub(crate) per_ip: usize,
    /// How many of these addresses instead.
    pub(crate) of_ip: HashMap<IpAddr, usize>,
}

/// The open connections of all listeners, counted.
#[derive(Debug)]
pub(crate) struct ConnectionCount {
    maxima: ConnectionMaxima,
    open: Mutex<Open>,
    left: Notify,
}

#[derive(Debug)]
struct Open {
    total: usize,
    by_listener: Vec<usize>,
    by_ip: HashMap<IpAddr, usize>,
}

/// One open connection; counted until it is dropped.
#[derive(Debug)]
pub(super) struct Counted {
    count: Arc<ConnectionCount>,
    listener: ListenerId,
    ip: IpAddr,
}

/// The limit that a connection would exceed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum TooMany {
    /// `max.connections`.
    #[error("max.connections={0} are open")]
    Total(usize),
    /// `max.connections` of the listener.
    #[error("max.connections={0} of the listener are open")]
    OfListener(usize),
    /// `max.connections.per.ip`, or what an override says.
    #[error("max.connections.per.ip={0} are open")]
    PerIp(usize),
}

impl TooMany {
    /// The key that says so.
    pub(super) const fn kind(self) -> &'static str {
        match self {
            Self::Total(_) => "max.connections",
            Self::OfListener(_) => "max.connections of the listener",
            Self::PerIp(_) => "max.connections.per.ip",
        }
    }

    /// Whether the connection may wait until others end: who is one too many for his own address is closed.
    pub(super) const fn may_wait(self) -> bool {
        matches!(self, Self::Total(_) | Self::OfListener(_))
    }
}

impl ConnectionCount {
    /// Nothing open yet.
    pub(crate) fn new(maxima: ConnectionMaxima) -> Arc<Self> {
        let by_listener = vec![0; maxima.listeners.len()];
        let open = Mutex::new(Open { total: 0, by_listener, by_ip: HashMap::new() });
        Arc::new(Self { maxima, open, left: Notify::new() })
    }

    /// Counts a connection from `ip` in.
    ///
    /// # Errors
    /// When there are as many as there may be.
    pub(super) fn enter(self: &Arc<Self>, listener: ListenerId, ip: IpAddr) -> Result<Counted, TooMany> {
        let (maxima, mut open) = (&self.maxima, self.open.lock());
        // First: who is one too many for his own address is not to keep accepting from going on.
        let most = maxima.of_ip.get(&ip).copied().unwrap_or(maxima.per_ip);
        if open.by_ip.get(&ip).copied().unwrap_or_default() >= most {
            return Err(TooMany::PerIp(most));
        }
        if open.total >= maxima.total {
            return Err(TooMany::Total(maxima.total));
        }
        let most = maxima.listeners.get(listener.0).copied().unwrap_or(usize::MAX);
        if open.by_listener.get(listener.0).is_some_and(|count| *count >= most) {
            return Err(TooMany::OfListener(most));
        }
        open.total += 1;
        *open.by_ip.entry(ip).or_default() += 1;
        if let Some(count) = open.by_listener.get_mut(listener.0) {
            *count += 1;
        }
        Ok(Counted { count: Arc::clone(self), listener, ip })
    }

    /// Waits until a connection ends, from the moment of the call on.
    pub(super) fn left(&self) -> impl Future<Output = ()> + '_ {
        self.left.notified()
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut open = self.count.open.lock();
        open.total -= 1;
        if let Some(count) = open.by_listener.get_mut(self.listener.0) {
            *count -= 1;
        }
        if let Some(count) = open.by_ip.get_mut(&self.ip) {
            *count -= 1;
            if *count == 0 {
                open.by_ip.remove(&self.ip);
            }
        }
        drop(open);
        self.count.left.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const HERE: ListenerId = ListenerId(0);
    const THERE: ListenerId = ListenerId(1);

    fn ip(last: u8) -> IpAddr {
        Ipv4Addr::new(10, 0, 0, last).into()
    }

    #[test]
    fn all_limits_hold_and_a_closed_connection_makes_room() {
        let of_ip = [(ip(9), 0)].into();
        let maxima = ConnectionMaxima { total: 4, listeners: vec![3, 9], per_ip: 2, of_ip };
        let count = ConnectionCount::new(maxima);
        let first = count.enter(HERE, ip(1)).unwrap();
        let _second = count.enter(HERE, ip(1)).unwrap();
        assert_eq!(count.enter(THERE, ip(1)).unwrap_err(), TooMany::PerIp(2));
        assert_eq!(count.enter(THERE, ip(9)).unwrap_err(), TooMany::PerIp(0));
        let _third = count.enter(HERE, ip(2)).unwrap();
        assert_eq!(count.enter(HERE, ip(3)).unwrap_err(), TooMany::OfListener(3));
        let _fourth = count.enter(THERE, ip(3)).unwrap();
        assert_eq!(count.enter(THERE, ip(4)).unwrap_err(), TooMany::Total(4));
        assert_eq!(
            count.enter(THERE, ip(1)).unwrap_err(),
            TooMany::PerIp(2),
            "nobody has to wait for this one"
        );
        drop(first);
        assert!(count.enter(HERE, ip(4)).is_ok());
    }
}
