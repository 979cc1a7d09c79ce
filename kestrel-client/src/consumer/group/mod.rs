//! Groups: members that share the partitions of topics, and the offsets that they commit.
//!
//! ```text
//!   coordinator (a broker)                 group driver's task                      lock
//!      ▲ │ JoinGroup, SyncGroup,    ┌──────────────────────────────┐           ┌──────────┐
//!      │ ▼ Heartbeat, LeaveGroup    │  Membership ── Effects ──────┼─ take on, │  Engine  │ ── fetches
//!      ├──────────────────────────► │      │            │          │  give up ►│          │ ── stream
//!      │   OffsetCommit, OffsetFetch│  Committer ◄── listener      │           └──────────┘
//!      └──────────────────────────► └──────▲───────────────────────┘                │
//!                                          └── commit, close ── the consumer ◄──────┘ what is done
//! ```
//!
//! Machines without I/O: [`classic`] with [`coordinator`], [`committer`], [`topic_watch`]. Shells: [`driver`], [`effects`].

pub(crate) mod classic;
pub(crate) mod committed;
pub(crate) mod committer;
mod coordinator;
pub(crate) mod driver;
pub(crate) mod effects;
pub(crate) mod handle;
mod listener;
mod offset;
mod topic_watch;
pub(crate) mod topics;

pub use self::handle::Commit;
pub use self::listener::{AssignedPartitions, RebalanceListener, RevokedPartitions};
pub use self::offset::OffsetAndMetadata;
