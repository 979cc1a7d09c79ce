//! What an answer means for a batch: one place for all rules. Pure.

use std::sync::Arc;

use kestrel_protocol::messages::produce::PartitionProduceResponse;
use kestrel_protocol::{ApiKey, ErrorClass, ErrorCode};

use crate::error::{BrokerError, Error};
use crate::producer::batch::ProducerBatch;
use crate::producer::delivery::Outcome;
use crate::producer::transaction_manager::Certainty;

/// What came back for one batch.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// The broker's words.
    Said(PartitionProduceResponse),
    /// With acks=0: it was written to the socket.
    Unasked,
    /// There is no answer, and none will come.
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
    /// It is lost, and so is all that comes after.
    Fatal(Error),
}

/// Why a batch was not stored.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) error: Error,
    /// Whether it is stored all the same.
    pub(super) certainty: Certainty,
    /// Whether the picture of the cluster is to blame.
    pub(super) refresh: bool,
}

/// Judges the answer for `batch`; `is_followed` says that a later batch is known to be stored.
pub(super) fn judge(batch: &ProducerBatch, is_followed: bool, answer: Answer) -> Verdict {
    match answer {
        Answer::Unasked => Verdict::Stored(ProducerBatch::stored(-1, -1)),
        Answer::Lost(error) => judge_loss(error),
        Answer::Said(said) if said.error_code.is_none() => {
            Verdict::Stored(ProducerBatch::stored(said.base_offset, said.log_append_time_ms))
        }
        Answer::Said(said) => judge_refusal(batch, is_followed, &said),
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

fn judge_refusal(batch: &ProducerBatch, is_followed: bool, said: &PartitionProduceResponse) -> Verdict {
    let code = said.error_code;
    let idempotent = batch.stamp.is_some();
    let mut error = BrokerError::new(ApiKey::Produce, code)
        .topic(Arc::clone(batch.state().topic()))
        .partition(batch.state().partition())
        .message(record_error(said));
    let certainty = certainty_of(code);
    error.possibly_written = certainty == Certainty::Possible || batch.possibly_written;
    let refresh = code.class() == ErrorClass::RefreshMetadata;
    let refusal = Refusal { error: error.into(), certainty, refresh };
    match code {
        // It was stored by an attempt whose answer was lost; the broker has forgotten where.
        ErrorCode::DuplicateSequenceNumber if idempotent => {
            Verdict::Stored(ProducerBatch::stored(said.base_offset, said.log_append_time_ms))
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
        ErrorCode::ClusterAuthorizationFailed => Verdict::Fatal(refusal.error),
        _ if code.class() == ErrorClass::Fenced => Verdict::Fatal(refusal.error),
        _ if code.is_retriable() => Verdict::Retry(refusal),
        _ => Verdict::Fail(refusal),
    }
}

/// The broker's words about the batch, or else about the first record that it names.
fn record_error(said: &PartitionProduceResponse) -> Option<&str> {
    let of_record = said.record_errors.iter().find_map(|error| error.batch_index_error_message.as_deref());
    said.error_message.as_deref().or(of_record)
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
