//! Java's `.properties` format, in which the settings of brokers and clients are written. Pure: text in, pairs out.

use std::iter::Peekable;
use std::str::Chars;

/// A line that is not of the format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
#[non_exhaustive]
pub struct PropertiesError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: &'static str,
}

/// A pair and the line where it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Property {
    /// The key, escapes resolved.
    pub key: String,
    /// The value, escapes resolved; the space after it belongs to it, as in Java.
    pub value: String,
    /// The line, from 1.
    pub line: usize,
}

/// The pairs of a file, in its order. A key that comes twice is there twice: in Java the last one counts.
///
/// ```
/// let pairs = kestrel_settings::properties::parse("# a comment\nlinger.ms = 5\n").unwrap();
/// assert_eq!((&*pairs[0].key, &*pairs[0].value, pairs[0].line), ("linger.ms", "5", 2));
/// ```
///
/// # Errors
/// When a `\u` is not followed by four hexadecimal digits of a character.
pub fn parse(text: &str) -> Result<Vec<Property>, PropertiesError> {
    logical_lines(text).map(|(line, content)| property(line, &content)).collect()
}

/// Lines joined where one ends in an odd number of backslashes; without blank ones and comments.
fn logical_lines(text: &str) -> impl Iterator<Item = (usize, String)> {
    let mut lines = text.lines().enumerate();
    std::iter::from_fn(move || {
        loop {
            let (index, line) = lines.next()?;
            let line = line.trim_start();
            if line.is_empty() || line.starts_with(['#', '!']) {
                continue;
            }
            let mut whole = line.to_owned();
            while whole.chars().rev().take_while(|c| *c == '\\').count() % 2 == 1 {
                whole.pop();
                let Some((_, more)) = lines.next() else { break };
                whole.push_str(more.trim_start());
            }
            return Some((index + 1, whole));
        }
    })
}

/// Splits at the first separator that is not escaped: `=`, `:` or white space.
fn property(line: usize, content: &str) -> Result<Property, PropertiesError> {
    let mut rest = content.chars().peekable();
    let is_space = |c: char| matches!(c, ' ' | '\t' | '\u{c}');
    let mut key = String::new();
    while let Some(c) = rest.next_if(|c| !is_space(*c) && !matches!(c, '=' | ':')) {
        key.push(unescape(c, &mut rest, line)?);
    }
    while rest.next_if(|c| is_space(*c)).is_some() {}
    if rest.next_if(|c| matches!(c, '=' | ':')).is_some() {
        while rest.next_if(|c| is_space(*c)).is_some() {}
    }
    let mut value = String::new();
    while let Some(c) = rest.next() {
        value.push(unescape(c, &mut rest, line)?);
    }
    Ok(Property { key, value, line })
}

fn unescape(c: char, rest: &mut Peekable<Chars<'_>>, line: usize) -> Result<char, PropertiesError> {
    if c != '\\' {
        return Ok(c);
    }
    Ok(match rest.next() {
        Some('t') => '\t',
        Some('n') => '\n',
        Some('r') => '\r',
        Some('f') => '\u{c}',
        Some('u') => {
            unicode(rest).ok_or(PropertiesError { line, why: "\\u needs four hexadecimal digits" })?
        }
        Some(other) => other,
        None => return Ok('\\'),
    })
}

fn unicode(rest: &mut Peekable<Chars<'_>>) -> Option<char> {
    let mut code = 0;
    for _ in 0..4 {
        code = code * 16 + rest.next_if(char::is_ascii_hexdigit)?.to_digit(16)?;
    }
    char::from_u32(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        parse(text).unwrap().into_iter().map(|property| (property.key, property.value)).collect()
    }

    #[test]
    fn pairs_come_out_as_java_reads_them() {
        let cases = [
            ("a=1", "a", "1"),
            ("a:1", "a", "1"),
            ("a 1", "a", "1"),
            ("  a \t = \t 1 ", "a", "1 "),
            ("a", "a", ""),
            ("a=", "a", ""),
            ("a==1", "a", "=1"),
            ("a\\=b=1", "a=b", "1"),
            ("a=x\\ty\\\\z", "a", "x\ty\\z"),
            ("a=\\u0041b", "a", "Ab"),
            ("a=1,\\\n   2", "a", "1,2"),
            ("a=1\\\\", "a", "1\\"),
            ("a=b#c", "a", "b#c"),
            ("listeners=PLAINTEXT://:9092", "listeners", "PLAINTEXT://:9092"),
        ];
        for (text, key, value) in cases {
            assert_eq!(pairs(text), [(key.to_owned(), value.to_owned())], "{text:?}");
        }
    }

    #[test]
    fn comments_and_blank_lines_are_no_pairs() {
        assert_eq!(pairs("# a=1\r\n\r\n  ! b=2\r\nc=3\r\n"), [("c".to_owned(), "3".to_owned())]);
    }

    #[test]
    fn a_property_knows_the_line_where_it_begins() {
        let properties = parse("\na=1\\\n2\n\nb=\\u00e9").unwrap();
        assert_eq!((properties[0].line, properties[1].line), (2, 5));
        assert_eq!(properties[1].value, "é");
        assert_eq!(
            parse("\nb=\\u00g9").unwrap_err().to_string(),
            "line 2: \\u needs four hexadecimal digits"
        );
    }
}
