//! What time does: transactions that take too long are aborted, transactional ids that nobody uses are forgotten. Part of the machine.

use std::time::Duration;

use bytestring::ByteString;
use kestrel_protocol::ProducerId;

use super::records::TransactionRecord;
use super::{Ask, Effects, Refused, Timer, TransactionShard};
use crate::coordinator::runtime::Now;

/// How many transactional ids one event changes at most: their records are one append.
const MOST_AT_ONCE: usize = 1000;

impl TransactionShard {
    /// Aborts transactions that have taken longer than they may.
    pub(super) fn abort_timed_out(&mut self, now: Now) -> Effects {
        let timed_out = self.stored.iter().filter(|(_, stored)| stored.has_timed_out(now.wall));
        let timed_out: Vec<_> = timed_out.map(|(id, _)| id.clone()).take(MOST_AT_ONCE).collect();
        let are_more = timed_out.len() == MOST_AT_ONCE;
        let mut effects = Effects::default();
        for transactional_id in timed_out {
            effects.append(self.abort(&transactional_id, None, now));
        }
        // Without a record all of them wait for producer ids.
        if are_more && effects.has_records() {
            self.schedule(Timer::Abort, Duration::ZERO, now);
        }
        effects
    }

    /// Handles that there is a producer id for a transaction that is to be aborted, whose own has no epoch left.
    pub(super) fn handle_producer_id(
        &mut self,
        transactional_id: &ByteString,
        producer_id: Option<ProducerId>,
        now: Now,
    ) -> Effects {
        // Without one, the next check asks again.
        producer_id
            .map(|producer_id| self.abort(transactional_id, Some(producer_id), now))
            .unwrap_or_default()
    }

    fn abort(&mut self, transactional_id: &ByteString, spare_id: Option<ProducerId>, now: Now) -> Effects {
        let ongoing = self.stored.get(transactional_id).filter(|stored| stored.has_timed_out(now.wall));
        let Some(ongoing) = ongoing.cloned() else { return Effects::default() };
        match self.fence(transactional_id, &ongoing, spare_id, now) {
            Ok(effects) => {
                tracing::info!(
                    transactional_id = &**transactional_id,
                    timeout_ms = ongoing.timeout.as_millis(),
                    "a transaction has taken longer than its producer's transaction.timeout.ms: it is aborted"
                );
                effects
            }
            Err(Refused::NoSpareProducerId | Refused::With(_)) => {
                let mut effects = Effects::default();
                effects.ask(Ask::ProducerId(transactional_id.clone()));
                effects
            }
        }
    }

    /// Forgets the transactional ids that nobody has used for `transactional.id.expiration.ms`.
    pub(super) fn expire(&mut self, now: Now) -> Effects {
        let latest = now.wall.saturating_sub(self.settings.expiration);
        let expired =
            self.stored.iter().filter(|(_, stored)| stored.state.is_idle() && stored.updated_at <= latest);
        let expired: Vec<_> = expired.map(|(id, _)| id.clone()).take(MOST_AT_ONCE).collect();
        if expired.len() == MOST_AT_ONCE {
            self.schedule(Timer::Expiration, Duration::ZERO, now);
        }
        let mut effects = Effects::default();
        for transactional_id in expired {
            self.sessions.remove(&transactional_id);
            effects.record(TransactionRecord { transactional_id, metadata: None });
        }
        effects
    }
}
