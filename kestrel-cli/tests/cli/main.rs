//! The built program against a broker: an embedded one, or the cluster that KESTREL_TEST_BOOTSTRAP names.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics, in its helpers too")]

mod apache_tools;
mod completion;
mod contexts;
#[cfg(all(feature = "dev", unix))]
mod dev;
mod groups;
mod program;
mod records;
mod schemas;
mod security;
mod topics;
mod transactions;
