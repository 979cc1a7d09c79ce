//! What a filter allocates for a record: nothing, unless it makes a text.

use serde_json::{Value as Json, json};

use super::context;
use crate::filter::Filter;
use crate::record::{Decoded, Record, Undecodable};

/// A record that was decoded before.
struct Ready {
    value: Json,
}

impl Record for Ready {
    fn topic(&self) -> &str {
        "earthquakes"
    }

    fn partition(&self) -> i32 {
        3
    }

    fn offset(&self) -> i64 {
        17
    }

    fn timestamp_millis(&self) -> i64 {
        1_796_026_500_000
    }

    fn raw_key(&self) -> Option<&[u8]> {
        Some(b"us7000abcd")
    }

    fn raw_value(&self) -> Option<&[u8]> {
        Some(b"{\"magnitude\": 4.7}")
    }

    fn header(&self, name: &str) -> Option<Option<&[u8]>> {
        (name == "source").then_some(Some(b"usgs"))
    }

    fn key(&self) -> Result<Decoded<'_>, Undecodable> {
        Ok(Decoded::Text("us7000abcd"))
    }

    fn value(&self) -> Result<Decoded<'_>, Undecodable> {
        Ok(Decoded::Json(&self.value))
    }
}

#[test]
fn simple_filters_allocate_nothing() {
    let value = json!({
        "magnitude": 4.7, "place": "off the coast", "tags": ["felt", "tsunami"], "time": "2026-11-30T08:00:00Z",
        "stations": [{"distance": 40}, {"distance": 80}],
    });
    let (record, context) = (Ready { value }, context());
    for text in [
        r#"value.magnitude >= 4.5 and headers.source in ["usgs", "emsc"] and timestamp > now() - 1h"#,
        r#"key starts_with "us" and value.place contains "coast" and raw_value contains "magnitude""#,
        r#"key ~ "^us\d+" and value.place !~ "(?i)inland""#,
        r#"any(value.stations, it.distance < 50) and "felt" in value.tags and length(value.tags) == 2"#,
        r#"partition == 3 and offset % 2 == 1 and topic == "earthquakes" and not exists(value.depth)"#,
        r#"value.time < timestamp and timestamp - time(value.time) < 1h and hour(timestamp) == 8"#,
        r#"lower(value.place) == "off the coast" and default(value.depth, 10) == 10 and text(key) == "us7000abcd""#,
    ] {
        let filter = Filter::parse(text).unwrap();
        // The first search makes the cache of a regular expression.
        assert_eq!(filter.matches(&record, &context), Ok(true), "{text}");
        let memory = allocation_counter::measure(|| {
            for _ in 0..10 {
                assert_eq!(filter.matches(&record, &context), Ok(true));
            }
        });
        assert_eq!(memory.count_total, 0, "{text}");
    }
}

#[test]
fn being_undecided_allocates_nothing() {
    let (record, context) = (Ready { value: json!({}) }, context());
    let filter = Filter::parse("value.magnitude >= 4.5 and partition == 3").unwrap();
    let memory = allocation_counter::measure(|| assert!(filter.matches(&record, &context).is_err()));
    assert_eq!(memory.count_total, 0);
}
