//! The subject of a decision: a principal, and the address that it came from.

use std::net::IpAddr;

/// The subject of a decision.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'a> {
    /// The principal, as ACLs have it: `User:NAME`.
    pub(crate) principal: &'a str,
    /// The other end of its connection.
    pub(crate) address: IpAddr,
}
