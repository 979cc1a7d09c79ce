//! The records of a request that begin a transaction in their partitions: the coordinator is asked before they are appended.
//!
//! From version 12 of Produce on the broker adds the partition to the transaction; before, the producer has done so, and the
//! coordinator says whether it has (KIP-890). Nobody is asked again while the transaction is open in the partition.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytestring::ByteString;
use kestrel_protocol::messages::produce::ProduceRequest;
use kestrel_protocol::record::RecordBatchHeader;
use kestrel_protocol::{ErrorCode, ProducerId, Timestamp};
use tokio::time::timeout_at;

use super::{Append, Refusal};
use crate::api::State;
use crate::api::transactional::is_final;
use crate::clock::after;
use crate::log::{Transaction, VerificationGuard, Verifying};
use crate::partition::Partition;

/// The first version whose sender knows `TRANSACTION_ABORTABLE` (KIP-890).
const FIRST_ABORTABLE_VERSION: i16 = 11;
/// The first version with which the broker adds partitions to transactions.
const FIRST_ADDING_VERSION: i16 = 12;
/// How long a coordinator is waited for at most, however long the producer would: requests after this one wait with it.
const COORDINATOR_PATIENCE: Duration = Duration::from_secs(10);

/// The partitions in which a request begins a transaction, each with the guard of its verification.
#[derive(Debug)]
pub(super) struct Verification {
    transactional_id: ByteString,
    producer: Transaction,
    version: i16,
    deadline: Instant,
    guarded: Vec<Guarded>,
}

/// A partition and the guard of its verification.
#[derive(Debug)]
struct Guarded {
    partition: Arc<Partition>,
    verifying: Verifying,
    guard: VerificationGuard,
}

/// The answer of the coordinator for each of them; empty when it did not have to be asked.
#[derive(Debug, Default)]
pub(crate) struct Verdicts {
    version: i16,
    each: Vec<(Arc<Partition>, Result<VerificationGuard, ErrorCode>)>,
}

impl Verification {
    /// Begins to verify; none when the request begins no transaction anywhere.
    pub(super) fn begin(request: &ProduceRequest, append: &Append<'_>, deadline: Instant) -> Option<Self> {
        let transactional_id = request.transactional_id.as_ref()?;
        let mut producer = None;
        let mut guarded = Vec::new();
        for topic in &request.topic_data {
            if append.check_topic(&topic.name, topic.topic_id).is_err() {
                continue;
            }
            for data in &topic.partition_data {
                let header = data.records.as_deref().and_then(transactional_header);
                let partition = append.partition(&topic.name, topic.topic_id, data.index);
                let (Some(header), Ok(partition)) = (header, partition) else { continue };
                if append.is_internal(partition.topic()) {
                    continue;
                }
                let verifying = verifying(&header, append.version);
                producer = Some(verifying.transaction);
                if let Some(guard) = partition.begin_verification(verifying, append.now) {
                    guarded.push(Guarded { partition, verifying, guard });
                }
            }
        }
        let producer = producer.filter(|_| !guarded.is_empty())?;
        // Not as a slice of the frame, which it would keep.
        let transactional_id = ByteString::from(transactional_id.to_string());
        Some(Self { transactional_id, producer, version: append.version, deadline, guarded })
    }

    /// Asks the coordinator: at once, in the order of the calls. The future waits for what it says.
    ///
    /// The markers of the producer's transaction before, which are still written while it is there already with the next one,
    /// end verifications too; so a coordinator that is asked again may be asked with new guards.
    pub(super) fn verdicts(mut self, state: &Arc<State>) -> impl Future<Output = Verdicts> + Send + use<> {
        let state = Arc::clone(state);
        let mut asked = Box::pin(self.ask(&state));
        let deadline = self.deadline.min(after(state.clock.now(), COORDINATOR_PATIENCE));
        async move {
            loop {
                let answer = match timeout_at(deadline.into(), asked).await {
                    Ok(answer) => answer,
                    Err(_) => Err(ErrorCode::CoordinatorNotAvailable),
                };
                let is_overtaken = self.adds() && self.renew(state.clock.wall());
                if !is_overtaken {
                    return self.judged(answer);
                }
                asked = Box::pin(self.ask(&state));
            }
        }
    }

    /// Whether the coordinator adds the partitions, and does not only say whether the producer has.
    const fn adds(&self) -> bool {
        self.version >= FIRST_ADDING_VERSION
    }

