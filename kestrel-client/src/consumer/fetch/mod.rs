//! Fetching: which broker is asked for what, and what its answers bring, until the caller's task takes it.
//!
//! ```text
//!   Fetcher ── one FetchSession per broker and lane ──► Fetch requests
//!      ▲ room                                              │ answers
//!   FetchBuffer ◄── CompletedFetch: the batches of one partition, unopened
//!      │
//!      └──► the caller's task, which opens one batch at a time
//! ```
//!
//! Machines only: no I/O, no clock. Owned by the [`Engine`](crate::consumer::engine::Engine).

mod aborted;
mod buffer;
mod completed;
mod fetcher;
mod session;

pub(crate) use self::buffer::FetchBuffer;
pub(crate) use self::completed::{
    Begun, Brought, CompletedFetch, Damage, EpochStart, FetchedRecords, OpenOptions, Scan,
};
pub(crate) use self::fetcher::{FetchWork, Fetcher, Lane, PartitionAnswer};
