//! The table of functions: what each is called, takes and gives. Its rows are also what the documentation has. Pure.

use std::fmt::Write;
use std::ops::RangeInclusive;

use crate::value::kind::Kind;

/// A row of the table.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) name: Name,
    pub(crate) text: &'static str,
    /// Its arguments, as the documentation shows them.
    pub(crate) arguments: &'static str,
    pub(crate) arity: RangeInclusive<usize>,
    /// The types of the first and of the other arguments; all if there is none.
    pub(crate) takes: [&'static [Kind]; 2],
    pub(crate) gives: Option<Kind>,
    doc: &'static str,
    example: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Name {
    Contains,
    StartsWith,
    EndsWith,
    Matches,
    Lower,
    Upper,
    Trim,
    Length,
    Text,
    Number,
    Hex,
    Abs,
    Now,
    Time,
    Date,
    Hour,
    Weekday,
    Exists,
    Default,
    Type,
    Any,
    All,
}

impl Name {
    pub(crate) fn function(self) -> &'static Function {
        &FUNCTIONS[self as usize]
    }
}

impl Function {
    pub(crate) fn find(text: &str) -> Option<&'static Self> {
        FUNCTIONS.iter().find(|function| function.text == text)
    }

    /// What it is called with: `contains(where, what)`.
    pub(crate) fn signature(&self) -> String {
        format!("{}({})", self.text, self.arguments)
    }

    /// Whether it may stand between its arguments: `key contains "us"`.
    pub(crate) fn is_infix(&self) -> bool {
        self.arity == (2..=2)
            && self.gives == Some(Kind::Boolean)
            && !matches!(self.name, Name::Any | Name::All)
    }
}

/// All functions as a Markdown table.
///
/// ```
/// assert!(kestrel_filter::functions().contains("| `lower(text)` | text |"));
/// ```
#[must_use]
pub fn functions() -> String {
    let mut text = "| function | gives | what it is | example |\n|---|---|---|---|\n".to_owned();
    for function in &FUNCTIONS {
        let gives = function.gives.map_or("any", Kind::name);
        let (signature, doc, example) =
            (function.signature(), function.doc, function.example.replace('|', "\\|"));
        let _infallible = writeln!(text, "| `{signature}` | {gives} | {doc} | `{example}` |");
    }
    text
}

const ANY: &[Kind] = &[];
const TEXT: &[Kind] = &[Kind::Text];
const TEXTS: &[Kind] = &[Kind::Text, Kind::Bytes];
const NUMBER: &[Kind] = &[Kind::Number];
const TIME: &[Kind] = &[Kind::Time, Kind::Text];
const LIST: &[Kind] = &[Kind::List];
const BOOLEAN: &[Kind] = &[Kind::Boolean];

