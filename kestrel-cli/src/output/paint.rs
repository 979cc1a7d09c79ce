//! Paint: colours of terminals. Pure.

use crate::options::{Color, When};

/// Writes colours, or leaves them out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Paint {
    is_on: bool,
}

impl Paint {
    /// No colours.
    #[cfg(test)]
    pub(crate) const NONE: Self = Self { is_on: false };

    pub(crate) fn new(when: When, is_terminal: bool) -> Self {
        let is_wanted = is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self { is_on: when == When::Always || (when == When::Auto && is_wanted) }
    }

    pub(crate) fn color(self, color: Color, text: &str) -> String {
        self.wrap(color as u8, text)
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.wrap(1, text)
    }

    pub(crate) fn faint(self, text: &str) -> String {
        self.wrap(2, text)
    }

    fn wrap(self, code: u8, text: &str) -> String {
        if self.is_on && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_written_when_they_are_wanted() {
        assert_eq!(Paint::new(When::Always, false).color(Color::Red, "x"), "\x1b[31mx\x1b[0m");
        assert_eq!(Paint::new(When::Never, true).color(Color::Red, "x"), "x");
        assert_eq!(Paint::new(When::Auto, false).bold("x"), "x");
    }
}
