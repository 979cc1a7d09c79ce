//! The partitions of a fetch that its sender may not read.

use std::collections::HashMap;

use kestrel_protocol::ErrorCode;

use super::sessions::{Asked, Naming};
use crate::api::{Access, State};
use crate::authorizer::AclOperation::{ClusterAction, Read};
use crate::authorizer::ResourceType::Topic;

/// The error for each partition that may not be read, in the order in which they are asked for.
#[derive(Debug, Default)]
pub(super) struct Denials(Vec<Option<ErrorCode>>);

impl Denials {
    /// Asks for each topic once; nothing where everything is allowed.
    pub(super) fn of_consumer(asked: &[Asked], naming: Naming, access: &Access, state: &State) -> Self {
        if access.is_open() {
            return Self::default();
        }
        let image = state.cluster.image();
        let mut known = HashMap::new();
        let denials = asked.iter().map(|asked| {
            *known.entry((&asked.topic, asked.topic_id)).or_insert_with(|| match naming {
                Naming::Names => access.check(Read, Topic, &asked.topic).err(),
                Naming::Ids => match image.topic_by_id(asked.topic_id) {
                    Some(topic) => access.check(Read, Topic, &topic.name).err(),
                    None => Some(ErrorCode::UnknownTopicId),
                },
            })
        });
        Self(denials.collect())
    }

    /// Asks once whether the sender is a broker, before its replica id is believed (CVE-2018-1288).
    pub(super) fn of_follower(asked: &[Asked], access: &Access) -> Self {
        match access.check_cluster(ClusterAction) {
            Ok(()) => Self::default(),
            Err(_) => Self(vec![Some(ErrorCode::TopicAuthorizationFailed); asked.len()]),
        }
    }

    /// The error for the partition at a place of the request.
    pub(super) fn at(&self, place: usize) -> Option<ErrorCode> {
        self.0.get(place).copied().flatten()
    }
}
