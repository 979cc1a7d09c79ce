//! Configurations of topics and brokers: describe (KIP-133, KIP-226), alter key by key (KIP-339).

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use futures::future::join_all;
use kestrel_protocol::messages::describe_configs::{
    DescribeConfigsRequest, DescribeConfigsResource, DescribeConfigsResourceResult, DescribeConfigsResult,
};
use kestrel_protocol::messages::incremental_alter_configs::{
    AlterConfigsResource, AlterableConfig, IncrementalAlterConfigsRequest,
};
use kestrel_protocol::{ApiKey, ByteString, ErrorCode, NodeId};

use super::settle::{Call, all_failed, settle};
use super::{Admin, AdminResults};
use crate::client::{Client, Target};
use crate::error::{BrokerError, Error, Result};
use crate::into::IntoName;

/// The owner of a configuration: a topic, or brokers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ConfigResource {
    /// A topic.
    Topic(Arc<str>),
    /// One broker.
    Broker(NodeId),
    /// All brokers: the defaults that are set in the cluster.
    AllBrokers,
}

impl ConfigResource {
    /// A topic.
    pub fn topic(name: impl IntoName) -> Self {
        Self::Topic(name.into_name())
    }

    const fn wire_type(&self) -> i8 {
        match self {
            Self::Topic(_) => 2,
            Self::Broker(_) | Self::AllBrokers => 4,
        }
    }

    fn wire_name(&self) -> ByteString {
        match self {
            Self::Topic(name) => ByteString::from(&**name),
            Self::Broker(node) => node.to_string().into(),
            Self::AllBrokers => ByteString::new(),
        }
    }

    /// The broker to ask, if only one knows the answer: a broker's own configuration.
    const fn target(&self) -> Option<NodeId> {
        match self {
            Self::Broker(node) => Some(*node),
            Self::Topic(_) | Self::AllBrokers => None,
        }
    }
}

impl fmt::Display for ConfigResource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Topic(name) => write!(f, "topic {name}"),
            Self::Broker(node) => write!(f, "broker {node}"),
            Self::AllBrokers => f.write_str("all brokers"),
        }
    }
}

/// The place where a value was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConfigSource {
    /// On the topic.
    Topic,
    /// On this broker, in the cluster.
    DynamicBroker,
    /// On all brokers, in the cluster.
    DynamicDefaultBroker,
    /// In the broker's properties file.
    StaticBroker,
    /// Kafka's default: it was not set.
    Default,
    /// On the level of this broker's loggers.
    DynamicBrokerLogger,
    /// A source that this client does not know, by number.
    Other(i8),
}

impl ConfigSource {
    const fn from_wire(source: i8) -> Self {
        match source {
            1 => Self::Topic,
            2 => Self::DynamicBroker,
            3 => Self::DynamicDefaultBroker,
            4 => Self::StaticBroker,
            5 => Self::Default,
            6 => Self::DynamicBrokerLogger,
            other => Self::Other(other),
        }
    }
}

/// A key of a configuration with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfigEntry {
    /// The key.
    pub name: Arc<str>,
    /// The value; `None` when there is none, and for sensitive ones, which brokers never send.
    pub value: Option<Arc<str>>,
    /// Where the value was set.
    pub source: ConfigSource,
    /// Whether it cannot be altered while the broker runs.
    pub is_read_only: bool,
    /// Whether the value is a secret.
    pub is_sensitive: bool,
    /// The meaning of the key in the broker's words, if the broker sent it.
    pub documentation: Option<Arc<str>>,
}

/// Changes to single keys of one configuration; other keys stay as they are.
///
/// ```
/// use kestrel_client::admin::{AlterConfigs, ConfigResource};
/// let changes = AlterConfigs::of(ConfigResource::topic("clicks"))
///     .set("retention.ms", "3600000")
///     .append("cleanup.policy", "compact")
///     .delete("segment.bytes");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct AlterConfigs {
    resource: ConfigResource,
    changes: Vec<Change>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Change {
    name: ByteString,
    operation: i8,
    value: Option<ByteString>,
}

impl AlterConfigs {
    const SET: i8 = 0;
    const DELETE: i8 = 1;
    const APPEND: i8 = 2;
    const SUBTRACT: i8 = 3;

    /// No change yet to the configuration of `resource`.
    pub const fn of(resource: ConfigResource) -> Self {
        Self { resource, changes: Vec::new() }
    }

