//! A request that was admitted, as the layers and the handlers get it.

use kestrel_protocol::RequestFrame;

use super::{Reply, RequestContext, ServedApi};

/// A request that is served: with its row of the table, and what its handler knows of it.
#[derive(Debug)]
pub(crate) struct Call {
    /// The row of its API.
    pub(super) api: &'static ServedApi,
    /// Header and body.
    pub(super) frame: RequestFrame,
    /// The length of the frame.
    pub(super) size_bytes: usize,
    /// All that its handler knows about it beside its body.
    pub(super) context: RequestContext,
    /// The answer, where the session of the connection has it: then no handler is asked.
    pub(super) answered: Option<Reply>,
}
