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
use regex_lite::Regex;

use super::{Handler, RequestContext, State};
use crate::authorizer::AclOperation::Describe;
use crate::authorizer::ResourceType::TransactionalId;
use crate::coordinator::{ListedTransaction, TransactionFilter, TransactionState};

impl Handler for ListTransactionsRequest {
    async fn handle(self, context: RequestContext, state: Arc<State>) -> ListTransactionsResponse {
        let filter = match filter(&self) {
            Ok(filter) => filter,
            Err(error) => return self.refusal(error),
        };
        // Before the first transaction there is nobody to ask.
        match state.transactions.list(&filter).await {
            Ok(listed) => {
                let may_see = |listed: &ListedTransaction| {
                    context.access.allows(Describe, TransactionalId, &listed.transactional_id)
                };
                let shown = listed.into_iter().filter(may_see).map(shown).collect();
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

fn filter(request: &ListTransactionsRequest) -> Result<TransactionFilter, ErrorCode> {
    let states = request.state_filters.iter().filter_map(|name| TransactionState::from_name(name));
    let pattern = request.transactional_id_pattern.as_deref().filter(|pattern| !pattern.is_empty());
    Ok(TransactionFilter {
        states: (!request.state_filters.is_empty()).then(|| states.collect()),
        producer_ids: (!request.producer_id_filters.is_empty()).then(|| request.producer_id_filters.clone()),
        older_than: u64::try_from(request.duration_filter).ok().map(Duration::from_millis),
        pattern: pattern.map(whole).transpose()?,
    })
}

/// A pattern that matches whole names.
fn whole(pattern: &str) -> Result<Regex, ErrorCode> {
    // By itself first: a parenthesis that closes none would end the group around it.
    let checked = Regex::new(pattern).and_then(|_| Regex::new(&format!("^(?:{pattern})$")));
    checked.map_err(|_| ErrorCode::InvalidRegularExpression)
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
