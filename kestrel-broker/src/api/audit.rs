//! The audit log: who was allowed and denied what, in the words of Apache Kafka's `kafka.authorizer.logger`.
//!
//! Denials at INFO and permissions at DEBUG, under the target of this file, `kestrel_broker::api::audit`. Of what one principal is
//! denied from one address, a hundred lines at once and ten a second: who asks in a loop fills no disk.

use std::fmt;
use std::time::{Duration, Instant};

use kestrel_protocol::ApiKey;
use parking_lot::Mutex;
use tracing::{debug, info};

use crate::authorizer::{AclOperation, Decision, ResourceType, Subject, address_text};
use crate::quota::Recent;

/// How many lines of one subject are written at once.
const BURST: u32 = 100;
/// After how long there is room for one more.
const REFILL: Duration = Duration::from_millis(100);
/// How many subjects are told apart at most. Beyond, who was silent for longest begins anew.
const MAX_SUBJECTS: usize = 4096;

/// A question that the authorizer was asked.
pub(super) struct Question<'a> {
    pub(super) subject: Subject<'a>,
    pub(super) operation: AclOperation,
    pub(super) resource_type: ResourceType,
    pub(super) resource_name: &'a str,
    pub(super) api: ApiKey,
}

/// The audit log of a broker.
#[derive(Debug)]
pub(crate) struct AuditLog(Mutex<Recent<Allowance>>);

impl Default for AuditLog {
    fn default() -> Self {
        Self(Mutex::new(Recent::new(MAX_SUBJECTS)))
    }
}

impl AuditLog {
    /// Notes a decision of a request that came at `now`.
    pub(super) fn note(&self, question: &Question<'_>, decision: Decision<'_>, now: Instant) {
        if decision.is_allowed {
            debug!("{}", Entry(question, decision));
            return;
        }
        let Subject { principal, address } = question.subject;
        let allowed = self.0.lock().entry(&(principal, address), || Allowance::full(now)).take(now);
        let Some(left_out) = allowed else { return };
        if left_out == 0 {
            info!("{}", Entry(question, decision));
        } else {
            info!("{} ({left_out} denials of it before were left out)", Entry(question, decision));
        }
    }
}

/// How many lines of one subject may be written.
#[derive(Debug)]
struct Allowance {
    lines: u32,
    /// When it was last filled up.
    since: Instant,
    left_out: u64,
}

impl Allowance {
    const fn full(now: Instant) -> Self {
        Self { lines: BURST, since: now, left_out: 0 }
    }

    /// Takes one line: how many were left out before it. `None` when there is none.
    fn take(&mut self, now: Instant) -> Option<u64> {
        let refilled = now.saturating_duration_since(self.since).as_millis() / REFILL.as_millis();
        if refilled > 0 {
            self.lines = u32::try_from(refilled).unwrap_or(BURST).saturating_add(self.lines).min(BURST);
            self.since = now;
        }
        if let Some(lines) = self.lines.checked_sub(1) {
            self.lines = lines;
            return Some(std::mem::take(&mut self.left_out));
        }
        self.left_out += 1;
        None
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
    fn who_is_denied_in_a_loop_gets_some_lines_and_then_how_many_were_left_out() {
        #[expect(clippy::disallowed_methods, reason = "any instant will do")]
        let start = Instant::now();
        let mut allowance = Allowance::full(start);
        let taken = (0..1000).filter(|_| allowance.take(start).is_some()).count();
        assert_eq!(taken, 100);
        assert_eq!(allowance.take(start + REFILL), Some(900));
        assert_eq!(allowance.take(start + REFILL), None);
        assert_eq!(allowance.take(start + 1000 * REFILL), Some(1));
        assert_eq!(allowance.lines, BURST - 1, "never more than at once");
    }

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
