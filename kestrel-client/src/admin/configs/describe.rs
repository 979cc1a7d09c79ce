//! Describes configurations (KIP-133, KIP-226).

use std::collections::HashMap;
use std::time::Instant;

use kestrel_protocol::ApiKey;
use kestrel_protocol::messages::describe_configs::{
    DescribeConfigsRequest, DescribeConfigsResource, DescribeConfigsResult,
};

use super::{ConfigEntry, ConfigResource, check};
use crate::admin::parts::in_parts;
use crate::admin::settle::{Call, Round};
use crate::client::{Client, Target};
use crate::error::Result;

/// Asks brokers for configurations.
#[derive(Debug)]
pub(super) struct DescribeConfigs;

impl Call for DescribeConfigs {
    type Item = ConfigResource;
    type Output = Vec<ConfigEntry>;
    const OPERATION: &'static str = "describing configurations";

    async fn round(&self, client: &Client, items: &[ConfigResource], _: Instant) -> Round<Self> {
        let target_of = |resource: &ConfigResource| resource.target_or(Target::Any);
        in_parts(items, target_of, |target, resources| describe_at(client, target, resources)).await
    }
}

async fn describe_at(
    client: &Client,
    target: Target,
    resources: Vec<&ConfigResource>,
) -> Result<Vec<Result<Vec<ConfigEntry>>>> {
    let resource = |resource: &&ConfigResource| DescribeConfigsResource {
        resource_type: resource.wire_type(),
        resource_name: resource.wire_name(),
        configuration_keys: None,
    };
    let request = DescribeConfigsRequest {
        resources: resources.iter().map(resource).collect(),
        include_synonyms: true,
        include_documentation: true,
    };
    let answers: HashMap<_, _> = client
        .send(target, &request)
        .await?
        .results
        .into_iter()
        .map(|answer| ((answer.resource_type, answer.resource_name.clone()), answer))
        .collect();
    let entries = |answer: &DescribeConfigsResult| {
        let mut entries: Vec<_> = answer.configs.iter().map(ConfigEntry::read).collect();
        entries.sort_by(|left, right| left.name.cmp(&right.name));
        entries
    };
    let read = |resource: &&ConfigResource| {
        let answer = answers.get(&(resource.wire_type(), resource.wire_name()));
        let said = answer.map(|answer| (answer.error_code, answer.error_message.as_deref()));
        check(ApiKey::DescribeConfigs, resource, said)?;
        Ok(answer.map(entries).unwrap_or_default())
    };
    Ok(resources.iter().map(read).collect())
}
