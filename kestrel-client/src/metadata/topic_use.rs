//! TopicUse: a guard that keeps a topic in the metadata. Held by producers, consumers and calls that wait; counted by the cache.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

use super::cache::Wanted;
use super::refresher::MetadataHandle;

/// One use of a topic; dropping it ends the use.
pub(crate) struct TopicUse {
    metadata: MetadataHandle,
    topic: Arc<str>,
    wanted: Wanted,
}

impl TopicUse {
    pub(super) fn new(metadata: MetadataHandle, topic: Arc<str>, wanted: Wanted) -> Self {
        Self { metadata, topic, wanted }
    }
}

impl Drop for TopicUse {
    fn drop(&mut self) {
        self.metadata.release(&self.topic, self.wanted);
    }
}

impl fmt::Debug for TopicUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TopicUse").field("topic", &self.topic).field("wanted", &self.wanted).finish()
    }
}

/// The reason for which a consumer uses a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Reason {
    /// Partitions of the topic are assigned to the consumer.
    Assigned,
    /// The consumer is subscribed to the topic.
    Subscribed,
    /// The consumer leads its group, and assigns the topic's partitions to members.
    Divided,
}

/// The uses by reason; `None` once the consumer has ended.
type ByReason = Option<HashMap<(Reason, Arc<str>), TopicUse>>;

/// The topics that a consumer uses; clones share them.
#[derive(Debug, Clone)]
pub(crate) struct TopicUses {
    metadata: MetadataHandle,
    uses: Arc<Mutex<ByReason>>,
}

impl TopicUses {
    pub(crate) fn new(metadata: MetadataHandle) -> Self {
        Self { metadata, uses: Arc::new(Mutex::new(Some(HashMap::new()))) }
    }

    /// Replaces the topics that are used for `reason` by these.
    pub(crate) fn replace(&self, reason: Reason, topics: impl IntoIterator<Item = Arc<str>>) {
        let topics: BTreeSet<_> = topics.into_iter().collect();
        let released: Vec<TopicUse> = {
            let mut uses = self.uses.lock();
            let Some(uses) = &mut *uses else { return };
            for topic in &topics {
                let new = || self.metadata.use_topic(topic, Wanted::IfExists);
                uses.entry((reason, Arc::clone(topic))).or_insert_with(new);
            }
            let ended = |(why, topic): &(Reason, Arc<str>)| *why == reason && !topics.contains(topic);
            uses.extract_if(|key, _| ended(key)).map(|(_, topic_use)| topic_use).collect()
        };
        drop(released);
    }

    /// Ends all uses; later calls of [`Self::replace`] do nothing.
    pub(crate) fn end(&self) {
        let released = self.uses.lock().take();
        drop(released);
    }
}
