//! DescribeConfigs, versions 1 to 4 (KIP-133, KIP-226, KIP-569): every key of topics and brokers, with the value that it
//! really has, where that comes from, its type and what it means.

use std::sync::Arc;

use bytestring::ByteString;
use kestrel_protocol::ErrorCode;
use kestrel_protocol::messages::describe_configs::{
    DescribeConfigsRequest, DescribeConfigsResource, DescribeConfigsResourceResult, DescribeConfigsResponse,
    DescribeConfigsResult, DescribeConfigsSynonym,
};

use super::alterations::check_config;
use super::{Access, Handler, RequestContext, State};
use crate::authorizer::AclOperation::DescribeConfigs;
use crate::cluster::{ApiError, ClusterImage, ConfigMap, ConfigResource, ResourceKind, check_topic_name};
use crate::config::topic::shown_topic_keys;
use crate::config::{
    DescribedConfig, client_metrics_keys, describe_all_brokers_key, describe_broker_key,
    describe_client_metrics_key, describe_topic_key, shown_broker_keys,
};

impl Handler for DescribeConfigsRequest {
    async fn handle(self, context: RequestContext, state: Arc<State>) -> DescribeConfigsResponse {
        let image = state.cluster.image();
        let shown = Shown { synonyms: self.include_synonyms, documentation: self.include_documentation };
        let results =
            self.resources.iter().map(|resource| match describe(resource, &context.access, &image, &state) {
                Ok(configs) => DescribeConfigsResult {
                    configs: configs.into_iter().map(|config| shown.entry(config)).collect(),
                    ..empty(resource)
                },
                Err(error) => failure(resource, &error),
            });
        DescribeConfigsResponse { results: results.collect(), ..Default::default() }
    }

    fn refusal(&self, error: ErrorCode) -> DescribeConfigsResponse {
        let results = self.resources.iter().map(|resource| failure(resource, &error.into())).collect();
        DescribeConfigsResponse { results, ..Default::default() }
    }
}

/// The keys of a resource that are asked for, by name.
fn describe(
    asked: &DescribeConfigsResource,
    access: &Access,
    image: &ClusterImage,
    state: &State,
) -> Result<Vec<DescribedConfig>, ApiError> {
    let name = &asked.resource_name;
    let kind = ResourceKind::from_wire(asked.resource_type);
    check_config(access, DescribeConfigs, kind, name)?;
    let is_asked = |key: &str| {
        // No keys at all are all keys, too.
        let keys = asked.configuration_keys.as_ref().filter(|keys| !keys.is_empty());
        keys.is_none_or(|keys| keys.iter().any(|asked| &**asked == key))
    };
    let broker_keys = || shown_broker_keys().into_iter().filter(|key| is_asked(key.name));
    let described = match kind {
        ResourceKind::Topic => {
            check_topic_name(name).map_err(|message| ApiError::new(ErrorCode::InvalidTopic, message))?;
            image.topic(name).ok_or_else(|| ApiError::new(ErrorCode::UnknownTopicOrPartition, ""))?;
            topic_keys(&image.topic_config(name), is_asked, image, state)
        }
        ResourceKind::Broker if name.is_empty() => {
            let set = image.config(&ConfigResource::all_brokers());
            broker_keys().filter_map(|key| describe_all_brokers_key(&key, &set)).collect()
        }
        ResourceKind::Broker => {
            check_broker(name, state)?;
            state.cluster.with_layers(image, &ConfigMap::new(), |layers| {
                broker_keys().map(|key| describe_broker_key(&key, layers)).collect()
            })
        }
        ResourceKind::ClientMetrics if name.is_empty() => {
            let message = "Client metrics subscription name must not be empty";
            return Err(ApiError::new(ErrorCode::InvalidRequest, message));
        }
        ResourceKind::ClientMetrics => {
            let set = image.config(&ConfigResource::client_metrics(name.clone()));
            let keys = client_metrics_keys().filter(|key| is_asked(key.name));
            keys.map(|key| describe_client_metrics_key(key, &set)).collect()
        }
        ResourceKind::Other(number) => {
            let message = format!("Kestrel keeps no configuration of resources of type {number}");
            return Err(ApiError::new(ErrorCode::InvalidRequest, message));
        }
    };
    Ok(described)
}

/// The keys of a topic that are asked for, with what is set for it.
pub(super) fn topic_keys(
    set: &ConfigMap,
    is_asked: impl Fn(&str) -> bool,
    image: &ClusterImage,
    state: &State,
) -> Vec<DescribedConfig> {
    state.cluster.with_layers(image, set, |layers| {
        let keys = shown_topic_keys(|key| layers.topic.contains_key(key));
        keys.filter(|key| is_asked(key.name)).map(|key| describe_topic_key(key, layers)).collect()
    })
}

fn check_broker(name: &ByteString, state: &State) -> Result<(), ApiError> {
    let node_id = state.config.node_id;
    let message = match name.parse::<i32>() {
        Ok(id) if id == node_id.0 => return Ok(()),
        Ok(id) => format!("Unexpected broker id, expected {node_id} or empty string, but received {id}"),
        Err(_) => format!("Broker id must be an integer, but it is: {name}"),
    };
    Err(ApiError::new(ErrorCode::InvalidRequest, message))
}

/// The parts of a key that are shown beside its value.
#[derive(Debug, Clone, Copy)]
struct Shown {
    synonyms: bool,
    documentation: bool,
}

impl Shown {
    fn entry(self, config: DescribedConfig) -> DescribeConfigsResourceResult {
        let synonyms = config.synonyms.into_iter().filter(|_| self.synonyms);
        DescribeConfigsResourceResult {
            name: config.name.into(),
            value: config.value.map(Into::into),
            read_only: config.is_read_only,
            config_source: config.source.wire(),
            is_sensitive: config.is_sensitive,
            synonyms: synonyms
                .map(|synonym| DescribeConfigsSynonym {
                    name: synonym.name.into(),
                    value: synonym.value.map(Into::into),
                    source: synonym.source.wire(),
                })
                .collect(),
            config_type: config.value_type.wire(),
            documentation: self.documentation.then(|| config.doc.into()),
        }
    }
}

fn empty(asked: &DescribeConfigsResource) -> DescribeConfigsResult {
    DescribeConfigsResult {
        error_code: ErrorCode::None,
        resource_type: asked.resource_type,
        resource_name: asked.resource_name.clone(),
        ..Default::default()
    }
}

fn failure(asked: &DescribeConfigsResource, error: &ApiError) -> DescribeConfigsResult {
    DescribeConfigsResult {
        error_code: error.code,
        error_message: Some(error.message.as_str().into()),
        ..empty(asked)
    }
}

#[cfg(test)]
mod tests;
