//! The binary as a user meets it: its command line, its errors, its signals, and what survives SIGKILL.

mod command_line;
mod crash;
mod program;
mod signals;
mod wire;
