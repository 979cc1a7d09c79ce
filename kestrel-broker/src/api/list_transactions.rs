//! ListTransactions, versions 0 to 2: the transactional ids that this broker coordinates (KIP-664; by duration, KIP-994).
//!
//! The pattern of version 2 is a regular expression as the crate `regex-lite` reads it: RE2's syntax without classes of Unicode.

use std::sync::Arc;
use std::time::Duration;

use bytestring::ByteString;
use kestrel_protocol::ErrorCode;
use kestrel_protocol::messages::list_transactions::{
    ListTransactionsRequest, ListTransactionsResponse, TransactionState as ListedState,
};
use regex_lite::{Regex, RegexBuilder};
use tokio::task::spawn_blocking;

use super::{Handler, RequestContext, State};
use crate::authorizer::AclOperation::Describe;
use crate::authorizer::ResourceType::TransactionalId;
use crate::coordinator::{ListedTransaction, TransactionFilter, TransactionState};

/// The longest pattern that is read.
const MAX_PATTERN_BYTES: usize = 1024;
/// How large a pattern may become that is read: what it costs to look at a name grows with it.
const MAX_COMPILED_BYTES: usize = 64 * 1024;

impl Handler for ListTransactionsRequest {
    async fn handle(self, context: RequestContext, state: Arc<State>) -> ListTransactionsResponse {
        let pattern = match pattern(&self) {
            Ok(pattern) => pattern,
            Err(error) => return self.refusal(error),
        };
        // Before the first transaction there is nobody to ask.
        match state.transactions.list(&filter(&self)).await {
            Ok(mut listed) => {
                listed.retain(|one| context.access.allows(Describe, TransactionalId, &one.transactional_id));
                // Last, and while nothing is locked: whoever asks decides what this costs.
                if let Some(pattern) = pattern {
                    listed = matching(listed, pattern).await;
                }
                let shown = listed.into_iter().map(shown).collect();
                let unknown_state_filters = unknown_states(&self);
                ListTransactionsResponse {
                    unknown_state_filters,
                    transaction_states: shown,
                    ..Default::default()
                }
            }
            Err(error) => self.refusal(error),
        }
    }

    fn refusal(&self, error_code: ErrorCode) -> ListTransactionsResponse {
        ListTransactionsResponse { error_code, ..Default::default() }
    }
}

fn filter(request: &ListTransactionsRequest) -> TransactionFilter {
    let states = request.state_filters.iter().filter_map(|name| TransactionState::from_name(name));
    TransactionFilter {
        states: (!request.state_filters.is_empty()).then(|| states.collect()),
        producer_ids: (!request.producer_id_filters.is_empty()).then(|| request.producer_id_filters.clone()),
        older_than: u64::try_from(request.duration_filter).ok().map(Duration::from_millis),
    }
}

/// The pattern of a request, if it has one.
fn pattern(request: &ListTransactionsRequest) -> Result<Option<Regex>, ErrorCode> {
    let pattern = request.transactional_id_pattern.as_deref().filter(|pattern| !pattern.is_empty());
    pattern.map(whole).transpose()
}

/// A pattern that matches whole names.
fn whole(pattern: &str) -> Result<Regex, ErrorCode> {
    if pattern.len() > MAX_PATTERN_BYTES {
        return Err(ErrorCode::InvalidRegularExpression);
    }
    let read = |pattern: &str| RegexBuilder::new(pattern).size_limit(MAX_COMPILED_BYTES).build();
    // By itself first: a parenthesis that closes none would end the group around it.
    let checked = read(pattern).and_then(|_| read(&format!("^(?:{pattern})$")));
    checked.map_err(|_| ErrorCode::InvalidRegularExpression)
}

/// Those whose name matches, found beside the tasks that serve others.
async fn matching(mut listed: Vec<ListedTransaction>, pattern: Regex) -> Vec<ListedTransaction> {
    let matched = spawn_blocking(move || {
        listed.retain(|one| pattern.is_match(&one.transactional_id));
        listed
    });
    match matched.await {
        Ok(matched) => matched,
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}

fn unknown_states(request: &ListTransactionsRequest) -> Vec<ByteString> {
    let unknown = request.state_filters.iter().filter(|name| TransactionState::from_name(name).is_none());
    unknown.cloned().collect()
}

fn shown(listed: ListedTransaction) -> ListedState {
    let ListedTransaction { transactional_id, producer_id, state } = listed;
    ListedState { transactional_id, producer_id, transaction_state: ByteString::from_static(state.name()) }
}

#[cfg(test)]
mod tests;
