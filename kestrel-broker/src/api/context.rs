//! The context of a request: all that a handler knows about it beside its body.

use std::time::Instant;

use bytestring::ByteString;
use kestrel_protocol::ErrorCode;
use kestrel_protocol::Uuid;

use super::{Access, Account, Origin, Principal};
use crate::authorizer::AclOperation::Read;
use crate::authorizer::ResourceType::Group;
use crate::telemetry::{Client, Software};

/// All that a handler knows about a request beside its body.
#[derive(Debug, Clone)]
pub(crate) struct RequestContext {
    /// The version in the header, one of those that are served.
    pub(crate) version: i16,
    /// `client.id`; empty when there is none.
    pub(crate) client_id: ByteString,
    /// Its sender.
    pub(crate) principal: Principal,
    /// What its sender may do.
    pub(crate) access: Access,
    /// The software of its sender, once that has named it.
    pub(crate) software: Software,
    /// The connection that it came on: peer and listener.
    pub(crate) origin: Origin,
    /// From how many bytes on the connection wants the records of a partition left in their file.
    pub(crate) file_run_min_bytes: usize,
    /// The length of its frame, without the four bytes that say it.
    pub(crate) size_bytes: usize,
    /// What its sender is charged for it.
    pub(crate) account: Account,
    /// When it had arrived whole: timeouts count from here.
    pub(crate) received_at: Instant,
}

impl RequestContext {
    /// Its sender as subscriptions of client metrics see it, with the id of its instance.
    pub(super) fn client(&self, instance_id: Uuid) -> Client<'_> {
        let Self { client_id, software, origin, .. } = self;
        Client { instance_id, client_id, software: software.named(), peer: origin.peer }
    }

    /// Checks what every request of a member needs: that its sender may read in the group, and that the group has a name.
    pub(super) fn check_group(&self, group_id: &str) -> Result<(), ErrorCode> {
        self.access.check(Read, Group, group_id)?;
        if group_id.is_empty() { Err(ErrorCode::InvalidGroupId) } else { Ok(()) }
    }
}
