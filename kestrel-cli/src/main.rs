//! The `kestrel` binary: a command line for any Kafka.
//!
//! ```text
//!   main ──► program (runtime, logs, signals) ──► arguments ──► commands/NOUN ──► session ──► kestrel_client
//!                                                                    │              │
//!                                                                    ▼              ├── context (which cluster, as whom)
//!                                                                  output           └── guard (read-only, dry run, production)
//! ```
//!
//! A command is a struct that clap fills in, with `run(self, &Session)`. It asks the session for what it works with, and writes what
//! it found by `output`, which makes tables or JSON lines of the same rows.

mod apache;
mod arguments;
mod commands;
mod completion;
mod context;
mod failure;
mod guard;
mod options;
mod output;
mod password;
mod program;
mod records;
mod session;
mod signals;
mod values;

use std::process::ExitCode;

fn main() -> ExitCode {
    program::run(std::env::args_os())
}
