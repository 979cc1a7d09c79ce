//! Input: lines of text become records to be produced. Pure.
//!
//! `produce` calls it with one line after the other, without the end of the line; an error says what is wrong with a line, not which it is.

mod content;
mod json_line;
mod text_line;

pub(crate) use self::content::Content;
pub(crate) use self::json_line::looks_like_a_record;
pub(crate) use self::text_line::TextLines;

use kestrel_client::Headers;

/// How lines are read.
#[derive(Debug, Clone)]
pub(crate) enum Input {
    /// As `consume` writes them, with all of a record.
    JsonLines,
    /// A value, or a key and a value, in a line.
    TextLines(TextLines),
}

/// A record to be produced. What is not there is the producer's to choose.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Draft {
    pub(crate) topic: Option<String>,
    pub(crate) partition: Option<i32>,
    /// Milliseconds since 1970; -1 is none.
    pub(crate) timestamp_millis: Option<i64>,
    pub(crate) headers: Headers,
    pub(crate) key: Content,
    pub(crate) value: Content,
}

impl Input {
    /// The record in a line; none in a line that is empty where that is no record.
    pub(crate) fn read(&self, line: &[u8]) -> Result<Option<Draft>, String> {
        match self {
            Self::JsonLines if line.trim_ascii().is_empty() => Ok(None),
            Self::JsonLines => json_line::read(line).map(Some),
            Self::TextLines(lines) => lines.read(line).map(Some),
        }
    }
}

#[cfg(test)]
mod tests;
