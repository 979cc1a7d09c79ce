//! What the broker counts: plain counters that live in the rooms, and the snapshot of all that a reader gets.
//!
//! Counters are atomics without order: each is right by itself, two of them may be of different moments. Nothing is counted for
//! each record, and nothing here is static: a counter belongs to the room that counts, and dies with what it is about.
//! [`Metrics`] is what [`Broker::metrics`](crate::Broker::metrics) gives; `monitoring/` has the names as dashboards know
//! them.

mod connections;
mod counter;
mod histogram;
mod logins;
mod snapshot;

pub(crate) use connections::ConnectionCounters;
pub(crate) use counter::{Counter, Gauge, Inside};
pub use histogram::Histogram;
pub(crate) use histogram::Timings;
pub(crate) use logins::LoginCounters;
pub use snapshot::{
    ApiMetrics, GroupMetrics, ListenerMetrics, LoginMetrics, Metrics, QuotaMetrics, ThrottleMetrics,
    TopicMetrics,
};
