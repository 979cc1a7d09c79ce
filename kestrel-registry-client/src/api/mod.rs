//! The calls of the REST API, a file for each family: each names its path once.

mod schemas;
mod server;
mod settings;
mod subject;

pub use subject::Subject;
