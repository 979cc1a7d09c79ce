//! End to end: the client over TCP against a broker, each feature in its own module.

mod admin;
mod connect;
mod consume;
mod produce;
