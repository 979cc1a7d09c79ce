//! ListTransactions: asks for the transactions that a broker coordinates (KIP-664; by duration, KIP-994).

use bytestring::ByteString;

use crate::error_code::ErrorCode;
use crate::message;
use crate::types::ProducerId;

message! {
    /// Asks for the transactions that a broker coordinates (KIP-664; by duration, KIP-994).
    ListTransactionsRequest(versions: 0..=2, flexible: 0..) {
        state_filters: Vec<ByteString>;
        producer_id_filters: Vec<ProducerId>;
        duration_filter: i64 => 1.., default -1;
        transactional_id_pattern: Option<ByteString> => 2..;
    }
}

message! {
    /// The transactions that match.
    ListTransactionsResponse(versions: 0..=2, flexible: 0..) {
        throttle_time_ms: i32;
        error_code: ErrorCode;
        unknown_state_filters: Vec<ByteString>;
        transaction_states: Vec<TransactionState>;
    }
    /// An entry of [`ListTransactionsResponse::transaction_states`].
    TransactionState {
        transactional_id: ByteString;
        producer_id: ProducerId;
        transaction_state: ByteString;
    }
}
