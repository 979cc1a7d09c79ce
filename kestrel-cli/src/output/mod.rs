//! Output: results on standard output, as tables for people or JSON lines for programs, of the same rows.
//!
//! [`Table`] and [`Page`] are made by commands and rendered here, purely; [`Output`] writes what was rendered. Colours and
//! [`Progress`] are for terminals alone.

mod cell;
mod outcomes;
mod page;
mod paint;
mod progress;
mod table;

use std::io::{self, IsTerminal, Write};

use crate::failure::Failure;
use crate::options::{Color, Format, When};

pub(crate) use cell::Cell;
pub(crate) use outcomes::Outcomes;
pub(crate) use page::Page;
pub(crate) use paint::Paint;
pub(crate) use progress::Progress;
pub(crate) use table::Table;

/// Where results go, and how they look.
#[derive(Debug)]
pub(crate) struct Output {
    format: Format,
    paint: Paint,
    stderr_paint: Paint,
}

impl Output {
    pub(crate) fn new(format: Format, color: When) -> Self {
        Self {
            format,
            paint: Paint::new(color, io::stdout().is_terminal()),
            stderr_paint: Paint::new(color, io::stderr().is_terminal()),
        }
    }

    pub(crate) const fn format(&self) -> Format {
        self.format
    }

    /// Writes the rows of a table.
    pub(crate) fn table(&self, table: &Table) -> Result<(), Failure> {
        self.text(&match self.format {
            Format::Table => table.render(self.paint),
            Format::Json => table.json_lines(),
        })
    }

    /// Writes what is known about one thing; between two of them goes an empty line.
    pub(crate) fn pages(&self, pages: &[Page]) -> Result<(), Failure> {
        let (between, render): (_, fn(&Page, Paint) -> String) = match self.format {
            Format::Table => ("\n", Page::render),
            Format::Json => ("", |page, _| page.json_line()),
        };
        self.text(&pages.iter().map(|page| render(page, self.paint)).collect::<Vec<_>>().join(between))
    }

    /// Writes what became of each thing that was to be changed: what is done on standard output, what failed on standard error.
    /// In JSON all of it is on standard output.
    ///
    /// # Errors
    /// When something failed; it is said by then.
    pub(crate) fn outcomes(&self, outcomes: &Outcomes) -> Result<(), Failure> {
        match self.format {
            Format::Json => self.text(&outcomes.json_lines())?,
            Format::Table => {
                self.text(&outcomes.done_lines())?;
                let _ = io::stderr().write_all(outcomes.failure_lines().as_bytes());
            }
        }
        outcomes.exit().map_or(Ok(()), |exit| Err(Failure::reported(exit)))
    }

    /// Writes a text as it is.
    pub(crate) fn text(&self, text: &str) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        Ok(stdout.flush()?)
    }

    /// Tells a person something beside the results.
    pub(crate) fn note(&self, text: &str) {
        let _ = writeln!(io::stderr(), "{}", self.stderr_paint.faint(text));
    }

    /// A line that shows how far long work has come, on a terminal.
    pub(crate) fn progress(&self, what: &str) -> Progress {
        Progress::new(what, io::stderr().is_terminal())
    }

    /// Shows the name of a context that wants to be seen, on a terminal.
    pub(crate) fn badge(&self, name: &str, color: Color) {
        if io::stderr().is_terminal() {
            let _ = writeln!(io::stderr(), "{}", self.stderr_paint.color(color, &format!("[{name}]")));
        }
    }
}
