//! The text of a JSON document as a registry writes it: without white space, numbers and strings as Jackson prints them.
//!
//! `serde_json` cannot do it: it reads `1.50` and `1e5` as numbers that it prints as `1.5` and `100000.0`, and those texts are part of a
//! schema's identity. So numbers stay the texts that they were.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt::Write;

use serde_json::Value;

/// Prints the document in `text` compactly, names in the order that they were written in.
///
/// `text` has been read by `serde_json`, so it is JSON and no deeper than that allows.
pub(super) fn canonical(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    Reader { text, at: 0 }.node().print(&mut out);
    out
}

/// Prints the document in `text` compactly, the names of each object sorted as Java sorts strings.
pub(super) fn normalized(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut node = Reader { text, at: 0 }.node();
    node.sort();
    node.print(&mut out);
    out
}

enum Node<'a> {
    /// `true`, `false`, `null`.
    Word(&'a str),
    Number(&'a str),
    Text(String),
    Array(Vec<Self>),
    Object(Vec<(String, Self)>),
}

impl Node<'_> {
    fn sort(&mut self) {
        match self {
            Self::Array(items) => items.iter_mut().for_each(Self::sort),
            Self::Object(members) => {
                // Java compares UTF-16 units, where what needs two of them comes before U+E000.
                members.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
                members.iter_mut().for_each(|(_, node)| node.sort());
            }
            Self::Word(_) | Self::Number(_) | Self::Text(_) => {}
        }
    }

    fn print(&self, out: &mut String) {
        match self {
            Self::Word(word) => out.push_str(word),
            Self::Number(text) => print_number(text, out),
            Self::Text(text) => print_text(text, out),
            Self::Array(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    out.push_str(if index > 0 { "," } else { "" });
                    item.print(out);
                }
                out.push(']');
            }
            Self::Object(members) => {
                out.push('{');
                for (index, (name, node)) in members.iter().enumerate() {
                    out.push_str(if index > 0 { "," } else { "" });
                    print_text(name, out);
                    out.push(':');
                    node.print(out);
                }
                out.push('}');
            }
        }
    }
}

/// Reads what is known to be JSON.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn node(&mut self) -> Node<'a> {
        match self.peek() {
            b'{' => self.object(),
            b'[' => self.array(),
            b'"' => Node::Text(self.string()),
            b'-' | b'0'..=b'9' => Node::Number(self.run()),
            _ => Node::Word(self.run()),
        }
    }

    /// The next byte that is no white space; a zero at the end.
    fn peek(&mut self) -> u8 {
        let rest = self.text.get(self.at..).unwrap_or_default();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
        self.text.as_bytes().get(self.at).copied().unwrap_or_default()
    }

    fn takes(&mut self, byte: u8) -> bool {
        let is_there = self.peek() == byte;
        self.at += usize::from(is_there);
        is_there
    }

    /// A number or a word: all until something else begins.
    fn run(&mut self) -> &'a str {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let end = rest
            .find(|c: char| !matches!(c, '+' | '-' | '.') && !c.is_ascii_alphanumeric())
            .unwrap_or(rest.len());
        self.at += end.max(1);
        rest.get(..end).unwrap_or_default()
    }

    fn string(&mut self) -> String {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let mut is_escaped = true; // the first quote
        let end = rest
            .bytes()
            .position(|byte| {
                let ends = byte == b'"' && !is_escaped;
                is_escaped = byte == b'\\' && !is_escaped;
                ends
            })
            .map_or(rest.len(), |quote| quote + 1);
        self.at += end;
        serde_json::from_str(rest.get(..end).unwrap_or_default()).unwrap_or_default()
    }

    fn array(&mut self) -> Node<'a> {
        let mut items = Vec::new();
        self.at += 1;
        while !self.takes(b']') && self.at < self.text.len() {
            items.push(self.node());
            self.takes(b',');
        }
        Node::Array(items)
    }

    fn object(&mut self) -> Node<'a> {
        let mut members: Vec<(String, Node<'a>)> = Vec::new();
        let mut places = HashMap::new();
        self.at += 1;
        while !self.takes(b'}') && self.at < self.text.len() {
            let name = self.string();
            self.takes(b':');
            let node = self.node();
            self.takes(b',');
            // A name that comes twice keeps its first place and has its last value.
            match places.entry(name.clone()) {
                Entry::Vacant(place) => {
                    place.insert(members.len());
                    members.push((name, node));
                }
                Entry::Occupied(place) => members[*place.get()].1 = node,
            }
        }
        Node::Object(members)
    }
}

/// A string as Jackson prints it: what JSON forbids is escaped, in capitals, and nothing else.
fn print_text(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            c if c < ' ' => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// A number as Jackson prints it: an integer as its digits, anything else as Java's `BigDecimal` does.
fn print_number(text: &str, out: &mut String) {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let digits = match all.trim_start_matches('0') {
        "" => "0",
        digits => digits,
    };
    out.push_str(if digits == "0" { "" } else { sign });
    let exponent = exponent.trim_start_matches('+').parse::<i64>().unwrap_or_default();
    print_decimal(digits, fraction.len() as i64 - exponent, out);
}

/// `digits` divided by ten to the power of `scale`.
fn print_decimal(digits: &str, scale: i64, out: &mut String) {
    let exponent = digits.len() as i64 - 1 - scale;
    match usize::try_from(scale) {
        Ok(0) => out.push_str(digits),
        Ok(scale) if exponent >= -6 => {
            let padded = format!("{digits:0>width$}", width = scale + 1);
            let (whole, fraction) = padded.split_at(padded.len() - scale);
            let _ = write!(out, "{whole}.{fraction}");
        }
        _ => {
            let (first, rest) = digits.split_at(1);
            let point = if rest.is_empty() { "" } else { "." };
            let _ = write!(out, "{first}{point}{rest}");
            if exponent != 0 {
                let _ = write!(out, "E{exponent:+}");
            }
        }
    }
}

/// A value as text for a sentence: compact, and cut where it is long.
pub(super) fn shown(value: &Value) -> String {
    const LONGEST: usize = 60;
    let text = value.to_string();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text,
    }
}
