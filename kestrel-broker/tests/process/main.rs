//! The binary as a user meets it: its command line, its errors, its signals, and what survives SIGKILL.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics, in its helpers too")]

mod check;
mod command_line;
mod crash;
#[cfg(target_os = "linux")]
mod full_disk;
mod groups;
mod logins;
mod memory;
mod program;
mod repair;
mod signals;
mod wire;
