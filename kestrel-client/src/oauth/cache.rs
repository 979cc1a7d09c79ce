//! TokenCache: one token for all connections of a client, fetched anew before it ends.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use kestrel_protocol::Timestamp;
use parking_lot::Mutex;
use tokio::time::timeout;

use super::provider::TokenProvider;
use super::token::Token;
use crate::environment::wall;
use crate::error::{Chain, SharedError, shared};

/// How long a provider may take.
const FETCH_LIMIT: Duration = Duration::from_secs(60);
/// How much of a token's time is over when the next one is fetched (Kafka's `sasl.login.refresh.window.factor`).
const USED_PERCENT: u32 = 80;

type Fetching = Shared<BoxFuture<'static, Result<Token, SharedError>>>;

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
}

/// A token that is used again.
#[derive(Clone)]
struct Kept {
    token: Token,
    refresh_at: Timestamp,
    end: Timestamp,
}

impl Kept {
    /// The token that was fetched at `now`, if it says when it ends.
    fn new(token: Token, now: Timestamp) -> Option<Self> {
        let end = token.end()?;
        let millis = u64::try_from(end.as_millis().saturating_sub(now.as_millis())).ok()?;
        let refresh_at = now.saturating_add(Duration::from_millis(millis) * USED_PERCENT / 100);
        Some(Self { token, refresh_at, end })
    }
}

impl TokenCache {
    pub(crate) fn new(provider: impl TokenProvider) -> Self {
        Self(Arc::new(Inner { provider: Box::new(provider), state: Mutex::default() }))
    }

    /// A token that is valid for a while. Cancel safe: who else waits gets it all the same.
    ///
    /// # Errors
    /// What the provider said, when the last token has ended too.
    pub(crate) async fn token(&self) -> Result<Token, SharedError> {
        let fetching = {
            let mut state = self.0.state.lock();
            if let Some(kept) = state.kept.as_ref().filter(|kept| wall() < kept.refresh_at) {
                return Ok(kept.token.clone());
            }
            let inner = Arc::clone(&self.0);
            state.fetching.get_or_insert_with(|| fetch(inner).boxed().shared()).clone()
        };
        fetching.await
    }
}

async fn fetch(inner: Arc<Inner>) -> Result<Token, SharedError> {
    let result = match timeout(FETCH_LIMIT, inner.provider.token()).await {
        Ok(result) => result,
        Err(_) => Err(format!("the provider gave no token within {FETCH_LIMIT:?}").into()),
    };
    let now = wall();
    let mut state = inner.state.lock();
    state.fetching = None;
    match result {
        Ok(token) => {
            state.kept = Kept::new(token.clone(), now);
            Ok(token)
        }
        // Four fifths are over, but not all of it.
        Err(error) => match state.kept.as_ref().filter(|kept| now < kept.end) {
            Some(kept) => {
                tracing::warn!(error = %Chain(&*error), "no new token: the last one is used until it ends");
                Ok(kept.token.clone())
            }
            None => Err(shared(error)),
        },
    }
}

impl fmt::Debug for TokenCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenCache").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
