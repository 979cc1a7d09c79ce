//! Progress: one line that says how far long work has come, and is gone when the work is done.

use std::io::{self, Write};

/// A line on a terminal that rewrites itself; nothing where there is none.
#[derive(Debug)]
pub(crate) struct Progress {
    what: String,
    is_shown: bool,
    /// How many characters the line has now.
    written: usize,
}

impl Progress {
    pub(super) fn new(what: &str, is_terminal: bool) -> Self {
        Self { what: what.to_owned(), is_shown: is_terminal, written: 0 }
    }

    /// Shows how far it has come. Whoever calls it does so a few times a second at most.
    pub(crate) fn show(&mut self, how_far: &str) {
        if self.is_shown {
            let line = format!("{} {how_far}", self.what);
            let blanks = " ".repeat(self.written.saturating_sub(line.chars().count()));
            self.written = line.chars().count();
            let _ = write!(io::stderr(), "\r{line}{blanks}");
        }
    }

    /// Takes the line away, for whoever writes something else.
    pub(crate) fn clear(&mut self) {
        if self.written > 0 {
            let _ = write!(io::stderr(), "\r{}\r", " ".repeat(self.written));
            self.written = 0;
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}
