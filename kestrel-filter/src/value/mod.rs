//! What a part of a filter comes to for one record, and how two of them are compared. Pure.

pub(crate) mod kind;
pub(crate) mod number;
pub(crate) mod time;

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::{Map, Value as Json};

use crate::record::Decoded;
use crate::undecided::Cause;
use crate::value::kind::Kind;
use crate::value::number::Number;

/// What a part of a filter comes to. Times and durations are nanoseconds, times since 1970.
#[derive(Debug, Clone)]
pub(crate) enum Value<'a> {
    /// What is not in the record.
    Missing,
    Null,
    Boolean(bool),
    Number(Number),
    Text(Cow<'a, str>),
    Bytes(&'a [u8]),
    Time(i128),
    Duration(i128),
    List(&'a [Json]),
    Object(&'a Map<String, Json>),
}

/// The steps that an evaluation may still make.
pub(crate) trait Meter {
    fn spend(&mut self, steps: usize) -> Result<(), Cause>;
}

impl<'a> Value<'a> {
    pub(crate) fn of_json(json: &'a Json) -> Result<Self, Cause> {
        Ok(match json {
            Json::Null => Self::Null,
            Json::Bool(boolean) => Self::Boolean(*boolean),
            Json::Number(number) => Self::Number(Number::of_json(number)?),
            Json::String(text) => Self::Text(Cow::Borrowed(text)),
            Json::Array(list) => Self::List(list),
            Json::Object(object) => Self::Object(object),
        })
    }

    pub(crate) fn of_decoded(decoded: Decoded<'a>) -> Result<Self, Cause> {
        match decoded {
            Decoded::Null => Ok(Self::Null),
            Decoded::Text(text) => Ok(Self::text(text)),
            Decoded::Bytes(bytes) => Ok(Self::Bytes(bytes)),
            Decoded::Json(json) => Self::of_json(json),
        }
    }

    /// Bytes as text if they are, else as bytes.
    pub(crate) fn of_header(bytes: &'a [u8]) -> Self {
        std::str::from_utf8(bytes).map_or(Self::Bytes(bytes), Self::text)
    }

    pub(crate) fn whole(number: impl Into<i128>) -> Self {
        Self::Number(Number::Whole(number.into()))
    }

    pub(crate) const fn text(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }

    /// The type; what is missing has none.
    pub(crate) const fn kind(&self) -> Option<Kind> {
        Some(match self {
            Self::Missing => return None,
            Self::Null => Kind::Null,
            Self::Boolean(_) => Kind::Boolean,
            Self::Number(_) => Kind::Number,
            Self::Text(_) => Kind::Text,
            Self::Bytes(_) => Kind::Bytes,
            Self::Time(_) => Kind::Time,
            Self::Duration(_) => Kind::Duration,
            Self::List(_) => Kind::List,
            Self::Object(_) => Kind::Object,
        })
    }

    /// Why this value cannot be what is wanted.
    pub(crate) fn is_not(&self, wanted: &'static str) -> Cause {
        self.kind().map_or(Cause::Missing, |kind| Cause::Wrong(kind, wanted))
    }

    /// Whether two values are equal. What is missing equals null, and beside anything else nothing is known of it.
    pub(crate) fn equals(&self, other: &Self, meter: &mut impl Meter) -> Result<bool, Cause> {
        match (self, other) {
            (Self::Missing | Self::Null, Self::Null) | (Self::Null, Self::Missing) => Ok(true),
            (Self::Missing, _) | (_, Self::Missing) => Err(Cause::Missing),
            (Self::Null, _) | (_, Self::Null) => Ok(false),
            (Self::Boolean(left), Self::Boolean(right)) => Ok(left == right),
            (Self::List(left), Self::List(right)) => lists_equal(left, right, LEVELS, meter),
            (Self::Object(left), Self::Object(right)) => objects_equal(left, right, LEVELS, meter),
            _ => self.compare(other, meter).map(Ordering::is_eq),
        }
    }

    /// Which of two values is less.
    pub(crate) fn compare(&self, other: &Self, meter: &mut impl Meter) -> Result<Ordering, Cause> {
        match (self, other) {
            (Self::Number(left), Self::Number(right)) => Ok(left.compare(*right)),
            (Self::Text(left), Self::Text(right)) => bytes_beside(left.as_bytes(), right.as_bytes(), meter),
            (Self::Bytes(left), Self::Bytes(right)) => bytes_beside(left, right, meter),
            (Self::Bytes(left), Self::Text(right)) => bytes_beside(left, right.as_bytes(), meter),
            (Self::Text(left), Self::Bytes(right)) => bytes_beside(left.as_bytes(), right, meter),
            (Self::Time(left), Self::Time(right)) | (Self::Duration(left), Self::Duration(right)) => {
                Ok(left.cmp(right))
            }
            (Self::Time(left), Self::Text(right)) => Ok(left.cmp(&time::parse(right).ok_or(Cause::NoTime)?)),
            (Self::Text(left), Self::Time(right)) => Ok(time::parse(left).ok_or(Cause::NoTime)?.cmp(right)),
            _ => Err(match (self.kind(), other.kind()) {
                (Some(left), Some(right)) => Cause::Unlike(left, right),
                _ => Cause::Missing,
            }),
        }
    }
}

/// How many levels of lists and objects are looked into.
pub(crate) const LEVELS: usize = 128;

/// How many bytes are compared or searched in one step.
pub(crate) const BYTES_OF_A_STEP: usize = 64;

fn bytes_beside(left: &[u8], right: &[u8], meter: &mut impl Meter) -> Result<Ordering, Cause> {
    meter.spend(left.len().min(right.len()) / BYTES_OF_A_STEP)?;
    Ok(left.cmp(right))
}

fn json_equal(left: &Json, right: &Json, levels: usize, meter: &mut impl Meter) -> Result<bool, Cause> {
    meter.spend(1)?;
    match (left, right) {
        (Json::Array(left), Json::Array(right)) => lists_equal(left, right, levels, meter),
        (Json::Object(left), Json::Object(right)) => objects_equal(left, right, levels, meter),
        (Json::Number(left), Json::Number(right)) => Ok(Number::of_json(left)? == Number::of_json(right)?),
        (Json::String(left), Json::String(right)) => {
            meter.spend(left.len().min(right.len()) / BYTES_OF_A_STEP)?;
            Ok(left == right)
        }
        (Json::Bool(left), Json::Bool(right)) => Ok(left == right),
        // Within lists and objects what is of another type is another thing.
        (left, right) => Ok(left.is_null() && right.is_null()),
    }
}

fn lists_equal(left: &[Json], right: &[Json], levels: usize, meter: &mut impl Meter) -> Result<bool, Cause> {
    let levels = levels.checked_sub(1).ok_or(Cause::TooDeep)?;
    if left.len() != right.len() {
        return Ok(false);
    }
    for (left, right) in left.iter().zip(right) {
        if !json_equal(left, right, levels, meter)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn objects_equal(
    left: &Map<String, Json>,
    right: &Map<String, Json>,
    levels: usize,
    meter: &mut impl Meter,
) -> Result<bool, Cause> {
    let levels = levels.checked_sub(1).ok_or(Cause::TooDeep)?;
    if left.len() != right.len() {
        return Ok(false);
    }
    for (name, left) in left {
        let Some(right) = right.get(name) else { return Ok(false) };
        if !json_equal(left, right, levels, meter)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether lists and objects are nested in `json` no deeper than is looked into.
pub(crate) fn check_depth(json: &Json, levels: usize, meter: &mut impl Meter) -> Result<(), Cause> {
    meter.spend(1)?;
    match json {
        Json::Array(list) => {
            let levels = levels.checked_sub(1).ok_or(Cause::TooDeep)?;
            list.iter().try_for_each(|element| check_depth(element, levels, meter))
        }
        Json::Object(object) => {
            let levels = levels.checked_sub(1).ok_or(Cause::TooDeep)?;
            object.iter().try_for_each(|(name, field)| {
                meter.spend(name.len() / BYTES_OF_A_STEP)?;
                check_depth(field, levels, meter)
            })
        }
        Json::String(text) => meter.spend(text.len() / BYTES_OF_A_STEP),
        _ => Ok(()),
    }
}
