//! End to end: the client over TCP against a broker, each feature in its own module.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics, in its helpers too")]

mod admin;
mod admin_cluster;
mod admin_groups;
mod admin_security;
mod admin_transactions;
mod borrowed;
mod churn;
mod client_metrics;
mod commits;
mod concurrent;
mod connect;
mod consume;
mod cut;
mod faults;
mod groups;
mod handles;
mod handling;
mod long_names;
mod metrics;
mod observer;
mod outage;
mod poison;
mod produce;
mod ranges;
mod raw_writer;
mod read_committed;
mod registry;
mod registry_kills;
mod runtimes;
mod schemas;
mod secrets;
mod secure;
mod silence;
mod throttled;
mod tokens;
mod topics;
mod traces;
mod transactions;
mod work;
