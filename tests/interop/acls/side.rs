//! One of the two brokers: who may everything there, and the user whose ACLs change.

use std::thread::sleep;
use std::time::Duration;

use kestrel_broker::AclBinding;
use kestrel_protocol::messages::api_versions::{ApiVersion, ApiVersionsRequest};
use kestrel_protocol::messages::create_acls::{AclCreation, CreateAclsRequest};
use kestrel_protocol::messages::create_topics::{CreatableTopic, CreateTopicsRequest};
use kestrel_protocol::messages::delete_acls::{DeleteAclsFilter, DeleteAclsRequest};
use kestrel_protocol::messages::describe_acls::DescribeAclsRequest;
use kestrel_protocol::messages::metadata::{MetadataRequest, MetadataRequestTopic};
use kestrel_protocol::{ApiKey, ErrorCode, ProducerId, Request, TopicId};

use super::connection::Connection;

/// The user whose ACLs change, and the password.
pub(crate) const USER: (&str, &str) = ("alice", "alice-secret");
/// The principal of that user.
pub(crate) const PRINCIPAL: &str = "User:alice";
/// The numbers of "any" in filters.
const ANY: i8 = 1;

pub(crate) struct Side {
    admin: Connection,
    sasl_address: String,
    user: Option<Connection>,
    served: Vec<ApiVersion>,
    /// The id of the topic that is there.
    pub(crate) topic_id: TopicId,
    /// The producer whose transaction is open.
    pub(crate) producer_id: ProducerId,
}

impl Side {
    pub(crate) fn new(address: &str, sasl_address: &str) -> Self {
        let mut admin = Connection::open(address);
        let served = admin.call(&ApiVersionsRequest::default(), 0).expect("its versions").api_keys;
        let sasl_address = sasl_address.to_owned();
        Self {
            admin,
            sasl_address,
            user: None,
            served,
            topic_id: TopicId::NIL,
            producer_id: ProducerId::NONE,
        }
    }

    /// The numbers of the APIs that the broker says it serves.
    #[cfg(test)]
    pub(crate) fn served(&self) -> impl Iterator<Item = i16> {
        self.served.iter().map(|served| served.api_key)
    }

    /// Whether the broker says that it speaks a version of an API.
    pub(crate) fn speaks(&self, api: ApiKey, version: i16) -> bool {
        let mut served = self.served.iter().filter(|served| served.api_key == api.key());
        served.any(|served| (served.min_version..=served.max_version).contains(&version))
    }

    /// Sends a request as the one who may everything.
    pub(crate) fn call<R: Request>(&mut self, request: &R, version: i16) -> R::Response {
        self.admin.call(request, version).unwrap_or_else(|error| panic!("{} v{version}: {error}", R::KEY))
    }

    /// Sends a request as the user; `None` when the broker closes the connection.
    pub(crate) fn ask<R: Request>(&mut self, request: &R, version: i16) -> Option<R::Response> {
        let connect = || Connection::log_in(&self.sasl_address, USER.0, USER.1);
        let answer = self.user.get_or_insert_with(connect).call(request, version);
        if answer.is_err() {
            self.user = None;
        }
        answer.ok()
    }

    /// Sees to it that a topic with one partition is there; gives its id.
    pub(crate) fn topic(&mut self, name: &str) -> TopicId {
        let topic = CreatableTopic {
            name: name.into(),
            num_partitions: 1,
            replication_factor: 1,
            ..Default::default()
        };
        self.call(&CreateTopicsRequest { topics: vec![topic], timeout_ms: 10_000, validate_only: false }, 7);
        self.until(|side| {
            let asked = MetadataRequestTopic { name: Some(name.into()), ..Default::default() };
            let request = MetadataRequest { topics: Some(vec![asked]), ..Default::default() };
            let topic = side.call(&request, 12).topics.remove(0);
            let is_led = topic.partitions.iter().all(|partition| partition.error_code == ErrorCode::None);
            (topic.error_code == ErrorCode::None && is_led).then_some(topic.topic_id)
        })
    }

    /// Gives the user these ACLs and no others; they hold when it returns.
    pub(crate) fn set_acls(&mut self, acls: &[AclBinding]) {
        let filter = DeleteAclsFilter {
            resource_type_filter: ANY,
            pattern_type_filter: ANY,
            principal_filter: Some(PRINCIPAL.into()),
            operation: ANY,
            permission_type: ANY,
            ..Default::default()
        };
        self.call(&DeleteAclsRequest { filters: vec![filter] }, 3);
        let creations = acls.iter().map(creation).collect();
        for created in self.call(&CreateAclsRequest { creations }, 3).results {
            assert_eq!(created.error_code, ErrorCode::None, "{:?}", created.error_message);
        }
        self.until(|side| (side.acls() == acls.len()).then_some(()));
    }

    fn acls(&mut self) -> usize {
        let asked = DescribeAclsRequest {
            resource_type_filter: ANY,
            pattern_type_filter: ANY,
            principal_filter: Some(PRINCIPAL.into()),
            operation: ANY,
            permission_type: ANY,
            ..Default::default()
        };
        self.call(&asked, 3).resources.iter().map(|resource| resource.acls.len()).sum()
    }

    /// Asks until there is an answer.
    pub(crate) fn until<T>(&mut self, mut ask: impl FnMut(&mut Self) -> Option<T>) -> T {
        for _ in 0..6_000 {
            if let Some(answer) = ask(self) {
                return answer;
            }
            sleep(Duration::from_millis(10));
        }
        panic!("not within a minute");
    }
}

fn creation(acl: &AclBinding) -> AclCreation {
    let pattern = acl.pattern();
    AclCreation {
        resource_type: pattern.resource_type() as i8,
        resource_name: pattern.name().into(),
        resource_pattern_type: pattern.pattern_type() as i8,
        principal: acl.principal().into(),
        host: acl.host().into(),
        operation: acl.operation() as i8,
        permission_type: acl.permission() as i8,
    }
}
