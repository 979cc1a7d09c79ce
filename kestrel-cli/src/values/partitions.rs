//! Partitions: a topic, or some of its partitions, as Apache Kafka's tools write them: `orders`, `orders:0`, `orders:0,2-5`. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use kestrel_client::TopicPartition;

/// A topic, or some of its partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Partitions {
    pub(crate) topic: String,
    /// `None` means all of them.
    pub(crate) numbers: Option<Vec<i32>>,
}

impl Partitions {
    /// Reads `TOPIC` or `TOPIC:N,N-N`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (topic, numbers) = match text.split_once(':') {
            Some((topic, numbers)) => (topic, Some(ranges(numbers)?)),
            None => (text, None),
        };
        if topic.is_empty() {
            return Err("expected TOPIC or TOPIC:PARTITION,...".to_owned());
        }
        Ok(Self { topic: topic.to_owned(), numbers })
    }

    /// These partitions, by topic.
    pub(crate) fn of(partitions: &[TopicPartition]) -> Vec<Self> {
        let mut topics: BTreeMap<&str, BTreeSet<i32>> = BTreeMap::new();
        for partition in partitions {
            topics.entry(&partition.topic).or_default().insert(partition.partition);
        }
        let of_topic = |(topic, numbers): (&str, BTreeSet<i32>)| Self {
            topic: topic.to_owned(),
            numbers: Some(numbers.into_iter().collect()),
        };
        topics.into_iter().map(of_topic).collect()
    }
}

impl fmt::Display for Partitions {
    /// As [`Self::parse`] reads it: with `0-2` for `0,1,2`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.topic)?;
        let mut numbers = self.numbers.iter().flatten().peekable();
        let mut separator = ':';
        while let Some(first) = numbers.next() {
            let mut last = first;
            while let Some(next) = numbers.next_if(|next| **next == last + 1) {
                last = next;
            }
            write!(f, "{separator}{first}")?;
            if last != first {
                write!(f, "-{last}")?;
            }
            separator = ',';
        }
        Ok(())
    }
}

fn ranges(text: &str) -> Result<Vec<i32>, String> {
    let mut numbers = Vec::new();
    for range in text.split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let number = |text: &str| {
            let number = text.parse::<u16>().map_err(|_| format!("`{text}` is no partition"))?;
            Ok::<_, String>(i32::from(number))
        };
        let (first, last) = (number(first)?, number(last)?);
        if last < first {
            return Err(format!("`{range}` has no partition in it"));
        }
        numbers.extend(first..=last);
    }
    numbers.sort_unstable();
    numbers.dedup();
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_are_written_as_they_are_read() {
        for text in ["orders", "orders:0", "orders:0-2,5,7-8"] {
            assert_eq!(Partitions::parse(text).unwrap().to_string(), text);
        }
        let partition = |topic: &str, number| TopicPartition::new(topic, number);
        let several = [partition("b", 3), partition("a", 1), partition("b", 2), partition("b", 0)];
        let written: Vec<_> = Partitions::of(&several).iter().map(ToString::to_string).collect();
        assert_eq!(written, ["a:1", "b:0,2-3"]);
    }

    #[test]
    fn partitions_are_read() {
        let numbers = |text: &str| Partitions::parse(text).map(|partitions| partitions.numbers);
        assert_eq!(numbers("orders"), Ok(None));
        assert_eq!(numbers("orders:0"), Ok(Some(vec![0])));
        assert_eq!(numbers("orders:5,0-2,1"), Ok(Some(vec![0, 1, 2, 5])));
        for text in ["", ":0", "orders:", "orders:a", "orders:-1", "orders:3-1", "orders:99999999"] {
            assert!(Partitions::parse(text).is_err(), "{text}");
        }
    }
}
