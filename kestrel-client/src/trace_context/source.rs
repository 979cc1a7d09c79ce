//! TraceSource: what says which trace the caller of `send` is in, if somebody does.

use std::fmt;
use std::sync::Arc;

use super::{TraceContext, TraceHeaders};

/// The application's function for the current trace context; clones share it.
#[derive(Clone, Default)]
pub(crate) struct TraceSource(Option<Arc<dyn Fn() -> Option<TraceContext> + Send + Sync>>);

impl TraceSource {
    pub(crate) fn new(current: impl Fn() -> Option<TraceContext> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(current)))
    }

    /// The headers for a record that is sent now, by the task that calls. Without a function, one branch.
    #[inline]
    pub(crate) fn headers(&self) -> Option<TraceHeaders> {
        self.0.as_ref().and_then(|current| current().map(TraceHeaders::from))
    }
}

impl fmt::Debug for TraceSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TraceSource").field(&self.0.is_some()).finish()
    }
}
