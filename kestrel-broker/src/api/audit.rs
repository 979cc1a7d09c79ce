//! The audit log: who was allowed and denied what, in the words of Apache Kafka's `kafka.authorizer.logger`.
//!
//! Denials at INFO and permissions at DEBUG, under the target of this file, `kestrel_broker::api::audit`.

use std::fmt;

use kestrel_protocol::ApiKey;
use tracing::{debug, info};

use crate::authorizer::{AclOperation, Decision, ResourceType, Subject, address_text};

/// A question that the authorizer was asked.
pub(super) struct Question<'a> {
    pub(super) subject: Subject<'a>,
    pub(super) operation: AclOperation,
    pub(super) resource_type: ResourceType,
    pub(super) resource_name: &'a str,
    pub(super) api: ApiKey,
}

/// Notes a decision.
pub(super) fn audit(question: &Question<'_>, decision: Decision<'_>) {
    if decision.is_allowed {
        debug!("{}", Entry(question, decision));
    } else {
        info!("{}", Entry(question, decision));
    }
}

/// A line of the audit log. What a client chose is escaped: it is no line of its own.
struct Entry<'a>(&'a Question<'a>, Decision<'a>);

impl fmt::Display for Entry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(Question { subject, operation, resource_type, resource_name, api }, decision) = self;
        write!(
            f,
            "Principal = {} is {} operation = {operation} from host = {} on resource = {resource_type}:LITERAL:{} for \
             request = {api} based on rule {}",
            subject.principal.escape_debug(),
            if decision.is_allowed { "Allowed" } else { "Denied" },
            address_text(subject.address),
            resource_name.escape_debug(),
            decision.reason,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authorizer::{AclBinding, Reason, ResourcePattern};

    #[test]
    fn an_entry_is_one_line_whatever_a_client_calls_its_topic() {
        let subject = Subject { principal: "User:alice", address: [127, 0, 0, 1].into() };
        let question = Question {
            subject,
            operation: AclOperation::Read,
            resource_type: ResourceType::Topic,
            resource_name: "a\nPrincipal = User:bob",
            api: ApiKey::Fetch,
        };
        let acl = AclBinding::deny("User:*", AclOperation::All, ResourcePattern::topic("a").prefixed());
        let decision = Decision { is_allowed: false, reason: Reason::Acl(&acl) };
        assert_eq!(
            Entry(&question, decision).to_string(),
            "Principal = User:alice is Denied operation = READ from host = 127.0.0.1 on resource = \
             Topic:LITERAL:a\\nPrincipal = User:bob for request = Fetch based on rule the ACL DENY User:* from * ALL on \
             Topic:PREFIXED:a"
        );
    }
}
