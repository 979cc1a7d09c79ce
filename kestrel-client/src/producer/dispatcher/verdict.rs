//! Judges the answer for a batch: one place for all rules. Pure.

use std::sync::Arc;

use kestrel_protocol::messages::produce::PartitionProduceResponse;
use kestrel_protocol::{ApiKey, ErrorClass, ErrorCode};

use crate::error::{BrokerError, Error};
use crate::producer::batch::ProducerBatch;
use crate::producer::delivery::Outcome;
use crate::producer::sequences::Certainty;

/// The answer for one batch.
#[derive(Debug, Clone)]
pub(crate) enum ProduceAnswer {
    /// The broker's part of its response.
    Response(PartitionProduceResponse),
    /// With acks=0 there is none: the batch was written to the socket.
    Unasked,
    /// No answer will come.
    Lost(Error),
}

/// What to do with the batch.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It is stored.
    Stored(Outcome),
    /// Send it again.
    Retry(Refusal),
    /// Send it again, and if nothing of its partition comes before it, there is a gap that has to be closed first.
    OutOfOrder(Refusal),
    /// Take it apart.
    Split(Refusal),
    /// It is lost; the producer goes on.
    Fail(Refusal),
    /// It is lost, and the producer can't go on.
    Fatal(Error),
}

/// Why a batch was not stored.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) error: Error,
    /// Whether it may be stored all the same.
    pub(super) certainty: Certainty,
    /// Whether the metadata may be out of date.
    pub(super) refresh: bool,
}

impl Refusal {
    /// Whether the batch was on its way when its connection ended: all others on it share that failure, and a connection is
    /// made anew with a backoff of its own. So for the first time it is sent again at once.
    pub(super) const fn is_lost_with_connection(&self) -> bool {
        matches!(self.error, Error::Disconnected { .. })
    }
}

/// Judges the answer for `batch`; `is_followed` says that a later batch is known to be stored.
pub(super) fn judge(batch: &ProducerBatch, is_followed: bool, answer: ProduceAnswer) -> Verdict {
    match answer {
        ProduceAnswer::Unasked => Verdict::Stored(ProducerBatch::stored(-1, -1)),
        ProduceAnswer::Lost(error) => judge_loss(error),
        ProduceAnswer::Response(response) if response.error_code.is_none() => {
            Verdict::Stored(ProducerBatch::stored(response.base_offset, response.log_append_time_ms))
        }
        ProduceAnswer::Response(response) => judge_refusal(batch, is_followed, &response),
    }
}

fn judge_loss(error: Error) -> Verdict {
    let certainty = if error.possibly_written() { Certainty::Possible } else { Certainty::Certain };
    let refusal = Refusal { certainty, refresh: true, error };
    match refusal.error {
        Error::UnsupportedApi { .. } | Error::Encode { .. } | Error::Closed { .. } | Error::Ended { .. } => {
            Verdict::Fail(refusal)
        }
        _ => Verdict::Retry(refusal),
    }
}

fn judge_refusal(batch: &ProducerBatch, is_followed: bool, response: &PartitionProduceResponse) -> Verdict {
    let code = response.error_code;
    let idempotent = batch.stamp.is_some();
    let mut error = BrokerError::new(ApiKey::Produce, code)
        .topic(Arc::clone(batch.state().topic()))
        .partition(batch.state().partition())
        .message(record_error(response));
    let certainty = certainty_of(code);
    error.possibly_written = certainty == Certainty::Possible || batch.possibly_written;
    let refresh = code.class() == ErrorClass::RefreshMetadata;
    let refusal = Refusal { error: error.into(), certainty, refresh };
    match code {
        // It was stored by an attempt whose answer was lost; the broker has forgotten where.
        ErrorCode::DuplicateSequenceNumber if idempotent => {
            Verdict::Stored(ProducerBatch::stored(response.base_offset, response.log_append_time_ms))
        }
        ErrorCode::OutOfOrderSequenceNumber
        | ErrorCode::UnknownProducerId
        | ErrorCode::InvalidProducerEpoch
            if idempotent =>
        {
            // The broker would not have taken the later batch without this one.
            if is_followed {
                Verdict::Stored(ProducerBatch::stored(-1, -1))
            } else {
                Verdict::OutOfOrder(refusal)
            }
        }
        ErrorCode::MessageTooLarge | ErrorCode::RecordListTooLarge if batch.record_count() > 1 => {
            Verdict::Split(refusal)
        }
        ErrorCode::ClusterAuthorizationFailed | ErrorCode::TransactionalIdAuthorizationFailed => {
            Verdict::Fatal(refusal.error)
        }
        _ if code.class() == ErrorClass::Fenced => Verdict::Fatal(refusal.error),
        _ if code.is_retriable() => Verdict::Retry(refusal),
        _ => Verdict::Fail(refusal),
    }
}

/// The broker's words about the batch, or else about the first record that it names.
fn record_error(response: &PartitionProduceResponse) -> Option<&str> {
    let of_record =
        response.record_errors.iter().find_map(|error| error.batch_index_error_message.as_deref());
    response.error_message.as_deref().or(of_record)
}

/// Whether a batch that was refused like this may be stored.
///
/// Most refusals come before the log is written. These may come after: when a leader gives up waiting for replicas,
/// loses its leadership meanwhile, or fails in a way that it does not name.
fn certainty_of(code: ErrorCode) -> Certainty {
    match code {
        ErrorCode::RequestTimedOut
        | ErrorCode::NotEnoughReplicasAfterAppend
        | ErrorCode::NotLeaderOrFollower
        | ErrorCode::NetworkException
        | ErrorCode::KafkaStorageError
        | ErrorCode::UnknownServerError
        | ErrorCode::Unknown(_) => Certainty::Possible,
        _ => Certainty::Certain,
    }
}
