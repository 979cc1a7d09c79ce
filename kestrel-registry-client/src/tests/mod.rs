//! The client against servers that follow a script.

mod calls;
mod connections;
mod registry;
mod script;
#[cfg(feature = "tls")]
mod tls;
