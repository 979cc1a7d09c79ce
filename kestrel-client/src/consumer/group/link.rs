//! MemberLink: the two connections of a member to its coordinator, and the group that they are for.

use kestrel_protocol::ByteString;

use crate::client::Client;
use crate::net::{HandleId, Purpose};

/// The connections of one member; clones are the same connections.
#[derive(Debug, Clone)]
pub(crate) struct MemberLink {
    pub(crate) client: Client,
    pub(crate) group_id: ByteString,
    member: HandleId,
    offsets: HandleId,
}

impl MemberLink {
    pub(crate) fn new(client: Client, group_id: ByteString) -> Self {
        Self { member: client.new_handle(), offsets: client.new_handle(), client, group_id }
    }

    /// The connection on which membership is negotiated.
    pub(crate) fn member(&self) -> Purpose {
        Purpose::Coordinator(self.member)
    }

    /// The connection for offsets, and for what must not wait behind a JoinGroup.
    pub(crate) fn offsets(&self) -> Purpose {
        Purpose::Coordinator(self.offsets)
    }

    /// Ends both connections.
    pub(crate) fn release(&self) {
        self.client.pool().release(self.member);
        self.client.pool().release(self.offsets);
    }
}
