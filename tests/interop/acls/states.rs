//! The sets of ACLs under which everything is asked: none, all, each operation alone, and all without each operation.

use kestrel_broker::AclOperation::{self, *};
use kestrel_broker::{AclBinding, ResourcePattern};

use super::side::PRINCIPAL;

/// What the names of all topics, groups and transactional ids that are asked for begin with.
pub(crate) const PREFIX: &str = "matrix";

/// A set of ACLs.
pub(crate) struct State {
    pub(crate) name: String,
    pub(crate) acls: Vec<AclBinding>,
}

/// All of them.
pub(crate) fn states() -> Vec<State> {
    let resources: [(ResourcePattern, &[AclOperation]); 4] = [
        (
            ResourcePattern::topic(PREFIX).prefixed(),
            &[Read, Write, Create, Delete, Alter, Describe, DescribeConfigs, AlterConfigs],
        ),
        (ResourcePattern::group(PREFIX).prefixed(), &[Read, Delete, Describe, DescribeConfigs, AlterConfigs]),
        (
            ResourcePattern::cluster(),
            &[Create, Delete, Alter, Describe, ClusterAction, DescribeConfigs, AlterConfigs, IdempotentWrite],
        ),
        (ResourcePattern::transactional_id(PREFIX).prefixed(), &[Write, Describe]),
    ];
    let everything =
        resources.each_ref().map(|(pattern, _)| AclBinding::allow(PRINCIPAL, All, pattern.clone()));
    let mut states = vec![
        State { name: "nothing is allowed".to_owned(), acls: Vec::new() },
        State { name: "everything is allowed".to_owned(), acls: everything.to_vec() },
    ];
    for (pattern, operations) in &resources {
        for operation in *operations {
            let allow = AclBinding::allow(PRINCIPAL, *operation, pattern.clone());
            states.push(State { name: format!("only {operation} on {pattern}"), acls: vec![allow] });
            let deny = AclBinding::deny(PRINCIPAL, *operation, pattern.clone());
            let mut acls = everything.to_vec();
            acls.push(deny);
            states.push(State { name: format!("all but {operation} on {pattern}"), acls });
        }
    }
    states
}
