//! Formats: how records are written, one after the other, into a buffer. Pure.
//!
//! `consume` calls it; where the bytes go is no matter of a format. Nothing is allocated for a record but by [`RecordFormat::Listing`].

mod hex;
pub(crate) mod json_lines;
mod listing;
mod pattern;

pub(crate) use self::listing::Listing;
pub(crate) use self::pattern::Pattern;
use crate::records::view::View;

/// How records are written.
#[derive(Debug)]
pub(crate) enum RecordFormat {
    /// All of a record as JSON in a line, which `produce` reads back.
    JsonLines(json_lines::Bytes),
    /// What a pattern says, with a text for nulls.
    Pattern(Pattern, Vec<u8>),
    /// Lines for a person.
    Listing(Listing),
    /// The bytes in hexadecimal.
    Hex,
    /// The value's bytes, each followed by these.
    Raw(Vec<u8>),
}

impl RecordFormat {
    /// Appends a record to a buffer.
    pub(crate) fn write(&mut self, view: &View<'_>, out: &mut Vec<u8>) {
        match self {
            Self::JsonLines(bytes) => json_lines::write(view, *bytes, out),
            Self::Pattern(pattern, null_text) => pattern.write(view, null_text, out),
            Self::Listing(table) => table.write(view, out),
            Self::Hex => hex::write(view, out),
            Self::Raw(end) => {
                out.extend_from_slice(view.value.bytes.unwrap_or_default());
                out.extend_from_slice(end);
            }
        }
    }
}

#[cfg(test)]
mod tests;
