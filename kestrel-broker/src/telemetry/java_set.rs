//! The order in which a `HashSet` of Java has texts: the ids of subscriptions are made of it (KIP-714). Pure.

use kestrel_protocol::Uuid;

/// The buckets that a set begins with, and how full they may be before there are twice as many.
const FIRST_BUCKETS: usize = 16;
const FULL: (usize, usize) = (3, 4);

/// Texts, each once, in the order of a set that they were added to one after the other.
pub(super) fn in_javas_order<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut added: Vec<&str> = Vec::new();
    texts.for_each(|text| {
        if !added.contains(&text) {
            added.push(text);
        }
    });
    let mut buckets = FIRST_BUCKETS;
    while added.len() > buckets * FULL.0 / FULL.1 {
        buckets *= 2;
    }
    // Within a bucket it is the order in which they were added.
    added.sort_by_key(|text| spread(string_hash(text)) as usize & (buckets - 1));
    added
}

/// `String.hashCode`.
fn string_hash(text: &str) -> u32 {
    text.encode_utf16().fold(0, |hash: u32, unit| hash.wrapping_mul(31).wrapping_add(unit.into()))
}

const fn spread(hash: u32) -> u32 {
    hash ^ (hash >> 16)
}

/// `Uuid.hashCode`.
pub(super) fn java_hash(id: Uuid) -> i32 {
    let (words, _) = id.0.as_chunks::<4>();
    words.iter().fold(0, |hash, word| hash ^ i32::from_be_bytes(*word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_that_of_java() {
        // What `new HashSet<>(List.of(...))` of Java 17 prints.
        let names =
            ["org.apache.kafka.producer.", "org.apache.kafka.consumer.", "a", "b", "org.apache.kafka.admin."];
        let javas = "org.apache.kafka.producer. a org.apache.kafka.consumer. b org.apache.kafka.admin.";
        assert_eq!(in_javas_order(names.into_iter().chain(["a"])).join(" "), javas);
        let javas = "metric.9 metric.8 metric.7 metric.6 metric.5 metric.4 metric.3 metric.13 metric.2 metric.1 metric.0 \
                     metric.11 metric.12 metric.10";
        let many: Vec<String> = (0..14).map(|number| format!("metric.{number}")).collect();
        assert_eq!(in_javas_order(many.iter().map(String::as_str)).join(" "), javas);
    }

    #[test]
    fn hashes_are_those_of_java() {
        assert_eq!(string_hash("org.apache.kafka"), (-381_389_488_i32).cast_unsigned());
        assert_eq!(java_hash(Uuid::from_u128(0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10)), 16);
    }
}
