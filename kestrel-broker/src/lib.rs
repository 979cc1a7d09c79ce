//! Under construction.

mod clock;
mod config;
mod log;
