//! The context of a request: all that a handler knows about it beside its body.

use std::time::Instant;

use bytestring::ByteString;

use super::{Origin, Principal};

/// All that a handler knows about a request beside its body.
#[derive(Debug, Clone)]
pub(crate) struct RequestContext {
    /// The version in the header, one of those that are served.
    pub(crate) version: i16,
    /// `client.id`; empty when there is none.
    pub(crate) client_id: ByteString,
    /// Its sender.
    pub(crate) principal: Principal,
    /// The connection that it came on: peer and listener.
    pub(crate) origin: Origin,
    /// From how many bytes on the connection wants the records of a partition left in their file.
    pub(crate) file_run_min_bytes: usize,
    /// When it had arrived whole: timeouts count from here.
    pub(crate) received_at: Instant,
}
