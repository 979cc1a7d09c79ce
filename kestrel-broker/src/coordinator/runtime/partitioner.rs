//! Which partition of an internal topic a key belongs to: Java's string hash, as Apache Kafka does it. Pure.

/// The partition of `count` that keeps the state of `key`: the hash without its sign, modulo `count`. The one hash that has
/// no positive counterpart counts as 0.
///
/// # Panics
/// When there is no partition.
pub(super) fn partition_for(key: &str, count: i32) -> i32 {
    java_hash(key).checked_abs().unwrap_or(0) % count
}

/// `String.hashCode()`: over the text's UTF-16 units.
fn java_hash(text: &str) -> i32 {
    text.encode_utf16().fold(0, |hash: i32, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_java() {
        assert_eq!(java_hash(""), 0);
        assert_eq!(java_hash("hello"), 99_162_322);
        assert_eq!(java_hash("polygenelubricants"), i32::MIN);
        // Outside of the basic plane a character counts as two units.
        assert_eq!(java_hash("\u{1f600}"), 0xd83d * 31 + 0xde00);
    }

    #[test]
    fn every_key_has_a_partition() {
        assert_eq!(partition_for("polygenelubricants", 50), 0);
        assert_eq!(partition_for("console-consumer-1", 1), 0);
    }

    #[test]
    fn groups_are_where_apache_kafka_put_them() {
        // As found in the folder of a node with `offsets.topic.num.partitions=10`; all of these hashes are negative.
        let found = [("billing", 9), ("static", 8), ("simple", 6), ("txgroup", 7)];
        for (group, partition) in found {
            assert_eq!(partition_for(group, 10), partition, "{group}");
        }
    }
}
