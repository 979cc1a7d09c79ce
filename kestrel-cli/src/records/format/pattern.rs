//! A pattern as kcat's `-f` has it: text with `%t`, `%p`, `%o`, `%k`, `%s` and so on in it. Pure.

use std::str::FromStr;

use crate::records::view::{Field, Meaning, View};

/// A pattern that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(Vec<u8>),
    Token(Token),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Topic,
    Partition,
    Offset,
    Timestamp,
    Headers,
    Key,
    KeyLength,
    Value,
    ValueLength,
    ValueLengthBinary,
    Decoded,
}

/// The letters, and what they stand for.
const TOKENS: [(char, Token); 11] = [
    ('t', Token::Topic),
    ('p', Token::Partition),
    ('o', Token::Offset),
    ('T', Token::Timestamp),
    ('h', Token::Headers),
    ('k', Token::Key),
    ('K', Token::KeyLength),
    ('s', Token::Value),
    ('S', Token::ValueLength),
    ('R', Token::ValueLengthBinary),
    ('v', Token::Decoded),
];

impl FromStr for Pattern {
    type Err = String;

    fn from_str(pattern: &str) -> Result<Self, String> {
        let (mut pieces, mut text) = (Vec::new(), Vec::new());
        let mut rest = pattern.chars();
        while let Some(next) = rest.next() {
            match next {
                '%' => match token(rest.next())? {
                    None => text.push(b'%'),
                    Some(token) => {
                        if !text.is_empty() {
                            pieces.push(Piece::Text(std::mem::take(&mut text)));
                        }
                        pieces.push(Piece::Token(token));
                    }
                },
                '\\' => text.push(escaped(&mut rest)?),
                other => text.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        if !text.is_empty() {
            pieces.push(Piece::Text(text));
        }
        Ok(Self(pieces))
    }
}

/// What a letter after `%` stands for; nothing for a second `%`.
fn token(letter: Option<char>) -> Result<Option<Token>, String> {
    let letter = letter.ok_or("the pattern ends with `%`: write `%%` for the sign itself")?;
    if letter == '%' {
        return Ok(None);
    }
    let found = TOKENS.iter().find(|(name, _)| *name == letter).map(|(_, token)| Some(*token));
    found.ok_or_else(|| {
        let names: Vec<_> = TOKENS.iter().map(|(name, _)| format!("%{name}")).collect();
        format!("there is no `%{letter}` in a pattern: there are {} and %%", names.join(" "))
    })
}

/// The byte that a backslash and what follows it are.
fn escaped(rest: &mut std::str::Chars<'_>) -> Result<u8, String> {
    match rest.next() {
        Some('n') => Ok(b'\n'),
        Some('r') => Ok(b'\r'),
        Some('t') => Ok(b'\t'),
        Some('0') => Ok(0),
        Some('\\') => Ok(b'\\'),
        Some('x') => {
            let digits: String = rest.by_ref().take(2).collect();
            let is_hex = digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
            let byte = is_hex.then(|| u8::from_str_radix(&digits, 16).ok()).flatten();
            byte.ok_or_else(|| {
                format!("`\\x{digits}` is no byte: it has two hexadecimal digits, as \\x1f has")
            })
        }
        Some(other) => {
            Err(format!(r"there is no `\{other}` in a pattern: there are \n \r \t \0 \\ and \x1f"))
        }
        None => Err(r"the pattern ends with a backslash: write `\\` for one".into()),
    }
}

impl Pattern {
    /// Writes a record. A null is nothing, or `null_text` where there is one.
    pub(super) fn write(&self, view: &View<'_>, null_text: &[u8], out: &mut Vec<u8>) {
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.extend_from_slice(text),
                Piece::Token(token) => write_token(*token, view, null_text, out),
            }
        }
    }
}

fn write_token(token: Token, view: &View<'_>, null_text: &[u8], out: &mut Vec<u8>) {
    match token {
        Token::Topic => out.extend_from_slice(view.topic.as_bytes()),
        Token::Partition => number(view.partition.into(), out),
        Token::Offset => number(view.offset, out),
        Token::Timestamp => number(view.timestamp_millis, out),
        Token::Headers => headers(view, null_text, out),
        Token::Key => out.extend_from_slice(view.key.bytes.unwrap_or(null_text)),
        Token::KeyLength => number(length(&view.key), out),
        Token::Value => out.extend_from_slice(view.value.bytes.unwrap_or(null_text)),
        Token::ValueLength => number(length(&view.value), out),
        Token::ValueLengthBinary => {
            let length = i32::try_from(length(&view.value)).unwrap_or(i32::MAX);
            out.extend_from_slice(&length.to_be_bytes());
        }
        Token::Decoded => match view.value.meaning {
            Meaning::Json(meaning) => meaning_text(meaning, out),
            _ => out.extend_from_slice(view.value.bytes.unwrap_or(null_text)),
        },
    }
}

/// How many bytes there are; -1 of null, as kcat says it.
fn length(field: &Field<'_>) -> i64 {
    field.bytes.map_or(-1, |bytes| i64::try_from(bytes.len()).unwrap_or(i64::MAX))
}

fn headers(view: &View<'_>, null_text: &[u8], out: &mut Vec<u8>) {
    for (index, (key, value)) in view.headers.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        out.extend_from_slice(key.as_bytes());
        out.push(b'=');
        out.extend_from_slice(value.unwrap_or(null_text));
    }
}

/// A decoded text without its quotes, and all else as JSON in a line.
pub(super) fn meaning_text(meaning: &serde_json::Value, out: &mut Vec<u8>) {
    match meaning {
        serde_json::Value::String(text) => out.extend_from_slice(text.as_bytes()),
        other => serde_json::to_writer(out, other).expect("memory takes all that is written"),
    }
}

fn number(number: i64, out: &mut Vec<u8>) {
    serde_json::to_writer(out, &number).expect("memory takes all that is written");
}
