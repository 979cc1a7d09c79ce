//! DescribeClientQuotas, versions 0 and 1 (KIP-546, KIP-612): the limits of the entities that a filter selects.

use std::sync::Arc;

use kestrel_protocol::ErrorCode;
use kestrel_protocol::messages::describe_client_quotas::{
    ComponentData, DescribeClientQuotasRequest, DescribeClientQuotasResponse, EntityData, EntryData,
    ValueData,
};

use super::{Handler, RequestContext, State};
use crate::cluster::{
    ApiError, ClientQuotaEntity, EntityName, EntityType, QuotaFilter, QuotaLimits, QuotaMatch,
};

/// The ways in which a component of a filter selects names.
const EXACTLY: i8 = 0;
const DEFAULT: i8 = 1;
const ANYTHING: i8 = 2;

impl Handler for DescribeClientQuotasRequest {
    async fn handle(self, _: RequestContext, state: Arc<State>) -> DescribeClientQuotasResponse {
        let filter = match filter(&self) {
            Ok(filter) => filter,
            Err(error) => return refused(error),
        };
        let image = state.cluster.image();
        let selected = image.quotas().iter().filter(|(entity, _)| filter.matches(entity));
        let entries = selected.map(|(entity, limits)| entry(entity, limits)).collect();
        DescribeClientQuotasResponse { entries: Some(entries), ..Default::default() }
    }

    fn refusal(&self, error: ErrorCode) -> DescribeClientQuotasResponse {
        refused(error.into())
    }
}

fn refused(error: ApiError) -> DescribeClientQuotasResponse {
    let (error_code, error_message) = ApiError::fields(Err(error));
    DescribeClientQuotasResponse { error_code, error_message, ..Default::default() }
}

fn filter(asked: &DescribeClientQuotasRequest) -> Result<QuotaFilter, ApiError> {
    let mut filter = QuotaFilter { is_strict: asked.strict, ..QuotaFilter::default() };
    for component in &asked.components {
        let name = &component.entity_type;
        if name.is_empty() {
            return Err(invalid("Invalid empty entity type."));
        }
        let entity_type = EntityType::from_name(name).ok_or_else(|| {
            ApiError::new(ErrorCode::UnsupportedVersion, format!("Unsupported entity type {name}"))
        })?;
        if filter.parts.insert(entity_type, wanted(component)?).is_some() {
            return Err(invalid(format!("Entity type {name} cannot appear more than once in the filter.")));
        }
    }
    if filter.parts.contains_key(&EntityType::Ip) && filter.parts.len() > 1 {
        return Err(invalid(
            "Invalid entity filter component combination. IP filter component should not be used with user or clientId \
             filter component.",
        ));
    }
    Ok(filter)
}

/// The names that a component selects.
fn wanted(component: &ComponentData) -> Result<QuotaMatch, ApiError> {
    match (component.match_type, &component.match_name) {
        (EXACTLY, Some(name)) => Ok(QuotaMatch::Exactly(EntityName::Named(name.clone()))),
        (EXACTLY, None) => Err(invalid("Request specified MATCH_TYPE_EXACT, but set match string to null.")),
        (DEFAULT, None) => Ok(QuotaMatch::Exactly(EntityName::Default)),
        (ANYTHING, None) => Ok(QuotaMatch::Anything),
        (DEFAULT, Some(_)) => {
            Err(invalid("Request specified MATCH_TYPE_DEFAULT, but also specified a match string."))
        }
        (ANYTHING, Some(_)) => {
            Err(invalid("Request specified MATCH_TYPE_SPECIFIED, but also specified a match string."))
        }
        (other, _) => Err(invalid(format!("Unknown match type {other}"))),
    }
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::InvalidRequest, message)
}

fn entry(entity: &ClientQuotaEntity, limits: &QuotaLimits) -> EntryData {
    let part = |(entity_type, name): (EntityType, &EntityName)| EntityData {
        entity_type: entity_type.name().into(),
        entity_name: name.wire(),
    };
    let values = limits.iter().map(|(key, limit)| ValueData { key: key.name().into(), value: *limit });
    EntryData { entity: entity.parts().map(part).collect(), values: values.collect() }
}

#[cfg(test)]
mod tests;
