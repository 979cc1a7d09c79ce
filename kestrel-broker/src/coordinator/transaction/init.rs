//! InitProducerId: a producer begins, or begins anew (KIP-98, KIP-360). Part of the machine.

use std::time::Duration;

use bytestring::ByteString;
use kestrel_protocol::{ErrorCode, ProducerEpoch, ProducerId};

use super::metadata::{TransactionMetadata, bumped, is_exhausted};
use super::state::TransactionState;
use super::{Effects, Handled, Refused, TransactionShard, check_name, spare};
use crate::coordinator::runtime::Now;
use crate::log::Transaction;

/// What InitProducerId says.
#[derive(Debug, Clone)]
pub(crate) struct Initialization {
    pub(crate) transactional_id: ByteString,
    /// How long a transaction may take; none when the request says a negative time.
    pub(crate) timeout: Option<Duration>,
    /// The producer that the client believes to be, if it says so (KIP-360).
    pub(crate) expected: Option<Transaction>,
}

impl TransactionShard {
    /// Handles InitProducerId: the producer with its next epoch. An open transaction is aborted, and the client is to try again
    /// when that is done.
    pub(in crate::coordinator) fn init(
        &mut self,
        init: &Initialization,
        spare_id: Option<ProducerId>,
        now: Now,
    ) -> Handled<Result<Transaction, Refused>> {
        self.initialize(init, spare_id, now).unwrap_or_else(|refused| (Err(refused), Effects::default()))
    }

    fn initialize(
        &mut self,
        init: &Initialization,
        spare_id: Option<ProducerId>,
        now: Now,
    ) -> Result<Handled<Result<Transaction, Refused>>, Refused> {
        check_name(&init.transactional_id)?;
        let timeout = self.check_timeout(init.timeout)?;
        let before = match self.stored.get(&init.transactional_id) {
            Some(known) => known.clone(),
            None => TransactionMetadata::created(spare(spare_id)?, timeout),
        };
        if init.expected.is_some_and(|expected| !may_be(expected, &before)) {
            return Err(ErrorCode::ProducerFenced.into());
        }
        match before.state {
            state if state.is_idle() => {
                let Next { producer, last_epoch } = self.next_epoch(init, &before, spare_id)?;
                let next = before.initialized(producer, timeout, now.wall);
                self.session(&init.transactional_id).last_epoch = last_epoch;
                Ok((Ok(producer), vec![self.record(&init.transactional_id, next)].into()))
            }
            TransactionState::Ongoing => {
                let effects = self.fence(&init.transactional_id, &before, spare_id, now)?;
                Ok((Err(ErrorCode::ConcurrentTransactions.into()), effects))
            }
            _ => Err(ErrorCode::ConcurrentTransactions.into()),
        }
    }

    fn check_timeout(&self, timeout: Option<Duration>) -> Result<Duration, ErrorCode> {
        let is_allowed = |timeout: &Duration| !timeout.is_zero() && *timeout <= self.settings.max_timeout;
        timeout.filter(is_allowed).ok_or(ErrorCode::InvalidTransactionTimeout)
    }

    /// The producer that answers an InitProducerId while there is no transaction.
    fn next_epoch(
        &self,
        init: &Initialization,
        before: &TransactionMetadata,
        spare_id: Option<ProducerId>,
    ) -> Result<Next, Refused> {
        let Transaction { producer_id, producer_epoch } = before.producer;
        let last_epoch = self.last_epoch(&init.transactional_id);
        let expected = init.expected.map(|expected| expected.producer_epoch);
        if expected.is_none_or(|epoch| epoch == producer_epoch || producer_epoch == ProducerEpoch::NONE) {
            // Whoever begins without a past fences all others, those too that ask again.
            let last_epoch = expected.map_or(ProducerEpoch::NONE, |_| producer_epoch);
            let producer = if before.is_exhausted() {
                Transaction { producer_id: spare(spare_id)?, producer_epoch: ProducerEpoch(0) }
            } else {
                Transaction { producer_id, producer_epoch: bumped(producer_epoch) }
            };
            Ok(Next { producer, last_epoch })
        } else if expected == Some(last_epoch) {
            // It has not heard the answer. Nobody else has begun meanwhile, or there were no last epoch.
            Ok(Next { producer: before.producer, last_epoch })
        } else {
            Err(ErrorCode::ProducerFenced.into())
        }
    }

    /// The epoch that the producer had before the current one, as far as that is known.
    pub(super) fn last_epoch(&self, transactional_id: &str) -> ProducerEpoch {
        self.sessions.get(transactional_id).map_or(ProducerEpoch::NONE, |session| session.last_epoch)
    }
}

/// A producer as it is initialized, and the epoch that it had before.
struct Next {
    producer: Transaction,
    last_epoch: ProducerEpoch,
}

/// Whether a producer may be the one that has the transactional id: its epoch is looked at later.
fn may_be(expected: Transaction, known: &TransactionMetadata) -> bool {
    known.producer.producer_epoch == ProducerEpoch::NONE
        || expected.producer_id == known.producer.producer_id
        // It has not heard that its epochs have run out, and that it has another id.
        || (expected.producer_id == known.previous_producer_id && is_exhausted(expected.producer_epoch))
}
