//! Identities of assignments and positions: which of them a question was about.

/// One assignment of one partition: never used again for a later one, not even of the same partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct AssignmentId(pub(crate) u64);

/// One position of an assignment, as it was set from outside: what was asked about an older one is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PositionId {
    pub(crate) id: AssignmentId,
    /// The number of times that the position had been set.
    pub(crate) generation: u32,
}
