//! IncrementalAlterConfigs: changes single keys of topics and brokers (KIP-339, KIP-226).

use std::collections::BTreeSet;

use bytestring::ByteString;
use kestrel_protocol::ErrorCode;
use kestrel_protocol::wire::MAX_STRING_BYTES;
use kestrel_settings::{Key, Scope, ValueType, list};

use super::client_metrics::check_client_metrics;
use super::{Controller, Effects, Intent};
use crate::cluster::error::ApiError;
use crate::cluster::image::{ConfigMap, ConfigResource, ResourceKind};
use crate::cluster::records::{ConfigRecord, MetadataRecord};
use crate::cluster::topic_name::check_topic_name;
use crate::config::broker_key;
use crate::config::topic::{TOPIC, topic_key};

/// A change of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AlterOperation {
    /// It gets a value.
    Set,
    /// It gets its default back.
    Delete,
    /// Its list gets more items.
    Append,
    /// Its list loses items.
    Subtract,
}

impl AlterOperation {
    /// The operation with this number in requests.
    pub(crate) const fn from_wire(number: i8) -> Option<Self> {
        Some(match number {
            0 => Self::Set,
            1 => Self::Delete,
            2 => Self::Append,
            3 => Self::Subtract,
            _ => return None,
        })
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Set => "SET",
            Self::Delete => "DELETE",
            Self::Append => "APPEND",
            Self::Subtract => "SUBTRACT",
        }
    }
}

/// A key to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConfigAlteration {
    /// The key.
    pub(crate) name: ByteString,
    /// The change of it.
    pub(crate) operation: AlterOperation,
    /// The value, or the items.
    pub(crate) value: Option<ByteString>,
}

/// The keys to change of one resource: all of them, or none when one is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ResourceAlterations {
    /// The resource.
    pub(crate) resource: ConfigResource,
    /// The keys.
    pub(crate) alterations: Vec<ConfigAlteration>,
    /// The fate of the keys that are not named.
    pub(crate) other_keys: OtherKeys,
}

/// The fate of the keys that a change does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OtherKeys {
    /// They keep their values.
    Keep,
    /// They get their defaults back.
    Reset,
}

impl Controller {
    /// Changes the keys of resources; each resource is changed or refused by itself.
    pub(crate) fn alter_configs(
        &self,
        resources: &[ResourceAlterations],
        intent: Intent,
    ) -> Effects<Vec<Result<(), ApiError>>> {
        let mut effects = Effects { records: Vec::new(), reply: Vec::with_capacity(resources.len()) };
        for resource in resources {
            let outcome = self.alter_resource(resource);
            effects.reply.push(outcome.map(|records| effects.records.extend(records)));
        }
        effects.for_intent(intent)
    }

    fn alter_resource(&self, request: &ResourceAlterations) -> Result<Vec<MetadataRecord>, ApiError> {
        let ResourceAlterations { resource, alterations, other_keys } = request;
        self.check_resource(resource)?;
        let mut seen = BTreeSet::new();
        if !alterations.iter().all(|alteration| seen.insert(&alteration.name)) {
            return Err(ApiError::new(ErrorCode::InvalidRequest, "Error due to duplicate config keys"));
        }
        let before = self.image().config(resource);
        let others = before.keys().filter(|_| *other_keys == OtherKeys::Reset);
        let reset = others.filter(|name| !seen.contains(name)).map(|name| ConfigAlteration {
            name: name.clone(),
            operation: AlterOperation::Delete,
            value: None,
        });
        let alterations: Vec<ConfigAlteration> = alterations.iter().cloned().chain(reset).collect();
        let mut after = (*before).clone();
        for alteration in &alterations {
            alter(&mut after, resource.kind, alteration)?;
        }
        match resource.kind {
            ResourceKind::Topic => self.check_topic(&before, &after)?,
            ResourceKind::Broker => self.check_broker(resource, &alterations, &after)?,
            ResourceKind::ClientMetrics => check_client_metrics(&after)?,
            ResourceKind::Other(_) => {}
        }
        Ok(difference(resource, &before, &after))
    }

    fn check_resource(&self, resource: &ConfigResource) -> Result<(), ApiError> {
        let name = &resource.name;
        let invalid = |message: String| Err(ApiError::new(ErrorCode::InvalidRequest, message));
        match resource.kind {
            ResourceKind::Topic if name.is_empty() => {
                invalid("Default topic resources are not allowed.".to_owned())
            }
            ResourceKind::Topic => {
                check_topic_name(name).map_err(|message| ApiError::new(ErrorCode::InvalidTopic, message))?;
                if self.image().topic(name).is_some() {
                    return Ok(());
                }
                let message = format!("The topic '{name}' does not exist.");
                Err(ApiError::new(ErrorCode::UnknownTopicOrPartition, message))
            }
            ResourceKind::Broker if name.is_empty() => Ok(()),
            ResourceKind::Broker => match name.parse::<i32>() {
                Ok(id) if id == self.config.node_id.0 => Ok(()),
                Ok(id) => invalid(format!(
                    "Unexpected broker id, expected {}, but received {id}",
                    self.config.node_id
                )),
                Err(_) => invalid(format!("Node id must be an integer, but it is: {name}")),
            },
            ResourceKind::ClientMetrics if name.is_empty() => {
                invalid("Subscription name can't be empty".to_owned())
            }
            ResourceKind::ClientMetrics => Ok(()),
            ResourceKind::Other(number) => {
                invalid(format!("Kestrel keeps no configuration of resources of type {number}"))
            }
        }
    }

