//! Group commit: one thread that flushes the logs that asked for it.
//!
//! A log is queued once however often it asks; what is appended while its flush runs is covered by the next one. Owned
//! by the manager; the logs see the queue only.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::log::Log;

/// The logs that wait for a flush: each at most once.
#[derive(Debug, Default)]
pub(super) struct FlushQueue {
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Debug, Default)]
struct State {
    logs: VecDeque<Arc<Log>>,
    stopped: bool,
}

impl FlushQueue {
    /// Asks for a flush of everything that `log` has now.
    pub(super) fn request(&self, log: Arc<Log>) {
        if log.flush_queued.swap(true, Ordering::AcqRel) {
            return;
        }
        self.lock().logs.push_back(log);
        self.wake.notify_one();
    }

    /// The next log to flush; `None` when the flusher has to stop.
    fn next(&self) -> Option<Arc<Log>> {
        let mut state = self.lock();
        loop {
            if state.stopped {
                return None;
            }
            if let Some(log) = state.logs.pop_front() {
                return Some(log);
            }
            self.wake.wait(&mut state);
        }
    }

    /// Flushes the logs that wait: for tests that stopped the flusher, so that nothing happens but what they do.
    #[cfg(test)]
    pub(super) fn flush_all(&self) {
        while let Some(log) = { self.lock().logs.pop_front() } {
            log.flush_queued.store(false, Ordering::Release);
            log.flush().unwrap();
        }
    }

    /// Ends the flusher's thread; a flush that runs is ended first.
    pub(super) fn stop(&self) {
        let mut state = self.lock();
        state.stopped = true;
        state.logs.clear();
        self.wake.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

/// The thread that flushes. Stops when it is dropped; a flush that runs is ended first.
#[derive(Debug)]
pub(super) struct Flusher {
    queue: Arc<FlushQueue>,
    thread: Option<JoinHandle<()>>,
}

impl Flusher {
    /// Starts the thread.
    pub(super) fn start(queue: Arc<FlushQueue>) -> io::Result<Self> {
        let work = Arc::clone(&queue);
        let thread = thread::Builder::new().name("kestrel-flusher".into()).spawn(move || run(&work))?;
        Ok(Self { queue, thread: Some(thread) })
    }
}

impl Drop for Flusher {
    fn drop(&mut self) {
        self.queue.stop();
        let Some(thread) = self.thread.take() else { return };
        // A listener may hold the last handle of the manager: the thread cannot wait for itself.
        if thread.thread().id() != thread::current().id() && thread.join().is_err() {
            tracing::error!("the flusher's thread panicked");
        }
    }
}

fn run(queue: &FlushQueue) {
    while let Some(log) = queue.next() {
        // From here on an append asks again: this flush may have begun without it.
        log.flush_queued.store(false, Ordering::Release);
        if let Err(error) = log.flush()
            && error.shortage().is_none()
        {
            tracing::error!(%error, log = log.dir_name(), "flush failed");
        }
    }
}
