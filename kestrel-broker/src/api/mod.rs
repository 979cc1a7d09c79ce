//! The request pipeline: a [`tower::Service`] from [`Request`] to the frame of the answer.
//!
//! ```text
//!   net ──Request──► limit ──► Admission ──Call──► Observe ──────► Authorization ──► FaultInjection ──► Router ──► Handler
//!                              row, session        counters, trace  access            on demand          table      one file per API
//! ```
//!
//! `net/` calls it once per request, in the order of the connection. `call` runs what must happen in that order (the
//! append of Produce); the future that it returns is the waiting part. One file per request beside this one; nobody but
//! `net/`, `broker/` and `builder` imports this module.

#![expect(refining_impl_trait, reason = "a handler gives its response, or an answer that is more than that")]

mod access;
mod account;
mod acls;
mod admission;
mod alterations;
mod answer;
mod audit;
mod authorization;
mod call;
mod close;
mod context;
mod counters;
mod fault;
mod handler;
mod observe;
mod pipeline;
mod principal;
mod reply;
mod request;
mod served_api;
mod serving;
mod session;
mod state;
mod table;
mod tally;
mod transactional;
mod turn;

mod add_offsets_to_txn;
mod add_partitions_to_txn;
mod alter_client_quotas;
mod alter_configs;
mod alter_partition_reassignments;
mod alter_replica_log_dirs;
mod alter_user_scram_credentials;
mod api_versions;
mod create_acls;
mod create_partitions;
mod create_topics;
mod delete_acls;
mod delete_groups;
mod delete_records;
mod delete_topics;
mod describe_acls;
mod describe_client_quotas;
mod describe_cluster;
mod describe_configs;
mod describe_groups;
mod describe_log_dirs;
mod describe_producers;
mod describe_quorum;
mod describe_topic_partitions;
mod describe_transactions;
mod describe_user_scram_credentials;
mod elect_leaders;
mod end_txn;
mod fetch;
mod find_coordinator;
mod get_telemetry_subscriptions;
mod heartbeat;
mod incremental_alter_configs;
mod init_producer_id;
mod join_group;
mod known_topic;
mod leave_group;
mod list_config_resources;
mod list_groups;
mod list_offsets;
mod list_partition_reassignments;
mod list_transactions;
mod metadata;
mod offset_commit;
mod offset_delete;
mod offset_fetch;
mod offset_for_leader_epoch;
mod produce;
mod push_telemetry;
mod sasl_authenticate;
mod sasl_handshake;
mod sync_group;
mod txn_offset_commit;
mod unregister_broker;
mod update_features;
mod write_txn_markers;

pub(crate) use access::Access;
use access::OPERATIONS_NOT_ASKED;
pub(crate) use account::Account;
pub(crate) use answer::{Answer, AnswerFrame};
pub(crate) use audit::AuditLog;
use call::Call;
pub(crate) use close::Close;
pub(crate) use context::RequestContext;
use counters::RequestCounters;
pub use fault::{FaultRule, Faults};
pub(crate) use fetch::FetchSessions;
use handler::Handler;
pub(crate) use pipeline::{Pipeline, pipeline};
pub(crate) use principal::Principal;
pub(crate) use reply::Reply;
pub(crate) use request::{Content, ListenerId, Origin, Request, RequestName};
use served_api::ServedApi;
pub(crate) use session::{Accounts, FrameKind, Intake, Login, LoginFailure, Session};
pub(crate) use state::State;
pub(crate) use table::request_counters;
pub(crate) use turn::Turn;

#[cfg(test)]
mod tests;
