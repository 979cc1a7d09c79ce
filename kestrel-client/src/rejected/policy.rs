//! PoisonPolicy: which remedy a record gets that no deserializer accepts.

use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;

use super::remedy::Remedy;
use crate::error::{DeserializeError, Result};

type Decide = dyn Fn(Arc<DeserializeError>) -> BoxFuture<'static, Result<Remedy>> + Send + Sync;

/// Which remedy a record gets that no deserializer accepts.
#[derive(Clone)]
pub(crate) enum PoisonPolicy {
    Always(Remedy),
    /// The application's handler says it, and may do something about the record itself.
    Handler(Arc<Decide>),
}

impl PoisonPolicy {
    pub(crate) fn handler<F, T>(handler: F) -> Self
    where
        F: Fn(Arc<DeserializeError>) -> T + Send + Sync + 'static,
        T: Future<Output = Result<Remedy>> + Send + 'static,
    {
        Self::Handler(Arc::new(move |poison| Box::pin(handler(poison))))
    }

    /// Whether the application gets every error.
    pub(crate) fn is_fail(&self) -> bool {
        matches!(self, Self::Always(Remedy::Fail))
    }

    /// The remedy for a record.
    ///
    /// # Errors
    /// What the application's handler fails with.
    pub(super) async fn decide(&self, poison: &Arc<DeserializeError>) -> Result<Remedy> {
        match self {
            Self::Always(remedy) => Ok(remedy.clone()),
            Self::Handler(handler) => handler(Arc::clone(poison)).await,
        }
    }
}

impl Default for PoisonPolicy {
    fn default() -> Self {
        Self::Always(Remedy::default())
    }
}

impl fmt::Debug for PoisonPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Always(remedy) => f.debug_tuple("Always").field(remedy).finish(),
            Self::Handler(_) => f.write_str("Handler"),
        }
    }
}
