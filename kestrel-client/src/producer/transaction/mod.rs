//! Transactions of a producer (KIP-98, KIP-890): what steers them, and the machine that knows how far one has come.

#![allow(dead_code, reason = "the machine is about to be there")]

mod command;
mod control;
mod gate;
mod offsets;

pub(crate) use command::{EndFailure, Ending, TransactionCommand};
pub(crate) use control::TransactionControl;
pub(crate) use gate::Gate;
#[allow(unused_imports, reason = "the machine is about to be there")]
pub(crate) use offsets::GroupOffsets;
