//! DescribeClientQuotas: asks for the quotas of users, clients and addresses (KIP-546; of addresses, KIP-612).

use bytestring::ByteString;

use crate::error_code::ErrorCode;
use crate::message;

message! {
    /// Asks for the quotas of users, clients and addresses (KIP-546; of addresses, KIP-612).
    DescribeClientQuotasRequest(versions: 0..=1, flexible: 1..) {
        components: Vec<ComponentData>;
        strict: bool;
    }
    /// An entry of [`DescribeClientQuotasRequest::components`].
    ComponentData {
        entity_type: ByteString;
        match_type: i8;
        match_name: Option<ByteString>;
    }
}

message! {
    /// The quotas of each entity.
    DescribeClientQuotasResponse(versions: 0..=1, flexible: 1..) {
        throttle_time_ms: i32;
        error_code: ErrorCode;
        error_message: Option<ByteString>;
        entries: Option<Vec<EntryData>>;
    }
    /// An entry of [`DescribeClientQuotasResponse::entries`].
    EntryData {
        entity: Vec<EntityData>;
        values: Vec<ValueData>;
    }
    /// An entry of [`EntryData::entity`].
    EntityData {
        entity_type: ByteString;
        entity_name: Option<ByteString>;
    }
    /// An entry of [`EntryData::values`].
    ValueData {
        key: ByteString;
        value: f64;
    }
}
