//! Offsets in a file: what Apache Kafka's tools export, and what `kestrel groups reset` and `describe` write as JSON lines.

use std::collections::BTreeMap;
use std::path::Path;

use kestrel_client::TopicPartition;
use serde_json::Value;

use crate::failure::Failure;

/// Reads the offsets of a file.
pub(super) fn read(file: &Path) -> Result<BTreeMap<TopicPartition, i64>, Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::new(format!("{} cannot be read: {error}", file.display())))?;
    parse(&text).map_err(|line| {
        Failure::new(format!("{}: line {line} is no offset", file.display()))
            .remedy(r#"A line is TOPIC,PARTITION,OFFSET or {"topic":"orders","partition":0,"after":42}."#)
    })
}

/// The line of an offset.
pub(super) fn line(partition: &TopicPartition, offset: i64) -> String {
    format!("{},{},{offset}\n", partition.topic, partition.partition)
}

/// The offsets of a text, or the first line that is none.
fn parse(text: &str) -> Result<BTreeMap<TopicPartition, i64>, usize> {
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    lines.map(|(number, line)| parse_line(line.trim()).ok_or(number)).collect()
}

fn parse_line(line: &str) -> Option<(TopicPartition, i64)> {
    let (topic, partition, offset) = if line.starts_with('{') { object(line)? } else { pieces(line)? };
    (partition >= 0 && offset >= 0).then(|| (TopicPartition::new(topic, partition), offset))
}

fn object(line: &str) -> Option<(String, i32, i64)> {
    let object: Value = serde_json::from_str(line).ok()?;
    let offset = ["after", "offset", "committed"].iter().find_map(|key| object.get(key)?.as_i64())?;
    let partition = object.get("partition")?.as_i64()?.try_into().ok()?;
    Some((object.get("topic")?.as_str()?.to_owned(), partition, offset))
}

/// Also with a group before them, and in quotes, as Apache Kafka's tools export them.
fn pieces(line: &str) -> Option<(String, i32, i64)> {
    let pieces: Vec<_> = line.split(',').map(|piece| piece.trim().trim_matches('"')).collect();
    match *pieces {
        [topic, partition, offset] | [_, topic, partition, offset] => {
            Some((topic.to_owned(), partition.parse().ok()?, offset.parse().ok()?))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_read_in_each_form() {
        let text = r#"
            "orders",0,42
            "billing","orders",1,43
            orders,2,44
            {"topic":"orders","partition":3,"before":1,"after":45,"change":44}
        "#;
        let offsets = parse(text).unwrap();
        let expected =
            (0..4).zip(42..).map(|(number, offset)| (TopicPartition::new("orders", number), offset));
        assert_eq!(offsets, expected.collect());
    }

    #[test]
    fn what_is_written_is_read_back() {
        let partition = TopicPartition::new("orders", 3);
        assert_eq!(parse(&line(&partition, 42)).unwrap(), BTreeMap::from([(partition, 42)]));
    }

    #[test]
    fn a_line_that_is_no_offset_is_named() {
        for text in ["orders,0", "orders,0,-1", "orders,x,1", "{}", r#"{"topic":"t","partition":0}"#] {
            assert_eq!(parse(&format!("a,0,1\n\n{text}")), Err(3), "{text}");
        }
    }
}
