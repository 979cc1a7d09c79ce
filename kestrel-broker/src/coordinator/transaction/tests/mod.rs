//! The machine by script, with a hand-held clock: what each request is answered with, and what follows when time passes.

mod adding;
mod crashes;
mod ending;
mod epochs;
mod initializing;
mod listing;
mod property;
mod upkeep;

use std::time::Duration;

use kestrel_protocol::record::control::TransactionOutcome::{Abort, Commit};
use kestrel_protocol::{ProducerEpoch, ProducerId};

use super::TransactionState::*;
use super::*;
use crate::cluster::TransactionVersion;
use crate::coordinator::runtime::tests::script::{Reply, Script};

/// The only transactional id of most tests.
const ID: &str = "orders";
const TIMEOUT: Duration = Duration::from_secs(60);
/// The first producer id that is given out.
const FIRST: i64 = 1000;

fn defaults() -> TransactionSettings {
    TransactionSettings {
        add_partitions_patience: Duration::from_millis(100),
        abort_check_interval: Duration::from_secs(10),
        max_timeout: Duration::from_secs(900),
        verifies_partitions: true,
        expiration_check_interval: Duration::from_secs(3600),
        expiration: Duration::from_secs(7 * 24 * 3600),
    }
}

/// The script of a shard, and the producer ids that are left.
struct Harness {
    script: Script<TransactionShard>,
    next_producer_id: i64,
}

/// A producer of a test.
fn producer(producer_id: i64, epoch: i16) -> Transaction {
    Transaction { producer_id: ProducerId(producer_id), producer_epoch: ProducerEpoch(epoch) }
}

fn part(number: i32) -> TopicPartition {
    ("t".into(), number)
}

impl Harness {
    fn new() -> Self {
        Self::at(TransactionVersion::V2)
    }

    /// Of a cluster that has finalized this version of transactions.
    fn at(version: TransactionVersion) -> Self {
        Self::with(version, defaults())
    }

    fn with(version: TransactionVersion, settings: TransactionSettings) -> Self {
        Self {
            script: Script::new(ShardSettings { settings, version: version.into() }),
            next_producer_id: FIRST,
        }
    }

    /// One with a producer of epoch 0.
    fn with_producer() -> Self {
        let mut harness = Self::new();
        assert_eq!(harness.init(None), Ok(producer(FIRST, 0)));
        harness
    }

    /// One whose producer has a transaction in partitions 0 and 1.
    fn ongoing() -> Self {
        let mut harness = Self::with_producer();
        assert_eq!(harness.add(producer(FIRST, 0), &[0, 1]), Some(Ok(())));
        harness
    }

    fn init(&mut self, expected: Option<Transaction>) -> Result<Transaction, ErrorCode> {
        self.init_of(ID, expected, TIMEOUT)
    }

    fn init_of(
        &mut self,
        transactional_id: &str,
        expected: Option<Transaction>,
        timeout: Duration,
    ) -> Result<Transaction, ErrorCode> {
        let transactional_id = transactional_id.to_owned().into();
        let init = Initialization { transactional_id, timeout: Some(timeout), expected };
        self.with_spare(|shard, spare, now| shard.init(&init, spare, now))
    }

    /// Adds partitions of topic `t` as clients of the second version do; no answer while it waits.
    fn add(&mut self, producer: Transaction, partitions: &[i32]) -> Option<Result<(), ErrorCode>> {
        self.adding(producer, partitions).take()
    }

    fn adding(&mut self, producer: Transaction, partitions: &[i32]) -> Reply<Result<(), ErrorCode>> {
        self.adding_as(TransactionVersion::V2, producer, partitions)
    }

    fn adding_as(
        &mut self,
        client_version: TransactionVersion,
        producer: Transaction,
        partitions: &[i32],
    ) -> Reply<Result<(), ErrorCode>> {
        let partitions = partitions.iter().copied().map(part).collect();
        let addition = Addition { transactional_id: ID.into(), producer, partitions, client_version };
        self.script.handle_waiting(|shard, to, now| shard.add(addition, to, now))
    }

    fn verify(&self, producer: Transaction, partitions: &[i32]) -> Result<Vec<ErrorCode>, ErrorCode> {
        let partitions: Vec<_> = partitions.iter().copied().map(part).collect();
        self.script.machine.verify(ID, producer, &partitions)
    }

    /// Ends the transaction as clients of the second version do.
    fn end(&mut self, producer: Transaction, outcome: TransactionOutcome) -> Result<Transaction, ErrorCode> {
        self.end_as(TransactionVersion::V2, producer, outcome)
    }

    fn end_as(
        &mut self,
        client_version: TransactionVersion,
        producer: Transaction,
        outcome: TransactionOutcome,
    ) -> Result<Transaction, ErrorCode> {
        let ending = Ending { transactional_id: ID.into(), producer, outcome, client_version };
        self.with_spare(|shard, spare, now| shard.end(&ending, spare, now))
    }

    /// Carries a request out as the coordinator's door does.
    fn with_spare<R>(
        &mut self,
        request: impl Fn(&mut TransactionShard, Option<ProducerId>, Now) -> Handled<Result<R, Refused>>,
    ) -> Result<R, ErrorCode> {
        match self.script.handle(|shard, now| request(shard, None, now)) {
            Ok(answer) => Ok(answer),
            Err(Refused::With(error)) => Err(error),
            Err(Refused::NoSpareProducerId) => {
                let spare = ProducerId(self.next_producer_id);
                self.next_producer_id += 1;
                match self.script.handle(|shard, now| request(shard, Some(spare), now)) {
                    Ok(answer) => Ok(answer),
                    Err(Refused::With(error)) => Err(error),
                    Err(Refused::NoSpareProducerId) => panic!("it was given one"),
                }
            }
        }
    }

    /// The markers that were asked for last.
    fn take_markers(&mut self) -> Markers {
        match self.script.asks.remove(0) {
            Ask::Markers(markers) => markers,
            Ask::ProducerId(_) => panic!("markers"),
        }
    }

    /// Says that markers are stored but for these partitions.
    fn marked(&mut self, left: &[i32]) {
        let left = left.iter().copied().map(part).collect();
        self.script.answer(Answer::Marked { transactional_id: ID.into(), left });
    }

    /// Writes all markers that are asked for.
    fn write_markers(&mut self) -> Markers {
        let markers = self.take_markers();
        self.marked(&[]);
        markers
    }

    fn metadata(&self) -> &TransactionMetadata {
        &self.script.machine.stored[ID]
    }

    fn state(&self) -> TransactionState {
        self.metadata().state
    }

    /// Brings the transactional id into this state, with the producer that a client would have then.
    fn in_state(state: TransactionState) -> (Self, Transaction) {
        let mut harness = Self::ongoing();
        let first = producer(FIRST, 0);
        let next = match state {
            Empty => return (Self::with_producer(), first),
            Ongoing => first,
            PrepareCommit | CompleteCommit => harness.end(first, Commit).unwrap(),
            _ => harness.end(first, Abort).unwrap(),
        };
        if matches!(state, CompleteCommit | CompleteAbort) {
            harness.write_markers();
        }
        assert_eq!(harness.state(), state);
        (harness, next)
    }

    /// Checks that a machine that reads the log is the same, and stops there.
    fn assert_replay_equals_live(&self) {
        self.script.assert_replay_equals_live(|shard| &shard.stored);
    }
}

/// The states that a transactional id can be in.
const REAL: [TransactionState; 6] =
    [Empty, Ongoing, PrepareCommit, PrepareAbort, CompleteCommit, CompleteAbort];
