//! The connections that are open, and which of them wait for a call.

use std::collections::BTreeMap;
use std::sync::Arc;

use kestrel_client::CancellationToken;
use parking_lot::Mutex;
use tokio::sync::Notify;

/// As many connections as there may be. One that waits for a call gives way to a new one, the longest waiting first; when all have
/// calls, the new one waits.
#[derive(Debug)]
pub(super) struct Connections {
    limit: usize,
    open: Mutex<Open>,
    freed: Notify,
}

#[derive(Debug, Default)]
struct Open {
    count: usize,
    /// Those that wait for a call, by when they began to, and how each is closed.
    idle: BTreeMap<u64, CancellationToken>,
    /// How many were asked to close and have not done it yet.
    closing: usize,
    /// How often one has begun to wait.
    turns: u64,
}

impl Open {
    fn begin_waiting(&mut self, close: CancellationToken) -> u64 {
        self.turns += 1;
        self.idle.insert(self.turns, close);
        self.turns
    }
}

impl Connections {
    pub(super) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, open: Mutex::default(), freed: Notify::new() })
    }

    /// A place for a connection, as soon as there is one.
    ///
    /// # Cancel safety
    /// Cancel-safe; a connection that waited may have been closed for it.
    pub(super) async fn place(self: &Arc<Self>) -> Place {
        loop {
            // Registered before it is looked, so that no place is freed unnoticed.
            let freed = self.freed.notified();
            if let Some(place) = self.take_place() {
                return place;
            }
            freed.await;
        }
    }

    /// None when all places are taken: then the connection that has waited longest is asked to close.
    fn take_place(self: &Arc<Self>) -> Option<Place> {
        let mut open = self.open.lock();
        if open.count >= self.limit {
            if open.closing == 0
                && let Some((_, longest)) = open.idle.pop_first()
            {
                longest.cancel();
                open.closing += 1;
            }
            return None;
        }
        open.count += 1;
        let close = CancellationToken::new();
        let turn = Mutex::new(Some(open.begin_waiting(close.clone())));
        Some(Place { connections: Arc::clone(self), close, turn })
    }
}

/// The place of one connection, which has no call yet. Dropped, it is free again.
#[derive(Debug)]
pub(super) struct Place {
    connections: Arc<Connections>,
    close: CancellationToken,
    /// Since when it waits for a call; none while it has one.
    turn: Mutex<Option<u64>>,
}

impl Place {
    /// Waits until the connection has to give way.
    pub(super) async fn closed(&self) {
        self.close.cancelled().await;
    }

    /// The connection has a call, until what this gives is dropped.
    pub(super) fn call(self: &Arc<Self>) -> Busy {
        if let Some(turn) = self.turn.lock().take() {
            self.connections.open.lock().idle.remove(&turn);
        }
        Busy(Arc::clone(self))
    }

    fn begin_waiting(&self) {
        if self.close.is_cancelled() {
            return;
        }
        let turn = self.connections.open.lock().begin_waiting(self.close.clone());
        *self.turn.lock() = Some(turn);
        // Who waits for a place may have this one.
        self.connections.freed.notify_waiters();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.connections.open.lock();
        open.count -= 1;
        open.closing -= usize::from(self.close.is_cancelled());
        if let Some(turn) = self.turn.get_mut().take() {
            open.idle.remove(&turn);
        }
        drop(open);
        self.connections.freed.notify_waiters();
    }
}

/// A call that a connection has.
#[derive(Debug)]
pub(super) struct Busy(Arc<Place>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.begin_waiting();
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn poll_once<F: Future>(future: F) -> Option<F::Output> {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        }
    }

    fn is_closed(place: &Place) -> bool {
        place.close.is_cancelled()
    }

    #[test]
    fn the_longest_waiting_gives_way() {
        let connections = Connections::new(3);
        let places: Vec<_> = (0..3).map(|_| Arc::new(poll_once(connections.place()).unwrap())).collect();
        // The first is busy, and the second has had a call since the third began to wait.
        let busy = places[0].call();
        drop(places[1].call());
        assert!(poll_once(connections.place()).is_none());
        assert_eq!(places.iter().map(|place| is_closed(place)).collect::<Vec<_>>(), [false, false, true]);
        let [first, second, third] = <[_; 3]>::try_from(places).unwrap();
        drop(third);
        let fourth = poll_once(connections.place()).unwrap();
        assert!(!is_closed(&second) && !is_closed(&fourth));
        drop(busy);
        assert!(!is_closed(&first));
    }

    #[tokio::test]
    async fn without_one_that_waits_the_new_one_does() {
        let connections = Connections::new(1);
        let first = Arc::new(connections.place().await);
        let busy = first.call();
        let mut next = pin!(connections.place());
        assert!(poll_once(next.as_mut()).is_none() && !is_closed(&first));
        // Its call over, it gives way.
        drop(busy);
        let closed = async {
            first.closed().await;
            drop(first);
        };
        tokio::join!(next, closed);
    }
}
