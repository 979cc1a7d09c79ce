//! AlterClientQuotas: sets and deletes quotas of users, clients and addresses (KIP-546; of addresses, KIP-612).

use bytestring::ByteString;

use crate::error_code::ErrorCode;
use crate::message;

message! {
    /// Sets and deletes quotas of users, clients and addresses (KIP-546; of addresses, KIP-612).
    AlterClientQuotasRequest(versions: 0..=1, flexible: 1..) {
        entries: Vec<EntryData>;
        validate_only: bool;
    }
    /// An entry of [`AlterClientQuotasRequest::entries`].
    EntryData {
        entity: Vec<EntityData>;
        ops: Vec<OpData>;
    }
    /// An entry of [`EntryData::entity`].
    EntityData {
        entity_type: ByteString;
        entity_name: Option<ByteString>;
    }
    /// An entry of [`EntryData::ops`].
    OpData {
        key: ByteString;
        value: f64;
        remove: bool;
    }
}

message! {
    /// The outcome for each entity.
    AlterClientQuotasResponse(versions: 0..=1, flexible: 1..) {
        throttle_time_ms: i32;
        entries: Vec<ResponseEntryData>;
    }
    /// An entry of [`AlterClientQuotasResponse::entries`].
    ResponseEntryData {
        error_code: ErrorCode;
        error_message: Option<ByteString>;
        entity: Vec<EntityData>;
    }
}
