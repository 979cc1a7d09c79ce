//! Why a text is no filter, with the place and what to write instead. Pure.

use std::fmt;
use std::ops::Range;

use crate::span::Span;

/// The error of a text that is no filter: what is wrong, where, and what was meant perhaps.
///
/// It prints itself with the place underlined:
///
/// ```
/// use kestrel_filter::Filter;
///
/// let error = Filter::parse("startswith(key, \"us\") and partition = 3").unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "there is no function `startswith`\n  \
///        startswith(key, \"us\") and partition = 3\n  \
///        ^^^^^^^^^^\n\
///      did you mean `starts_with`?"
/// );
/// assert_eq!(error.range(), 0..10);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterError {
    text: Box<str>,
    fault: Fault,
}

/// A [`FilterError`] that does not know the text yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    span: Span,
    message: String,
    help: Option<String>,
}

impl Fault {
    pub(crate) fn new(span: Span, message: impl Into<String>) -> Self {
        Self { span, message: message.into(), help: None }
    }

    pub(crate) fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    pub(crate) fn in_text(self, text: &str) -> FilterError {
        FilterError { text: text.into(), fault: self }
    }
}

impl FilterError {
    /// What is wrong, in one sentence without the place.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.fault.message
    }

    /// What to write instead, where that can be guessed.
    #[must_use]
    pub fn help(&self) -> Option<&str> {
        self.fault.help.as_deref()
    }

    /// The bytes of the text that are wrong; empty at the end of a text that is too short.
    #[must_use]
    pub const fn range(&self) -> Range<usize> {
        self.fault.span.range()
    }

    /// The line of the text with the place, cut to its neighbourhood, and how much of it stands before the place and in it.
    fn excerpt(&self) -> (String, usize, usize) {
        let Span { start, end } = self.fault.span;
        let (before, rest) = self.text.split_at_checked(start).unwrap_or((&self.text, ""));
        let place = rest.get(..end.saturating_sub(start)).unwrap_or(rest);
        let before = before.rsplit('\n').next().unwrap_or_default();
        let place = place.lines().next().unwrap_or_default();
        let after = rest.get(place.len()..).and_then(|rest| rest.lines().next()).unwrap_or_default();
        let skipped = before.chars().count().saturating_sub(BEFORE);
        let before: String = before.chars().skip(skipped).collect();
        let (place, after): (String, String) =
            (place.chars().take(PLACE).collect(), after.chars().take(AFTER).collect());
        let (indent, width) = (before.chars().count(), place.chars().count().max(1));
        // One character stays one column wide.
        let line = format!("{before}{place}{after}").replace(char::is_control, " ");
        (line.trim_end().to_owned(), indent, width)
    }
}

/// How many characters of a line are shown before a place, in it and after it.
const BEFORE: usize = 60;
const PLACE: usize = 60;
const AFTER: usize = 30;

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, indent, width) = self.excerpt();
        write!(f, "{}\n  {line}\n  {}{}", self.message(), " ".repeat(indent), "^".repeat(width))?;
        self.help().map_or(Ok(()), |help| write!(f, "\n{help}"))
    }
}

impl std::error::Error for FilterError {}
