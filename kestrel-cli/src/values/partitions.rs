//! Partitions: a topic, or some of its partitions, as Apache Kafka's tools write them: `orders`, `orders:0`, `orders:0,2-5`. Pure.

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
