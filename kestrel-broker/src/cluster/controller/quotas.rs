//! AlterClientQuotas: which records it means, and the refusals of Apache Kafka (KIP-546, KIP-612).

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use bytestring::ByteString;
use kestrel_protocol::ErrorCode;

use super::{Controller, Effects, Intent, MAX_RECORDS_PER_REQUEST, too_many_records};
use crate::cluster::error::ApiError;
use crate::cluster::image::{ClientQuotaEntity, EntityName, EntityType, QuotaKey};
use crate::cluster::records::MetadataRecord;

/// The fractional part that a whole number may have on its way through a double.
const WHOLE: f64 = 1e-6;

/// An entity as a request names it: types with names, whatever they are. Null is the default.
pub(crate) type QuotaSubject = BTreeMap<ByteString, Option<ByteString>>;

/// The limits to change of one entity: all of them, or none when one is refused.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct QuotaAlteration {
    /// The entity.
    pub(crate) entity: QuotaSubject,
    /// The keys with their new limits; `None` takes a limit back.
    pub(crate) limits: Vec<(ByteString, Option<f64>)>,
}

impl Controller {
    /// Sets and takes back limits; gives what became of each entity. Of an entity that is named twice the first mention counts.
    pub(crate) fn alter_quotas(
        &self,
        alterations: &[QuotaAlteration],
        intent: Intent,
    ) -> Effects<Vec<(QuotaSubject, Result<(), ApiError>)>> {
        let mut outcomes: BTreeMap<QuotaSubject, Result<(), ApiError>> = BTreeMap::new();
        let mut records = Vec::new();
        for QuotaAlteration { entity, limits } in alterations {
            let outcome = if outcomes.contains_key(entity) {
                Err(invalid(format!("Ignoring duplicate entity {}", shown(entity))))
            } else {
                self.alter_quota(entity, limits).map(|new| records.extend(new))
            };
            outcomes.insert(entity.clone(), outcome);
        }
        if records.len() > MAX_RECORDS_PER_REQUEST {
            records.clear();
            outcomes.values_mut().for_each(|outcome| *outcome = Err(too_many_records()));
        }
        Effects { records, reply: outcomes.into_iter().collect() }.for_intent(intent)
    }

    fn alter_quota(
        &self,
        subject: &QuotaSubject,
        limits: &[(ByteString, Option<f64>)],
    ) -> Result<Vec<MetadataRecord>, ApiError> {
        let mut seen = BTreeSet::new();
        if let Some((key, _)) = limits.iter().find(|(key, _)| !seen.insert(key)) {
            let message =
                format!("Duplicate quota key {key} not updating quota for this entity {}", shown(subject));
            return Err(invalid(message));
        }
        let entity = entity(subject)?;
        let before = self.image().quotas().get(&entity);
        let current = |key| before.and_then(|limits| limits.get(&key)).copied();
        let mut records = Vec::new();
        for (name, limit) in limits {
            let known = QuotaKey::from_name(name);
            if let Some(limit) = limit {
                check_limit(&entity, name, known, *limit)?;
            }
            // What is as it was is not written again. Nobody has a limit of a key that there is not.
            if let Some(key) = known.filter(|key| current(*key) != *limit) {
                records.push(entity.to_record(key, *limit).into());
            }
        }
        Ok(records)
    }
}

/// The entity that a request means.
fn entity(subject: &QuotaSubject) -> Result<ClientQuotaEntity, ApiError> {
    let mut entity = ClientQuotaEntity::default();
    for (name, value) in subject {
        let entity_type = EntityType::from_name(name)
            .ok_or_else(|| invalid(format!("Unhandled client quota entity type: {name}")))?;
        if value.as_deref() == Some("") {
            return Err(invalid(format!("Empty {name} not supported")));
        }
        entity = entity.with(entity_type, EntityName::from_wire(value.clone()));
    }
    let ClientQuotaEntity { user, client_id, ip } = &entity;
    match (ip, user.is_some() || client_id.is_some()) {
        (None, false) => Err(invalid("Invalid empty client quota entity".to_owned())),
        (Some(_), true) => Err(invalid(
            "Invalid quota entity combination, IP entity should not be combined with User or ClientId"
                .to_owned(),
        )),
        // Apache Kafka looks names up, too: the answer may be another one tomorrow.
        (Some(EntityName::Named(ip)), false) if ip.parse::<IpAddr>().is_err() => {
            Err(invalid(format!("{ip} is not an IP address, and names are not looked up: give the address")))
        }
        _ => Ok(entity),
    }
}

fn check_limit(
    entity: &ClientQuotaEntity,
    name: &str,
    key: Option<QuotaKey>,
    limit: f64,
) -> Result<(), ApiError> {
    let limits_addresses = |key: &QuotaKey| *key == QuotaKey::ConnectionCreationRate;
    let key = key.filter(|key| limits_addresses(key) == entity.ip.is_some());
    let key = key.ok_or_else(|| invalid(format!("Invalid configuration key {name}")))?;
    if limit.is_nan() || limit <= 0.0 {
        return Err(invalid(format!("Quota {name} must be greater than 0")));
    }
    let Some((most, type_name)) = whole_numbers(key) else { return Ok(()) };
    if limit > most {
        return Err(invalid(format!("Proposed value for {name} is too large for {type_name}.")));
    }
    if (limit % 1.0).abs() > WHOLE {
        return Err(invalid(format!("{name} cannot be a fractional value.")));
    }
    Ok(())
}

/// The largest limit of a key that takes whole numbers, with the name of that type; `None` for the others.
const fn whole_numbers(key: QuotaKey) -> Option<(f64, &'static str)> {
    match key {
        // As a double, 2^63 is the number that the largest long is rounded to.
        QuotaKey::ProducerByteRate | QuotaKey::ConsumerByteRate => {
            Some((9_223_372_036_854_775_808.0, "a LONG"))
        }
        QuotaKey::ConnectionCreationRate => Some((2_147_483_647.0, "an INT")),
        QuotaKey::RequestPercentage | QuotaKey::ControllerMutationRate => None,
    }
}

fn shown(subject: &QuotaSubject) -> String {
    let part = |(name, value): (&ByteString, &Option<ByteString>)| {
        format!("{name}={}", value.as_deref().unwrap_or("null"))
    };
    let parts: Vec<String> = subject.iter().map(part).collect();
    format!("ClientQuotaEntity(entries={{{}}})", parts.join(", "))
}

fn invalid(message: String) -> ApiError {
    ApiError::new(ErrorCode::InvalidRequest, message)
}
