//! Random texts, filters and records: nothing panics, nothing is lost on the way to text and back, and bounds hold.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::{Sample, context};
use crate::filter::Filter;

/// What filters are made of, and what they are spoilt with.
const WORDS: [&str; 84] = [
    "key",
    "value",
    "headers",
    "timestamp",
    "partition",
    "offset",
    "topic",
    "raw_key",
    "raw_value",
    "it",
    ".a",
    ".b",
    ".list",
    "[0]",
    "[-1]",
    "[\"a.b\"]",
    ".\"x\"",
    "headers.source",
    "value.a",
    "value.b",
    "value.list",
    "value.text",
    "0",
    "1",
    "-1",
    "4.5",
    "1e300",
    "18446744073709551615",
    "9007199254740993",
    "1h",
    "90m",
    "1ns",
    "\"a\"",
    "'b'",
    "\"\"",
    "\"2026-11-30\"",
    "\"+01:00\"",
    "\"^a+$\"",
    "\"[\"",
    "\"\\u{1F980}\"",
    "true",
    "false",
    "null",
    "and",
    "or",
    "not",
    "in",
    "not in",
    "contains",
    "starts_with",
    "matches",
    "any(",
    "all(",
    "exists(",
    "default(",
    "length(",
    "lower(",
    "text(",
    "number(",
    "time(",
    "date(",
    "hour(",
    "now()",
    "abs(",
    "hex(",
    "type(",
    "(",
    ")",
    "[",
    "]",
    ",",
    "==",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "~",
    "!~",
    "+",
    "-",
    "*",
    "/",
    "%",
];

fn random_words() -> impl Strategy<Value = String> {
    vec(select(&WORDS[..]), 1..24).prop_map(|words| words.join(" "))
}

fn operand() -> impl Strategy<Value = String> {
    let simple = select(vec![
        "partition",
        "offset",
        "timestamp",
        "topic",
        "key",
        "value",
        "value.a",
        "value.b",
        "value.list[0]",
        "value[\"x y\"]",
        "headers.source",
        "raw_value",
        "1",
        "-3",
        "4.5",
        "7",
        "\"a\"",
        "\"2026-11-30\"",
        "1h",
        "now()",
        "null",
        "true",
        "9007199254740993",
        "-9223372036854775808",
        "18446744073709551615",
        "9007199254740992.0",
        "1e300",
    ]);
    simple.prop_map(str::to_owned).prop_recursive(3, 12, 2, |inner| {
        prop_oneof![
            (inner.clone(), select(vec!["+", "-", "*", "/", "%"]), inner.clone())
                .prop_map(|(a, sign, b)| format!("({a} {sign} {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("default({a}, {b})")),
            (
                select(vec![
                    "length", "lower", "text", "number", "time", "date", "hour", "abs", "type", "hex"
                ]),
                inner.clone()
            )
                .prop_map(|(function, a)| format!("{function}({a})")),
            inner.prop_map(|a| format!("-{a}")),
        ]
    })
}

/// Filters by their grammar, of which the types often fit.
fn random_filter() -> impl Strategy<Value = String> {
    let comparison = select(vec!["==", "!=", "<", "<=", ">", ">="]);
    let number =
        select(vec!["-1", "0", "3", "10", "2.5", "9223372036854775807", "18446744073709551615", "1e30"]);
    let leaf = prop_oneof![
        (select(vec!["partition", "offset"]), comparison.clone(), number.clone())
            .prop_map(|(a, sign, b)| format!("{a} {sign} {b}")),
        (number.clone(), comparison.clone()).prop_map(|(a, sign)| format!("{a} {sign} offset")),
        (
            comparison.clone(),
            select(vec!["now() - 1h", "\"1970-01-01\"", "time(2) + 1ns", "time(-1)", "value.time"])
        )
            .prop_map(|(sign, b)| format!("timestamp {sign} {b}")),
        (select(vec!["partition", "offset"]), vec(number, 0..4))
            .prop_map(|(a, list)| format!("{a} in [{}]", list.join(", "))),
        (operand(), comparison, operand()).prop_map(|(a, sign, b)| format!("{a} {sign} {b}")),
        (operand(), vec(operand(), 0..3)).prop_map(|(a, list)| format!("{a} not in [{}]", list.join(", "))),
        (operand(), select(vec!["~ 'a+'", "!~ '^b'", "contains 'a'", "starts_with 'u'"]))
            .prop_map(|(a, rest)| format!("{a} {rest}")),
        operand().prop_map(|a| format!("any(value.list, it == {a})")),
        select(vec!["exists(value.a)", "true", "false", "value.b", "1 == 1"]).prop_map(str::to_owned),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 2..4).prop_map(|parts| format!("({})", parts.join(" and "))),
            vec(inner.clone(), 2..4).prop_map(|parts| format!("({})", parts.join(" or "))),
            inner.prop_map(|part| format!("not ({part})")),
        ]
    })
}

