//! OffsetAndMetadata: what a group stores for a partition.

use std::sync::Arc;

use kestrel_protocol::LeaderEpoch;

use crate::consumer::position::FetchPosition;

/// A committed offset: the offset of the record that is read next, with a note beside it.
///
/// ```
/// use kestrel_client::OffsetAndMetadata;
/// let offset = OffsetAndMetadata::new(42).metadata("after the nightly run");
/// assert_eq!(OffsetAndMetadata::from(42).offset, offset.offset);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OffsetAndMetadata {
    /// The offset of the next record: one above that of the last one that is done.
    pub offset: i64,
    /// The epoch of the leader that appended the record before, when it is known (KIP-320).
    pub leader_epoch: Option<LeaderEpoch>,
    /// A note of the application, at most `offset.metadata.max.bytes` of the broker (4 KiB); empty when there is none.
    pub metadata: Arc<str>,
}

impl OffsetAndMetadata {
    /// The offset alone.
    #[must_use]
    pub fn new(offset: i64) -> Self {
        Self { offset, leader_epoch: None, metadata: Arc::from("") }
    }

    /// Sets the note.
    #[must_use]
    pub fn metadata(mut self, metadata: impl Into<Arc<str>>) -> Self {
        self.metadata = metadata.into();
        self
    }

    /// Sets the leader epoch, as [`ConsumerRecord::leader_epoch`](crate::ConsumerRecord::leader_epoch) has it.
    #[must_use]
    pub fn leader_epoch(mut self, epoch: Option<LeaderEpoch>) -> Self {
        self.leader_epoch = epoch;
        self
    }

    pub(crate) fn position(&self) -> FetchPosition {
        FetchPosition { offset: self.offset, epoch: self.leader_epoch }
    }
}

impl From<i64> for OffsetAndMetadata {
    fn from(offset: i64) -> Self {
        Self::new(offset)
    }
}

impl From<FetchPosition> for OffsetAndMetadata {
    fn from(position: FetchPosition) -> Self {
        Self::new(position.offset).leader_epoch(position.epoch)
    }
}
