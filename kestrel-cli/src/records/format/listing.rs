//! A table for a person at a terminal: a line for each record, in which no byte of a record steers the terminal. Pure.

use std::io::Write;

use kestrel_client::Timestamp;

use super::pattern::meaning_text;
use crate::records::view::{Field, Meaning, View};
use crate::values::write_timestamp;

/// The least width of a key's column.
const KEY_WIDTH: usize = 16;

/// The lines, and what was shown so far.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    has_title: bool,
    /// Memory for one cell.
    cell: Vec<u8>,
}

impl Listing {
    pub(super) fn write(&mut self, view: &View<'_>, out: &mut Vec<u8>) {
        if !self.has_title {
            self.has_title = true;
            let title = ("TOPIC-PARTITION", "OFFSET", "TIMESTAMP", "KEY");
            let _infallible = writeln!(
                out,
                "{:<20} {:>10}  {:<24}  {:<KEY_WIDTH$}  VALUE",
                title.0, title.1, title.2, title.3
            );
        }
        let place = format_args!("{}-{}", view.topic, view.partition).to_string();
        let time = write_timestamp(Timestamp::from_millis(view.timestamp_millis));
        let _infallible = write!(out, "{place:<20} {:>10}  {time:<24}  ", view.offset);
        let width = self.cell(&view.key, out);
        out.resize(out.len() + KEY_WIDTH.saturating_sub(width) + 2, b' ');
        self.cell(&view.value, out);
        self.headers(view, out);
        out.push(b'\n');
    }

    /// Writes a key or value, and gives how many characters that were.
    fn cell(&mut self, field: &Field<'_>, out: &mut Vec<u8>) -> usize {
        self.cell.clear();
        match (field.bytes, field.meaning) {
            (None, _) => self.cell.extend_from_slice(b"null"),
            (_, Meaning::Json(meaning)) => meaning_text(meaning, &mut self.cell),
            (Some(bytes), _) => self.cell.extend_from_slice(bytes),
        }
        let mut width = shown(&self.cell, out);
        if let Meaning::Unreadable(reason) = field.meaning {
            out.extend_from_slice(b" (");
            width += shown(reason.as_bytes(), out) + 3;
            out.push(b')');
        }
        width
    }

    fn headers(&self, view: &View<'_>, out: &mut Vec<u8>) {
        for (index, (key, value)) in view.headers.iter().enumerate() {
            out.extend_from_slice(if index == 0 { b"  {" } else { b", " });
            shown(key.as_bytes(), out);
            out.push(b'=');
            shown(value.unwrap_or(b"null"), out);
        }
        if !view.headers.is_empty() {
            out.push(b'}');
        }
    }
}

/// Writes bytes so that they are a part of one line and nothing else: what is no character or steers a terminal as its number.
fn shown(bytes: &[u8], out: &mut Vec<u8>) -> usize {
    let start = out.len();
    let mut wide = 0;
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if character.is_control() || is_invisible(character) {
                let _infallible = write!(out, "{}", character.escape_unicode());
            } else {
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                wide += character.len_utf8() - 1;
            }
        }
        for byte in chunk.invalid() {
            let _infallible = write!(out, "\\x{byte:02x}");
        }
    }
    out.len() - start - wide
}

/// Whether a character changes the order of those around it: a text could look like another one.
const fn is_invisible(character: char) -> bool {
    matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}