fn random_sample() -> impl Strategy<Value = Sample> {
    let json = select(vec![
        r#"{"a": 1, "b": true, "list": [1, "a", null], "text": "abc", "x y": 4.5, "time": "1970-01-01"}"#,
        r#"{"a": "a", "b": false, "list": [], "time": null}"#,
        r#"{"a": null, "list": {"0": 1}}"#,
        r#"{"a": 18446744073709551615, "b": -1e-7, "list": [[[[]]]]}"#,
        "[1, 2]",
        "abc",
        "4.5",
        "",
    ]);
    let bytes = prop_oneof![json.prop_map(|text| text.as_bytes().to_vec()), vec(any::<u8>(), 0..20)];
    let edges = || {
        prop_oneof![
            -2..12_i64,
            select(vec![i64::MIN, i64::MAX, 1_796_025_600_000, 1_796_029_200_000]),
            any::<i64>()
        ]
    };
    (
        -1..12_i32,
        edges(),
        edges(),
        proptest::option::of(bytes.clone()),
        proptest::option::of(bytes.clone()),
        bytes,
    )
        .prop_map(|(partition, offset, timestamp_millis, key, value, header)| Sample {
            topic: "quakes".into(),
            partition,
            offset,
            timestamp_millis,
            key,
            value,
            headers: vec![("source".into(), Some(header))],
        })
}

/// Everything that a filter has to keep to, whatever it is and whatever the record.
fn check(text: &str, sample: &Sample) -> Result<(), TestCaseError> {
    let filter = match Filter::parse(text) {
        Ok(filter) => filter,
        Err(error) => {
            prop_assert!(text.get(error.range()).is_some(), "{error}");
            prop_assert!(error.to_string().contains('^'));
            return Ok(());
        }
    };
    let written = filter.to_string();
    let again = Filter::parse(&written);
    prop_assert_eq!(again.as_ref(), Ok(&filter), "{}", &written);
    prop_assert_eq!(again.map(|again| again.to_string()), Ok(written));
    let headers = sample.headers();
    let record = sample.record(&headers);
    let answer = filter.matches(&record, &context());
    if let Err(undecided) = &answer {
        prop_assert!(!undecided.subject().is_empty() && !undecided.to_string().is_empty());
    }
    let bounds = filter.bounds(&context());
    let is_inside = bounds.partitions().contains(sample.partition.into())
        && bounds.offsets().contains(sample.offset)
        && bounds.timestamps_millis().contains(sample.timestamp_millis);
    prop_assert!(is_inside || answer == Ok(false), "{:?} outside of {:?}", answer, bounds);
    Ok(())
}

proptest! {
    #[test]
    fn random_words_are_read_or_refused(text in random_words(), sample in random_sample()) {
        check(&text, &sample)?;
    }

    #[test]
    fn random_characters_are_read_or_refused(text in any::<String>(), sample in random_sample()) {
        check(&text, &sample)?;
    }

    #[test]
    fn random_filters_keep_their_promises(text in random_filter(), sample in random_sample()) {
        check(&text, &sample)?;
    }

    /// A word of a filter is replaced, dropped or put in.
    #[test]
    fn spoilt_filters_are_read_or_refused(
        text in random_filter(), at in any::<prop::sample::Index>(), word in select(&WORDS[..]), drops in 0..3_usize, sample in random_sample(),
    ) {
        let mut words: Vec<&str> = text.split(' ').collect();
        let at = at.index(words.len());
        words.splice(at..words.len().min(at + drops), [word]);
        check(&words.join(" "), &sample)?;
    }

    /// A filter is cut at any byte.
    #[test]
    fn cut_filters_are_read_or_refused(text in random_filter(), at in any::<prop::sample::Index>(), sample in random_sample()) {
        let at = at.index(text.len() + 1);
        check(text.get(..at).unwrap_or_default(), &sample)?;
    }
}

/// The generators make what they are for: filters that are accepted and answer in all ways.
#[test]
fn random_filters_are_often_filters() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    let (mut accepted, mut answers) = (0, [0; 3]);
    for _ in 0..1_000 {
        let text = random_filter().new_tree(&mut runner).unwrap().current();
        let sample = random_sample().new_tree(&mut runner).unwrap().current();
        let Ok(filter) = Filter::parse(&text) else { continue };
        accepted += 1;
        let headers = sample.headers();
        answers[match filter.matches(&sample.record(&headers), &context()) {
            Ok(true) => 0,
            Ok(false) => 1,
            Err(_) => 2,
        }] += 1;
    }
    assert!(accepted > 300 && answers.iter().all(|count| *count > 50), "{accepted} accepted: {answers:?}");
}
