//! Settler: decides what becomes of records that were rejected, and carries it out. Runs in the tasks of whoever reads.

use std::sync::Arc;

use kestrel_protocol::ErrorCode;

use super::letter_box::{LetterBox, OnItsWay};
use super::policy::PoisonPolicy;
use super::record::RejectedRecord;
use super::remedy::Remedy;
use crate::error::{DeserializeError, Error, HeldError, Result};
use crate::observer::{ObserverSeat, RecordRejected};
use crate::record::{ConsumerRecord, Record};

/// Decides what becomes of records that were rejected, and carries it out.
#[derive(Debug)]
pub(crate) struct Settler {
    policy: PoisonPolicy,
    letters: LetterBox,
    observer: ObserverSeat,
    group: Option<Arc<str>>,
}

/// A record that no deserializer accepts, by its offset, and what has become of it.
pub(crate) type Settled = (i64, Remedy);

/// What came of settling several records.
#[derive(Debug)]
pub(crate) struct Settlement {
    pub(crate) settled: Vec<Settled>,
    /// Why the first of the others is held.
    pub(crate) held: Option<Error>,
}

/// A record whose remedy is being carried out.
struct UnderWay<'a> {
    poison: &'a Arc<DeserializeError>,
    remedy: Remedy,
    letter: OnItsWay,
}

impl Settler {
    pub(crate) fn new(
        policy: PoisonPolicy,
        letters: LetterBox,
        observer: ObserverSeat,
        group: Option<Arc<str>>,
    ) -> Self {
        Self { policy, letters, observer, group }
    }

    /// The consumer's group, if it is in one.
    pub(crate) const fn group(&self) -> Option<&Arc<str>> {
        self.group.as_ref()
    }

    /// Whether records that are handed out together are to be read before: unless all of them are handed out anyway.
    pub(crate) fn looks_ahead(&self) -> bool {
        !self.policy.is_fail()
    }

    /// Settles what becomes of records that no deserializer accepts: their letters are written in the order of the records, without
    /// waiting for one another. Stops at one that cannot be accepted; what is accepted is waited for.
    pub(crate) async fn settle(&self, rejected: &[Arc<DeserializeError>]) -> Settlement {
        let mut under_way = Vec::with_capacity(rejected.len());
        let mut not_begun = None;
        for poison in rejected {
            match self.begin(poison).await {
                Ok(begun) => under_way.push(begun),
                Err(error) => {
                    not_begun = Some(error);
                    break;
                }
            }
        }
        let (mut settled, mut held) = (Vec::with_capacity(under_way.len()), None);
        // Each has an outcome of its own: a letter that is stored is not written again because another one is not.
        for begun in under_way {
            match self.finish(begun).await {
                Ok(done) => settled.push(done),
                Err(error) => held = held.or(Some(error)),
            }
        }
        Settlement { settled, held: held.or(not_begun) }
    }

    /// As [`Self::settle`], for one record. Gives what has become of it.
    ///
    /// # Errors
    /// [`Error::Held`] when nothing could be done about it.
    pub(crate) async fn settle_one(&self, poison: &Arc<DeserializeError>) -> Result<Remedy> {
        let (_, remedy) = self.finish(self.begin(poison).await?).await?;
        Ok(remedy)
    }

    async fn begin<'a>(&self, poison: &'a Arc<DeserializeError>) -> Result<UnderWay<'a>> {
        let remedy = self.decide(poison).await?;
        let letter = match self.letter(&RejectedRecord::unreadable(poison), &remedy) {
            Some(letter) => {
                let accepted = self.letters.accept(letter).await;
                accepted.map_err(|cause| not_stored(&poison.record, &remedy, cause))?
            }
            None => None,
        };
        Ok(UnderWay { poison, remedy, letter })
    }

    async fn finish(&self, begun: UnderWay<'_>) -> Result<Settled> {
        let UnderWay { poison, remedy, letter } = begun;
        let arrived = self.letters.arrived(letter).await;
        arrived.map_err(|cause| not_stored(&poison.record, &remedy, cause))?;
        self.tell(&RejectedRecord::unreadable(poison), &remedy);
        Ok((poison.record.offset, remedy))
    }

    /// The remedy for a record that no deserializer accepts.
    ///
    /// # Errors
    /// [`Error::Held`] when the application's handler fails.
    pub(crate) async fn decide(&self, poison: &Arc<DeserializeError>) -> Result<Remedy> {
        let waits_for = "the handler of poison has failed";
        self.policy.decide(poison).await.map_err(|cause| HeldError::of(&poison.record, waits_for, cause))
    }

    /// The letter that a remedy asks for.
    pub(crate) fn letter(&self, rejected: &RejectedRecord<'_>, remedy: &Remedy) -> Option<Record> {
        match remedy {
            Remedy::DeadLetter(topic) => Some(rejected.letter(topic, self.group.as_ref())),
            Remedy::Fail | Remedy::Skip => None,
        }
    }

    /// Stores the letter that a remedy asks for, if it asks for one.
    pub(crate) async fn store(&self, rejected: &RejectedRecord<'_>, remedy: &Remedy) -> Result<()> {
        let Some(letter) = self.letter(rejected, remedy) else { return Ok(()) };
        let accepted = self.letters.accept(letter).await?;
        self.letters.arrived(accepted).await
    }

    /// The remedy was carried out: the observer hears of it, and the log unless the application gets the error itself.
    pub(crate) fn tell(&self, rejected: &RejectedRecord<'_>, remedy: &Remedy) {
        let RejectedRecord { topic, partition, offset, stage, attempts, cause, .. } = *rejected;
        if *remedy != Remedy::Fail {
            tracing::warn!(
                %topic, partition, offset, %stage, %remedy, cause = rejected.message(),
                "a record was passed that could not be read or worked on"
            );
        }
        self.observer.tell(|observer| {
            let group = self.group.as_deref();
            let event = RecordRejected { topic, partition, group, offset, stage, remedy, attempts, cause };
            observer.on_record_rejected(&event);
        });
    }
}

/// The record is held: its letter was not stored.
pub(crate) fn not_stored<K, V>(record: &ConsumerRecord<K, V>, remedy: &Remedy, cause: Error) -> Error {
    match remedy {
        Remedy::DeadLetter(topic) => HeldError::of(record, waits_for(topic, &cause), cause),
        Remedy::Fail | Remedy::Skip => cause,
    }
}

/// Why a letter for `topic` was not stored, and what to change where it does not pass by itself.
fn waits_for(topic: &str, cause: &Error) -> String {
    const OTHERWISE: &str =
        "or let `on_poison_with`, for work `then_with`, say what else is to become of such a record";
    match (cause, cause.code()) {
        (Error::RecordTooLarge { setting, .. }, _) => format!(
            "its dead letter is too large for the producer that writes to topic {topic}: raise {setting}, {OTHERWISE}"
        ),
        (_, Some(ErrorCode::MessageTooLarge | ErrorCode::RecordListTooLarge)) => {
            format!(
                "its dead letter is too large for topic {topic}: raise its max.message.bytes, {OTHERWISE}"
            )
        }
        (Error::UnknownTopic { .. }, _) => {
            format!("its dead letter was not stored: create topic {topic}, {OTHERWISE}")
        }
        (_, Some(ErrorCode::TopicAuthorizationFailed | ErrorCode::ClusterAuthorizationFailed)) => {
            format!(
                "its dead letter was not stored: allow this client to write to topic {topic}, {OTHERWISE}"
            )
        }
        _ => format!("its dead letter was not stored in topic {topic}, which has to take it"),
    }
}
