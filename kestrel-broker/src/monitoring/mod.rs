//! What a broker tells about itself over HTTP: metrics for Prometheus, whether it is alive, whether it serves.
//!
//! ```text
//!   GET /metrics ──► server ──► Facts (of all rooms, now) ──► table (a row per metric) ──► text
//!   GET /healthz, /readyz ──► server ──► Standing: starting, serving, stopping, or why not
//! ```
//!
//! Started by `broker/` before anything else and ended last, so that it tells of a start and of a stop too. Nothing is gathered but
//! when somebody asks, one at a time, on a thread where that may take long: no request of a client waits for it. It changes nothing.

mod each;
mod facts;
mod lag;
mod metric;
mod negotiation;
mod process;
#[cfg(feature = "metrics")]
mod reply;
mod samples;
#[cfg_attr(not(feature = "metrics"), path = "no_server.rs")]
mod server;
mod standing;
mod table;
mod text;

pub(crate) use server::Monitor;

#[cfg(test)]
mod tests;