    /// Whether a topic may have the values that changed, and all of them together.
    fn check_topic(&self, before: &ConfigMap, after: &ConfigMap) -> Result<(), ApiError> {
        let invalid = |message: String| ApiError::new(ErrorCode::InvalidConfig, message);
        for (name, value) in after.iter().filter(|(name, value)| before.get(*name) != Some(*value)) {
            let key = topic_key(name).ok_or_else(|| invalid(format!("Unknown topic config name: {name}")))?;
            check_value(key, value).map_err(invalid)?;
        }
        self.with_layers(after, |layers| layers.topic_settings().check()).map_err(invalid)
    }

    /// Whether a broker, or all of them, may have the values that were set.
    fn check_broker(
        &self,
        resource: &ConfigResource,
        alterations: &[ConfigAlteration],
        after: &ConfigMap,
    ) -> Result<(), ApiError> {
        let is_all_brokers = resource.name.is_empty();
        for ConfigAlteration { name, operation, .. } in alterations {
            if name == TOPIC.min_insync_replicas.name && self.image().features().has_elr() {
                check_min_insync_replicas(is_all_brokers, *operation)?;
            }
            // Whatever was set once may be taken back.
            let (Some(value), true) = (after.get(name), *operation != AlterOperation::Delete) else {
                continue;
            };
            let Some(key) = broker_key(name) else {
                return Err(ApiError::new(
                    ErrorCode::InvalidConfig,
                    format!("Unknown broker config name: {name}"),
                ));
            };
            check_broker_key(&key, is_all_brokers, value)
                .map_err(|message| ApiError::new(ErrorCode::InvalidRequest, message))?;
        }
        Ok(())
    }
}

/// With eligible leader replicas the cluster has one value of `min.insync.replicas`, and always has one (KIP-966).
fn check_min_insync_replicas(is_all_brokers: bool, operation: AlterOperation) -> Result<(), ApiError> {
    let message = match (is_all_brokers, operation) {
        (false, _) => "Broker-level min.insync.replicas cannot be altered while ELR is enabled.",
        (true, AlterOperation::Delete) => {
            "Cluster-level min.insync.replicas cannot be removed while ELR is enabled."
        }
        (true, _) => return Ok(()),
    };
    Err(ApiError::new(ErrorCode::InvalidConfig, message))
}

fn check_broker_key(key: &Key, is_all_brokers: bool, value: &str) -> Result<(), String> {
    let name = key.name;
    if is_all_brokers && key.scope == Scope::PerBroker {
        return Err(format!(
            "Cannot update these configs at default cluster level, broker id must be specified: [{name}]"
        ));
    }
    if key.scope != Scope::Dynamic {
        return Err(format!("Cannot update these configs dynamically: [{name}]"));
    }
    check_value(key, value)
}

/// Checks a value against its key.
///
/// # Errors
/// With a sentence that names both and says what would be allowed.
pub(super) fn check_value(key: &Key, value: &str) -> Result<(), String> {
    key.check(value).map_err(|expected| {
        format!("Invalid value {value} for configuration {}: expected {expected}", key.name)
    })
}

/// Changes one key; whether the result is allowed is not checked here.
fn alter(configs: &mut ConfigMap, kind: ResourceKind, alteration: &ConfigAlteration) -> Result<(), ApiError> {
    let ConfigAlteration { name, operation, value } = alteration;
    if *operation == AlterOperation::Delete {
        configs.remove(name);
        return Ok(());
    }
    let Some(value) = value else {
        return Err(ApiError::new(
            ErrorCode::InvalidRequest,
            format!("Null value not supported for : {name}"),
        ));
    };
    if *operation == AlterOperation::Set {
        configs.insert(name.clone(), value.clone());
        return Ok(());
    }
    let key = key_of(kind, name).filter(|key| key.value_type == ValueType::List).ok_or_else(|| {
        let message = format!("Can't {} to key {name} because its type is not LIST.", operation.name());
        ApiError::new(ErrorCode::InvalidConfig, message)
    })?;
    if *operation == AlterOperation::Append && value.trim().is_empty() {
        let message = format!("Invalid value {value} for configuration {name}: there is nothing to append");
        return Err(ApiError::new(ErrorCode::InvalidConfig, message));
    }
    let current = configs.get(name).map_or_else(|| key.default.unwrap_or_default(), |current| &**current);
    let mut items: Vec<&str> = list(current).collect();
    for item in list(value) {
        items.retain(|existing| *existing != item);
        if *operation == AlterOperation::Append {
            items.push(item);
        }
    }
    let items = items.join(",");
    if items.len() > MAX_STRING_BYTES {
        let message = format!(
            "The configuration value cannot be added because it exceeds the maximum value size of {MAX_STRING_BYTES} bytes."
        );
        return Err(ApiError::new(ErrorCode::InvalidConfig, message));
    }
    configs.insert(name.clone(), items.into());
    Ok(())
}

/// The key of a kind of resource.
fn key_of(kind: ResourceKind, name: &str) -> Option<Key> {
    match kind {
        ResourceKind::Topic => topic_key(name).copied(),
        ResourceKind::Broker => broker_key(name),
        // Apache Kafka knows no types of theirs, so that their lists are set as a whole.
        ResourceKind::ClientMetrics | ResourceKind::Other(_) => None,
    }
}

/// The records that lead from one set of values to another.
fn difference(resource: &ConfigResource, before: &ConfigMap, after: &ConfigMap) -> Vec<MetadataRecord> {
    let record = |name: &ByteString, value: Option<&ByteString>| {
        ConfigRecord {
            resource_type: resource.kind.wire(),
            resource_name: resource.name.clone(),
            name: name.clone(),
            value: value.cloned(),
        }
        .into()
    };
    let set = after.iter().filter(|(name, value)| before.get(*name) != Some(*value));
    let removed = before.keys().filter(|name| !after.contains_key(*name));
    set.map(|(name, value)| record(name, Some(value))).chain(removed.map(|name| record(name, None))).collect()
}
