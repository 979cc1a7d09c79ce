//! Lays JSON out for people: one line for what is short, a line for each part of what is long.

use std::ops::Range;

/// The longest line that holds a whole object or array.
const WIDTH: usize = 100;

/// A schema's text as it is put into a file: JSON laid out, with every token as it was; any other text as it is, and what is nested more than
/// 127 levels deep.
///
/// ```
/// use kestrel_schema::lock::laid_out;
///
/// let text = r#"{"type":"record","name":"Order","fields":[{"name":"id","type":"string"},{"name":"total","type":"long","default":0}]}"#;
/// assert_eq!(
///     laid_out(text),
///     r#"{
///   "type": "record",
///   "name": "Order",
///   "fields": [
///     {"name": "id", "type": "string"},
///     {"name": "total", "type": "long", "default": 0}
///   ]
/// }
/// "#
/// );
/// ```
#[must_use]
pub fn laid_out(text: &str) -> String {
    // A value, and not anything at all: those are bounded in how deep they are, as laying out wants it.
    let is_json = serde_json::from_str::<serde_json::Value>(text).is_ok();
    let mut out = String::with_capacity(text.len() * 2);
    if is_json {
        let tokens = tokens(text);
        let ends = ends(text, &tokens);
        Layout { text, tokens: &tokens, ends: &ends, out: &mut out }.write(0..tokens.len(), 0);
    } else {
        out.push_str(text.trim_end());
    }
    out.push('\n');
    out
}

/// The tokens of a valid JSON text.
fn tokens(text: &str) -> Vec<Range<usize>> {
    let (mut tokens, mut at) = (Vec::new(), 0);
    while let Some(c) = text[at..].chars().next() {
        let length = match c {
            ' ' | '\t' | '\r' | '\n' => {
                at += 1;
                continue;
            }
            '"' => length_of_string(&text[at..]),
            '{' | '}' | '[' | ']' | ',' | ':' => 1,
            _ => {
                let ends = |c: char| c.is_whitespace() || "{}[],:".contains(c);
                text[at..].find(ends).unwrap_or(text.len() - at)
            }
        };
        tokens.push(at..at + length);
        at += length;
    }
    tokens
}

fn length_of_string(text: &str) -> usize {
    let mut escaped = false;
    let end = text.bytes().skip(1).position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    });
    end.map_or(text.len(), |end| end + 2)
}

/// For each opening bracket the token that closes it; for any other token itself.
fn ends(text: &str, tokens: &[Range<usize>]) -> Vec<usize> {
    let mut ends: Vec<usize> = (0..tokens.len()).collect();
    let mut open = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        match &text[token.clone()] {
            "{" | "[" => open.push(index),
            "}" | "]" => {
                if let Some(start) = open.pop() {
                    ends[start] = index;
                }
            }
            _ => {}
        }
    }
    ends
}

struct Layout<'a> {
    text: &'a str,
    tokens: &'a [Range<usize>],
    ends: &'a [usize],
    out: &'a mut String,
}

impl Layout<'_> {
    fn token(&self, index: usize) -> &str {
        &self.text[self.tokens[index].clone()]
    }

    /// Writes a run of tokens; a bracket that is too long for a line has its parts on lines of their own.
    fn write(&mut self, run: Range<usize>, indent: usize) {
        let mut index = run.start;
        while index < run.end {
            let end = self.ends[index];
            if end > index && !self.fits(index..end + 1, indent) {
                self.open(index, end, indent);
                index = end + 1;
                continue;
            }
            self.inline(index..end + 1);
            index = end + 1;
            self.space_after(index - 1);
        }
    }

    fn open(&mut self, start: usize, end: usize, indent: usize) {
        let bracket = self.token(start).to_owned();
        self.out.push_str(&bracket);
        let mut part = start + 1;
        while part < end {
            let mut next = part;
            while next < end && self.token(next) != "," {
                next = self.ends[next] + 1;
            }
            self.line(indent + 2);
            self.write(part..next, indent + 2);
            if next < end {
                self.out.push(',');
            }
            part = next + 1;
        }
        self.line(indent);
        let bracket = self.token(end).to_owned();
        self.out.push_str(&bracket);
    }

    fn line(&mut self, indent: usize) {
        self.out.push('\n');
        self.out.extend(std::iter::repeat_n(' ', indent));
    }

    fn inline(&mut self, run: Range<usize>) {
        for index in run.clone() {
            let token = self.token(index).to_owned();
            self.out.push_str(&token);
            if index + 1 < run.end {
                self.space_after(index);
            }
        }
    }

    fn space_after(&mut self, index: usize) {
        if matches!(self.token(index), ":" | ",") {
            self.out.push(' ');
        }
    }

    /// Whether a run is for one line: short, and without a list of several objects.
    fn fits(&self, run: Range<usize>, indent: usize) -> bool {
        let width =
            |index: usize| self.tokens[index].len() + usize::from(matches!(self.token(index), ":" | ","));
        let starts_next =
            |index: usize| index > 1 && (self.token(index - 2), self.token(index - 1)) == ("}", ",");
        let mut room = WIDTH.saturating_sub(indent);
        run.clone().all(|index| {
            let is_list = self.token(index) == "{" && index > run.start && starts_next(index);
            let fits = width(index) <= room;
            room = room.saturating_sub(width(index));
            fits && !is_list
        })
    }
}
