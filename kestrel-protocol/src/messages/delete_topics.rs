//! DeleteTopics: deletes topics, by name or, from version 6, by id.

use bytestring::ByteString;

use crate::error_code::ErrorCode;
use crate::message;
use crate::types::Uuid;

message! {
    /// Deletes topics, by name or, from version 6, by id.
    DeleteTopicsRequest(versions: 1..=6, flexible: 4..) {
        topics: Vec<DeleteTopicState> => 6..;
        topic_names: Vec<ByteString> => 1..=5;
        timeout_ms: i32;
    }
    /// An entry of [`DeleteTopicsRequest::topics`].
    DeleteTopicState {
        name: Option<ByteString>;
        topic_id: Uuid;
    }
}

message! {
    /// The outcome for each topic.
    DeleteTopicsResponse(versions: 1..=6, flexible: 4..) {
        throttle_time_ms: i32;
        responses: Vec<DeletableTopicResult>;
    }
    /// An entry of [`DeleteTopicsResponse::responses`].
    DeletableTopicResult {
        name: Option<ByteString>, null 6..;
        topic_id: Uuid => 6..;
        error_code: ErrorCode;
        error_message: Option<ByteString> => 5..;
    }
}
