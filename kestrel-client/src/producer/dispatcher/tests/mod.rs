//! The dispatcher by scripts with a hand-held clock, and against a model of a broker.

mod idempotence;
mod model;
mod rig;
mod shipments;
mod transactions;
