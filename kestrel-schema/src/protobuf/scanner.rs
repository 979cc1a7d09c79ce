//! The characters of a `.proto` text, read as words, numbers and strings; spaces and comments are passed over.
//!
//! The reader calls it. It never looks at what a word means.

use crate::SchemaError;

/// A position in the text of a file.
#[derive(Debug)]
pub(super) struct Scanner<'a> {
    text: &'a str,
    /// Of the next byte; always on the border of a character.
    position: usize,
}

impl<'a> Scanner<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self { text, position: 0 }
    }

    /// An error at this place.
    pub(super) fn error(&self, problem: &str) -> SchemaError {
        let before = self.text.get(..self.position).unwrap_or(self.text);
        let line = before.bytes().filter(|&byte| byte == b'\n').count() + 1;
        SchemaError::new(format!("line {line}: {problem}"))
    }

    /// The next character that is neither space nor comment; none at the end.
    pub(super) fn peek(&mut self) -> Result<Option<char>, SchemaError> {
        self.skip_space()?;
        Ok(self.rest().chars().next())
    }

    /// Passes over `wanted` if it comes next.
    pub(super) fn eat(&mut self, wanted: char) -> Result<bool, SchemaError> {
        let found = self.peek()? == Some(wanted);
        if found {
            self.position += wanted.len_utf8();
        }
        Ok(found)
    }

    /// Passes over `wanted`, which has to come next.
    pub(super) fn expect(&mut self, wanted: char) -> Result<(), SchemaError> {
        if self.eat(wanted)? {
            return Ok(());
        }
        let found = self.rest().chars().next();
        Err(self.error(&match found {
            Some(found) => format!("expected '{wanted}', found '{found}'"),
            None => format!("expected '{wanted}', found the end of the text"),
        }))
    }

    /// A word: letters, digits, `_`, `-` and `.`.
    pub(super) fn word(&mut self) -> Result<&'a str, SchemaError> {
        self.run(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'), "a name")
    }

    /// A word without dots: one part of a name.
    pub(super) fn part(&mut self) -> Result<&'a str, SchemaError> {
        self.run(|c| c.is_ascii_alphanumeric() || c == '_', "a name")
    }

    /// The name of a type, with its dots.
    pub(super) fn type_name(&mut self) -> Result<String, SchemaError> {
        let first = self.word()?;
        self.type_name_after(first)
    }

    /// The name of a type of which `first` was read.
    pub(super) fn type_name_after(&mut self, first: &str) -> Result<String, SchemaError> {
        let mut name = first.to_owned();
        while self.peek()? == Some('.') || name.ends_with('.') {
            name.push_str(self.word()?);
        }
        Ok(name)
    }

    /// What stands in square brackets as a key of an option's text form: the name of an extension, or the address of a type.
    pub(super) fn bracketed(&mut self) -> Result<String, SchemaError> {
        self.expect('[')?;
        let name = self
            .run(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/'), "the name of a type")?;
        self.expect(']')?;
        Ok(format!("[{name}]"))
    }

    /// A number, as written.
    pub(super) fn number(&mut self) -> Result<String, SchemaError> {
        let is_negative = self.eat('-')?;
        let digits =
            self.run(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '+' | '.'), "a number")?;
        Ok(if is_negative { format!("-{digits}") } else { digits.to_owned() })
    }

    /// A whole number that fits 32 bits, decimal or hexadecimal.
    pub(super) fn int(&mut self) -> Result<i32, SchemaError> {
        let text = self.number()?;
        let (sign, digits) = text.strip_prefix('-').map_or(("", &*text), |digits| ("-", digits));
        let parsed = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
            Some(hexadecimal) => i32::from_str_radix(&format!("{sign}{hexadecimal}"), 16),
            None => text.parse(),
        };
        parsed.map_err(|_| self.error(&format!("expected a number of 32 bits, found {text}")))
    }

    /// A quoted string; strings beside each other are one.
    pub(super) fn string(&mut self) -> Result<String, SchemaError> {
        let mut text = String::new();
        loop {
            match self.peek()? {
                Some(quote @ ('"' | '\'')) => self.quoted(quote, &mut text)?,
                _ => return Err(self.error("expected a string in quotes")),
            }
            if !matches!(self.peek()?, Some('"' | '\'')) {
                return Ok(text);
            }
        }
    }

    fn quoted(&mut self, quote: char, text: &mut String) -> Result<(), SchemaError> {
        self.position += quote.len_utf8();
        while let Some(c) = self.next() {
            match c {
                _ if c == quote => return Ok(()),
                '\\' => text.push(self.escaped()?),
                '\n' => break,
                _ => text.push(c),
            }
        }
        Err(self.error("a string without an end"))
    }

    fn escaped(&mut self) -> Result<char, SchemaError> {
        let c = self.next().ok_or_else(|| self.error("a string without an end"))?;
        Ok(match c {
            'a' => '\u{7}',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{b}',
            'x' | 'X' => self.code(16, 2)?,
            '0'..='7' => {
                self.position -= 1;
                self.code(8, 3)?
            }
            other => other,
        })
    }

    /// The character of a code of up to `digits` digits: each is a byte, taken as a character as Confluent's registry does.
    fn code(&mut self, radix: u32, digits: usize) -> Result<char, SchemaError> {
        let code: String = self.rest().chars().take(digits).take_while(|c| c.is_digit(radix)).collect();
        self.position += code.len();
        u8::from_str_radix(&code, radix)
            .map(char::from)
            .map_err(|_| self.error("an escape without its digits"))
    }

    fn run(&mut self, belongs: impl Fn(char) -> bool, what: &str) -> Result<&'a str, SchemaError> {
        self.skip_space()?;
        let rest = self.rest();
        let end = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
        let (run, _) = rest.split_at(end);
        if run.is_empty() {
            return Err(self.error(&match rest.chars().next() {
                Some(found) => format!("expected {what}, found '{found}'"),
                None => format!("expected {what}, found the end of the text"),
            }));
        }
        self.position += end;
        Ok(run)
    }

    fn skip_space(&mut self) -> Result<(), SchemaError> {
        loop {
            let rest = self.rest();
            let comment = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '\u{feff}');
            self.position += rest.len() - comment.len();
            if let Some(line) = comment.strip_prefix("//") {
                self.position += 2 + line.find('\n').unwrap_or(line.len());
            } else if let Some(block) = comment.strip_prefix("/*") {
                let end = block.find("*/").ok_or_else(|| self.error("a comment without an end"))?;
                self.position += 2 + end + 2;
            } else {
                return Ok(());
            }
        }
    }

    fn next(&mut self) -> Option<char> {
        let c = self.rest().chars().next()?;
        self.position += c.len_utf8();
        Some(c)
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.position..).unwrap_or_default()
    }
}
