//! Tests of the log as a whole, on real folders.

mod append;
mod faults;
mod flush;
mod foreign;
mod manager;
mod model;
mod power_loss;
mod recovery;
mod retention;
mod rooms;

pub(super) use rooms::{Folder, NOW, append, batch, client, keyed, offsets_of, read_all, values_of};
