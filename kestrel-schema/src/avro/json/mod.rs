//! JSON as Avro schemas are written in it: a tree that keeps what canonical texts need, the order of members and the kinds of numbers.
//!
//! `serde_json::Value` would lose integers beyond 64 bits and the difference between `-0` and `-0.0`, and knows no comments.

mod number;
mod reader;
mod writer;

pub(super) use self::number::Number;
pub(super) use self::reader::read;
pub(super) use self::writer::write_text;

/// How deep objects and arrays may be in each other, in a text that is read and in a canonical one.
pub(super) const MAX_DEPTH: usize = 256;

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    Array(Vec<Self>),
    Object(Vec<(String, Self)>),
}

impl Json {
    pub(super) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn as_array(&self) -> Option<&[Self]> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The members of an object; none of anything else.
    pub(super) fn members(&self) -> &[(String, Self)] {
        match self {
            Self::Object(members) => members,
            _ => &[],
        }
    }

    /// The member of an object with this name.
    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        self.members().iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// The member with this name, if it is a text.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Self::as_text)
    }

    /// The beginning of its text, for errors.
    pub(super) fn excerpt(&self) -> String {
        const LONGEST: usize = 80;
        let text = self.to_string();
        match text.char_indices().nth(LONGEST) {
            Some((end, _)) => format!("{}...", &text[..end]),
            None => text,
        }
    }
}

#[cfg(test)]
mod tests;
