//! Authorization: which principal may do what to which resource, by the ACLs of the metadata and Apache Kafka's rules. Pure.
//!
//! ```text
//!   AclBinding ──► AclSet (ids, and an index per type of resource) ──┐
//!                  held by the cluster image                         ├──► Authorizer ──► Decision
//!   Subject (principal, address), AclOperation, ResourceType, name ──┘    settings
//! ```
//!
//! `cluster` keeps the bindings, `api/access` asks. Nothing here reads a clock, a socket or a record.

mod binding;
mod decision;
mod decisions;
mod filter;
mod host;
mod index;
mod operation;
mod resource;
mod rules;
mod set;
mod subject;

pub use binding::{AclBinding, AclPermission};
#[cfg(test)]
pub(crate) use decision::Reason;
pub(crate) use decision::{Authorizer, Decision};
pub use decisions::AclDecisions;
pub(crate) use filter::{AclFilter, PatternFilter};
pub(crate) use host::address_text;
pub use operation::AclOperation;
pub(crate) use resource::CLUSTER_NAME;
pub use resource::{PatternType, ResourcePattern, ResourceType};
pub(crate) use set::AclSet;
pub(crate) use subject::Subject;

#[cfg(test)]
mod tests;
