//! The limits: of a filter's length, depth and patterns, and of the work for a record.

use std::cell::Cell;
use std::mem::ManuallyDrop;

use serde_json::{Value as Json, json};

use super::context;
use crate::context::Context;
use crate::filter::Filter;
use crate::record::plain_record::PlainRecord;
use crate::record::{Decoded, Record, Undecodable};
use crate::tally::Tally;
use crate::undecided::Undecided;

fn refusal(text: &str) -> String {
    Filter::parse(text).unwrap_err().message().to_owned()
}

#[test]
fn a_filter_that_is_nested_too_deep_is_refused() {
    let nestings: [fn(usize) -> String; 7] = [
        |n| format!("{}true{}", "(".repeat(n), ")".repeat(n)),
        |n| format!("{}true", "not ".repeat(n)),
        |n| format!("{}offset == 1", "- ".repeat(n)),
        |n| format!("offset{} == 1", " + 1".repeat(n)),
        |n| format!("key{} == 'a'", ".lower()".repeat(n)),
        |n| format!("{}1{} == 1", "abs(".repeat(n), ")".repeat(n)),
        |n| format!("{}true{}", "any(value, ".repeat(n), ")".repeat(n)),
    ];
    for nest in nestings {
        Filter::parse(&nest(20)).unwrap().to_string();
        for depth in [65, 100, 1_000] {
            assert_eq!(refusal(&nest(depth)), "the filter is nested too deep", "{}", nest(20));
        }
    }
}

#[test]
fn long_rows_are_not_deep() {
    let text = vec!["offset == 7"; 1_000].join(" or ");
    let filter = Filter::parse(&text).unwrap();
    assert_eq!(filter.matches(&PlainRecord::new("t", 0, 7), &context()), Ok(true));
    assert_eq!(filter.to_string(), text);
    let numbers = (0..2_000).map(|number| number.to_string()).collect::<Vec<_>>().join(",");
    let filter = Filter::parse(&format!("offset in [{numbers}]")).unwrap();
    assert_eq!(filter.matches(&PlainRecord::new("t", 0, 1_999), &context()), Ok(true));
    assert_eq!(filter.bounds(&context()).offsets().iter().collect::<Vec<_>>(), [0..=1_999]);
}

#[test]
fn a_filter_that_is_too_long_is_refused() {
    let text = format!("key == {:?}", "a".repeat(Filter::MAX_LENGTH));
    assert_eq!(refusal(&text), "a filter has at most 16384 bytes, and this has 16393");
}

