//! Reads JSON text into a tree, with the comments that Java's parser of schemas allows.

use std::collections::HashMap;

use super::{Json, MAX_DEPTH, Number};
use crate::SchemaError;

/// Reads a text that is one JSON value.
///
/// Comments (`/* */` and `//`) are skipped. Of members with the same name the last one counts, in the place of the first.
pub(in crate::avro) fn read(text: &str) -> Result<Json, SchemaError> {
    let mut reader = Reader { text, at: 0 };
    let value = reader.value(0)?;
    reader.skip()?;
    match reader.peek() {
        None => Ok(value),
        Some(_) => Err(reader.error("there is more after the end of the schema")),
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn error(&self, problem: &str) -> SchemaError {
        let before = &self.text[..self.at];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        SchemaError::new(format!("line {line}, column {column}: {problem}"))
    }

    /// Skips white space and comments.
    fn skip(&mut self) -> Result<(), SchemaError> {
        loop {
            let rest = self.rest();
            let text = rest.trim_start_matches([' ', '\t', '\r', '\n']);
            self.at += rest.len() - text.len();
            if text.starts_with("//") {
                self.at += text.find('\n').unwrap_or(text.len());
            } else if let Some(comment) = text.strip_prefix("/*") {
                let length = comment.find("*/").ok_or_else(|| self.error("a comment has no end"))?;
                self.at += 2 + length + 2;
            } else {
                return Ok(());
            }
        }
    }

    /// Skips white space and comments, and takes this byte if it comes next.
    fn take(&mut self, byte: u8) -> Result<bool, SchemaError> {
        self.skip()?;
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        Ok(found)
    }

    fn expect(&mut self, byte: u8) -> Result<(), SchemaError> {
        if self.take(byte)? { Ok(()) } else { Err(self.error(&format!("expected `{}`", char::from(byte)))) }
    }

    fn value(&mut self, depth: usize) -> Result<Json, SchemaError> {
        if depth > MAX_DEPTH {
            return Err(self.error(&format!("nested more than {MAX_DEPTH} levels deep")));
        }
        self.skip()?;
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => self.string().map(Json::Text),
            Some(b'-' | b'0'..=b'9') => self.number().map(Json::Number),
            Some(_) => self.word(),
            None => Err(self.error("expected a JSON value")),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json, SchemaError> {
        self.expect(b'{')?;
        let mut members: Vec<(String, Json)> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        if self.take(b'}')? {
            return Ok(Json::Object(members));
        }
        loop {
            self.skip()?;
            let name = self.string()?;
            self.expect(b':')?;
            let value = self.value(depth + 1)?;
            match places.get(&name) {
                Some(&place) => members[place].1 = value,
                None => {
                    places.insert(name.clone(), members.len());
                    members.push((name, value));
                }
            }
            if !self.take(b',')? {
                self.expect(b'}')?;
                return Ok(Json::Object(members));
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Json, SchemaError> {
        self.expect(b'[')?;
        let mut items = Vec::new();
        if self.take(b']')? {
            return Ok(Json::Array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            if !self.take(b',')? {
                self.expect(b']')?;
                return Ok(Json::Array(items));
            }
        }
    }

    fn string(&mut self) -> Result<String, SchemaError> {
        let rest = self.rest();
        if !rest.starts_with('"') {
            return Err(self.error("expected a text"));
        }
        let mut escaped = false;
        let end = rest.bytes().skip(1).position(|byte| {
            let ends = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            ends
        });
        let token = end.map(|end| &rest[..end + 2]).ok_or_else(|| self.error("a text has no end"))?;
        let text = serde_json::from_str(token)
            .map_err(|_| self.error("a text with a wrong escape or a control character"))?;
        self.at += token.len();
        Ok(text)
    }

    fn number(&mut self) -> Result<Number, SchemaError> {
        let rest = self.rest();
        let end =
            rest.find(|c: char| !matches!(c, '0'..='9' | '-' | '+' | '.' | 'e' | 'E')).unwrap_or(rest.len());
        let token = &rest[..end];
        let is_number = serde_json::from_str::<serde_json::Number>(token).is_ok();
        let number = is_number.then(|| Number::of_token(token)).flatten();
        let number = number.ok_or_else(|| self.error("not a number, or one that is too large"))?;
        self.at += end;
        Ok(number)
    }

    fn word(&mut self) -> Result<Json, SchemaError> {
        let known = [("true", Json::Bool(true)), ("false", Json::Bool(false)), ("null", Json::Null)];
        let rest = self.rest();
        let end = rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len());
        let (word, value) = known
            .into_iter()
            .find(|(word, _)| *word == &rest[..end])
            .ok_or_else(|| self.error("expected a JSON value"))?;
        self.at += word.len();
        Ok(value)
    }
}
