//! From characters to tokens. Pure.

use crate::error::Fault;
use crate::parser::token::{Keyword, SIGNS, Token, TokenKind, begins_name, continues_name};
use crate::span::Span;
use crate::value::number::Number;
use crate::value::time;

/// The tokens of a text, with an end behind the last.
///
/// # Errors
/// At what begins no token.
pub(crate) fn tokens(text: &str) -> Result<Vec<Token<'_>>, Fault> {
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens = Vec::new();
    loop {
        lexer.skip(char::is_whitespace);
        let start = lexer.at;
        let kind = lexer.token()?;
        let is_last = kind == TokenKind::End;
        tokens.push(Token { kind, span: Span::new(start, lexer.at) });
        if is_last {
            return Ok(tokens);
        }
    }
}

struct Lexer<'t> {
    text: &'t str,
    /// How much has been read, in bytes.
    at: usize,
}

impl<'t> Lexer<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The characters from here on for which `belongs` is true.
    fn skip(&mut self, belongs: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let length = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    fn fault(&self, start: usize, message: impl Into<String>) -> Fault {
        Fault::new(Span::new(start, self.at), message)
    }

    fn token(&mut self) -> Result<TokenKind<'t>, Fault> {
        match self.rest().chars().next() {
            None => Ok(TokenKind::End),
            Some(c) if begins_name(c) => {
                let word = self.skip(continues_name);
                Ok(Keyword::of_word(word).map_or(TokenKind::Name(word), TokenKind::Keyword))
            }
            Some(c) if c.is_ascii_digit() => self.number(),
            Some(quote @ ('"' | '\'')) => self.quoted(quote),
            Some(c) => self.sign(c),
        }
    }

    fn sign(&mut self, c: char) -> Result<TokenKind<'t>, Fault> {
        let start = self.at;
        if self.rest().starts_with("===") || self.rest().starts_with("!==") {
            self.at += 3;
            return Err(self.fault(start, "there is no such comparison").help("write `==` or `!=`"));
        }
        match SIGNS.into_iter().find(|(written, _)| self.rest().starts_with(written)) {
            Some((written, meant)) => {
                self.at += written.len();
                let keyword = Keyword::of_word(meant);
                Ok(keyword.map_or(TokenKind::Sign(meant), TokenKind::Keyword))
            }
            None => {
                self.at += c.len_utf8();
                let fault = self.fault(start, format!("`{}` means nothing here", c.escape_debug()));
                Err(match c {
                    '“' | '”' | '„' | '‘' | '’' | '`' => fault.help("a text stands in \" or '"),
                    '|' => fault.help("there are no pipes: functions are written f(x), or is it `or`?"),
                    '&' => fault.help("is it `and`?"),
                    '?' => fault.help("what may be missing is written default(value.a, 0)"),
                    '$' | '@' | '{' => fault.help("a field is written value.name or value[\"name\"]"),
                    _ => fault,
                })
            }
        }
    }

    /// A number, or a duration if a unit follows.
    fn number(&mut self) -> Result<TokenKind<'t>, Fault> {
        let start = self.at;
        self.skip(|c| c.is_ascii_digit());
        if self.rest().starts_with(begins_name) && !self.exponent_follows() {
            self.at = start;
            return self.duration();
        }
        if self.rest().strip_prefix('.').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit())) {
            self.at += 1;
            self.skip(|c| c.is_ascii_digit());
        }
        if self.exponent_follows() {
            self.at += 1;
            self.at += usize::from(self.rest().starts_with(['+', '-']));
            self.skip(|c| c.is_ascii_digit());
        }
        if self.rest().starts_with(begins_name) {
            self.skip(continues_name);
            return Err(self.fault(start, "this is no number").help(DURATIONS));
        }
        let written = Span::new(start, self.at).of(self.text);
        let number = Number::of_text(written).ok().filter(|number| is_writable(*number));
        let too_large = || {
            let fault = self.fault(start, "this number is too large");
            fault.help("whole numbers go up to 18446744073709551615, others to 1e308")
        };
        number.map(TokenKind::Number).ok_or_else(too_large)
    }

    fn exponent_follows(&self) -> bool {
        let digits = self.rest().strip_prefix(['e', 'E']);
        let digits = digits.map(|digits| digits.strip_prefix(['+', '-']).unwrap_or(digits));
        digits.is_some_and(|digits| digits.starts_with(|c: char| c.is_ascii_digit()))
    }

    /// Whole numbers with units: `1h30m`.
    fn duration(&mut self) -> Result<TokenKind<'t>, Fault> {
        let start = self.at;
        let mut sum: i128 = 0;
        while self.rest().starts_with(|c: char| c.is_ascii_digit()) {
            let digits = self.skip(|c| c.is_ascii_digit());
            let unit_start = self.at;
            let unit = self.skip(char::is_alphabetic);
            let Some((_, length)) = time::UNITS.into_iter().find(|(name, _)| *name == unit) else {
                let message = format!("there is no unit `{unit}`");
                return Err(self.fault(unit_start.min(self.at), message).help(DURATIONS));
            };
            let part = digits.parse().ok().and_then(|number: u64| i128::from(number).checked_mul(length));
            let whole = part.and_then(|part| sum.checked_add(part)).filter(|sum| *sum <= LONGEST);
            sum = whole.ok_or_else(|| self.fault(start, "this duration is too long"))?;
        }
        if self.rest().starts_with(continues_name) {
            self.skip(continues_name);
            return Err(self.fault(start, "this is no duration").help(DURATIONS));
        }
        Ok(TokenKind::Duration(sum))
    }

    fn quoted(&mut self, quote: char) -> Result<TokenKind<'t>, Fault> {
        let start = self.at;
        self.at += quote.len_utf8();
        let mut text = String::new();
        loop {
            text.push_str(self.skip(|c| c != quote && c != '\\'));
            let rest = self.rest();
            if rest.starts_with(quote) {
                self.at += quote.len_utf8();
                return Ok(TokenKind::Text(text));
            }
            if rest.is_empty() {
                return Err(Fault::new(Span::new(start, start + 1), "this text does not end")
                    .help(format!("it needs a {quote} at its end")));
            }
            self.escape(&mut text)?;
        }
    }

    /// What a backslash makes of the next character: itself before quotes and backslashes, and what it does everywhere before n, r,
    /// t and u. Before all others it stays, so that regular expressions can be written as they are.
    fn escape(&mut self, text: &mut String) -> Result<(), Fault> {
        let start = self.at;
        self.at += 1;
        let escaped = self.rest().chars().next();
        self.at += escaped.map_or(0, char::len_utf8);
        match escaped {
            Some('n') => text.push('\n'),
            Some('r') => text.push('\r'),
            Some('t') => text.push('\t'),
            Some('u') => text.push(self.code_point(start)?),
            Some(c @ ('"' | '\'' | '\\')) => text.push(c),
            Some(other) => text.extend(['\\', other]),
            None => text.push('\\'),
        }
        Ok(())
    }

    /// `\u00e9` or `\u{e9}`, of which the backslash and the u have been read.
    fn code_point(&mut self, start: usize) -> Result<char, Fault> {
        let rest = self.rest();
        let (digits, length) = match rest.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
            Some((digits, _)) => (digits, digits.len() + 2),
            None => (rest.get(..4).unwrap_or_default(), 4),
        };
        let is_hex = (1..=6).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let code = u32::from_str_radix(digits, 16).ok().filter(|_| is_hex).and_then(char::from_u32);
        let code =
            code.ok_or_else(|| self.fault(start, "this is no character").help("write \\u00e9 or \\u{e9}"))?;
        self.at += length;
        Ok(code)
    }
}

const DURATIONS: &str =
    "a duration is whole numbers with the units w, d, h, m, s, ms, us, ns: 1h30m or 1500ms";

/// The longest duration that can be written: a thousand years.
const LONGEST: i128 = 365_000 * 86_400 * time::SECOND;

/// Whether a number is one that can be written: JSON's whole numbers go as far.
fn is_writable(number: Number) -> bool {
    match number {
        Number::Whole(whole) => u64::try_from(whole).is_ok(),
        Number::Fraction(_) => true,
    }
}
