//! ConsumerGroupDescribe: asks for the state and members of consumer groups (KIP-848).

use bytestring::ByteString;

use crate::error_code::ErrorCode;
use crate::message;
use crate::types::Uuid;

message! {
    /// Asks for the state and members of consumer groups (KIP-848).
    ConsumerGroupDescribeRequest(versions: 0..=1, flexible: 0..) {
        group_ids: Vec<ByteString>;
        include_authorized_operations: bool;
    }
}

message! {
    /// The state and members of each group, and what each member is to have.
    ConsumerGroupDescribeResponse(versions: 0..=1, flexible: 0..) {
        throttle_time_ms: i32;
        groups: Vec<DescribedGroup>;
    }
    /// An entry of [`ConsumerGroupDescribeResponse::groups`].
    DescribedGroup {
        error_code: ErrorCode;
        error_message: Option<ByteString>;
        group_id: ByteString;
        group_state: ByteString;
        group_epoch: i32;
        assignment_epoch: i32;
        assignor_name: ByteString;
        members: Vec<Member>;
        authorized_operations: i32, default i32::MIN;
    }
    /// An entry of [`DescribedGroup::members`].
    Member {
        member_id: ByteString;
        instance_id: Option<ByteString>;
        rack_id: Option<ByteString>;
        member_epoch: i32;
        client_id: ByteString;
        client_host: ByteString;
        subscribed_topic_names: Vec<ByteString>;
        subscribed_topic_regex: Option<ByteString>;
        assignment: Assignment;
        target_assignment: Assignment;
        member_type: i8 => 1.., default -1;
    }
    /// The value of [`Member::assignment`].
    Assignment {
        topic_partitions: Vec<TopicPartitions>;
    }
    /// An entry of [`Assignment::topic_partitions`].
    TopicPartitions {
        topic_id: Uuid;
        topic_name: ByteString;
        partitions: Vec<i32>;
    }
}
