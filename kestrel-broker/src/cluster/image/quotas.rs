//! Client quotas as the metadata has them: limits of users, clients and addresses. Pure.
//!
//! The ledger of quotas looks limits up in [`QuotaMap`]; which of several entities counts for a request is its decision.

use std::collections::BTreeMap;
use std::fmt;

use bytestring::ByteString;

use crate::cluster::records::{ClientQuotaRecord, QuotaEntityData};

/// The limits of each entity that has any.
pub(crate) type QuotaMap = BTreeMap<ClientQuotaEntity, QuotaLimits>;
/// The limits of one entity.
pub(crate) type QuotaLimits = BTreeMap<QuotaKey, f64>;

/// The subject of quotas: a user, a client id, both, or an address (KIP-546, KIP-612).
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ClientQuotaEntity {
    /// The user, where it is about one.
    pub(crate) user: Option<EntityName>,
    /// The client id, where it is about one.
    pub(crate) client_id: Option<EntityName>,
    /// The address, where it is about one.
    pub(crate) ip: Option<EntityName>,
}

/// A name in an entity.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum EntityName {
    /// Everyone who has no quota of his own.
    Default,
    /// The one of this name.
    Named(ByteString),
}

/// A part of an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum EntityType {
    /// The user.
    User,
    /// The client id.
    ClientId,
    /// The address.
    Ip,
}

/// The thing that a quota limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum QuotaKey {
    /// Bytes a second that are produced.
    ProducerByteRate,
    /// Bytes a second that are fetched.
    ConsumerByteRate,
    /// Time of the request threads, in percent of one.
    RequestPercentage,
    /// Partitions a second that are created, added and deleted (KIP-599).
    ControllerMutationRate,
    /// Connections a second that an address opens.
    ConnectionCreationRate,
}

impl EntityName {
    /// The name as requests and records have it: null is the default.
    pub(crate) fn from_wire(name: Option<ByteString>) -> Self {
        name.map_or(Self::Default, Self::Named)
    }

    /// The name as responses and records have it.
    pub(crate) fn wire(&self) -> Option<ByteString> {
        match self {
            Self::Default => None,
            Self::Named(name) => Some(name.clone()),
        }
    }
}

impl EntityType {
    const ALL: [Self; 3] = [Self::User, Self::ClientId, Self::Ip];

    /// The type of this name in requests and records.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|entity_type| entity_type.name() == name)
    }

    /// The name in requests and records.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::ClientId => "client-id",
            Self::Ip => "ip",
        }
    }
}

impl QuotaKey {
    const ALL: [Self; 5] = [
        Self::ProducerByteRate,
        Self::ConsumerByteRate,
        Self::RequestPercentage,
        Self::ControllerMutationRate,
        Self::ConnectionCreationRate,
    ];

    /// The key of this name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|key| key.name() == name)
    }

    /// The name in requests and records.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::ProducerByteRate => "producer_byte_rate",
            Self::ConsumerByteRate => "consumer_byte_rate",
            Self::RequestPercentage => "request_percentage",
            Self::ControllerMutationRate => "controller_mutation_rate",
            Self::ConnectionCreationRate => "connection_creation_rate",
        }
    }
}

impl ClientQuotaEntity {
    /// The name that it has for a type.
    pub(crate) const fn get(&self, entity_type: EntityType) -> Option<&EntityName> {
        match entity_type {
            EntityType::User => self.user.as_ref(),
            EntityType::ClientId => self.client_id.as_ref(),
            EntityType::Ip => self.ip.as_ref(),
        }
    }

    /// The same entity with this name for a type, in place of what it had for it.
    pub(crate) fn with(mut self, entity_type: EntityType, name: EntityName) -> Self {
        let part = match entity_type {
            EntityType::User => &mut self.user,
            EntityType::ClientId => &mut self.client_id,
            EntityType::Ip => &mut self.ip,
        };
        *part = Some(name);
        self
    }

    /// Its parts.
    pub(crate) fn parts(&self) -> impl Iterator<Item = (EntityType, &EntityName)> {
        EntityType::ALL.into_iter().filter_map(|entity_type| Some((entity_type, self.get(entity_type)?)))
    }

    /// The entity of a record.
    ///
    /// # Errors
    /// When it has a part of an unknown type.
    pub(in crate::cluster) fn from_record(entity: &[QuotaEntityData]) -> Result<Self, String> {
        entity.iter().try_fold(Self::default(), |entity, part| {
            let entity_type = EntityType::from_name(&part.entity_type)
                .ok_or_else(|| format!("a quota is of an unknown type of entity: {}", part.entity_type))?;
            Ok(entity.with(entity_type, EntityName::from_wire(part.entity_name.clone())))
        })
    }

