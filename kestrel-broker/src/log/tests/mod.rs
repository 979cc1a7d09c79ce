//! Tests of the log as a whole, on real folders.

mod append;
mod damage;
mod faults;
mod flush;
mod foreign;
mod half_done;
mod manager;
mod model;
mod old_logs;
mod power_loss;
mod recovery;
mod retention;
mod rooms;
mod transactions;

pub(crate) use power_loss::{Random, write_all, write_image};
pub(super) use rooms::{
    Folder, NOW, OpenFolder, append, batch, client, keyed, offsets_of, read_all, read_both, values_of,
};
