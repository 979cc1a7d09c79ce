//! The keys and values of `__consumer_offsets` as tables: one message per record type, in our own notation.
//!
//! Expanded by [`kestrel_protocol::message!`]; gathered in [`GroupRecord`](super::GroupRecord).

use bytes::Bytes;
use bytestring::ByteString;
use kestrel_protocol::{LeaderEpoch, TopicId, message};

message! {
    /// The key of a committed offset.
    OffsetCommitKey(versions: 0..=1) {
        group: ByteString;
        topic: ByteString;
        partition: i32;
    }
}

message! {
    /// A committed offset (the leader epoch: KIP-320).
    OffsetCommitValue(versions: 0..=4, flexible: 4..) {
        offset: i64;
        leader_epoch: LeaderEpoch => 3.., default LeaderEpoch::NONE;
        metadata: ByteString;
        commit_timestamp: i64;
        expire_timestamp: i64 => 1..=1, default -1;
        topic_id: TopicId => 4.., tag 0;
    }
}

message! {
    /// The key of a group.
    GroupMetadataKey(versions: 2..=2) {
        group: ByteString;
    }
}

message! {
    /// A group of the classic protocol: its generation and who has which assignment in it.
    GroupMetadataValue(versions: 0..=4, flexible: 4..) {
        protocol_type: ByteString;
        generation: i32;
        protocol: Option<ByteString>;
        leader: Option<ByteString>;
        current_state_timestamp: i64 => 2.., default -1;
        members: Vec<MemberMetadata>;
    }
    /// A member of a group.
    MemberMetadata {
        member_id: ByteString;
        group_instance_id: Option<ByteString> => 3..;
        client_id: ByteString;
        client_host: ByteString;
        rebalance_timeout: i32 => 1.., default -1;
        session_timeout: i32;
        subscription: Bytes;
        assignment: Bytes;
    }
}
