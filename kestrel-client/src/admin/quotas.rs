//! Quotas of users, clients and addresses: describe and alter (KIP-546, KIP-612).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use kestrel_protocol::messages::alter_client_quotas::{
    AlterClientQuotasRequest, EntityData, EntryData, OpData,
};
use kestrel_protocol::messages::describe_client_quotas::{self, ComponentData, DescribeClientQuotasRequest};
use kestrel_protocol::{ApiKey, ByteString};

use super::settle::{Call, Round, check, left_out};
use super::{Admin, AdminResults};
use crate::client::{Client, Target};
use crate::error::Result;
use crate::into::IntoName;

/// The kind of an entity that quotas limit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ClientQuotaEntityType {
    /// A user, as authenticated.
    User,
    /// A `client.id`.
    ClientId,
    /// An IP address that connections come from.
    Ip,
    /// One that this client does not know, by its name in the protocol.
    Other(Arc<str>),
}

impl ClientQuotaEntityType {
    fn name(&self) -> &str {
        match self {
            Self::User => "user",
            Self::ClientId => "client-id",
            Self::Ip => "ip",
            Self::Other(name) => name,
        }
    }

    fn from_name(name: &str) -> Self {
        match name {
            "user" => Self::User,
            "client-id" => Self::ClientId,
            "ip" => Self::Ip,
            other => Self::Other(Arc::from(other)),
        }
    }
}

impl fmt::Display for ClientQuotaEntityType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An entity that quotas limit: a user, a client, both together, or an address; each by name or by default.
///
/// ```
/// use kestrel_client::admin::{ClientQuotaEntity, ClientQuotaEntityType::{ClientId, User}};
/// let alice = ClientQuotaEntity::named(User, "alice");
/// let alices_shop = alice.clone().and_named(ClientId, "shop");
/// let everybody_else = ClientQuotaEntity::default_of(User);
/// assert_eq!(alices_shop.to_string(), "user alice, client-id shop");
/// assert_eq!(everybody_else.to_string(), "user by default");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[must_use]
pub struct ClientQuotaEntity {
    parts: BTreeMap<ClientQuotaEntityType, Option<Arc<str>>>,
}

impl ClientQuotaEntity {
    /// The user, client or address of this name.
    pub fn named(entity_type: ClientQuotaEntityType, name: impl IntoName) -> Self {
        Self { parts: [(entity_type, Some(name.into_name()))].into() }
    }

    /// All users, clients or addresses that have no quota of their own.
    pub fn default_of(entity_type: ClientQuotaEntityType) -> Self {
        Self { parts: [(entity_type, None)].into() }
    }

    /// This one together with the user or client of this name.
    pub fn and_named(mut self, entity_type: ClientQuotaEntityType, name: impl IntoName) -> Self {
        self.parts.insert(entity_type, Some(name.into_name()));
        self
    }

    /// This one together with all users or clients that have no quota of their own.
    pub fn and_default_of(mut self, entity_type: ClientQuotaEntityType) -> Self {
        self.parts.insert(entity_type, None);
        self
    }

    /// The kinds with their names; `None` is the default.
    pub fn parts(&self) -> impl Iterator<Item = (&ClientQuotaEntityType, Option<&str>)> {
        self.parts.iter().map(|(entity_type, name)| (entity_type, name.as_deref()))
    }

    fn to_wire(&self) -> Vec<EntityData> {
        let part = |(entity_type, name): (&ClientQuotaEntityType, Option<&str>)| EntityData {
            entity_type: ByteString::from(entity_type.name()),
            entity_name: name.map(ByteString::from),
        };
        self.parts().map(part).collect()
    }

    fn read<'a>(parts: impl Iterator<Item = (&'a ByteString, &'a Option<ByteString>)>) -> Self {
        let part = |(entity_type, name): (&ByteString, &Option<ByteString>)| {
            (ClientQuotaEntityType::from_name(entity_type), name.as_deref().map(Arc::from))
        };
        Self { parts: parts.map(part).collect() }
    }
}

impl fmt::Display for ClientQuotaEntity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (entity_type, name)) in self.parts().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            match name {
                Some(name) => write!(f, "{comma}{entity_type} {name}")?,
                None => write!(f, "{comma}{entity_type} by default")?,
            }
        }
        Ok(())
    }
}

