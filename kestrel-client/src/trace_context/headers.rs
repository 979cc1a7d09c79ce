//! TraceHeaders: a trace context as the two headers of a record, without an allocation.

use std::sync::Arc;

use super::{TRACEPARENT, TRACEPARENT_LEN, TRACESTATE, TraceContext};

/// The headers that a record gets beside its own.
#[derive(Debug, Clone)]
pub(crate) struct TraceHeaders {
    traceparent: [u8; TRACEPARENT_LEN],
    tracestate: Option<Arc<str>>,
}

impl From<TraceContext> for TraceHeaders {
    fn from(context: TraceContext) -> Self {
        Self { traceparent: context.traceparent(), tracestate: context.state }
    }
}

impl TraceHeaders {
    /// The most headers that there are.
    pub(crate) const MOST: usize = 2;

    /// Whether a header of this name gives way: it says where the record was before.
    pub(crate) fn replace(name: &str) -> bool {
        name == TRACEPARENT || name == TRACESTATE
    }

    /// The headers as the batch builder takes them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, Option<&[u8]>)> + Clone {
        let state = self.tracestate.as_deref().map(|state| (TRACESTATE, Some(state.as_bytes())));
        std::iter::once((TRACEPARENT, Some(&self.traceparent[..]))).chain(state)
    }
}
