//! TokenCache: one token for all connections of a client, fetched anew before it ends.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use kestrel_protocol::Timestamp;
use kestrel_serde::BoxError;
use parking_lot::Mutex;
use tokio::time::timeout;

use super::provider::TokenProvider;
use super::token::Token;
use crate::environment::{after, now, wall};
use crate::error::{Chain, SharedError, shared};

/// How long a provider may take.
const FETCH_LIMIT: Duration = Duration::from_secs(60);
/// How much of a token's time is over when the next one is fetched (Kafka's `sasl.login.refresh.window.factor`).
const USED_PERCENT: u32 = 80;
/// The longest time that a token is used for: one that says that it ends in years may be withdrawn before.
const LONGEST_USE: Duration = Duration::from_secs(24 * 60 * 60);
/// The least and the most wait before a provider that gave no token is asked again. A refused secret is not sent over and over.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(10));

/// The tokens of a provider; clones share them.
#[derive(Clone)]
pub(crate) struct TokenCache(Arc<Inner>);

struct Inner {
    provider: Box<dyn TokenProvider>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    kept: Option<Kept>,
    /// What all wait for who came since it began.
    fetching: Option<Fetching>,
    /// The last answer, if it was no token.
    failed: Option<Failed>,
}

#[derive(Clone)]
struct Fetching {
    begun_at: Instant,
    outcome: Shared<BoxFuture<'static, Result<Token, SharedError>>>,
}

/// A failure that counts until the provider is asked again.
struct Failed {
    error: SharedError,
    pause: Duration,
    again_at: Instant,
}

/// A token that is used again.
#[derive(Clone)]
struct Kept {
    token: Token,
    fetched_at: Timestamp,
    refresh_at: Timestamp,
    end: Timestamp,
}

impl Kept {
    /// The token that was fetched at `now`, if it says when it ends.
    fn new(token: Token, now: Timestamp) -> Option<Self> {
        let end = token.end()?;
        let millis = u64::try_from(end.as_millis().saturating_sub(now.as_millis())).ok()?;
        let time = Duration::from_millis(millis).min(LONGEST_USE);
        let refresh_at = now.saturating_add(time * USED_PERCENT / 100);
        Some(Self { token, fetched_at: now, refresh_at, end })
    }
}

impl Failed {
    /// The failure at `now` that comes after `last`.
    fn new(error: SharedError, last: Option<&Self>, now: Instant) -> Self {
        let (least, most) = PAUSE;
        let pause = last.map_or(least, |last| most.min(2 * last.pause));
        Self { error, pause, again_at: after(now, pause) }
    }
}

impl State {
    /// What is known without asking the provider.
    fn known(&self, now: Instant) -> Option<Result<Token, SharedError>> {
        if let Some(kept) = self.kept.as_ref().filter(|kept| wall() < kept.refresh_at) {
            return Some(Ok(kept.token.clone()));
        }
        let failed = self.failed.as_ref().filter(|failed| now < failed.again_at)?;
        Some(self.stand_in().ok_or_else(|| Arc::clone(&failed.error)))
    }

    /// The last token, in the part of its time in which it should be replaced.
    fn stand_in(&self) -> Option<Token> {
        self.kept.as_ref().filter(|kept| wall() < kept.end).map(|kept| kept.token.clone())
    }
}

impl TokenCache {
    pub(crate) fn new(provider: impl TokenProvider) -> Self {
        Self(Arc::new(Inner { provider: Box::new(provider), state: Mutex::default() }))
    }

    /// A token that is valid for a while. Cancel safe: who else waits gets it all the same.
    ///
    /// # Errors
    /// What the provider said, when the last token has ended too: the same for a while, before the provider is asked again.
    pub(crate) async fn token(&self) -> Result<Token, SharedError> {
        let now = now();
        let fetching = {
            let mut state = self.0.state.lock();
            if let Some(known) = state.known(now) {
                return known;
            }
            // One that nobody has polled for so long is of no use: what it talks to has given up.
            let is_running = |fetching: &Fetching| now < after(fetching.begun_at, FETCH_LIMIT);
            match state.fetching.clone().filter(is_running) {
                Some(fetching) => fetching,
                None => {
                    let outcome = fetch(Arc::clone(&self.0), now).boxed().shared();
                    state.fetching.insert(Fetching { begun_at: now, outcome }).clone()
                }
            }
        };
        fetching.outcome.await
    }

    /// A broker has refused `token`: the next one to ask has it fetched anew. One that is just fetched stays, because the provider would
    /// give the same.
    pub(crate) fn forget(&self, token: &Token) {
        let (_, young) = PAUSE;
        let is_refused =
            |kept: &mut Kept| kept.token == *token && wall() >= kept.fetched_at.saturating_add(young);
        self.0.state.lock().kept.take_if(is_refused);
    }
}

async fn fetch(inner: Arc<Inner>, begun_at: Instant) -> Result<Token, SharedError> {
    let result = ask(&*inner.provider).await;
    let mut state = inner.state.lock();
    state.fetching.take_if(|fetching| fetching.begun_at == begun_at);
    match result {
        Ok(token) => {
            state.failed = None;
            state.kept = Kept::new(token.clone(), wall());
            Ok(token)
        }
        Err(error) => {
            let error = shared(error);
            state.failed = Some(Failed::new(Arc::clone(&error), state.failed.as_ref(), now()));
            // Four fifths are over, but not all of it.
            let Some(token) = state.stand_in() else { return Err(error) };
            tracing::warn!(error = %Chain(&*error), "no new token: the last one is used until it ends");
            Ok(token)
        }
    }
}

/// Asks the provider for so long; a panic of it is an error as well, or else everybody who waits, and who comes later, would panic.
async fn ask(provider: &dyn TokenProvider) -> Result<Token, BoxError> {
    let asked = AssertUnwindSafe(async { provider.token().await }).catch_unwind();
    match timeout(FETCH_LIMIT, asked).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err("the provider panicked".into()),
        Err(_) => Err(format!("the provider gave no token within {FETCH_LIMIT:?}").into()),
    }
}

impl fmt::Debug for TokenCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenCache").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
