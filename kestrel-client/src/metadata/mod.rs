//! Metadata: the client's knowledge of brokers, topics and leaders, kept fresh.
//!
//! The [`refresher`] task asks brokers and feeds the [`cache`] machine, which publishes immutable [`MetadataSnapshot`]s.
//! Producers, consumers and admin calls read the current one through a [`MetadataHandle`], and register the topics that they
//! use: topics without users are not requested, and only a call that waits lets the brokers create one. A leader epoch never goes
//! back unless the topic was deleted and made anew (another topic id).

mod cache;
mod refresher;
mod snapshot;
mod topic_use;

pub(crate) use cache::{LeaderHint, MetadataCache, Wanted};
pub(crate) use refresher::{FoundTopic, MetadataHandle, Refresher};
pub use snapshot::{BrokerView, MetadataSnapshot, PartitionView, TopicView};
pub(crate) use topic_use::{Reason, TopicUse, TopicUses};
