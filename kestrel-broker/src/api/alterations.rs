//! Changing configurations of several resources, each by itself: what AlterConfigs and IncrementalAlterConfigs have in common.

use bytestring::ByteString;
use kestrel_protocol::ErrorCode;

use super::tally::Tally;
use super::{Access, State};
use crate::authorizer::AclOperation::{self, AlterConfigs};
use crate::authorizer::ResourceType;
use crate::cluster::{
    ApiError, ConfigAlteration, ConfigResource, Intent, OtherKeys, ResourceAlterations, ResourceKind,
};

/// The numbers of kinds of resources that Kestrel keeps no configuration of.
const BROKER_LOGGER: i8 = 8;
const GROUP: i8 = 32;

/// A resource and how it is to change; or why that is not understood.
pub(super) type Asked = (ConfigResource, Result<Vec<ConfigAlteration>, ApiError>);
/// A resource and what became of it.
pub(super) type Altered = (ConfigResource, Result<(), ApiError>);

/// The resource that a request names.
pub(super) fn resource(resource_type: i8, name: &ByteString) -> ConfigResource {
    ConfigResource { kind: ResourceKind::from_wire(resource_type), name: name.clone() }
}

/// Changes the resources; those that are refused without looking at them come first.
pub(super) async fn alter(
    asked: Vec<Asked>,
    other_keys: OtherKeys,
    validate_only: bool,
    access: &Access,
    state: &State,
) -> Vec<Altered> {
    let tally = Tally::of(asked.iter().map(|(resource, _)| resource.clone()));
    let twice = || ApiError::new(ErrorCode::InvalidRequest, "Each resource must appear at most once.");
    let mut altered = Vec::with_capacity(asked.len());
    let mut changes = Vec::with_capacity(asked.len());
    for (resource, alterations) in asked {
        let allowed = if tally.is_alone(&resource) {
            check_config(access, AlterConfigs, resource.kind, &resource.name).map_err(Into::into)
        } else {
            Err(twice())
        };
        match allowed.and(alterations) {
            Ok(alterations) => changes.push(ResourceAlterations { resource, alterations, other_keys }),
            Err(error) => altered.push((resource, Err(error))),
        }
    }
    let changed: Vec<_> = changes.iter().map(|change| change.resource.clone()).collect();
    let outcomes = state.cluster.alter_configs(changes, Intent::of(validate_only)).await;
    altered.extend(changed.into_iter().zip(outcomes));
    altered
}

/// Whether an operation on the configuration of a resource is allowed. A kind that has none is for others to refuse.
pub(super) fn check_config(
    access: &Access,
    operation: AclOperation,
    kind: ResourceKind,
    name: &str,
) -> Result<(), ErrorCode> {
    match kind {
        ResourceKind::Topic => access.check(operation, ResourceType::Topic, name),
        ResourceKind::Broker | ResourceKind::ClientMetrics | ResourceKind::Other(BROKER_LOGGER) => {
            access.check_cluster(operation)
        }
        ResourceKind::Other(GROUP) => access.check(operation, ResourceType::Group, name),
        ResourceKind::Other(_) => Ok(()),
    }
}
