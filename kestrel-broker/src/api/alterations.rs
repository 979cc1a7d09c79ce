//! Changing configurations of several resources, each by itself: what AlterConfigs and IncrementalAlterConfigs have in common.

use bytestring::ByteString;
use kestrel_protocol::ErrorCode;

use super::State;
use super::tally::Tally;
use crate::cluster::{
    ApiError, ConfigAlteration, ConfigResource, Intent, OtherKeys, ResourceAlterations, ResourceKind,
};

/// A resource that a request changes, and how; or why that is not understood.
#[derive(Debug)]
pub(super) struct AskedResource {
    pub(super) resource_type: i8,
    pub(super) name: ByteString,
    pub(super) alterations: Result<Vec<ConfigAlteration>, ApiError>,
}

/// The outcome for a resource, as both responses have it.
#[derive(Debug)]
pub(super) struct AlteredResource {
    pub(super) resource_type: i8,
    pub(super) name: ByteString,
    pub(super) error_code: ErrorCode,
    pub(super) error_message: Option<ByteString>,
}

/// Changes the resources; those that are refused without looking at them come first.
pub(super) async fn alter(
    asked: Vec<AskedResource>,
    other_keys: OtherKeys,
    intent: Intent,
    state: &State,
) -> Vec<AlteredResource> {
    let tally = Tally::of(asked.iter().map(|asked| (asked.resource_type, asked.name.clone())));
    let mut altered = Vec::with_capacity(asked.len());
    let mut understood = Vec::with_capacity(asked.len());
    let mut changes = Vec::with_capacity(asked.len());
    for AskedResource { resource_type, name, alterations } in asked {
        let is_alone = tally.is_alone(&(resource_type, name.clone()));
        let twice = || ApiError::new(ErrorCode::InvalidRequest, "Each resource must appear at most once.");
        match if is_alone { alterations } else { Err(twice()) } {
            Ok(alterations) => {
                let kind = ResourceKind::from_wire(resource_type);
                let resource = ConfigResource { kind, name: name.clone() };
                changes.push(ResourceAlterations { resource, alterations, other_keys });
                understood.push((resource_type, name));
            }
            Err(error) => altered.push(AlteredResource::of(resource_type, name, Err(error))),
        }
    }
    let outcomes = state.cluster.alter_configs(changes, intent).await;
    let outcomes = understood.into_iter().zip(outcomes);
    altered.extend(outcomes.map(|((kind, name), outcome)| AlteredResource::of(kind, name, outcome)));
    altered
}

impl AlteredResource {
    /// The outcome for a resource.
    pub(super) fn of(resource_type: i8, name: ByteString, outcome: Result<(), ApiError>) -> Self {
        let error = outcome.err();
        Self {
            resource_type,
            name,
            error_code: error.as_ref().map_or(ErrorCode::None, |error| error.code),
            error_message: error.map(|error| error.message.into()),
        }
    }
}
