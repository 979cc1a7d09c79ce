//! What functions give. Pure.

use std::borrow::Cow;
use std::fmt::Write;

use super::{Evaluation, Outcome};
use crate::expression::Node;
use crate::expression::function::Name;
use crate::undecided::Cause;
use crate::value::number::Number;
use crate::value::time;
use crate::value::{BYTES_OF_A_STEP, LEVELS, Meter, Value, check_depth};

impl<'a> Evaluation<'a> {
    pub(super) fn call(&mut self, name: Name, arguments: &'a [Node], node: &'a Node) -> Outcome<Value<'a>> {
        match (name, arguments) {
            (Name::Now, []) => Ok(Value::Time(self.now)),
            (_, [only]) => self.of_one(name, only, node),
            (Name::Contains | Name::StartsWith | Name::EndsWith, [whole, part]) => {
                self.finds(name, whole, part).map(Value::Boolean)
            }
            (_, [time, offset]) => self.of_time(name, time, Some(offset)),
            // The parser lets no other number of arguments through.
            _ => Err(Cause::Missing.at(node.span)),
        }
    }

    fn of_one(&mut self, name: Name, only: &'a Node, node: &'a Node) -> Outcome<Value<'a>> {
        match name {
            Name::Lower => self.changed(only, char::is_lowercase, str::to_lowercase),
            Name::Upper => self.changed(only, char::is_uppercase, str::to_uppercase),
            Name::Trim => self.trimmed(only),
            Name::Length => self.length(only),
            Name::Text => self.as_text(only),
            Name::Number => self.as_number(only),
            Name::Hex => self.hex(only),
            Name::Abs => {
                self.number(only)?.absolute().map(Value::Number).map_err(|cause| cause.at(node.span))
            }
            Name::Time => self.as_time(only).map(Value::Time),
            Name::Type => match self.value(only)?.kind() {
                Some(kind) => Ok(Value::text(kind.name())),
                None => Err(Cause::Missing.at(only.span)),
            },
            _ => self.of_time(name, only, None),
        }
    }

    /// Day, hour and day of the week, in UTC or at an offset.
    fn of_time(&mut self, name: Name, time: &'a Node, offset: Option<&'a Node>) -> Outcome<Value<'a>> {
        let utc = self.time(time)?;
        let offset = match offset {
            Some(node) => {
                time::parse_offset(&self.text(node)?).ok_or_else(|| Cause::NoOffset.at(node.span))?
            }
            None => 0,
        };
        let local = utc.checked_add(offset).ok_or_else(|| Cause::OutOfRange.at(time.span))?;
        Ok(match name {
            Name::Hour => Value::Number(Number::Whole(time::hour(local))),
            Name::Weekday => Value::Number(Number::Whole(time::weekday(local))),
            _ => Value::Text(Cow::Owned(time::Day::of(local).to_string())),
        })
    }

    /// Whether a part is in a whole, at its beginning or at its end.
    fn finds(&mut self, name: Name, whole: &'a Node, part: &'a Node) -> Outcome<bool> {
        let (whole_value, part_value) = (self.value(whole)?, self.value(part)?);
        if let (Value::List(list), Name::Contains) = (&whole_value, name) {
            return self.is_element(&part_value, list).map_err(|cause| match cause {
                Cause::Missing => cause.at(part.span),
                _ => cause.at(whole.span.to(part.span)),
            });
        }
        let wanted = if name == Name::Contains { "a text, bytes or a list" } else { "a text or bytes" };
        let haystack = bytes(&whole_value).ok_or_else(|| whole_value.is_not(wanted).at(whole.span))?;
        let needle = bytes(&part_value).ok_or_else(|| part_value.is_not("a text").at(part.span))?;
        match name {
            Name::StartsWith => Ok(haystack.starts_with(needle)),
            Name::EndsWith => Ok(haystack.ends_with(needle)),
            _ => self.contains(haystack, needle).map_err(|cause| cause.at(whole.span)),
        }
    }

    fn contains(&mut self, haystack: &[u8], needle: &[u8]) -> Result<bool, Cause> {
        self.spend(haystack.len() / BYTES_OF_A_STEP)?;
        if let Ok(text) = std::str::from_utf8(needle) {
            // A text begins and ends where characters do: so it is in one of the pieces between what is no text.
            return Ok(haystack.utf8_chunks().any(|chunk| chunk.valid().contains(text)));
        }
        self.spend(haystack.len().saturating_mul(needle.len()) / BYTES_OF_A_STEP)?;
        Ok(haystack.windows(needle.len()).any(|window| window == needle))
    }

    fn searches(&mut self, bytes: &[u8], node: &Node) -> Outcome<()> {
        self.spend(bytes.len() / BYTES_OF_A_STEP).map_err(|cause| cause.at(node.span))
    }

    /// A text in another case: the same one if that is its own.
    fn changed(
        &mut self,
        node: &'a Node,
        is_right: fn(char) -> bool,
        change: fn(&str) -> String,
    ) -> Outcome<Value<'a>> {
        let text = self.text(node)?;
        self.searches(text.as_bytes(), node)?;
        let is_changed = text.chars().all(|c| is_right(c) || !c.is_alphabetic());
        Ok(Value::Text(if is_changed { text } else { Cow::Owned(change(&text)) }))
    }

    fn trimmed(&mut self, node: &'a Node) -> Outcome<Value<'a>> {
        Ok(Value::Text(match self.text(node)? {
            Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
            Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
        }))
    }

    fn length(&mut self, node: &'a Node) -> Outcome<Value<'a>> {
        let length = match self.value(node)? {
            Value::Text(text) => {
                self.searches(text.as_bytes(), node)?;
                text.chars().count()
            }
            Value::Bytes(bytes) => bytes.len(),
            Value::List(list) => list.len(),
            Value::Object(object) => object.len(),
            other => return Err(other.is_not("a text, bytes, a list or an object").at(node.span)),
        };
        Ok(Value::whole(i64::try_from(length).unwrap_or(i64::MAX)))
    }

    fn as_text(&mut self, node: &'a Node) -> Outcome<Value<'a>> {
        let value = self.value(node)?;
        let text = match value {
            Value::Text(text) => text,
            Value::Bytes(bytes) => {
                self.searches(bytes, node)?;
                Cow::Borrowed(std::str::from_utf8(bytes).map_err(|_| Cause::NoText.at(node.span))?)
            }
            Value::Missing => return Err(Cause::Missing.at(node.span)),
            Value::Null => Cow::Borrowed("null"),
            Value::Boolean(truth) => Cow::Borrowed(if truth { "true" } else { "false" }),
            Value::Number(Number::Whole(whole)) => Cow::Owned(whole.to_string()),
            Value::Number(Number::Fraction(fraction)) => Cow::Owned(fraction.to_string()),
            Value::Time(time) => Cow::Owned(time::write_time(time)),
            Value::Duration(duration) => Cow::Owned(time::write_duration(duration)),
            Value::List(list) => {
                list.iter()
                    .try_for_each(|json| check_depth(json, LEVELS, self))
                    .map_err(|cause| cause.at(node.span))?;
                Cow::Owned(serde_json::to_string(list).unwrap_or_default())
            }
            Value::Object(object) => {
                object
                    .iter()
                    .try_for_each(|(name, json)| {
                        self.spend(name.len() / BYTES_OF_A_STEP)?;
                        check_depth(json, LEVELS, self)
                    })
                    .map_err(|cause| cause.at(node.span))?;
                Cow::Owned(serde_json::to_string(object).unwrap_or_default())
            }
        };
        Ok(Value::Text(text))
    }

    fn as_number(&mut self, node: &'a Node) -> Outcome<Value<'a>> {
        let number = match self.value(node)? {
            Value::Number(number) => Ok(number),
            Value::Text(text) => {
                self.searches(text.as_bytes(), node)?;
                Number::of_text(&text)
            }
            other => Err(other.is_not("a text")),
        };
        number.map(Value::Number).map_err(|cause| cause.at(node.span))
    }

    fn hex(&mut self, node: &'a Node) -> Outcome<Value<'a>> {
        let value = self.value(node)?;
        let bytes = bytes(&value).ok_or_else(|| value.is_not("bytes").at(node.span))?;
        self.searches(bytes, node)?;
        let mut text = String::with_capacity(bytes.len() * 2);
        for byte in bytes {
            let _infallible = write!(text, "{byte:02x}");
        }
        Ok(Value::Text(Cow::Owned(text)))
    }

    fn as_time(&mut self, node: &'a Node) -> Outcome<i128> {
        match self.value(node)? {
            Value::Time(time) => Ok(time),
            Value::Text(text) => time::parse(&text).ok_or_else(|| Cause::NoTime.at(node.span)),
            Value::Number(Number::Whole(millis)) => {
                millis.checked_mul(time::MILLISECOND).ok_or_else(|| Cause::OutOfRange.at(node.span))
            }
            other => Err(other.is_not("a text or a whole number").at(node.span)),
        }
    }
}

/// The bytes of a text, or bytes.
fn bytes<'v>(value: &'v Value<'_>) -> Option<&'v [u8]> {
    match value {
        Value::Text(text) => Some(text.as_bytes()),
        Value::Bytes(bytes) => Some(bytes),
        _ => None,
    }
}
