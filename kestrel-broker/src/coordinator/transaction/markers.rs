//! From the decision to the end: the markers that the envoy writes, and the record that says all are stored. Part of the machine.

use std::time::Duration;

use bytestring::ByteString;
use kestrel_protocol::ProducerId;
use kestrel_protocol::record::control::TransactionOutcome;

use super::add::settle_waiting;
use super::metadata::{TopicPartition, TransactionMetadata};
use super::{Effects, Timer, TransactionShard};
use crate::cluster::TransactionVersion;
use crate::coordinator::runtime::Now;
use crate::log::Transaction;

/// How long it takes until a marker is asked for again whose partition is out of service.
const MARKER_RETRY: Duration = Duration::from_millis(500);

/// What the machine asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::coordinator) enum Ask {
    /// Markers in partitions.
    Markers(Markers),
    /// A producer id that nobody has had, to go on with after a transaction that is to be aborted.
    ProducerId(ByteString),
}

/// The markers that end a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::coordinator) struct Markers {
    pub(in crate::coordinator) transactional_id: ByteString,
    /// The producer whose transaction ends, with the epoch that the markers have.
    pub(in crate::coordinator) producer: Transaction,
    pub(in crate::coordinator) outcome: TransactionOutcome,
    pub(in crate::coordinator) version: TransactionVersion,
    /// Where they are to be written.
    pub(in crate::coordinator) partitions: Vec<TopicPartition>,
}

/// What an ask comes back with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::coordinator) enum Answer {
    /// The markers are stored, but for these partitions, which are out of service.
    Marked { transactional_id: ByteString, left: Vec<TopicPartition> },
    /// The producer id, if there was one to be had.
    ProducerId { transactional_id: ByteString, producer_id: Option<ProducerId> },
}

impl TransactionShard {
    /// Lets a decision be stored, and then carried out.
    pub(super) fn enter_prepared(
        &mut self,
        transactional_id: &ByteString,
        prepared: &TransactionMetadata,
        now: Now,
    ) -> Effects {
        let mut effects = Effects::default();
        effects.record(self.record(transactional_id, prepared.clone()));
        self.carry_out(transactional_id, prepared, now, &mut effects);
        effects
    }

    /// Asks for all markers of a transaction whose end is decided; one without partitions has none, and is complete.
    fn carry_out(
        &mut self,
        transactional_id: &ByteString,
        prepared: &TransactionMetadata,
        now: Now,
        effects: &mut Effects,
    ) {
        if prepared.partitions.is_empty() {
            self.complete(transactional_id, prepared, now, effects);
        } else {
            ask(effects, transactional_id, prepared, prepared.partitions.iter().cloned().collect());
        }
    }

    /// Asks for all markers of transactions whose end was decided: which of them are stored, no record says.
    pub(super) fn resume(&mut self, now: Now) -> Effects {
        let mut effects = Effects::default();
        let decided = self.stored.iter().filter(|(_, stored)| stored.state.decided().is_some());
        let decided: Vec<_> = decided.map(|(id, stored)| (id.clone(), stored.clone())).collect();
        for (transactional_id, prepared) in decided {
            self.carry_out(&transactional_id, &prepared, now, &mut effects);
        }
        effects
    }

    /// Handles that markers are stored.
    pub(super) fn handle_marked(
        &mut self,
        transactional_id: &ByteString,
        left: Vec<TopicPartition>,
        now: Now,
    ) -> Effects {
        let mut effects = Effects::default();
        let Some(prepared) = self.stored.get(transactional_id).cloned() else { return effects };
        if left.is_empty() {
            self.complete(transactional_id, &prepared, now, &mut effects);
        } else {
            self.keep_unmarked(transactional_id, left);
            self.schedule(Timer::Markers(transactional_id.clone()), MARKER_RETRY, now);
        }
        effects
    }

    /// Keeps what is to be asked for again, and says so, less and less often.
    fn keep_unmarked(&mut self, transactional_id: &ByteString, left: Vec<TopicPartition>) {
        let session = self.session(transactional_id);
        session.failures += 1;
        if let (true, Some((topic, partition))) = (session.failures.is_power_of_two(), left.first()) {
            tracing::warn!(
                transactional_id = &**transactional_id,
                partitions = left.len(),
                "a transaction cannot end yet: partition {partition} of topic {topic} is out of service and has no marker"
            );
        }
        session.unmarked = left;
    }

    /// Asks again for the markers that are not stored yet.
    pub(super) fn ask_for_markers(&mut self, transactional_id: &ByteString) -> Effects {
        let mut effects = Effects::default();
        let unmarked =
            self.sessions.get_mut(transactional_id).map(|session| std::mem::take(&mut session.unmarked));
        if let (Some(unmarked), Some(prepared)) = (unmarked, self.stored.get(transactional_id)) {
            ask(&mut effects, transactional_id, prepared, unmarked);
        }
        effects
    }

    /// The transaction has ended in all its partitions: whoever waited for that goes on.
    fn complete(
        &mut self,
        transactional_id: &ByteString,
        prepared: &TransactionMetadata,
        now: Now,
        effects: &mut Effects,
    ) {
        let Some(outcome) = prepared.state.decided() else { return };
        let completed = prepared.completed(outcome, now.wall);
        effects.record(self.record(transactional_id, completed.clone()));
        let waiting = self.sessions.get_mut(transactional_id).map(|session| {
            session.failures = 0;
            std::mem::take(&mut session.waiting)
        });
        self.deadlines.cancel(&Timer::Additions(transactional_id.clone()));
        if let Some(next) = settle_waiting(completed, waiting.unwrap_or_default(), now, effects) {
            effects.record(self.record(transactional_id, next));
        }
    }
}

fn ask(
    effects: &mut Effects,
    transactional_id: &ByteString,
    prepared: &TransactionMetadata,
    partitions: Vec<TopicPartition>,
) {
    let Some(outcome) = prepared.state.decided() else { return };
    effects.ask(Ask::Markers(Markers {
        transactional_id: transactional_id.clone(),
        producer: prepared.producer,
        outcome,
        version: prepared.client_version,
        partitions,
    }));
}
