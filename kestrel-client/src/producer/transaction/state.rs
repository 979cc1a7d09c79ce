//! State: how far a transactional producer has come, and from where to where it may go.

/// The state of a transactional producer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// It has no identity, and has not asked for one.
    Uninitialized,
    /// It asks for an identity: the first one, or a higher epoch.
    Initializing,
    /// No transaction is open.
    Ready,
    InTransaction,
    Committing,
    Aborting,
    /// The open transaction can only be aborted.
    AbortableError,
    /// The producer is finished.
    FatalError,
}

impl State {
    /// Whether a transaction is open that can fail.
    pub(super) const fn is_open(self) -> bool {
        matches!(self, Self::InTransaction | Self::Committing)
    }

    /// Whether this state may come after `before` (decision 0030).
    pub(super) const fn may_follow(self, before: Self) -> bool {
        use State::{
            AbortableError, Aborting, Committing, FatalError, InTransaction, Initializing, Ready,
            Uninitialized,
        };
        match self {
            Uninitialized => false,
            Initializing => matches!(before, Uninitialized | Aborting),
            Ready => matches!(before, Initializing | Committing | Aborting),
            InTransaction => matches!(before, Ready),
            Committing => matches!(before, InTransaction),
            Aborting => matches!(before, InTransaction | AbortableError),
            AbortableError => matches!(before, InTransaction | Committing),
            FatalError => true,
        }
    }
}