    /// Sets a key.
    pub fn set(self, key: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        self.change(key, Self::SET, Some(value.as_ref()))
    }

    /// Takes a key back to its default.
    pub fn delete(self, key: impl AsRef<str>) -> Self {
        self.change(key, Self::DELETE, None)
    }

    /// Adds to the list that a key holds.
    pub fn append(self, key: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        self.change(key, Self::APPEND, Some(value.as_ref()))
    }

    /// Takes out of the list that a key holds.
    pub fn subtract(self, key: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        self.change(key, Self::SUBTRACT, Some(value.as_ref()))
    }

    fn change(mut self, key: impl AsRef<str>, operation: i8, value: Option<&str>) -> Self {
        self.changes.push(Change { name: key.as_ref().into(), operation, value: value.map(Into::into) });
        self
    }

    fn to_wire(&self) -> AlterConfigsResource {
        let change = |change: &Change| AlterableConfig {
            name: change.name.clone(),
            config_operation: change.operation,
            value: change.value.clone(),
        };
        AlterConfigsResource {
            resource_type: self.resource.wire_type(),
            resource_name: self.resource.wire_name(),
            configs: self.changes.iter().map(change).collect(),
        }
    }
}

impl Admin {
    /// All keys of configurations, with values, sources and documentation, by name.
    ///
    /// # Errors
    /// Per resource: `UNKNOWN_TOPIC_OR_PARTITION`, `INVALID_REQUEST`, an authorization error; [`Error::Timeout`].
    pub async fn describe_configs(
        &self,
        resources: impl IntoIterator<Item = ConfigResource>,
    ) -> AdminResults<ConfigResource, Vec<ConfigEntry>> {
        AdminResults(
            settle(&self.client, &DescribeConfigs, resources.into_iter().collect(), self.timeout).await,
        )
    }

    /// Changes single keys of configurations. A configuration changes as a whole or not at all.
    ///
    /// # Errors
    /// Per resource, with the broker's words: `INVALID_CONFIG`, `UNKNOWN_TOPIC_OR_PARTITION`, `INVALID_REQUEST` when a key
    /// comes twice or is no list; [`Error::Timeout`].
    pub async fn alter_configs(
        &self,
        changes: impl IntoIterator<Item = AlterConfigs>,
    ) -> AdminResults<ConfigResource, ()> {
        self.alter(changes.into_iter().collect(), AlterCall { validate_only: false }).await
    }

    /// Checks whether configurations could be changed so, and changes nothing.
    ///
    /// # Errors
    /// As [`Self::alter_configs`].
    pub async fn validate_configs(
        &self,
        changes: impl IntoIterator<Item = AlterConfigs>,
    ) -> AdminResults<ConfigResource, ()> {
        self.alter(changes.into_iter().collect(), AlterCall { validate_only: true }).await
    }

    async fn alter(&self, changes: Vec<AlterConfigs>, call: AlterCall) -> AdminResults<ConfigResource, ()> {
        let settled = settle(&self.client, &call, changes, self.timeout).await;
        AdminResults(settled.into_iter().map(|(changes, result)| (changes.resource, result)).collect())
    }
}

#[derive(Debug)]
struct DescribeConfigs;

impl Call for DescribeConfigs {
    type Item = ConfigResource;
    type Output = Vec<ConfigEntry>;
    const OPERATION: &'static str = "describing configurations";

    async fn round(
        &self,
        client: &Client,
        items: &[ConfigResource],
        _: Instant,
    ) -> Vec<Result<Vec<ConfigEntry>>> {
        by_target(items, |resource| resource, |target, resources| describe_at(client, target, resources))
            .await
    }
}

async fn describe_at(
    client: &Client,
    target: Option<NodeId>,
    resources: Vec<&ConfigResource>,
) -> Vec<Result<Vec<ConfigEntry>>> {
    let resource = |resource: &&ConfigResource| DescribeConfigsResource {
        resource_type: resource.wire_type(),
        resource_name: resource.wire_name(),
        configuration_keys: None,
    };
    let request = DescribeConfigsRequest {
        resources: resources.iter().map(resource).collect(),
        include_synonyms: false,
        include_documentation: true,
    };
    let answers = match client.send(target.map_or(Target::Any, Target::Node), &request).await {
        Ok(response) => response.results,
        Err(error) => return all_failed(resources.len(), &error),
    };
    let answers: HashMap<_, _> = answers
        .into_iter()
        .map(|answer| ((answer.resource_type, answer.resource_name.clone()), answer))
        .collect();
    let entries = |answer: &DescribeConfigsResult| {
        let mut entries: Vec<_> = answer.configs.iter().map(entry).collect();
        entries.sort_by(|left, right| left.name.cmp(&right.name));
        entries
    };
    let read = |resource: &&ConfigResource| {
        let answer = answers.get(&(resource.wire_type(), resource.wire_name()));
        let said = answer.map(|answer| (answer.error_code, answer.error_message.as_deref()));
        check(ApiKey::DescribeConfigs, resource, said)?;
        Ok(answer.map(entries).unwrap_or_default())
    };
    resources.iter().map(read).collect()
}

