//! Group commit: one thread that flushes the logs that asked for it.
//!
//! An append while a flush runs is covered by the next one. Owned by the manager; the logs see the queue only, and it
//! knows them as [`QueuedLog`]s.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::log::error::LogError;
use crate::metrics::{Histogram, Timings};

/// A log as the queue has it.
pub(in crate::log) trait QueuedLog: fmt::Debug + Send + Sync {
    /// Leaves the queue, then flushes all that was appended: what comes meanwhile asks again.
    fn flush_queued(&self) -> Result<(), LogError>;

    /// The name of the log's folder.
    fn dir_name(&self) -> String;
}

/// The logs that wait for a flush. Each sees to it that it is here at most once.
#[derive(Debug, Default)]
pub(in crate::log) struct FlushQueue {
    state: Mutex<State>,
    wake: Condvar,
    /// How long the flushes took.
    timings: Timings,
}

#[derive(Debug, Default)]
struct State {
    logs: VecDeque<Arc<dyn QueuedLog>>,
    stopped: bool,
}

impl FlushQueue {
    /// Asks for a flush of everything that `log` has now.
    pub(in crate::log) fn push(&self, log: Arc<dyn QueuedLog>) {
        self.lock().logs.push_back(log);
        self.wake.notify_one();
    }

    /// How long the flushes took that were asked for.
    pub(in crate::log) fn timings(&self) -> Histogram {
        self.timings.snapshot()
    }

    /// The next log to flush; `None` when the flusher has to stop.
    fn next(&self) -> Option<Arc<dyn QueuedLog>> {
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
    pub(in crate::log) fn flush_all(&self) {
        while let Some(log) = { self.lock().logs.pop_front() } {
            log.flush_queued().unwrap();
        }
    }

    /// Ends the flusher's thread; a flush that runs is ended first.
    pub(in crate::log) fn stop(&self) {
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
pub(in crate::log) struct Flusher {
    queue: Arc<FlushQueue>,
    thread: Option<JoinHandle<()>>,
}

impl Flusher {
    /// Starts the thread.
    pub(in crate::log) fn start(queue: Arc<FlushQueue>) -> io::Result<Self> {
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
        #[expect(clippy::disallowed_methods, reason = "the thread is a shell: it measures the disk")]
        let began = Instant::now();
        let flushed = log.flush_queued();
        queue.timings.observe(began.elapsed());
        if let Err(error) = flushed
            && error.shortage().is_none()
        {
            tracing::error!(%error, log = log.dir_name(), "flush failed");
        }
    }
}
