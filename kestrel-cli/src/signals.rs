//! Signals that end the program, and how a command hears of the first one.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use kestrel_client::CancellationToken;

/// SIGINT and SIGTERM, heard from the moment this is made.
#[derive(Debug)]
pub(crate) struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    #[cfg(unix)]
    pub(crate) fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    #[cfg(not(unix))]
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {})
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) {
        #[cfg(unix)]
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
        #[cfg(not(unix))]
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// The wish that a command ends, for commands that have something to finish first: records to send, offsets to commit.
#[derive(Debug, Default)]
pub(crate) struct Stop {
    token: CancellationToken,
    is_heard: AtomicBool,
}

impl Stop {
    /// A token that is cancelled with the first signal. Whoever takes it ends by itself; other commands are dropped where they wait.
    pub(crate) fn listen(&self) -> CancellationToken {
        self.is_heard.store(true, Ordering::Relaxed);
        self.token.clone()
    }

    /// Asks the command to end; `false` when nobody listens.
    pub(crate) fn ask(&self) -> bool {
        self.token.cancel();
        self.is_heard.load(Ordering::Relaxed)
    }
}
