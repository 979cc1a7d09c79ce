//! Source: where a consumer's partitions come from, as a type. What only a group can do does not compile without one.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::group::RebalanceListener;
use super::group::handle::GroupHandle;
use super::group::topics::TopicSelection;
use super::range::PlaceRange;
use crate::record::TopicPartition;

/// Where a consumer's partitions come from: [`Subscribed`] or [`Assigned`]. There are no others.
///
/// For functions that take a consumer of either kind:
///
/// ```
/// use kestrel_client::{Consumer, Source};
///
/// fn partitions<K, V, S: Source>(consumer: &Consumer<K, V, S>) -> usize {
///     consumer.assignment().len()
/// }
/// ```
pub trait Source: sealed::Sealed {}

impl Source for Subscribed {}
impl Source for Assigned {}

/// The consumer is a member of a group, which says what it reads: [`Client::consumer`](crate::Client::consumer).
///
/// The third parameter of [`Consumer`](crate::Consumer), and its default.
///
/// ```
/// use kestrel_client::{Consumer, Subscribed};
///
/// async fn checkpoint(member: &Consumer<String, u64, Subscribed>) -> Result<(), kestrel_client::Error> {
///     member.commit().await
/// }
/// ```
#[derive(Clone)]
pub struct Subscribed {
    pub(super) group: GroupHandle,
}

/// The consumer reads what it is told to: [`Client::assigned_consumer`](crate::Client::assigned_consumer).
///
/// The third parameter of [`Consumer`](crate::Consumer) in [`AssignedConsumer`](crate::AssignedConsumer). Its positions are the
/// caller's business, so there is nothing to commit:
///
/// ```compile_fail,E0599
/// async fn checkpoint(reader: &kestrel_client::AssignedConsumer<String, u64>) -> Result<(), kestrel_client::Error> {
///     reader.commit().await
/// }
/// ```
///
/// And a member of a group cannot be told what to read:
///
/// ```compile_fail,E0599
/// fn all(member: &mut kestrel_client::Consumer<String, u64>) -> Result<(), kestrel_client::Error> {
///     member.assign([("clicks", 0)])
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Assigned(pub(super) ());

impl fmt::Debug for Subscribed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscribed").field("group_id", &self.group.group_id).finish_non_exhaustive()
    }
}

/// The partitions that a builder was given.
#[derive(Debug, Default)]
#[expect(unnameable_types, reason = "only builders have one")]
pub struct AssignmentPlan {
    pub(super) partitions: Vec<TopicPartition>,
    pub(super) topics: Vec<Arc<str>>,
    pub(super) range: Option<PlaceRange>,
    pub(super) ranges: Vec<(TopicPartition, Range<i64>)>,
}

/// The group and topics that a builder was given.
#[expect(unnameable_types, reason = "only builders have one")]
pub struct SubscriptionPlan {
    pub(super) group_id: String,
    pub(super) topics: TopicSelection,
    pub(super) listener: Option<Arc<dyn RebalanceListener>>,
}

impl fmt::Debug for SubscriptionPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { group_id, topics, .. } = self;
        f.debug_struct("SubscriptionPlan")
            .field("group_id", group_id)
            .field("topics", topics)
            .finish_non_exhaustive()
    }
}

mod sealed {
    use futures::future::BoxFuture;

    use super::{Assigned, AssignmentPlan, Subscribed, SubscriptionPlan};
    use crate::error::Result;

    /// Keeps the two kinds the only ones.
    #[expect(unnameable_types, reason = "nobody else may implement it")]
    pub trait Sealed: Clone + std::fmt::Debug + Send + Sync + Unpin + 'static {
        /// The part of a builder that belongs to it.
        type Plan: std::fmt::Debug;

        /// Gives up everything in good order: leaves the group, if there is one.
        fn leave(&self) -> BoxFuture<'_, Result<()>>;
    }

    impl Sealed for Subscribed {
        type Plan = SubscriptionPlan;

        fn leave(&self) -> BoxFuture<'_, Result<()>> {
            Box::pin(self.group.close())
        }
    }

    impl Sealed for Assigned {
        type Plan = AssignmentPlan;

        fn leave(&self) -> BoxFuture<'_, Result<()>> {
            Box::pin(std::future::ready(Ok(())))
        }
    }
}