/// A filter over quotas: matches those of all entities until it is narrowed.
///
/// ```
/// use kestrel_client::admin::{ClientQuotaEntityType::{ClientId, User}, ClientQuotaFilter};
/// let alice_and_her_clients = ClientQuotaFilter::all().named(User, "alice");
/// let alice = ClientQuotaFilter::all().named(User, "alice").strict();
/// let clients = ClientQuotaFilter::all().any(ClientId);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct ClientQuotaFilter {
    components: Vec<(ClientQuotaEntityType, Match)>,
    strict: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Match {
    Name(Arc<str>),
    Default,
    Any,
}

impl Match {
    const fn number(&self) -> i8 {
        match self {
            Self::Name(_) => 0,
            Self::Default => 1,
            Self::Any => 2,
        }
    }

    fn name(&self) -> Option<ByteString> {
        match self {
            Self::Name(name) => Some(ByteString::from(&**name)),
            Self::Default | Self::Any => None,
        }
    }
}

impl ClientQuotaFilter {
    /// Every quota.
    pub const fn all() -> Self {
        Self { components: Vec::new(), strict: false }
    }

    /// Matches entities with this user, client or address.
    pub fn named(self, entity_type: ClientQuotaEntityType, name: impl IntoName) -> Self {
        self.with(entity_type, Match::Name(name.into_name()))
    }

    /// Matches entities with the default of this kind.
    pub fn default_of(self, entity_type: ClientQuotaEntityType) -> Self {
        self.with(entity_type, Match::Default)
    }

    /// Matches entities with any user, client or address, named or by default.
    pub fn any(self, entity_type: ClientQuotaEntityType) -> Self {
        self.with(entity_type, Match::Any)
    }

    /// Matches only entities that have no other kind beside those that were named.
    pub const fn strict(mut self) -> Self {
        self.strict = true;
        self
    }

    fn with(mut self, entity_type: ClientQuotaEntityType, wanted: Match) -> Self {
        self.components.push((entity_type, wanted));
        self
    }

    fn to_wire(&self) -> DescribeClientQuotasRequest {
        let component = |(entity_type, wanted): &(ClientQuotaEntityType, Match)| ComponentData {
            entity_type: ByteString::from(entity_type.name()),
            match_type: wanted.number(),
            match_name: wanted.name(),
        };
        let components = self.components.iter().map(component).collect();
        DescribeClientQuotasRequest { components, strict: self.strict }
    }
}

/// The quotas of an entity.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ClientQuotas {
    /// The entity that they limit.
    pub entity: ClientQuotaEntity,
    /// The limits by key.
    pub values: BTreeMap<Arc<str>, f64>,
}

/// Changes to the quotas of an entity; keys that are not named stay as they are.
///
/// | key | for | limit |
/// |---|---|---|
/// | `producer_byte_rate`, `consumer_byte_rate` | users, clients | bytes a second on each broker, a whole number |
/// | `request_percentage` | users, clients | percent of the time of one of a broker's threads |
/// | `controller_mutation_rate` | users, clients | partitions created and deleted a second |
/// | `connection_creation_rate` | addresses | connections a second, on each broker |
///
/// ```
/// use kestrel_client::admin::{ClientQuotaAlteration, ClientQuotaEntity, ClientQuotaEntityType};
/// let alice = ClientQuotaEntity::named(ClientQuotaEntityType::User, "alice");
/// let alteration = ClientQuotaAlteration::of(alice).set("producer_byte_rate", 1e6).remove("request_percentage");
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct ClientQuotaAlteration {
    entity: ClientQuotaEntity,
    /// `None` removes.
    changes: Vec<(Arc<str>, Option<f64>)>,
}

impl ClientQuotaAlteration {
    /// No change yet to the quotas of `entity`.
    pub const fn of(entity: ClientQuotaEntity) -> Self {
        Self { entity, changes: Vec::new() }
    }

    /// Sets a limit.
    pub fn set(mut self, key: impl IntoName, limit: f64) -> Self {
        self.changes.push((key.into_name(), Some(limit)));
        self
    }

    /// Removes a limit: the next more general one holds, if there is one.
    pub fn remove(mut self, key: impl IntoName) -> Self {
        self.changes.push((key.into_name(), None));
        self
    }

    fn to_wire(&self) -> EntryData {
        let change = |(key, limit): &(Arc<str>, Option<f64>)| OpData {
            key: ByteString::from(&**key),
            value: limit.unwrap_or_default(),
            remove: limit.is_none(),
        };
        EntryData { entity: self.entity.to_wire(), ops: self.changes.iter().map(change).collect() }
    }
}

impl Admin {
    /// The quotas that a filter means, by entity.
    ///
    /// # Errors
    /// `CLUSTER_AUTHORIZATION_FAILED`, `INVALID_REQUEST`; [`Error::Timeout`](crate::Error::Timeout).
    pub async fn describe_client_quotas(&self, filter: ClientQuotaFilter) -> Result<Vec<ClientQuotas>> {
        self.settle_one(&DescribeQuotas { filter }).await
    }

