//! The controller as a machine: requests in, records and answers out, on a clock held by hand.

use bytes::Bytes;
use bytestring::ByteString;
use kestrel_protocol::{ErrorCode, NodeId, TopicId};

use super::*;
use crate::authorizer::{AclBinding, AclFilter, AclOperation, ResourcePattern};
use crate::cluster::error::ApiError;
use crate::cluster::features::bootstrap_records;
use crate::cluster::image::{ConfigResource, ResourceKind};
use crate::cluster::records::RegisteredEndpoint;
use crate::config::RawSettings;

mod admin;
mod property;
mod security;
mod several;

/// A controller with its log, on which commands are carried out at once.
struct Harness {
    controller: Controller,
    log: Vec<Bytes>,
    next_id: u128,
    permits: Permits,
    now: Instant,
}

impl Harness {
    /// A new cluster, with this broker registered.
    fn new() -> Self {
        let config = Arc::new(BrokerConfig::new(&RawSettings::default()).unwrap());
        let permits = Permits::unlimited();
        let now = crate::clock::Clock::System.now();
        let mut harness = Self { controller: fresh(&config), log: Vec::new(), next_id: 1, permits, now };
        harness.apply(bootstrap_records());
        harness.start(true);
        harness
    }

    /// What a broker that starts appends.
    fn start(&mut self, after_clean_stop: bool) {
        let registration = Registration {
            incarnation_id: Uuid::from_u128(self.log.len() as u128 + 1000),
            endpoints: vec![RegisteredEndpoint {
                name: "PLAINTEXT".into(),
                host: "h".into(),
                port: 1,
                security_protocol: 0,
            }],
            rack: None,
            log_dir: Uuid::from_u128(99),
            after_clean_stop,
            found: std::collections::BTreeSet::new(),
        };
        let records = self.controller.register(registration, self.log.len() as i64);
        self.apply(records);
    }

    fn apply(&mut self, records: Vec<MetadataRecord>) {
        let versions = self.controller.image().features().record_versions();
        for record in records {
            let value = record.encode(versions);
            let offset = self.log.len() as i64;
            self.controller.replay(MetadataRecord::decode(value.clone()).unwrap(), offset).unwrap();
            self.log.push(value);
        }
    }

    fn carry_out<R>(&mut self, effects: Effects<R>) -> R {
        self.apply(effects.records);
        effects.reply
    }

    fn create(&mut self, topic: NewTopic) -> Result<CreatedTopic, ApiError> {
        self.create_all(vec![topic], Intent::Apply).pop().unwrap()
    }

    fn create_all(&mut self, topics: Vec<NewTopic>, intent: Intent) -> Vec<Result<CreatedTopic, ApiError>> {
        let next_id = &mut self.next_id;
        let next_id = &mut || {
            *next_id += 1;
            Uuid::from_u128(*next_id)
        };
        let leave = Leave::new(&self.permits, self.now);
        let effects = self.controller.create_topics(topics, intent, next_id, leave);
        self.carry_out(effects)
    }

    fn delete(&mut self, topics: &[TopicRef]) -> Vec<Result<DeletedTopic, ApiError>> {
        self.carry_out(self.controller.delete_topics(topics, Leave::new(&self.permits, self.now)))
    }

    fn grow(
        &mut self,
        topic: &'static str,
        count: i32,
        assignments: Option<&[&[i32]]>,
    ) -> Result<(), ApiError> {
        let assignments = assignments.map(|all| all.iter().map(|ids| nodes(ids)).collect());
        let request = NewPartitions { topic: topic.into(), count, assignments };
        let leave = Leave::new(&self.permits, self.now);
        self.carry_out(self.controller.create_partitions(&[request], Intent::Apply, leave)).pop().unwrap()
    }