fn entry(config: &DescribeConfigsResourceResult) -> ConfigEntry {
    let text = |text: &Option<ByteString>| text.as_deref().map(Arc::from);
    ConfigEntry {
        name: Arc::from(&*config.name),
        value: text(&config.value),
        source: ConfigSource::from_wire(config.config_source),
        is_read_only: config.read_only,
        is_sensitive: config.is_sensitive,
        documentation: text(&config.documentation),
    }
}

#[derive(Debug, Clone, Copy)]
struct AlterCall {
    validate_only: bool,
}

impl Call for AlterCall {
    type Item = AlterConfigs;
    type Output = ();
    const OPERATION: &'static str = "altering configurations";

    async fn round(&self, client: &Client, items: &[AlterConfigs], _: Instant) -> Vec<Result<()>> {
        let alter = |target, changes| alter_at(client, target, changes, *self);
        by_target(items, |changes| &changes.resource, alter).await
    }
}

async fn alter_at(
    client: &Client,
    target: Option<NodeId>,
    changes: Vec<&AlterConfigs>,
    AlterCall { validate_only }: AlterCall,
) -> Vec<Result<()>> {
    let request = IncrementalAlterConfigsRequest {
        resources: changes.iter().map(|changes| changes.to_wire()).collect(),
        validate_only,
    };
    let answers = match client.send(target.map_or(Target::Controller, Target::Node), &request).await {
        Ok(response) => response.responses,
        Err(error) => return all_failed(changes.len(), &error),
    };
    let answers: HashMap<_, _> = answers
        .into_iter()
        .map(|answer| ((answer.resource_type, answer.resource_name.clone()), answer))
        .collect();
    let read = |changes: &&AlterConfigs| {
        let resource = &changes.resource;
        let answer = answers.get(&(resource.wire_type(), resource.wire_name()));
        let said = answer.map(|answer| (answer.error_code, answer.error_message.as_deref()));
        check(ApiKey::IncrementalAlterConfigs, resource, said)
    };
    changes.iter().map(read).collect()
}

/// Asks all targets for their items at once; returns the results in the order of the items.
async fn by_target<'a, I, T, F>(
    items: &'a [I],
    resource_of: impl Fn(&I) -> &ConfigResource,
    ask: impl Fn(Option<NodeId>, Vec<&'a I>) -> F,
) -> Vec<Result<T>>
where
    F: Future<Output = Vec<Result<T>>>,
{
    let mut targets: BTreeMap<Option<NodeId>, Vec<usize>> = BTreeMap::new();
    for (index, item) in items.iter().enumerate() {
        targets.entry(resource_of(item).target()).or_default().push(index);
    }
    let asked = targets.into_iter().map(|(target, indexes)| {
        let wanted = indexes.iter().filter_map(|&index| items.get(index)).collect();
        let answers = ask(target, wanted);
        async move { indexes.into_iter().zip(answers.await).collect::<Vec<_>>() }
    });
    let mut results: BTreeMap<usize, Result<T>> = join_all(asked).await.into_iter().flatten().collect();
    let unanswered = || Err(Error::closed("connection"));
    (0..items.len()).map(|index| results.remove(&index).unwrap_or_else(unanswered)).collect()
}

fn check(api: ApiKey, resource: &ConfigResource, said: Option<(ErrorCode, Option<&str>)>) -> Result<()> {
    let (code, message) = match said {
        Some((ErrorCode::None, _)) => return Ok(()),
        Some((code, message)) => (code, message),
        None => (ErrorCode::UnknownServerError, Some("the broker's answer leaves the resource out")),
    };
    let error = BrokerError::new(api, code).message(message);
    Err(match resource {
        ConfigResource::Topic(name) => error.topic(name.clone()).into(),
        ConfigResource::Broker(_) | ConfigResource::AllBrokers => error.into(),
    })
}
