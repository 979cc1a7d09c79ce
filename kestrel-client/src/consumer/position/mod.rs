//! Positions: which partitions are assigned, where each one stands, and what has to be asked before it can be fetched.
//!
//! [`SubscriptionState`] holds an [`AssignedPartition`] for each assignment; [`lookup`] asks brokers for offsets and checks
//! positions against new leaders; the [`StallDetector`] finds positions that do not move.
//!
//! Machines only: no I/O, no clock. Owned by the [`Engine`](crate::consumer::engine::Engine).

mod leader;
pub(crate) mod lookup;
mod parking;
mod partition;
mod position_id;
mod report;
mod stall;
mod subscription;

pub(crate) use self::leader::{LeaderView, leader_view, topic_view};
pub(crate) use self::lookup::{AskedPositions, Lookup, LookupOutcome, LookupRequest};
pub(crate) use self::partition::{AssignedPartition, FetchPosition, FetchState, StartAt};
pub(crate) use self::position_id::{AssignmentId, PositionId};
pub(crate) use self::stall::{STALL_GRACE, STALL_REPEAT, Sight, Stall, StallDetector, Standing};
pub(crate) use self::subscription::{MISSING_GRACE, SubscriptionState};
