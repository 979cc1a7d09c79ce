//! Under construction.

mod log;
