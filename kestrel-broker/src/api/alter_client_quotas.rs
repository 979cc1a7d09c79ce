//! AlterClientQuotas, versions 0 and 1 (KIP-546, KIP-612): sets and takes back limits of users, clients and addresses. The limits
//! of an entity change together or not at all.

use std::sync::Arc;

use kestrel_protocol::ErrorCode;
use kestrel_protocol::messages::alter_client_quotas::{
    AlterClientQuotasRequest, AlterClientQuotasResponse, EntityData, EntryData, OpData, ResponseEntryData,
};

use super::{Handler, RequestContext, State};
use crate::cluster::{ApiError, Intent, QuotaAlteration, QuotaSubject};

impl Handler for AlterClientQuotasRequest {
    async fn handle(self, _: RequestContext, state: Arc<State>) -> AlterClientQuotasResponse {
        let intent = Intent::of(self.validate_only);
        let alterations = self.entries.iter().map(alteration).collect();
        match state.cluster.alter_quotas(alterations, intent).await {
            Ok(outcomes) => answer(outcomes),
            Err(error) => answer(self.entries.iter().map(|entry| (subject(entry), Err(error.clone())))),
        }
    }

    fn refusal(&self, error: ErrorCode) -> AlterClientQuotasResponse {
        answer(self.entries.iter().map(|entry| (subject(entry), Err(error.into()))))
    }
}

fn alteration(entry: &EntryData) -> QuotaAlteration {
    let limit = |op: &OpData| (op.key.clone(), (!op.remove).then_some(op.value));
    QuotaAlteration { entity: subject(entry), limits: entry.ops.iter().map(limit).collect() }
}

/// The entity of an entry. Of two names for one type the last counts.
fn subject(entry: &EntryData) -> QuotaSubject {
    entry.entity.iter().map(|part| (part.entity_type.clone(), part.entity_name.clone())).collect()
}

fn answer(
    outcomes: impl IntoIterator<Item = (QuotaSubject, Result<(), ApiError>)>,
) -> AlterClientQuotasResponse {
    let entry = |(subject, outcome): (QuotaSubject, Result<(), ApiError>)| {
        let (error_code, error_message) = ApiError::fields(outcome);
        let parts = subject.into_iter();
        let entity =
            parts.map(|(entity_type, entity_name)| EntityData { entity_type, entity_name }).collect();
        ResponseEntryData { error_code, error_message, entity }
    };
    AlterClientQuotasResponse { entries: outcomes.into_iter().map(entry).collect(), ..Default::default() }
}

#[cfg(test)]
mod tests;
