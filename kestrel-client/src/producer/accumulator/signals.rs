//! Signals: the partitions with news for the sender, and whether it has to be brought to look at them.
//!
//! Why no news is missed: an append first notes its news and then reads `timer` and `awake`; the sender first resets those
//! two ([`begin_look`](Signals::begin_look)) and then takes the news. The lock of the list, or of the partition's queue,
//! orders the two, so either the sender finds the news or the append sees that the sender is not going to look in time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::queue::PartitionQueue;

/// The timer value that every deadline is before.
const NEVER: u64 = u64::MAX;

/// Partitions with news, and whether the sender sleeps.
pub(crate) struct Signals {
    news: Mutex<Vec<Arc<PartitionQueue>>>,
    wake: Notify,
    /// A wake-up is on its way, or the sender is awake.
    awake: AtomicBool,
    /// When the sender's timer fires, in nanoseconds after `epoch`.
    timer: AtomicU64,
    /// A record was refused, or waits, for want of memory: batches should not linger.
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
            pressure: AtomicBool::new(false),
            epoch,
        }
    }

    /// Adds a partition to those with news.
    pub(super) fn add(&self, queue: &Arc<PartitionQueue>) {
        self.news.lock().push(Arc::clone(queue));
    }

    /// Whether the sender has to be brought to look: it sleeps, and its timer does not fire by `deadline`. `None` is now.
    pub(super) fn is_due(&self, deadline: Option<Instant>) -> bool {
        let due = deadline.map_or(0, |deadline| self.nanos(deadline));
        due < self.timer.load(Ordering::SeqCst) && !self.awake.load(Ordering::SeqCst)
    }

    /// Wakes the sender's task.
    pub(crate) fn wake(&self) {
        if !self.awake.swap(true, Ordering::SeqCst) {
            self.wake.notify_one();
        }
    }

    /// A record waits for memory or was refused for want of it.
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

    /// Appends the partitions with news to `into`.
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
    fn a_sender_whose_timer_fires_in_time_is_left_alone() {
        let signals = Signals::new(crate::environment::now());
        let second = Duration::from_secs(1);
        signals.begin_look();
        assert!(signals.is_due(Some(signals.epoch + 6 * second)), "there is no timer yet");
        signals.set_timer(Some(signals.epoch + 5 * second));
        assert!(!signals.is_due(Some(signals.epoch + 6 * second)));
        assert!(signals.is_due(Some(signals.epoch + 4 * second)));
        assert!(signals.is_due(None));
        signals.wake();
        assert!(!signals.is_due(None), "once is enough until it looks again");
        assert!(is_woken(&signals));
        signals.begin_look();
        assert!(signals.is_due(None));
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