    /// The record that sets a limit of it, or with `None` takes it back.
    pub(in crate::cluster) fn to_record(&self, key: QuotaKey, limit: Option<f64>) -> ClientQuotaRecord {
        let parts = self.parts().map(|(entity_type, name)| QuotaEntityData {
            entity_type: entity_type.name().into(),
            entity_name: name.wire(),
        });
        ClientQuotaRecord {
            entity: parts.collect(),
            key: key.name().into(),
            value: limit.unwrap_or_default(),
            remove: limit.is_none(),
        }
    }
}

impl fmt::Display for ClientQuotaEntity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = self.parts().map(|(entity_type, name)| match name {
            EntityName::Default => format!("{}=<default>", entity_type.name()),
            EntityName::Named(name) => format!("{}={name}", entity_type.name()),
        });
        f.write_str(&parts.collect::<Vec<_>>().join(" "))
    }
}

/// A selection of entities.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct QuotaFilter {
    /// The parts that an entity must have.
    pub(crate) parts: BTreeMap<EntityType, QuotaMatch>,
    /// Whether it may have no others.
    pub(crate) is_strict: bool,
}

/// The names that a part of an entity may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum QuotaMatch {
    /// This one.
    Exactly(EntityName),
    /// Any, the default among them.
    Anything,
}

impl QuotaFilter {
    /// Whether the entity is selected.
    pub(crate) fn matches(&self, entity: &ClientQuotaEntity) -> bool {
        let fits =
            |(entity_type, wanted): (&EntityType, &QuotaMatch)| match (wanted, entity.get(*entity_type)) {
                (QuotaMatch::Exactly(wanted), Some(name)) => name == wanted,
                (QuotaMatch::Anything, name) => name.is_some(),
                (QuotaMatch::Exactly(_), None) => false,
            };
        // As Apache Kafka: a strict filter that asks for nothing selects nothing, though no entity is without parts.
        let has_others = entity.parts().count() != self.parts.len();
        self.parts.iter().all(fits) && !(self.is_strict && has_others)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &'static str) -> EntityName {
        EntityName::Named(name.into())
    }

    fn entity(parts: &[(EntityType, EntityName)]) -> ClientQuotaEntity {
        let with = |entity: ClientQuotaEntity, (entity_type, name): &(_, EntityName)| {
            entity.with(*entity_type, name.clone())
        };
        parts.iter().fold(ClientQuotaEntity::default(), with)
    }

    #[test]
    fn filters_select_entities_by_their_parts() {
        use EntityType::{ClientId, Ip, User};
        use QuotaMatch::{Anything, Exactly};
        let all = [
            entity(&[(User, named("alice"))]),
            entity(&[(User, EntityName::Default)]),
            entity(&[(User, named("alice")), (ClientId, named("c"))]),
            entity(&[(ClientId, named("c"))]),
            entity(&[(Ip, named("127.0.0.1"))]),
        ];
        let selected = |parts: &[(EntityType, QuotaMatch)], is_strict| {
            let filter = QuotaFilter { parts: parts.iter().cloned().collect(), is_strict };
            (0..all.len()).filter(|index| filter.matches(&all[*index])).collect::<Vec<_>>()
        };
        assert_eq!(selected(&[], false), [0, 1, 2, 3, 4]);
        assert!(selected(&[], true).is_empty());
        assert_eq!(selected(&[(User, Anything)], false), [0, 1, 2]);
        assert_eq!(selected(&[(User, Anything)], true), [0, 1]);
        assert_eq!(selected(&[(User, Exactly(EntityName::Default))], false), [1]);
        assert_eq!(selected(&[(User, Exactly(named("alice")))], false), [0, 2]);
        assert_eq!(selected(&[(User, Exactly(named("alice")))], true), [0]);
        assert_eq!(selected(&[(User, Anything), (ClientId, Exactly(named("c")))], true), [2]);
        assert_eq!(selected(&[(Ip, Anything)], true), [4]);
        assert!(selected(&[(User, Exactly(named("bob")))], false).is_empty());
    }

    #[test]
    fn an_entity_is_its_record() {
        let both = entity(&[(EntityType::User, EntityName::Default), (EntityType::ClientId, named("c"))]);
        let set = both.to_record(QuotaKey::ProducerByteRate, Some(5.0));
        assert_eq!(ClientQuotaEntity::from_record(&set.entity), Ok(both.clone()));
        assert_eq!((&*set.key, set.value, set.remove), ("producer_byte_rate", 5.0, false));
        assert!(both.to_record(QuotaKey::ProducerByteRate, None).remove);
        let unknown = QuotaEntityData { entity_type: "group".into(), entity_name: None };
        assert!(ClientQuotaEntity::from_record(&[unknown]).unwrap_err().contains("group"));
        assert_eq!(both.to_string(), "user=<default> client-id=c");
    }
}
