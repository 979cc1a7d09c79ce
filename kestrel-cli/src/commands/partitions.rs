//! The partitions that a command line means.

use std::collections::{BTreeMap, BTreeSet};

use kestrel_client::{Admin, TopicPartition};

use crate::failure::Failure;
use crate::values::Partitions;

/// The partitions of these topics: those that are named, or all of them.
///
/// # Errors
/// When a topic is not there. A partition that is not there is left to whoever works with it.
pub(crate) async fn resolve(admin: &Admin, meant: &[Partitions]) -> Result<Vec<TopicPartition>, Failure> {
    let whole: BTreeSet<_> = meant.iter().filter(|m| m.numbers.is_none()).map(|m| m.topic.as_str()).collect();
    let described = admin.describe_topics(whole).await.into_result()?;
    let counts: BTreeMap<_, _> = described
        .iter()
        .map(|(name, topic)| (&**name, topic.partitions.iter().map(|partition| partition.partition)))
        .collect();
    let mut found = BTreeSet::new();
    for Partitions { topic, numbers } in meant {
        let of_topic = |number: i32| TopicPartition::new(topic, number);
        match numbers {
            Some(numbers) => found.extend(numbers.iter().copied().map(of_topic)),
            None => found.extend(counts.get(&**topic).cloned().into_iter().flatten().map(of_topic)),
        }
    }
    Ok(found.into_iter().collect())
}
