//! A place in a filter's text: what errors and undecided records point at. Pure.

use std::ops::Range;

/// The bytes from `start` up to `end` of a filter's text, at the borders of characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Span {
    pub(crate) const fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// From the beginning of this one to the end of a later one.
    pub(crate) const fn to(self, later: Self) -> Self {
        Self { start: self.start, end: later.end }
    }

    pub(crate) const fn range(self) -> Range<usize> {
        self.start..self.end
    }

    /// What of `text` stands there.
    pub(crate) fn of(self, text: &str) -> &str {
        text.get(self.range()).unwrap_or_default()
    }
}
