//! Tests of the log as a whole, on real folders.

mod append;
mod flush;
mod foreign;
mod manager;
mod model;
mod recovery;
mod retention;
mod rooms;

pub(super) use rooms::{
    Folder, NOW, OpenFolder, append, batch, client, keyed, offsets_of, read_all, values_of,
};
