//! The subcommands of the binary: what they print and with which code they end. The work is done in the library.

mod check;

pub(crate) use check::{CheckArguments, check};
