//! The keys and values of `__consumer_offsets`: one message for each type of record.

use bytes::Bytes;
use bytestring::ByteString;

use crate::{LeaderEpoch, TopicId, message};

message! {
    /// The key of a committed offset.
    OffsetCommitKey(versions: 0..=1) {
        /// The group's id.
        group: ByteString;
        /// The topic's name.
        topic: ByteString;
        /// The partition's number.
        partition: i32;
    }
}

message! {
    /// A committed offset.
    OffsetCommitValue(versions: 0..=4, flexible: 4..) {
        /// The offset of the record that comes next.
        offset: i64;
        /// The epoch of the leader that the record before it was read from (KIP-320).
        leader_epoch: LeaderEpoch => 3.., default LeaderEpoch::NONE;
        /// The text that it was committed with.
        metadata: ByteString;
        /// When it was committed, in milliseconds since 1970.
        commit_timestamp: i64;
        /// When it is forgotten, in milliseconds since 1970; -1 where retention decides.
        expire_timestamp: i64 => 1..=1, default -1;
        /// The topic's id.
        topic_id: TopicId => 4.., tag 0;
    }
}

message! {
    /// The key of a group.
    GroupMetadataKey(versions: 2..=2) {
        /// The group's id.
        group: ByteString;
    }
}

message! {
    /// A group of the classic protocol: its generation and who has which assignment in it.
    GroupMetadataValue(versions: 0..=4, flexible: 4..) {
        /// What its members call themselves: `consumer` mostly.
        protocol_type: ByteString;
        /// How often it was rebalanced.
        generation: i32;
        /// The assignor that was chosen.
        protocol: Option<ByteString>;
        /// The member that makes the assignment.
        leader: Option<ByteString>;
        /// When it came to its state, in milliseconds since 1970; -1 if unknown.
        current_state_timestamp: i64 => 2.., default -1;
        /// The members.
        members: Vec<MemberMetadata>;
    }
    /// A member of a group.
    MemberMetadata {
        /// The id that the coordinator gave it.
        member_id: ByteString;
        /// Its own name, if it is a static member.
        group_instance_id: Option<ByteString> => 3..;
        /// The client's id.
        client_id: ByteString;
        /// Where it connects from.
        client_host: ByteString;
        /// How long it may take to join again, in milliseconds.
        rebalance_timeout: i32 => 1.., default -1;
        /// How long it may be silent, in milliseconds.
        session_timeout: i32;
        /// What it wants to read, as it said it.
        subscription: Bytes;
        /// What it reads, as the leader said it.
        assignment: Bytes;
    }
}