    fn ask(
        &self,
        state: &State,
    ) -> impl Future<Output = Result<Vec<ErrorCode>, ErrorCode>> + Send + 'static + use<> {
        let named = |one: &Guarded| (one.partition.topic().clone(), one.partition.index());
        let partitions: Vec<_> = self.guarded.iter().map(named).collect();
        let (coordinator, id) = (&state.transactions, &self.transactional_id);
        if self.adds() {
            futures::future::Either::Left(coordinator.add_partitions(id, self.producer, &partitions))
        } else {
            futures::future::Either::Right(coordinator.verify_partitions(id, self.producer, &partitions))
        }
    }

    /// Begins those verifications anew that a marker has ended meanwhile; says whether there were any.
    fn renew(&mut self, now: Timestamp) -> bool {
        let mut any = false;
        for one in &mut self.guarded {
            // Without a guard, another request has begun the transaction here.
            if let Some(guard) = one.partition.begin_verification(one.verifying, now) {
                any |= guard != one.guard;
                one.guard = guard;
            }
        }
        any
    }

    fn judged(self, answer: Result<Vec<ErrorCode>, ErrorCode>) -> Verdicts {
        let errors = answer.unwrap_or_else(|error| vec![error; self.guarded.len()]);
        let each = self.guarded.into_iter().zip(errors).map(|(one, error)| {
            if is_final(error) {
                one.partition.refuse_verification(one.verifying.transaction, one.guard);
            }
            let verdict = if error.is_none() { Ok(one.guard) } else { Err(error) };
            (one.partition, verdict)
        });
        Verdicts { version: self.version, each: each.collect() }
    }
}

impl Verdicts {
    /// The guard with which records may begin the transaction in a partition; none where it is open already.
    pub(super) fn of(&self, partition: &Arc<Partition>) -> Result<Option<VerificationGuard>, Refusal> {
        match self.each.iter().find(|(of, _)| Arc::ptr_eq(of, partition)) {
            Some((_, Ok(guard))) => Ok(Some(*guard)),
            Some((_, Err(error))) => Err(refusal(*error, self.version)),
            None => Ok(None),
        }
    }
}

/// The header of a batch of a transaction.
fn transactional_header(records: &[u8]) -> Option<RecordBatchHeader> {
    let header = RecordBatchHeader::parse(records).ok()?;
    (header.is_transactional() && header.producer_id != ProducerId::NONE).then_some(header)
}

fn verifying(header: &RecordBatchHeader, version: i16) -> Verifying {
    let RecordBatchHeader { producer_id, producer_epoch, base_sequence: first_sequence, .. } = *header;
    let bumps_epoch = version >= FIRST_ADDING_VERSION;
    Verifying { transaction: Transaction { producer_id, producer_epoch }, first_sequence, bumps_epoch }
}

/// What a producer is told when its partition could not be verified, by what its version knows. Errors that pass are told as
/// `NOT_ENOUGH_REPLICAS`: every producer sends again then, without asking for the metadata first.
fn refusal(error: ErrorCode, version: i16) -> Refusal {
    use ErrorCode::*;
    match error {
        ProducerFenced => InvalidProducerEpoch.into(),
        ConcurrentTransactions if version >= FIRST_ADDING_VERSION => error.into(),
        NetworkException
        | CoordinatorLoadInProgress
        | CoordinatorNotAvailable
        | NotCoordinator
        | ConcurrentTransactions => {
            let message = format!(
                "it could not be verified that the transaction has the partition: {}",
                error.meaning()
            );
            Refusal::new(NotEnoughReplicas, message)
        }
        TransactionAbortable if version < FIRST_ABORTABLE_VERSION => not_added(),
        InvalidTxnState => not_added(),
        _ => error.into(),
    }
}

fn not_added() -> Refusal {
    let message = "the partition was not added to the transaction";
    Refusal::new(ErrorCode::InvalidTxnState, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_is_told_what_it_knows() {
        use ErrorCode::*;
        let told = |error| [10, 11, 12].map(|version| refusal(error, version).error);
        assert_eq!(told(ProducerFenced), [InvalidProducerEpoch; 3]);
        assert_eq!(told(InvalidProducerEpoch), [InvalidProducerEpoch; 3]);
        assert_eq!(told(TransactionAbortable), [InvalidTxnState, TransactionAbortable, TransactionAbortable]);
        assert_eq!(
            told(ConcurrentTransactions),
            [NotEnoughReplicas, NotEnoughReplicas, ConcurrentTransactions]
        );
        assert_eq!(told(CoordinatorNotAvailable), [NotEnoughReplicas; 3]);
        assert_eq!(told(InvalidProducerIdMapping), [InvalidProducerIdMapping; 3]);
    }
}
