//! Quotas: how much users, clients and addresses may ask of the broker in a time, and how long who asks for more has to wait.
//!
//! ```text
//!   metadata ──► Limits ──► QuotaLedger ◄──charge── api/ (after the work, before the answer)
//!                              │  a WindowedRate or a TokenBucket for each bucket
//!                              └──► the throttle: it is in the answer, and the connection is muted for it (KIP-219)
//! ```
//!
//! The arithmetic is Apache Kafka's to the millisecond. Everything here is pure: the time is an argument. [`Quotas`] shares one
//! ledger among connections and costs one atomic load as long as nobody is limited. Knows neither requests nor sockets.

mod connection_rates;
mod ledger;
mod limits;
mod permits;
mod quotas;
mod rate;
mod recent;
mod token_bucket;
mod window;

#[cfg(test)]
use connection_rates::ConnectionRates;
pub(crate) use connection_rates::{IpLimits, RateLimits};
pub(crate) use ledger::Caller;
pub(crate) use limits::{EntityPart, Limits, QuotaEntity, QuotaKind};
pub(crate) use permits::{Permits, Strictness};
pub(crate) use quotas::{QuotaWindows, Quotas};
pub(crate) use recent::Recent;
pub(crate) use window::Windows;

#[cfg(test)]
mod tests;
