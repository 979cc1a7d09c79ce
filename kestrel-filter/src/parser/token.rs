//! The words, numbers, texts and signs that a filter is written with. Pure.

use std::fmt;

use crate::span::Span;
use crate::value::number::Number;
use crate::value::time;

/// One of them, with its place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Token<'t> {
    pub(crate) kind: TokenKind<'t>,
    pub(crate) span: Span,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum TokenKind<'t> {
    /// A word that is none of the language's own.
    Name(&'t str),
    Keyword(Keyword),
    Text(String),
    Number(Number),
    Duration(i128),
    Sign(&'static str),
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keyword {
    And,
    Or,
    Not,
    In,
    True,
    False,
    Null,
}

impl Keyword {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::And => "and",
            Self::Or => "or",
            Self::Not => "not",
            Self::In => "in",
            Self::True => "true",
            Self::False => "false",
            Self::Null => "null",
        }
    }

    /// The word of the language that a word is, in whatever case.
    pub(crate) fn of_word(word: &str) -> Option<Self> {
        let all = [Self::And, Self::Or, Self::Not, Self::In, Self::True, Self::False, Self::Null];
        all.into_iter().find(|keyword| keyword.word().eq_ignore_ascii_case(word))
    }
}

/// All signs, those first that begin with another one. The second of a pair is how it is written here, the first how somebody may.
pub(crate) const SIGNS: [(&str, &str); 28] = [
    ("==", "=="),
    ("=~", "~"),
    ("=", "=="),
    ("!=", "!="),
    ("!~", "!~"),
    ("<>", "!="),
    ("<=", "<="),
    (">=", ">="),
    ("&&", "and"),
    ("||", "or"),
    ("!", "not"),
    ("~", "~"),
    ("<", "<"),
    (">", ">"),
    ("(", "("),
    (")", ")"),
    ("[", "["),
    ("]", "]"),
    (",", ","),
    (".", "."),
    ("+", "+"),
    ("-", "-"),
    ("*", "*"),
    ("/", "/"),
    ("%", "%"),
    ("≥", ">="),
    ("≤", "<="),
    ("≠", "!="),
];

impl fmt::Display for TokenKind<'_> {
    /// As an error calls it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(word) => write!(f, "`{word}`"),
            Self::Keyword(keyword) => write!(f, "`{}`", keyword.word()),
            Self::Text(_) => f.write_str("a text"),
            Self::Number(_) => f.write_str("a number"),
            Self::Duration(duration) => write!(f, "`{}`", time::write_duration(*duration)),
            Self::Sign(sign) => write!(f, "`{sign}`"),
            Self::End => f.write_str("the end"),
        }
    }
}

/// Whether a field can be written after a dot.
pub(crate) fn is_name(text: &str) -> bool {
    text.starts_with(begins_name) && text.chars().all(continues_name)
}

pub(crate) fn begins_name(c: char) -> bool {
    c.is_alphabetic() || c == '_'
}

pub(crate) fn continues_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}
