//! Groups: members that share the partitions of topics, and the offsets that they commit.
//!
//! ```text
//!   coordinator (a broker)                 group driver's task                      lock
//!      ▲ │ JoinGroup, SyncGroup,    ┌──────────────────────────────┐           ┌──────────┐
//!      │ ▼ Heartbeat, LeaveGroup    │  Machine ───── Effects ──────┼─ take on, │  Engine  │ ── fetches
//!      ├──────────────────────────► │      │            │          │  give up ►│          │ ── stream
//!      │   OffsetCommit, OffsetFetch│  Committer ◄── listener      │           └──────────┘
//!      └──────────────────────────► └──────▲───────────────────────┘                │
//!                                          └── commit, close ── the consumer ◄──────┘ what is done
//! ```
//!
//! Machines without I/O: [`classic`], the one [`machine`] of a membership today, with [`coordinator`]; [`committer`],
//! [`topic_watch`]. Shells: [`driver`], [`effects`], [`member_offsets`]. [`join()`] puts them together.

mod classic;
pub(crate) mod committed;
pub(crate) mod committer;
mod coordinator;
mod driver;
mod effects;
pub(crate) mod handle;
mod join;
mod link;
mod listener;
pub(crate) mod machine;
mod member_offsets;
mod metadata;
mod offset;
mod rebalance_watch;
mod topic_watch;
pub(crate) mod topics;

pub(crate) use self::committed::{LAST_VERSION_WITH_NAMES, OffsetQuestion, refusal};
pub use self::handle::Commit;
pub(crate) use self::join::join;
pub use self::listener::{AssignedPartitions, RebalanceListener, RevokedPartitions};
pub use self::metadata::GroupMetadata;
pub use self::offset::OffsetAndMetadata;