#[test]
fn patterns_are_limited_in_number_and_size() {
    let many = vec!["key ~ 'a'"; 33].join(" or ");
    assert_eq!(refusal(&many), "a filter has at most 32 regular expressions");
    assert!(refusal(r#"key ~ "(\w{100}){100}""#).ends_with("it is too large"));
    assert!(
        refusal(&format!("key ~ '{}a{}'", "(".repeat(60), ")".repeat(60)))
            .starts_with("this is no regular expression")
    );
    Filter::parse(r#"key ~ "^\w+@\w+\.\w+$""#).unwrap();
}

#[test]
fn work_beyond_the_limit_is_undecided() {
    let value = json!({"list": vec![1; 10_000], "text": "a".repeat(1_000_000)}).to_string();
    let record = PlainRecord::new("t", 0, 0).with_value(value.as_bytes());
    let little = context().with_max_steps(1_000);
    for text in [
        "any(value.list, it == 2)",
        "all(value.list, it == 1)",
        "2 in value.list",
        "value.list == value.list",
        "value.text contains 'b'",
        "value.text ~ 'b'",
        "lower(value.text) == 'b'",
        "text(value) == 'b'",
        "value.text == value.text",
        "raw_value contains 'b'",
        "any(value.list, it == 2) or offset == 1",
    ] {
        let filter = Filter::parse(text).unwrap();
        assert!(filter.matches(&record, &context()).is_ok(), "{text}");
        let undecided = filter.matches(&record, &little).unwrap_err();
        assert!(undecided.is_too_much_work(), "{undecided}");
    }
    // What costs nothing decides all the same.
    let filter = Filter::parse("any(value.list, it == 2) and offset == 1").unwrap();
    assert_eq!(filter.matches(&record, &little), Ok(false));
    assert!(Filter::parse("true").unwrap().matches(&record, &context().with_max_steps(0)).is_err());
    assert_eq!(Filter::parse("true").unwrap().matches(&record, &context().with_max_steps(1)), Ok(true));
}

#[test]
fn a_value_that_is_nested_too_deep_is_undecided() {
    let deep = (0..100_000).fold(json!(1), |inner, _| Json::Array(vec![inner]));
    let record = Counting::new(deep);
    for text in ["value == value", "text(value) == 'a'"] {
        let undecided = Filter::parse(text).unwrap().matches(&record, &context()).unwrap_err();
        assert!(undecided.to_string().ends_with("is nested too deep"), "{undecided}");
    }
}

/// A record that counts how often its value is asked for.
struct Counting {
    /// Never dropped: serde_json would do so one level after the other, on the stack.
    value: ManuallyDrop<Json>,
    asked: Cell<usize>,
    fails: Option<&'static str>,
}

impl Counting {
    fn new(value: Json) -> Self {
        Self { value: ManuallyDrop::new(value), asked: Cell::new(0), fails: None }
    }
}

impl Record for Counting {
    fn topic(&self) -> &str {
        "t"
    }

    fn partition(&self) -> i32 {
        0
    }

    fn offset(&self) -> i64 {
        0
    }

    fn timestamp_millis(&self) -> i64 {
        0
    }

    fn raw_key(&self) -> Option<&[u8]> {
        None
    }

    fn raw_value(&self) -> Option<&[u8]> {
        None
    }

    fn header(&self, _name: &str) -> Option<Option<&[u8]>> {
        None
    }

    fn key(&self) -> Result<Decoded<'_>, Undecodable> {
        Ok(Decoded::Null)
    }

    fn value(&self) -> Result<Decoded<'_>, Undecodable> {
        self.asked.set(self.asked.get() + 1);
        self.fails.map_or(Ok(Decoded::Json(&self.value)), |why| Err(Undecodable::new(why)))
    }
}

#[test]
fn a_value_is_decoded_only_where_it_decides() {
    let record = Counting::new(json!(1));
    for text in ["value == 1 and partition == 9", "value == 1 or partition == 0", "key == null"] {
        Filter::parse(text).unwrap().matches(&record, &context()).unwrap();
    }
    assert_eq!(record.asked.get(), 0);
    assert_eq!(
        Filter::parse("partition == 0 and value == 1").unwrap().matches(&record, &context()),
        Ok(true)
    );
    assert_eq!(record.asked.get(), 1);
}

#[test]
fn what_cannot_be_decoded_is_undecided_with_the_reason() {
    let record = Counting { fails: Some("no schema with id 7"), ..Counting::new(json!(1)) };
    let undecided = Filter::parse("value.a == 1").unwrap().matches(&record, &context()).unwrap_err();
    assert_eq!(undecided.to_string(), "`value.a` cannot be decoded: no schema with id 7");
    assert_eq!(Filter::parse("value.a == 1 or offset == 0").unwrap().matches(&record, &context()), Ok(true));
}

#[test]
fn of_several_headers_with_one_name_the_last_counts() {
    let headers: [(&str, Option<&[u8]>); 2] = [("source", Some(b"usgs")), ("source", Some(b"emsc"))];
    let record = PlainRecord::new("t", 0, 0).with_headers(&headers);
    assert_eq!(Filter::parse("headers.source == 'emsc'").unwrap().matches(&record, &context()), Ok(true));
}

#[test]
fn an_error_shows_the_neighbourhood_of_its_place() {
    let row = ["partition == 1"; 20].join(" or ");
    let long = format!("offset == 1 or\n{row} and key = = 'a' or {row}");
    let error = Filter::parse(&long).unwrap_err().to_string();
    let lines: Vec<&str> = error.lines().collect();
    assert_eq!(lines[0], "expected a value, and found `==`");
    assert!(lines.iter().all(|line| line.chars().count() < 160), "{error}");
    let column = lines[2].find('^').unwrap();
    assert!(lines[1][column..].starts_with("= 'a' or"), "{error}");
}

#[test]
fn reasons_are_told_apart_by_place_and_kind_up_to_a_number() {
    let mut tally = Tally::default();
    for at in 0..10 {
        let filter = Filter::parse(&format!("{}value == 1", " ".repeat(at))).unwrap();
        for why in ["no schema with id 7", "no schema with id 8"] {
            let record = Counting { fails: Some(why), ..Counting::new(json!(1)) };
            tally.count(&filter.matches(&record, &context()));
        }
    }
    assert_eq!((tally.undecided(), tally.reasons().count()), (20, Tally::MAX_REASONS));
    let text = tally.to_string();
    assert!(
        text.starts_with("0 of 20 records; undecided about 20:\n  2 because `value` cannot be"),
        "{text}"
    );
    assert!(text.ends_with("\n  4 for other reasons"), "{text}");
}

#[test]
fn a_missing_field_leads_to_its_neighbour() {
    let value = br#"{"magnitude": 4.7, "deep": [{"depth": 3}], "long": {}}"#;
    let record = PlainRecord::new("t", 0, 0).with_value(value);
    for (text, nearest) in [
        ("value.Magnitude > 1", Some("magnitude")),
        ("partition == 0 and default(value.deep[0].dept + 1, 2) > 1", Some("depth")),
        ("value.nothing_like_it > 1", None),
        ("value.deep[7] > 1", None),
        ("headers.magnitud == 'a'", None),
        ("value.magnitude > 'a'", None),
    ] {
        let filter = Filter::parse(text).unwrap();
        let undecided = filter.matches(&record, &context()).unwrap_err();
        assert_eq!(filter.nearest_field(&undecided, &record).as_deref(), nearest, "{text}");
    }
}

#[test]
fn filters_are_shared_between_threads() {
    fn is_shared<T: Send + Sync + Clone>() {}
    is_shared::<(Filter, Context, Undecided, Tally)>();
}
