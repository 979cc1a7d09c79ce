//! KeyRefresher: the task that keeps the keys of an issuer as they are now.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use tokio::time::sleep_until;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use super::key_source::{FetchError, fetch};
use super::schedule::RefreshSchedule;
use super::verifier::TokenVerifier;
use crate::clock::Clock;
use crate::config::{KeySource, SignedChecks};

/// How often a file is looked at, as certificates are.
const FILE_REFRESH: Duration = Duration::from_secs(1);

/// Fetches the keys of an issuer again from time to time, and when a token names one that is not there.
#[derive(Debug)]
pub(crate) struct KeyRefresher {
    /// The listener that the tokens come by.
    listener: String,
    source: KeySource,
    verifier: Arc<TokenVerifier>,
    schedule: RefreshSchedule,
    clock: Clock,
}

impl KeyRefresher {
    /// Fetches the keys for the first time.
    ///
    /// # Errors
    /// When that fails.
    pub(super) async fn open(
        checks: &SignedChecks,
        listener: &str,
        clock: Clock,
    ) -> Result<Self, FetchError> {
        let keys = fetch(&checks.source).await?;
        for key in keys.left_out() {
            info!("{key} (of those for the tokens of the listener {listener})");
        }
        let refresh = match checks.source {
            KeySource::File(_) => FILE_REFRESH,
            KeySource::Url(..) => checks.refresh,
        };
        let schedule =
            RefreshSchedule::new(refresh, checks.retry_backoff, checks.retry_backoff_max, clock.now());
        Ok(Self {
            listener: listener.to_owned(),
            source: checks.source.clone(),
            verifier: Arc::new(TokenVerifier::signed(checks.tokens.clone(), keys)),
            schedule,
            clock,
        })
    }

    /// Who validates with the keys.
    pub(super) fn verifier(&self) -> Arc<TokenVerifier> {
        Arc::clone(&self.verifier)
    }

    /// Works until `stopping` is cancelled.
    pub(crate) async fn drive(mut self, stopping: CancellationToken) {
        // A panic is a bug. Without this task the keys would grow old, and nobody could log in when they are replaced.
        while AssertUnwindSafe(self.work(&stopping)).catch_unwind().await.is_err() {
            error!(
                "fetching the keys for the tokens of the listener {} panicked; it is tried again",
                self.listener
            );
            self.schedule.handle_failed(self.clock.now());
        }
    }

    async fn work(&mut self, stopping: &CancellationToken) {
        loop {
            tokio::select! {
                () = stopping.cancelled() => return,
                () = self.verifier.unknown_key() => self.schedule.handle_unknown_key(self.clock.now()),
                () = sleep_until(self.schedule.due().into()) => tokio::select! {
                    () = stopping.cancelled() => return,
                    () = self.refresh() => {}
                },
            }
        }
    }

    /// Fetches the keys once more.
    pub(super) async fn refresh(&mut self) {
        let fetched = fetch(&self.source).await;
        let (now, listener) = (self.clock.now(), &self.listener);
        let keys = match fetched {
            Ok(keys) => keys,
            Err(error) => {
                if self.schedule.handle_failed(now) {
                    warn!(
                        "the keys for the tokens of the listener {listener} stay as they are, since they cannot be fetched: \
                         {error}"
                    );
                } else {
                    debug!("the keys for the tokens of the listener {listener} stay as they are: {error}");
                }
                return;
            }
        };
        let (count, is_new) = (keys.len(), self.verifier.renew(keys));
        let had_failed = self.schedule.handle_fetched(now);
        if is_new || had_failed {
            info!("{count} keys for the tokens of the listener {listener} were fetched again");
        }
    }
}
