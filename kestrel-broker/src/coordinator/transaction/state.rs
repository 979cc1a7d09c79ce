//! The states of a transaction (KIP-98, KIP-360): their names, the numbers that records have of them, and what follows what. Pure.

use kestrel_protocol::record::control::TransactionOutcome;

/// The state of a transactional id.
///
/// ```text
///             InitProducerId               EndTxn, timeout, fencing            all markers are stored
///   (none) ───────────────────► Empty ┐                    ┌► PrepareCommit ─────────────────► CompleteCommit ┐
///                                 ▲   ├─► Ongoing ─────────┤                                                  │
///                                 │   │  AddPartitions ↺   └► PrepareAbort ──────────────────► CompleteAbort  ┤
///                                 │   └── EndTxn aborts nothing (KIP-890) ────► PrepareAbort                  │
///                                 └──────────── InitProducerId ───────────────────────────────────────────────┤
///                                                                     AddPartitions ─► Ongoing ◄──────────────┘
/// ```
///
/// From Empty and the two complete states a transactional id expires. Dead and PrepareEpochFence are what Apache Kafka calls a
/// transition of its memory; no record has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum TransactionState {
    /// There is a producer, and no transaction yet.
    Empty,
    /// A transaction has partitions.
    Ongoing,
    /// It is decided to commit: markers are written.
    PrepareCommit,
    /// It is decided to abort: markers are written.
    PrepareAbort,
    /// The last transaction was committed in all its partitions.
    CompleteCommit,
    /// The last transaction was aborted in all its partitions.
    CompleteAbort,
    /// The transactional id has expired.
    Dead,
    /// The producer of an ongoing transaction is being fenced.
    PrepareEpochFence,
}

use TransactionState::{
    CompleteAbort, CompleteCommit, Dead, Empty, Ongoing, PrepareAbort, PrepareCommit, PrepareEpochFence,
};

/// The states by their number.
const STATES: [(TransactionState, &str); 8] = [
    (Empty, "Empty"),
    (Ongoing, "Ongoing"),
    (PrepareCommit, "PrepareCommit"),
    (PrepareAbort, "PrepareAbort"),
    (CompleteCommit, "CompleteCommit"),
    (CompleteAbort, "CompleteAbort"),
    (Dead, "Dead"),
    (PrepareEpochFence, "PrepareEpochFence"),
];

impl TransactionState {
    /// The state that a record means by a number. No record has those that Apache Kafka has in its memory only.
    pub(super) fn from_number(number: i8) -> Option<Self> {
        let (state, _) = STATES.get(usize::try_from(number).ok()?)?;
        (!matches!(state, Dead | PrepareEpochFence)).then_some(*state)
    }

    /// The number of the state in records.
    pub(super) const fn number(self) -> i8 {
        self as i8
    }

    /// The state of this name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        STATES.iter().find(|(_, known)| *known == name).map(|(state, _)| *state)
    }

    /// The name, as Apache Kafka's tools show it.
    pub(crate) fn name(self) -> &'static str {
        STATES.iter().find(|(state, _)| *state == self).map_or("", |(_, name)| name)
    }

    /// How the transaction is going to end, once that is decided and until it is done.
    pub(super) const fn decided(self) -> Option<TransactionOutcome> {
        match self {
            PrepareCommit => Some(TransactionOutcome::Commit),
            PrepareAbort => Some(TransactionOutcome::Abort),
            _ => None,
        }
    }

    /// The state in which it is decided how the transaction ends.
    pub(super) const fn prepared(outcome: TransactionOutcome) -> Self {
        match outcome {
            TransactionOutcome::Commit => PrepareCommit,
            TransactionOutcome::Abort => PrepareAbort,
        }
    }

    /// The state in which the transaction has ended.
    pub(super) const fn completed(outcome: TransactionOutcome) -> Self {
        match outcome {
            TransactionOutcome::Commit => CompleteCommit,
            TransactionOutcome::Abort => CompleteAbort,
        }
    }

    /// Whether there is no transaction: the next one may begin, and the transactional id may expire.
    pub(super) const fn is_idle(self) -> bool {
        matches!(self, Empty | CompleteCommit | CompleteAbort)
    }

    /// Whether this state may come after `before`.
    pub(super) const fn follows(self, before: Self) -> bool {
        match self {
            Empty | Dead => before.is_idle(),
            Ongoing => before.is_idle() || matches!(before, Ongoing),
            PrepareCommit | PrepareEpochFence => matches!(before, Ongoing),
            PrepareAbort => before.is_idle() || matches!(before, Ongoing | PrepareEpochFence),
            CompleteCommit => matches!(before, PrepareCommit),
            CompleteAbort => matches!(before, PrepareAbort),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_are_those_of_apache_kafka() {
        for (number, (state, name)) in (0..).zip(STATES) {
            assert_eq!((state.number(), state.name()), (number, name));
            let stored = (number < 6).then_some(state);
            assert_eq!(TransactionState::from_number(number), stored, "no record has the last two");
            assert_eq!(TransactionState::from_name(name), Some(state));
        }
        assert_eq!((TransactionState::from_number(8), TransactionState::from_number(-1)), (None, None));
        assert_eq!(TransactionState::from_name("empty"), None);
    }

    #[test]
    fn predecessors_are_those_of_apache_kafka() {
        // As org.apache.kafka.coordinator.transaction.TransactionState of 4.3.1 has them.
        let expected: [&[TransactionState]; 8] = [
            &[Empty, CompleteCommit, CompleteAbort],
            &[Empty, Ongoing, CompleteCommit, CompleteAbort],
            &[Ongoing],
            &[Empty, Ongoing, CompleteCommit, CompleteAbort, PrepareEpochFence],
            &[PrepareCommit],
            &[PrepareAbort],
            &[Empty, CompleteCommit, CompleteAbort],
            &[Ongoing],
        ];
        for ((state, _), before) in STATES.into_iter().zip(expected) {
            let follows: Vec<_> =
                STATES.iter().map(|(other, _)| *other).filter(|other| state.follows(*other)).collect();
            assert_eq!(follows, before, "{state:?}");
        }
    }
}
