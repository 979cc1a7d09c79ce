//! Cell: one value of a result, as people and as programs read it. Pure.

use std::fmt::Write;
use std::time::Duration;

use kestrel_client::Timestamp;
use serde_json::Value;

use crate::values::{write_duration, write_timestamp};

/// A value of a result.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell {
    /// There is none.
    Missing,
    /// A name or a word.
    Text(String),
    /// A number.
    Number(i64),
    /// A number with a fraction.
    Fraction(f64),
    /// Yes or no.
    Flag(bool),
    /// Bytes: people read them in units, programs as they are.
    Bytes(u64),
    /// A wall time.
    Time(Timestamp),
    /// A time span: programs read it in milliseconds.
    Span(Duration),
    /// Several values.
    List(Vec<Self>),
    /// Something that people should look at.
    Alarming(Box<Self>),
}

impl Cell {
    /// The value, marked when people should look at it.
    pub(crate) fn alarming_if(self, is_alarming: bool) -> Self {
        if is_alarming { Self::Alarming(Box::new(self)) } else { self }
    }

    /// Several values.
    pub(crate) fn list<C: Into<Self>>(cells: impl IntoIterator<Item = C>) -> Self {
        Self::List(cells.into_iter().map(Into::into).collect())
    }

    /// What people read.
    pub(crate) fn to_text(&self) -> String {
        match self {
            Self::Missing => "-".to_owned(),
            Self::Text(text) => printable(text),
            Self::Number(number) => number.to_string(),
            Self::Fraction(number) => number.to_string(),
            Self::Flag(flag) => if *flag { "yes" } else { "no" }.to_owned(),
            Self::Bytes(bytes) => in_units(*bytes),
            Self::Time(time) => write_timestamp(*time),
            Self::Span(span) => write_duration(*span),
            Self::List(cells) if cells.is_empty() => "-".to_owned(),
            Self::List(cells) => cells.iter().map(Self::to_text).collect::<Vec<_>>().join(","),
            Self::Alarming(cell) => cell.to_text(),
        }
    }

    /// What programs read.
    pub(crate) fn to_json(&self) -> Value {
        match self {
            Self::Missing => Value::Null,
            Self::Text(text) => text.as_str().into(),
            Self::Number(number) => (*number).into(),
            Self::Fraction(number) => (*number).into(),
            Self::Flag(flag) => (*flag).into(),
            Self::Bytes(bytes) => (*bytes).into(),
            Self::Time(time) => write_timestamp(*time).into(),
            Self::Span(span) => u64::try_from(span.as_millis()).unwrap_or(u64::MAX).into(),
            Self::List(cells) => cells.iter().map(Self::to_json).collect(),
            Self::Alarming(cell) => cell.to_json(),
        }
    }

    /// Whether columns of it are aligned at the right.
    pub(super) fn is_number(&self) -> bool {
        match self {
            Self::Number(_) | Self::Fraction(_) | Self::Bytes(_) | Self::Span(_) => true,
            Self::Alarming(cell) => cell.is_number(),
            _ => false,
        }
    }

    pub(super) const fn is_alarming(&self) -> bool {
        matches!(self, Self::Alarming(_))
    }
}

/// The text without what a terminal would take for a command: names of groups and clients are anybody's.
fn printable(text: &str) -> String {
    let mut printed = String::with_capacity(text.len());
    for c in text.chars() {
        match c.is_control() {
            true => write!(printed, "{}", c.escape_default()).expect("a string takes everything"),
            false => printed.push(c),
        }
    }
    printed
}

/// Bytes in the largest unit that leaves something before the point.
fn in_units(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let shift_of = |power: u32| 1_u64 << (10 * power);
    let Some((power, unit)) = (1..).zip(UNITS).take_while(|(power, _)| bytes >= shift_of(*power)).last()
    else {
        return format!("{bytes} B");
    };
    let tenths = u128::from(bytes) * 10 / u128::from(shift_of(power));
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

macro_rules! cells {
    ($($of:ty => $variant:ident),+ $(,)?) => {
        $(impl From<$of> for Cell {
            fn from(value: $of) -> Self {
                Self::$variant(value.into())
            }
        })+
    };
}

cells!(String => Text, &str => Text, i16 => Number, i32 => Number, i64 => Number, u32 => Number, f64 => Fraction, bool => Flag);
cells!(Timestamp => Time, Duration => Span);

impl From<usize> for Cell {
    fn from(count: usize) -> Self {
        Self::Number(i64::try_from(count).unwrap_or(i64::MAX))
    }
}

impl<C: Into<Self>> From<Option<C>> for Cell {
    fn from(value: Option<C>) -> Self {
        value.map_or(Self::Missing, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_shown_in_units() {
        for (bytes, text) in [
            (0, "0 B"),
            (1_023, "1023 B"),
            (1_024, "1.0 KiB"),
            (1_600, "1.5 KiB"),
            (5 << 30, "5.0 GiB"),
            (u64::MAX, "15.9 EiB"),
        ] {
            assert_eq!(in_units(bytes), text);
        }
    }

    #[test]
    fn a_name_gives_a_terminal_no_commands() {
        assert_eq!(Cell::from("a\x1b[2Jb\n").to_text(), "a\\u{1b}[2Jb\\n");
        assert_eq!(Cell::from("größe").to_text(), "größe");
    }

    #[test]
    fn programs_get_what_people_see_in_their_own_terms() {
        let cell = Cell::list(["a", "b"]);
        assert_eq!(
            (cell.to_text(), cell.to_json().to_string()),
            ("a,b".to_owned(), r#"["a","b"]"#.to_owned())
        );
        assert_eq!(Cell::Bytes(2_048).to_json(), Value::from(2_048));
        assert_eq!(Cell::from(Duration::from_secs(2)).to_json(), Value::from(2_000));
        assert_eq!(Cell::from(None::<i64>).to_json(), Value::Null);
    }
}
