//! A regular expression of a filter: compiled within a limit, searched in linear time and at a price. Pure.

use regex::{Regex, RegexBuilder};

/// A regular expression and what a byte of text costs it.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    regex: Regex,
    /// The bytes that it may have compiled to.
    size: usize,
}

/// The sizes that an expression may compile to: what does not fit the last is refused.
const SIZES: [usize; 4] = [4 << 10, 16 << 10, 64 << 10, 256 << 10];

/// How deep groups may be nested.
const MAX_NESTING: u32 = 50;

/// How many bytes of a compiled expression may meet one byte of text in one step.
const SIZE_OF_A_STEP: usize = 64 << 10;

impl Pattern {
    /// The expression of a text.
    ///
    /// # Errors
    /// What is wrong with the text, in a line.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut refusal = String::new();
        for size in SIZES {
            match RegexBuilder::new(text)
                .size_limit(size)
                .dfa_size_limit(SIZES[3])
                .nest_limit(MAX_NESTING)
                .build()
            {
                Ok(regex) => return Ok(Self { regex, size }),
                Err(regex::Error::CompiledTooBig(_)) => refusal = "it is too large".to_owned(),
                Err(error) => return Err(reason(&error.to_string())),
            }
        }
        Err(refusal)
    }

    pub(crate) fn as_str(&self) -> &str {
        self.regex.as_str()
    }

    pub(crate) fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// The steps that a text of so many bytes costs.
    pub(crate) const fn steps(&self, length: usize) -> usize {
        length.saturating_mul(self.size) / SIZE_OF_A_STEP
    }
}

/// What an error of several lines says at its end.
fn reason(error: &str) -> String {
    let last = error.lines().last().unwrap_or_default();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}
