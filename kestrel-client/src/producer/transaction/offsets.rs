//! GroupOffsets: the offsets of one group on their way into a transaction.

use crate::consumer::{GroupMetadata, OffsetAndMetadata};
use crate::record::TopicPartition;

/// Offsets that a group commits in a transaction, and the member that they come from.
#[derive(Debug, Clone)]
pub(crate) struct GroupOffsets {
    pub(crate) group: GroupMetadata,
    pub(crate) offsets: Vec<(TopicPartition, OffsetAndMetadata)>,
}
