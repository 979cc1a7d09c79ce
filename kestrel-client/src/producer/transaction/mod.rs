//! Transactions of a producer (KIP-98, KIP-890): what steers them, and the machine that knows how far one has come.
//!
//! ```text
//!   TransactionControl ── command ──▶ sender ── begin, commit, abort, offsets ──▶ dispatcher ⇄ TransactionManager
//!        ▲     ▲                        │  ▲                                                       │
//!        │     └── Gate ◀── shut ───────┘  └── TransactionAnswer ◀── coordinator ◀── TransactionRequest
//!        └──────── reply ◀── Standing
//! ```

mod command;
mod contents;
mod control;
mod gate;
mod manager;
mod offsets;
mod reaction;
mod request;
mod state;

pub(crate) use command::{EndFailure, Ending, TransactionCommand};
pub(crate) use control::TransactionControl;
pub(crate) use gate::Gate;
pub(crate) use manager::{Situation, Standing, TransactionManager, TransactionNews};
pub(crate) use offsets::GroupOffsets;
pub(crate) use request::{TransactionAnswer, TransactionRequest, TransactionVersion};
