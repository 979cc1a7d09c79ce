//! What a handler knows about a request beside its body.

use std::time::Instant;

use bytestring::ByteString;

use super::{Origin, Principal};

/// What a handler knows about a request beside its body.
#[derive(Debug, Clone)]
pub(crate) struct RequestContext {
    /// The version in the header, one of those that are served.
    pub(crate) version: i16,
    /// `client.id`; empty when there is none.
    pub(crate) client_id: ByteString,
    /// Who sent it.
    pub(crate) principal: Principal,
    /// The connection that it came on: peer and listener.
    pub(crate) origin: Origin,
    /// When it had arrived whole: timeouts count from here.
    pub(crate) received_at: Instant,
}
