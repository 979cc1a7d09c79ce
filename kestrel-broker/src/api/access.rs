//! The needs of a request: operations on kinds of resources, as the documentation of Apache Kafka's ACLs names them.
//!
//! Each row of the table of APIs declares its needs. Nothing is refused by them yet: an authorizer will ask for the principal
//! of the request, before the handler for the cluster and within it for each topic and group. Pure.

use std::fmt;

use crate::authorizer::{AclOperation, ResourceType};

/// An operation on a kind of resource. Of several needs of one API, the request's content says which apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Need(pub(super) AclOperation, pub(super) ResourceType);

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?}", self.0, self.1)
    }
}

/// The value of an `authorized_operations` field that was not asked for (KIP-430).
const NOT_ASKED: i32 = i32::MIN;

/// An `authorized_operations` field: a bit for each operation that is allowed, and everything is until there are ACLs (KIP-430).
pub(super) fn authorized_operations(asked: bool, on: ResourceType) -> i32 {
    if !asked {
        return NOT_ASKED;
    }
    on.operations().iter().fold(0, |bits, operation| bits | 1 << *operation as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bits_are_those_of_apache_kafka() {
        let bits = |on| authorized_operations(true, on);
        assert_eq!(bits(ResourceType::Topic), 3576);
        assert_eq!(bits(ResourceType::Group), 3400);
        assert_eq!(bits(ResourceType::Cluster), 8096);
        assert_eq!(authorized_operations(false, ResourceType::Topic), i32::MIN);
    }
}