const fn row(
    (name, text, arguments): (Name, &'static str, &'static str),
    arity: RangeInclusive<usize>,
    takes: [&'static [Kind]; 2],
    gives: Option<Kind>,
    (doc, example): (&'static str, &'static str),
) -> Function {
    Function { name, text, arguments, arity, takes, gives, doc, example }
}

/// In the order of [`Name`].
static FUNCTIONS: [Function; 22] = [
    row(
        (Name::Contains, "contains", "where, what"),
        2..=2,
        [&[Kind::Text, Kind::Bytes, Kind::List], ANY],
        Some(Kind::Boolean),
        ("whether a text or bytes contain a text, or a list an element", r#"contains(value.place, "coast")"#),
    ),
    row(
        (Name::StartsWith, "starts_with", "text, beginning"),
        2..=2,
        [TEXTS, TEXTS],
        Some(Kind::Boolean),
        ("whether a text or bytes begin with a text", r#"starts_with(key, "us")"#),
    ),
    row(
        (Name::EndsWith, "ends_with", "text, end"),
        2..=2,
        [TEXTS, TEXTS],
        Some(Kind::Boolean),
        ("whether a text or bytes end with a text", r#"ends_with(topic, "quakes")"#),
    ),
    row(
        (Name::Matches, "matches", "text, pattern"),
        2..=2,
        [TEXT, TEXT],
        Some(Kind::Boolean),
        ("whether a regular expression is found in a text, as `~` asks", r#"matches(key, "^us\d")"#),
    ),
    row(
        (Name::Lower, "lower", "text"),
        1..=1,
        [TEXT, ANY],
        Some(Kind::Text),
        ("the text in lower case", r#"lower(value.status) == "reviewed""#),
    ),
    row(
        (Name::Upper, "upper", "text"),
        1..=1,
        [TEXT, ANY],
        Some(Kind::Text),
        ("the text in upper case", r#"upper(headers.source) == "USGS""#),
    ),
    row(
        (Name::Trim, "trim", "text"),
        1..=1,
        [TEXT, ANY],
        Some(Kind::Text),
        ("the text without white space at both ends", r#"trim(headers.note) == "checked""#),
    ),
    row(
        (Name::Length, "length", "what"),
        1..=1,
        [&[Kind::Text, Kind::Bytes, Kind::List, Kind::Object], ANY],
        Some(Kind::Number),
        (
            "the characters of a text, the bytes of bytes, the elements of a list, the fields of an object",
            "length(raw_value) > 20",
        ),
    ),
    row(
        (Name::Text, "text", "what"),
        1..=1,
        [ANY, ANY],
        Some(Kind::Text),
        (
            "anything as text: lists and objects as JSON in one line, times in UTC",
            r#"text(value) contains "Off the coast""#,
        ),
    ),
    row(
        (Name::Number, "number", "text"),
        1..=1,
        [&[Kind::Text, Kind::Number], ANY],
        Some(Kind::Number),
        ("the number that a text is", "number(headers.attempt) >= 2"),
    ),
    row(
        (Name::Hex, "hex", "bytes"),
        1..=1,
        [TEXTS, ANY],
        Some(Kind::Text),
        ("the bytes as hexadecimal digits, in lower case", r#"hex(raw_key) starts_with "7573""#),
    ),
    row(
        (Name::Abs, "abs", "number"),
        1..=1,
        [NUMBER, ANY],
        Some(Kind::Number),
        ("the number without its sign", "abs(value.longitude) > 100"),
    ),
    row(
        (Name::Now, "now", ""),
        0..=0,
        [ANY, ANY],
        Some(Kind::Time),
        ("the present time, the same for all records of one run", "timestamp > now() - 1h"),
    ),
    row(
        (Name::Time, "time", "what"),
        1..=1,
        [&[Kind::Text, Kind::Number, Kind::Time], ANY],
        Some(Kind::Time),
        ("the time that a text is, or a number of milliseconds since 1970", "time(value.time) < timestamp"),
    ),
    row(
        (Name::Date, "date", "time, offset"),
        1..=2,
        [TIME, TEXT],
        Some(Kind::Text),
        ("the day of a time, in UTC or at an offset from it", r#"date(timestamp, "+01:00") == "2026-11-30""#),
    ),
    row(
        (Name::Hour, "hour", "time, offset"),
        1..=2,
        [TIME, TEXT],
        Some(Kind::Number),
        ("the hour of a time, 0 to 23", "hour(timestamp) in [8, 9]"),
    ),
    row(
        (Name::Weekday, "weekday", "time, offset"),
        1..=2,
        [TIME, TEXT],
        Some(Kind::Number),
        ("the day of the week of a time, from 1 for Monday to 7 for Sunday", "weekday(timestamp) <= 5"),
    ),
    row(
        (Name::Exists, "exists", "field"),
        1..=1,
        [ANY, ANY],
        Some(Kind::Boolean),
        ("whether a field or a header is there, be it null", "exists(value.magnitude)"),
    ),
    row(
        (Name::Default, "default", "what, otherwise"),
        2..=2,
        [ANY, ANY],
        None,
        ("the first, or the second where the first is missing or null", "default(value.felt, 0) > 10"),
    ),
    row(
        (Name::Type, "type", "what"),
        1..=1,
        [ANY, ANY],
        Some(Kind::Text),
        (
            "`null`, `boolean`, `number`, `text`, `bytes`, `time`, `duration`, `list` or `object`",
            r#"type(value.magnitude) == "number""#,
        ),
    ),
    row(
        (Name::Any, "any", "list, condition"),
        2..=2,
        [LIST, BOOLEAN],
        Some(Kind::Boolean),
        (
            "whether the condition is true of an element, which is called `it`",
            "any(value.stations, it.distance < 50)",
        ),
    ),
    row(
        (Name::All, "all", "list, condition"),
        2..=2,
        [LIST, BOOLEAN],
        Some(Kind::Boolean),
        ("whether the condition is true of all elements", r#"all(value.tags, it != "test")"#),
    ),
];

/// What other languages call a function, and what it is called here.
const FOREIGN: [(&str, &str); 24] = [
    ("size", "length"),
    ("len", "length"),
    ("count", "length"),
    ("strlen", "length"),
    ("has", "exists"),
    ("test", "matches"),
    ("match", "matches"),
    ("regex", "matches"),
    ("regexp_like", "matches"),
    ("includes", "contains"),
    ("find", "contains"),
    ("ascii_downcase", "lower"),
    ("tolowercase", "lower"),
    ("lowerascii", "lower"),
    ("ascii_upcase", "upper"),
    ("touppercase", "upper"),
    ("coalesce", "default"),
    ("ifnull", "default"),
    ("string", "text"),
    ("tostring", "text"),
    ("int", "number"),
    ("double", "number"),
    ("tonumber", "number"),
    ("timestamp", "time"),
];

/// The function that was meant by a name that none has.
pub(crate) fn suggest(text: &str) -> Option<&'static str> {
    let lower = text.to_lowercase();
    let foreign = FOREIGN.iter().find(|(foreign, _)| *foreign == lower).map(|(_, ours)| *ours);
    foreign.or_else(|| kestrel_settings::closest(&lower, FUNCTIONS.iter().map(|function| function.text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_is_at_the_place_of_its_name() {
        for (at, function) in FUNCTIONS.iter().enumerate() {
            assert_eq!(function.name as usize, at, "{}", function.text);
            assert_eq!(function.name.function().text, function.text);
        }
    }

    #[test]
    fn foreign_names_lead_to_functions() {
        for (foreign, ours) in FOREIGN {
            assert!(Function::find(foreign).is_none() && Function::find(ours).is_some(), "{foreign}");
        }
        assert_eq!(suggest("startsWith"), Some("starts_with"));
        assert_eq!(suggest("toLowerCase"), Some("lower"));
        assert_eq!(suggest("frobnicate"), None);
    }
}
