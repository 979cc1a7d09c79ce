//! Partitions as requests and answers name them: by topic.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use kestrel_protocol::ByteString;

/// What a broker answers for partitions, by topic and number.
pub(crate) type Answers<A> = HashMap<(ByteString, i32), A>;

/// Items of requests by topic, in the order of topics' names.
pub(crate) fn by_topic<'a, P>(
    items: impl IntoIterator<Item = (&'a Arc<str>, P)>,
) -> impl Iterator<Item = (ByteString, Vec<P>)> {
    let mut topics: BTreeMap<&Arc<str>, Vec<P>> = BTreeMap::new();
    for (topic, item) in items {
        topics.entry(topic).or_default().push(item);
    }
    topics.into_iter().map(|(topic, items)| (ByteString::from(&**topic), items))
}

/// The answers of one topic by partition.
pub(crate) fn by_partition<A>(
    topic: ByteString,
    answers: Vec<A>,
    number: impl Fn(&A) -> i32,
) -> impl Iterator<Item = ((ByteString, i32), A)> {
    answers.into_iter().map(move |answer| ((topic.clone(), number(&answer)), answer))
}
