//! Changes to single keys of configurations (KIP-339).

use std::collections::HashMap;
use std::time::Instant;

use kestrel_protocol::messages::incremental_alter_configs::{
    AlterConfigsResource, AlterableConfig, IncrementalAlterConfigsRequest,
};
use kestrel_protocol::{ApiKey, ByteString};

use super::{ConfigResource, check};
use crate::admin::parts::in_parts;
use crate::admin::settle::{Call, Round};
use crate::client::{Client, Target};
use crate::error::Result;

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
    pub(super) resource: ConfigResource,
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

/// Asks brokers for changes, or only whether they could be made.
#[derive(Debug, Clone, Copy)]
pub(super) struct AlterCall {
    pub(super) validate_only: bool,
}

impl Call for AlterCall {
    type Item = AlterConfigs;
    type Output = ();
    const OPERATION: &'static str = "altering configurations";

    async fn round(&self, client: &Client, items: &[AlterConfigs], _: Instant) -> Round<Self> {
        let target_of = |changes: &AlterConfigs| changes.resource.target_or(Target::Controller);
        in_parts(items, target_of, |target, changes| alter_at(client, target, changes, *self)).await
    }
}

async fn alter_at(
    client: &Client,
    target: Target,
    changes: Vec<&AlterConfigs>,
    AlterCall { validate_only }: AlterCall,
) -> Result<Vec<Result<()>>> {
    let request = IncrementalAlterConfigsRequest {
        resources: changes.iter().map(|changes| changes.to_wire()).collect(),
        validate_only,
    };
    let answers: HashMap<_, _> = client
        .send(target, &request)
        .await?
        .responses
        .into_iter()
        .map(|answer| ((answer.resource_type, answer.resource_name.clone()), answer))
        .collect();
    let read = |changes: &&AlterConfigs| {
        let resource = &changes.resource;
        let answer = answers.get(&(resource.wire_type(), resource.wire_name()));
        let said = answer.map(|answer| (answer.error_code, answer.error_message.as_deref()));
        check(ApiKey::IncrementalAlterConfigs, resource, said)
    };
    Ok(changes.iter().map(read).collect())
}
