//! End to end: the client over TCP against a broker, each feature in its own module.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics, in its helpers too")]

mod admin;
mod admin_groups;
mod admin_security;
mod admin_transactions;
mod borrowed;
mod churn;
mod commits;
mod concurrent;
mod connect;
mod consume;
mod cut;
mod faults;
mod groups;
mod handles;
mod long_names;
mod observer;
mod produce;
mod ranges;
mod raw_writer;
mod read_committed;
mod runtimes;
mod schemas;
mod secure;
mod silence;
mod throttled;
mod tokens;
mod topics;
mod transactions;
mod work;