    /// Sets and removes quotas. Of an entity all changes are made, or none. Brokers take a moment to learn of them.
    ///
    /// ```no_run
    /// # async fn f(admin: kestrel_client::Admin) -> Result<(), kestrel_client::Error> {
    /// use kestrel_client::admin::{ClientQuotaAlteration, ClientQuotaEntity, ClientQuotaEntityType};
    ///
    /// let everybody = ClientQuotaEntity::default_of(ClientQuotaEntityType::User);
    /// let slower = ClientQuotaAlteration::of(everybody).set("producer_byte_rate", 1_048_576.0);
    /// admin.alter_client_quotas([slower]).await.into_result()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Per entity, with the broker's words: `INVALID_REQUEST` for a key that does not fit the entity or a limit that is not above 0,
    /// `CLUSTER_AUTHORIZATION_FAILED`; [`Error::Timeout`](crate::Error::Timeout).
    pub async fn alter_client_quotas(
        &self,
        alterations: impl IntoIterator<Item = ClientQuotaAlteration>,
    ) -> AdminResults<ClientQuotaEntity, ()> {
        self.alter_quotas(alterations.into_iter().collect(), AlterQuotas { validate_only: false }).await
    }

    /// Checks whether quotas could be changed so, and changes nothing.
    ///
    /// # Errors
    /// As [`Self::alter_client_quotas`].
    pub async fn validate_client_quotas(
        &self,
        alterations: impl IntoIterator<Item = ClientQuotaAlteration>,
    ) -> AdminResults<ClientQuotaEntity, ()> {
        self.alter_quotas(alterations.into_iter().collect(), AlterQuotas { validate_only: true }).await
    }

    async fn alter_quotas(
        &self,
        alterations: Vec<ClientQuotaAlteration>,
        call: AlterQuotas,
    ) -> AdminResults<ClientQuotaEntity, ()> {
        self.settle(&call, alterations).await.keyed(|alteration| alteration.entity)
    }
}

#[derive(Debug)]
struct DescribeQuotas {
    filter: ClientQuotaFilter,
}

impl Call for DescribeQuotas {
    type Item = ();
    type Output = Vec<ClientQuotas>;
    const OPERATION: &'static str = "describing quotas";

    async fn round(&self, client: &Client, _: &[()], _: Instant) -> Round<Self> {
        Ok(vec![describe(client, &self.filter).await])
    }
}

async fn describe(client: &Client, filter: &ClientQuotaFilter) -> Result<Vec<ClientQuotas>> {
    let response = client.send(Target::Any, &filter.to_wire()).await?;
    check(ApiKey::DescribeClientQuotas, response.error_code, response.error_message.as_deref())?;
    let quotas = |entry: &describe_client_quotas::EntryData| ClientQuotas {
        entity: ClientQuotaEntity::read(
            entry.entity.iter().map(|part| (&part.entity_type, &part.entity_name)),
        ),
        values: entry.values.iter().map(|value| (Arc::from(&*value.key), value.value)).collect(),
    };
    let mut described: Vec<_> = response.entries.iter().flatten().map(quotas).collect();
    described.sort_by(|left, right| left.entity.cmp(&right.entity));
    Ok(described)
}

#[derive(Debug)]
struct AlterQuotas {
    validate_only: bool,
}

impl Call for AlterQuotas {
    type Item = ClientQuotaAlteration;
    type Output = ();
    const OPERATION: &'static str = "altering quotas";

    async fn round(&self, client: &Client, items: &[ClientQuotaAlteration], _: Instant) -> Round<Self> {
        let request = AlterClientQuotasRequest {
            entries: items.iter().map(ClientQuotaAlteration::to_wire).collect(),
            validate_only: self.validate_only,
        };
        let entries = client.send(Target::Controller, &request).await?.entries.into_iter();
        let answers: BTreeMap<_, _> = entries
            .map(|entry| {
                let parts = entry.entity.iter().map(|part| (&part.entity_type, &part.entity_name));
                (ClientQuotaEntity::read(parts), (entry.error_code, entry.error_message))
            })
            .collect();
        let api = ApiKey::AlterClientQuotas;
        let outcome = |item: &ClientQuotaAlteration| {
            let (code, message) = answers.get(&item.entity).ok_or_else(|| left_out(api))?;
            check(api, *code, message.as_deref())
        };
        Ok(items.iter().map(outcome).collect())
    }
}
