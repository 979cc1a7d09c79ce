//! The subcommands of the binary: what they print and with which code they end. The work is done in the library.

mod check;
mod repair;

pub(crate) use check::{CheckArguments, check};
pub(crate) use repair::{RepairArguments, repair};
