//! How the sender task learns that a partition has news: a list of partitions, and a wake-up when it is worth one.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Instant;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::queue::PartitionQueue;

/// The timer value that every deadline is before.
const NEVER: u64 = u64::MAX;

/// Does what the sender would do if it were woken, in the thread that would wake it.
pub(crate) trait SendAtOnce: Send + Sync {
    /// Takes the news and sends; false when the sender has to be woken all the same.
    fn send_at_once(&self) -> bool;
}

/// Partitions with news, and whether the sender sleeps.
pub(crate) struct Signals {
    news: Mutex<Vec<Arc<PartitionQueue>>>,
    wake: Notify,
    /// A wake-up is on its way, or the sender is awake.
    awake: AtomicBool,
    /// When the sender's timer fires, in nanoseconds after `epoch`.
    timer: AtomicU64,
    /// Spares the sender the waking, for a producer whose records do not linger.
    at_once: OnceLock<Weak<dyn SendAtOnce>>,
    /// Someone found no memory: batches should not linger.
    pressure: AtomicBool,
    epoch: Instant,
}

impl Signals {
    pub(super) fn new(epoch: Instant) -> Self {
        Self {
            news: Mutex::new(Vec::new()),
            wake: Notify::new(),
            awake: AtomicBool::new(false),
            timer: AtomicU64::new(NEVER),
            at_once: OnceLock::new(),
            pressure: AtomicBool::new(false),
            epoch,
        }
    }

    /// A partition has news. `deadline` is when something has to be done about it; `None` is now.
    pub(super) fn add(&self, queue: &Arc<PartitionQueue>, deadline: Option<Instant>) {
        self.news.lock().push(Arc::clone(queue));
        self.wake_before(deadline);
    }

    /// Wakes the sender unless its timer fires by `deadline` anyway; `None` is now.
    pub(super) fn wake_before(&self, deadline: Option<Instant>) {
        let due = deadline.map_or(0, |deadline| self.nanos(deadline));
        if due >= self.timer.load(Ordering::SeqCst) || self.awake.load(Ordering::SeqCst) {
            return;
        }
        let at_once = self.at_once.get().and_then(Weak::upgrade);
        if !at_once.is_some_and(|sender| sender.send_at_once()) {
            self.wake();
        }
    }

    /// Lets `sender` try from now on, before anyone wakes it.
    pub(crate) fn send_at_once_with(&self, sender: &Arc<impl SendAtOnce + 'static>) {
        let sender: Weak<dyn SendAtOnce> = Arc::downgrade(sender) as _;
        let _ = self.at_once.set(sender);
    }

    /// Wakes the sender in any case.
    pub(crate) fn wake(&self) {
        if !self.awake.swap(true, Ordering::SeqCst) {
            self.wake.notify_one();
        }
    }

    /// Someone waits for memory or was refused for want of it.
    pub(super) fn press(&self) {
        if !self.pressure.swap(true, Ordering::SeqCst) {
            self.wake();
        }
    }

    /// The sender is about to look at everything: what comes after this wakes it again.
    pub(crate) fn begin_look(&self) {
        self.timer.store(NEVER, Ordering::SeqCst);
        self.awake.store(false, Ordering::SeqCst);
    }

    /// The partitions with news, appended to `into`.
    pub(crate) fn take(&self, into: &mut Vec<Arc<PartitionQueue>>) {
        into.append(&mut self.news.lock());
    }

    /// Whether there was pressure since the last call.
    pub(crate) fn take_pressure(&self) -> bool {
        self.pressure.swap(false, Ordering::SeqCst)
    }

    /// The sender sleeps until `deadline` at the longest.
    pub(crate) fn set_timer(&self, deadline: Option<Instant>) {
        self.timer.store(deadline.map_or(NEVER, |deadline| self.nanos(deadline)), Ordering::SeqCst);
    }

    /// Whether the sender's timer fires by `deadline`.
    pub(crate) fn is_timed(&self, deadline: Option<Instant>) -> bool {
        let timer = self.timer.load(Ordering::SeqCst);
        deadline.is_none_or(|deadline| timer <= self.nanos(deadline))
    }

    /// Waits for a wake-up. Cancel-safe: one that has come is not lost.
    pub(crate) async fn woken(&self) {
        self.wake.notified().await;
    }

    fn nanos(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.epoch).as_nanos()).unwrap_or(NEVER - 1)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::FutureExt;

    use super::*;

    fn is_woken(signals: &Signals) -> bool {
        signals.woken().now_or_never().is_some()
    }

    #[test]
    fn a_sender_whose_timer_fires_in_time_is_not_woken() {
        let signals = Signals::new(crate::environment::now());
        let second = Duration::from_secs(1);
        signals.begin_look();
        signals.set_timer(Some(signals.epoch + 5 * second));
        signals.wake_before(Some(signals.epoch + 6 * second));
        assert!(!is_woken(&signals));
        signals.wake_before(Some(signals.epoch + 4 * second));
        assert!(is_woken(&signals));
        signals.wake_before(None);
        assert!(!is_woken(&signals), "once is enough until it looks again");
        signals.begin_look();
        signals.wake();
        assert!(is_woken(&signals));
    }

    #[test]
    fn a_sender_is_woken_only_for_what_could_not_be_sent_at_once() {
        struct Willing(AtomicBool);

        impl SendAtOnce for Willing {
            fn send_at_once(&self) -> bool {
                self.0.load(Ordering::SeqCst)
            }
        }

        let signals = Signals::new(crate::environment::now());
        let sender = Arc::new(Willing(AtomicBool::new(true)));
        signals.send_at_once_with(&sender);
        signals.wake_before(None);
        assert!(!is_woken(&signals));
        sender.0.store(false, Ordering::SeqCst);
        signals.wake_before(None);
        assert!(is_woken(&signals));
        signals.begin_look();
        drop(sender);
        signals.wake_before(None);
        assert!(is_woken(&signals));
    }

    #[test]
    fn pressure_wakes_once_until_it_is_taken() {
        let signals = Signals::new(crate::environment::now());
        signals.press();
        assert!(is_woken(&signals));
        signals.begin_look();
        signals.press();
        assert!(!is_woken(&signals));
        assert!(signals.take_pressure());
        assert!(!signals.take_pressure());
    }
}