    fn alter(
        &mut self,
        resource: ConfigResource,
        alterations: &[(&'static str, AlterOperation, Option<&'static str>)],
    ) -> Result<(), ApiError> {
        let alterations = alterations
            .iter()
            .map(|(name, operation, value)| ConfigAlteration {
                name: ByteString::from_static(name),
                operation: *operation,
                value: value.map(ByteString::from_static),
            })
            .collect();
        let request = ResourceAlterations { resource, alterations, other_keys: OtherKeys::Keep };
        self.carry_out(self.controller.alter_configs(&[request], Intent::Apply)).pop().unwrap()
    }

    fn create_acls(&mut self, acls: &[AclBinding]) -> Vec<Result<(), ApiError>> {
        let next_id = &mut self.next_id;
        let effects = self.controller.create_acls(acls.to_vec(), &mut || {
            *next_id += 1;
            Uuid::from_u128(*next_id)
        });
        self.carry_out(effects)
    }

    fn delete_acls(&mut self, filters: &[AclFilter]) -> Vec<Vec<AclBinding>> {
        let deleted = self.carry_out(self.controller.delete_acls(filters));
        let bindings = |acls: Vec<Arc<AclBinding>>| acls.iter().map(|acl| (**acl).clone()).collect();
        deleted.into_iter().map(|deleted| bindings(deleted.unwrap())).collect()
    }

    fn alter_users(&mut self, alterations: &[ScramAlteration]) -> Vec<(String, ErrorCode)> {
        let outcomes = self.carry_out(self.controller.alter_scram_credentials(alterations));
        outcomes.into_iter().map(|(user, outcome)| (user.to_string(), code(outcome))).collect()
    }

    fn limit(
        &mut self,
        entity: QuotaSubject,
        limits: &[(&'static str, Option<f64>)],
    ) -> Result<(), ApiError> {
        let limits = limits.iter().map(|(key, limit)| (ByteString::from_static(key), *limit)).collect();
        let alteration = QuotaAlteration { entity, limits };
        self.carry_out(self.controller.alter_quotas(&[alteration], Intent::Apply)).remove(0).1
    }

    fn topic_config(&self, topic: &str) -> Vec<(String, String)> {
        let configs = self.controller.image().topic_config(topic);
        configs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
    }
}

fn fresh(config: &Arc<BrokerConfig>) -> Controller {
    Controller::new(ClusterImage::new("cluster", NodeId(1)), Arc::clone(config))
}

fn code<T>(outcome: Result<T, ApiError>) -> ErrorCode {
    outcome.map_or_else(|error| error.code, |_| ErrorCode::None)
}

fn acl(user: &str, pattern: ResourcePattern) -> AclBinding {
    AclBinding::allow(format!("User:{user}"), AclOperation::Read, pattern)
}

/// The credential of a user to set; without iterations, to delete.
fn user(name: &'static str, mechanism: i8, iterations: Option<i32>) -> ScramAlteration {
    let password = iterations.map(|iterations| SaltedPassword {
        salt: Bytes::from_static(b"salt"),
        iterations,
        salted_password: b"salted".to_vec().into(),
    });
    ScramAlteration { user: name.into(), mechanism, password }
}

fn subject(parts: &[(&'static str, Option<&'static str>)]) -> QuotaSubject {
    parts.iter().map(|(name, value)| ((*name).into(), value.map(ByteString::from_static))).collect()
}

fn nodes(ids: &[i32]) -> Vec<NodeId> {
    ids.iter().copied().map(NodeId).collect()
}

fn topic(name: &str, num_partitions: i32, replication_factor: i16) -> NewTopic {
    NewTopic { num_partitions, replication_factor, ..NewTopic::with_defaults(name.to_owned()) }
}

fn assigned(name: &'static str, assignments: &[(i32, &[i32])]) -> NewTopic {
    let assignments = assignments.iter().map(|(number, ids)| (*number, nodes(ids))).collect();
    NewTopic { assignments, ..NewTopic::with_defaults(name) }
}

fn configured(name: &'static str, key: &'static str, value: Option<&'static str>) -> NewTopic {
    let configs = vec![(key.into(), value.map(ByteString::from_static))];
    NewTopic { configs, ..NewTopic::with_defaults(name) }
}
