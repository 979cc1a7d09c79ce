//! Completion: what could come next on a command line, for the shells.
//!
//! The scripts know nothing but how to ask: `kestrel __complete -- WORDS` walks the same tree of commands that parses a command line, so
//! they are never out of date. What a value is called in a help page says what it is completed with: a TOPIC by the topics that are there.

mod candidates;
mod names;
mod script;
mod walk;

use clap::{Args, ValueEnum};

pub(crate) use self::candidates::complete;
use crate::failure::Failure;
use crate::session::Session;

/// Writes the script that completes command lines in a shell.
#[derive(Debug, Args)]
pub(crate) struct CompletionCommand {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// A shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shell {
    Bash,
    Zsh,
    Fish,
}

impl CompletionCommand {
    pub(crate) fn run(self, session: &Session) -> Result<(), Failure> {
        session.output().text(script::of(self.shell))
    }
}
