//! The other side of a connection by its certificate: its distinguished name as Kafka writes it, and the user name that rules
//! make of it. Pure.

mod certificate;
mod distinguished_name;
mod principal_rules;
mod replacement;

pub use certificate::Certificate;
pub use principal_rules::{InvalidRule, PrincipalRules};
