//! The table of metrics: every name that is told, once. `docs/metrics.md` is written from it.
//!
//! Names that begin with `kafka_` are other people's, so that dashboards which know them work: those of kafka_exporter, and those of
//! Apache Kafka's MBeans as Strimzi's rules spell them, of which only what is true here is told. What nobody else tells begins
//! with `kestrel_`, but for the lag in seconds, which belongs beside the lag in records.

use super::each::{
    client_series, clients, is_under_replicated, lags, listeners, metadata, partitions, process, quotas,
    requests, sums, topic_lags, topics,
};
use super::facts::Facts;
use super::metric::Origin::{self, Jmx, KafkaExporter, Kestrel, Process};
use super::metric::{Kind, Metric};
use super::samples::Samples;
use crate::config::Detail;
use crate::telemetry::Value;

type Write = fn(&Facts, &mut Samples<'_>);
type Labels = &'static [&'static str];

const NONE: Labels = &[];
const TOPIC: Labels = &["topic"];
const PARTITION: Labels = &["topic", "partition"];
const GROUP_TOPIC: Labels = &["consumergroup", "topic"];
const GROUP_PARTITION: Labels = &["consumergroup", "topic", "partition"];
const LISTENER: Labels = &["listener"];
const REQUEST: Labels = &["request"];
const QUOTA: Labels = &["quota"];
const CLIENT: Labels =
    &["client_instance_id", "client_id", "software_name", "software_version", "address", "attributes"];
const CLIENT_SERIES: Labels = &["client_instance_id", "client_id", "metric", "attributes"];

/// All metrics, in the order in which they are told.
#[rustfmt::skip]
pub(super) const TABLE: &[Metric] = &[
    gauge("kafka_brokers", NONE, KafkaExporter,
        "Brokers of the cluster.",
        |facts, to| to.only(facts.image.brokers().len())),
    gauge("kafka_broker_info", &["id", "address"], KafkaExporter,
        "1 for this broker, with the address by which the clients of its first listener know it.",
        |facts, to| to.add(&[&facts.node_id.0, &facts.address], 1)),
    gauge("kafka_topic_partitions", TOPIC, KafkaExporter,
        "Partitions of a topic.",
        |facts, to| facts.image.topics().for_each(|topic| to.add(&[&topic.name], topic.partitions.len()))),
    gauge("kafka_topic_partition_current_offset", PARTITION, KafkaExporter,
        "High watermark of a partition: the offset after the last record that consumers may read.",
        |facts, to| partitions(facts, to, |it| it.watermarks.high)).per_partition(),
    gauge("kafka_topic_partition_oldest_offset", PARTITION, KafkaExporter,
        "Offset of the first record of a partition that can be read.",
        |facts, to| partitions(facts, to, |it| it.watermarks.log_start)).per_partition(),
    gauge("kafka_topic_partition_leader", PARTITION, KafkaExporter,
        "Id of the broker that leads a partition; none for one that is offline.",
        |facts, to| metadata(facts, to, |topic, number, it| Some(facts.leader(topic, number, it)?.0.into()))).per_partition(),
    gauge("kafka_topic_partition_replicas", PARTITION, KafkaExporter,
        "Replicas of a partition.",
        |facts, to| metadata(facts, to, |_, _, it| i64::try_from(it.replicas.len()).ok())).per_partition(),
    gauge("kafka_topic_partition_in_sync_replica", PARTITION, KafkaExporter,
        "Replicas of a partition that have everything.",
        |facts, to| metadata(facts, to, |_, _, it| i64::try_from(it.isr.len()).ok())).per_partition(),
    gauge("kafka_topic_partition_leader_is_preferred", PARTITION, KafkaExporter,
        "1 for a partition that is led by the first of its replicas, or else 0.",
        |facts, to| metadata(facts, to, |topic, number, it| {
            let leader = facts.leader(topic, number, it);
            Some((leader.is_some() && leader.as_ref() == it.replicas.first()).into())
        })).per_partition(),
    gauge("kafka_topic_partition_under_replicated_partition", PARTITION, KafkaExporter,
        "1 for a partition of which some replica has not everything, or else 0.",
        |facts, to| metadata(facts, to, |_, _, it| Some(is_under_replicated(it).into()))).per_partition(),
    gauge("kafka_consumergroup_members", &["consumergroup"], KafkaExporter,
        "Members of a group.",
        |facts, to| facts.groups.iter().for_each(|group| to.add(&[&group.id], group.members))),
    gauge("kafka_consumergroup_current_offset", GROUP_PARTITION, KafkaExporter,
        "Offset that a group has committed of a partition; -1 where it has committed others of the topic only.",
        |facts, to| lags(facts, to, |it| Some(it.committed_offset))).per_partition(),
    gauge("kafka_consumergroup_current_offset_sum", GROUP_TOPIC, KafkaExporter,
        "Offsets that a group has committed of a topic, added up; a partition without one counts as -1.",
        |facts, to| topic_lags(facts, to, |it| Some(it.committed_sum()))),
    gauge("kafka_consumergroup_lag", GROUP_PARTITION, KafkaExporter,
        "Records of a partition between what a group has committed and the high watermark; -1 where it has committed nothing.",
        |facts, to| lags(facts, to, |it| it.records)).per_partition(),
    gauge("kafka_consumergroup_lag_sum", GROUP_TOPIC, KafkaExporter,
        "Records of a topic that a group has not committed yet: the lag of its partitions, added up.",
        |facts, to| topic_lags(facts, to, |it| Some(it.records()))),
    gauge("kafka_consumergroup_lag_seconds", GROUP_TOPIC, Kestrel,
        "Age of the oldest record of a topic that a group has not committed yet, by the timestamp of the record; 0 when it has all.",
        |facts, to| topic_lags(facts, to, |it| Some(it.age()?.as_secs_f64()))),
    gauge("kafka_consumergroup_partition_lag_seconds", GROUP_PARTITION, Kestrel,
        "Age of the oldest record of a partition that a group has not committed yet, by the timestamp of the record.",
        |facts, to| lags(facts, to, |it| Some(it.age?.as_secs_f64()))).per_partition(),

    counter("kafka_server_brokertopicmetrics_messagesin_total", TOPIC,
        Jmx("kafka.server:type=BrokerTopicMetrics,name=MessagesInPerSec,topic=*"),
        "Records that were appended to a topic.",
        |facts, to| topics(facts, to, |it| it.appended_records)),
    counter("kafka_server_brokertopicmetrics_bytesin_total", TOPIC,
        Jmx("kafka.server:type=BrokerTopicMetrics,name=BytesInPerSec,topic=*"),
        "Bytes of the batches that were appended to a topic, compressed as they came.",
        |facts, to| topics(facts, to, |it| it.appended_bytes)),
    counter("kafka_server_brokertopicmetrics_bytesout_total", TOPIC,
        Jmx("kafka.server:type=BrokerTopicMetrics,name=BytesOutPerSec,topic=*"),
        "Bytes of batches of a topic that left in answers to Fetch.",
        |facts, to| topics(facts, to, |it| it.sent_bytes)),
    counter("kafka_server_brokertopicmetrics_totalproducerequests_total", TOPIC,
        Jmx("kafka.server:type=BrokerTopicMetrics,name=TotalProduceRequestsPerSec,topic=*"),
        "Appends that were asked for to partitions of a topic, repeated and refused ones included.",
        |facts, to| topics(facts, to, |it| it.appended_batches + it.repeated_batches + it.refused_batches)),
    counter("kafka_server_brokertopicmetrics_failedproducerequests_total", TOPIC,
        Jmx("kafka.server:type=BrokerTopicMetrics,name=FailedProduceRequestsPerSec,topic=*"),
        "Appends to partitions of a topic that were refused, for whatever reason.",
        |facts, to| topics(facts, to, |it| it.refused_batches)),
    counter("kafka_server_brokertopicmetrics_totalfetchrequests_total", TOPIC,
        Jmx("kafka.server:type=BrokerTopicMetrics,name=TotalFetchRequestsPerSec,topic=*"),
        "Reads of partitions of a topic; a Fetch that waits reads again when there is news.",
        |facts, to| topics(facts, to, |it| it.reads)),
    counter("kafka_server_brokertopicmetrics_failedfetchrequests_total", TOPIC,
        Jmx("kafka.server:type=BrokerTopicMetrics,name=FailedFetchRequestsPerSec,topic=*"),
        "Reads of partitions of a topic that were refused: an offset or a leader epoch that is not there.",
        |facts, to| topics(facts, to, |it| it.refused_reads)),
    gauge("kestrel_topic_size_bytes", TOPIC, Kestrel,
        "Bytes of records in the logs of a topic.",
        |facts, to| topics(facts, to, |it| it.size_bytes)),
    gauge("kestrel_topic_segments", TOPIC, Kestrel,
        "Segments of the logs of a topic.",
        |facts, to| topics(facts, to, |it| it.segments)),
    gauge("kestrel_topic_open_transactions", TOPIC, Kestrel,
        "Transactions that are open in partitions of a topic, each counted in every partition.",
        |facts, to| sums(facts, to, |it| i64::try_from(it.open_transactions).unwrap_or(i64::MAX))),
    gauge("kestrel_topic_unstable_records", TOPIC, Kestrel,
        "Records of a topic from the last stable offset to the high watermark: who reads committed ones waits for an open transaction.",
        |facts, to| sums(facts, to, |it| it.watermarks.high - it.watermarks.stable)),
    gauge("kafka_log_log_size", PARTITION, Jmx("kafka.log:type=Log,name=Size,topic=*,partition=*"),
        "Bytes of records in the log of a partition.",
        |facts, to| partitions(facts, to, |it| i64::try_from(it.size_bytes).unwrap_or(i64::MAX))).per_partition(),
    gauge("kafka_log_log_numlogsegments", PARTITION, Jmx("kafka.log:type=Log,name=NumLogSegments,topic=*,partition=*"),
        "Segments of the log of a partition.",
        |facts, to| partitions(facts, to, |it| i64::try_from(it.segments).unwrap_or(i64::MAX))).per_partition(),
    gauge("kafka_log_log_logstartoffset", PARTITION, Jmx("kafka.log:type=Log,name=LogStartOffset,topic=*,partition=*"),
        "First offset of the log of a partition.",
        |facts, to| partitions(facts, to, |it| it.watermarks.log_start)).per_partition(),
    gauge("kafka_log_log_logendoffset", PARTITION, Jmx("kafka.log:type=Log,name=LogEndOffset,topic=*,partition=*"),
        "Offset that the next record of a partition gets.",
        |facts, to| partitions(facts, to, |it| it.watermarks.end)).per_partition(),
    gauge("kestrel_partition_last_stable_offset", PARTITION, Kestrel,
        "Offset below which no transaction of a partition is open.",
        |facts, to| partitions(facts, to, |it| it.watermarks.stable)).per_partition(),
    gauge("kestrel_partition_open_transactions", PARTITION, Kestrel,
        "Transactions that are open in a partition.",
        |facts, to| partitions(facts, to, |it| i64::try_from(it.open_transactions).unwrap_or(i64::MAX))).per_partition(),

    counter("kafka_network_requestmetrics_requests_total", &["request", "version"],
        Jmx("kafka.network:type=RequestMetrics,name=RequestsPerSec,request=*,version=*"),
        "Requests of an API that came in, by version.",
        |facts, to| for (api, it) in &facts.counted.apis {
            it.requests.iter().for_each(|(version, count)| to.add(&[api, version], count));
        }),
    counter("kafka_network_requestmetrics_errors_total", &["request", "error"],
        Jmx("kafka.network:type=RequestMetrics,name=ErrorsPerSec,request=*,error=*"),
        "Errors in answers to an API, several in one answer included. Successes are not counted.",
        |facts, to| for (api, it) in &facts.counted.apis {
            it.errors.iter().for_each(|(error, count)| to.add(&[api, &error.name()], count));
        }),
    histogram("kestrel_request_duration_seconds", REQUEST, Kestrel,
        "From when a request of an API was there until its answer could leave; what a Fetch waits for records is part of it.",
        |facts, to| requests(facts).for_each(|(api, it)| to.add_histogram(&[&api], &it.latency))),
    counter("kestrel_request_bytes_total", REQUEST, Kestrel,
        "Bytes of the requests of an API.",
        |facts, to| requests(facts).for_each(|(api, it)| to.add(&[&api], it.bytes_in))),
    counter("kestrel_response_bytes_total", REQUEST, Kestrel,
        "Bytes of the answers to an API.",
        |facts, to| requests(facts).for_each(|(api, it)| to.add(&[&api], it.bytes_out))),
    gauge("kafka_server_delayedoperationpurgatory_purgatorysize", &["delayedOperation"],
        Jmx("kafka.server:type=DelayedOperationPurgatory,name=PurgatorySize,delayedOperation=*"),
        "Requests that wait: Produce for its batches to be stored, Fetch for enough to read.",
        |facts, to| {
            to.add(&[&"Produce"], facts.counted.waiting_produce_requests);
            to.add(&[&"Fetch"], facts.counted.waiting_fetch_requests);
        }),

    gauge("kafka_server_socket_server_metrics_connection_count", LISTENER,
        Jmx("kafka.server:type=socket-server-metrics,listener=*: connection-count"),
        "Connections of a listener that are open.",
        |facts, to| listeners(facts, to, |it| it.open)),
    counter("kafka_server_socket_server_metrics_connection_creation_total", LISTENER,
        Jmx("kafka.server:type=socket-server-metrics,listener=*: connection-creation-total"),
        "Connections of a listener that were accepted and served.",
        |facts, to| listeners(facts, to, |it| it.accepted)),
    counter("kestrel_connections_refused_total", LISTENER, Kestrel,
        "Connections of a listener that were closed as they came, for what their address may have.",
        |facts, to| listeners(facts, to, |it| it.refused)),
    counter("kestrel_accept_pauses_total", LISTENER, Kestrel,
        "Times that a listener paused in accepting: for max.connections or max.connection.creation.rate.",
        |facts, to| listeners(facts, to, |it| it.paused)),
    counter("kestrel_failed_tls_handshakes_total", LISTENER, Kestrel,
        "Connections of a listener that did not get through their TLS handshake.",
        |facts, to| listeners(facts, to, |it| it.failed_handshakes)),
    counter("kafka_server_socket_server_metrics_successful_authentication_total", LISTENER,
        Jmx("kafka.server:type=socket-server-metrics,listener=*: successful-authentication-total"),
        "Clients that logged in by SASL.",
        |facts, to| listeners(facts, to, |it| it.logins.authenticated)),
    counter("kafka_server_socket_server_metrics_failed_authentication_total", LISTENER,
        Jmx("kafka.server:type=socket-server-metrics,listener=*: failed-authentication-total"),
        "Clients that were refused by SASL. TLS handshakes that failed are counted by themselves.",
        |facts, to| listeners(facts, to, |it| it.logins.failed)),
    counter("kafka_server_socket_server_metrics_successful_reauthentication_total", LISTENER,
        Jmx("kafka.server:type=socket-server-metrics,listener=*: successful-reauthentication-total"),
        "Clients that logged in again on the same connection.",
        |facts, to| listeners(facts, to, |it| it.logins.reauthenticated)),
    counter("kafka_server_socket_server_metrics_failed_reauthentication_total", LISTENER,
        Jmx("kafka.server:type=socket-server-metrics,listener=*: failed-reauthentication-total"),
        "Clients that were refused when they logged in again.",
        |facts, to| listeners(facts, to, |it| it.logins.failed_again)),
    counter("kestrel_expired_sessions_total", LISTENER, Kestrel,
        "Connections that ended because their client had not logged in again in time.",
        |facts, to| listeners(facts, to, |it| it.logins.expired)),
    counter("kestrel_throttled_requests_total", QUOTA, Kestrel,
        "Requests of users and clients that were over a quota.",
        |facts, to| quotas(facts, |quota, it| to.add(&[&quota], it.count))),
    counter("kestrel_throttle_seconds_total", QUOTA, Kestrel,
        "How long users and clients that were over a quota were to wait, together.",
        |facts, to| quotas(facts, |quota, it| to.add(&[&quota], it.time.as_secs_f64()))),
    gauge("kestrel_quota_buckets", NONE, Kestrel,
        "Users, clients and pairs of them that are kept account of.",
        |facts, to| to.only(facts.counted.quotas.buckets)),

    histogram("kestrel_flush_duration_seconds", NONE, Kestrel,
        "Flushes by which batches became durable.",
        |facts, to| to.add_histogram(&[], &facts.counted.flushes)),
    gauge("kafka_log_logmanager_offlinelogdirectorycount", NONE,
        Jmx("kafka.log:type=LogManager,name=OfflineLogDirectoryCount"),
        "1 when the data folder is out of service, or else 0.",
        |facts, to| to.only(u8::from(facts.is_poisoned))),
    gauge("kafka_server_replicamanager_partitioncount", NONE, Jmx("kafka.server:type=ReplicaManager,name=PartitionCount"),
        "Partitions of this broker that are online.",
        |facts, to| to.only(facts.partitions.len())),
    gauge("kafka_server_replicamanager_leadercount", NONE, Jmx("kafka.server:type=ReplicaManager,name=LeaderCount"),
        "Partitions that this broker leads.",
        |facts, to| to.only(facts.count_partitions(|topic, number, it| facts.leader(topic, number, it) == Some(facts.node_id)))),
    gauge("kafka_server_replicamanager_offlinereplicacount", NONE,
        Jmx("kafka.server:type=ReplicaManager,name=OfflineReplicaCount"),
        "Partitions of this broker whose log is not open.",
        |facts, to| to.only(facts.count_partitions(|topic, number, _| facts.offline.contains(topic.id, number)))),
    gauge("kafka_server_replicamanager_underreplicatedpartitions", NONE,
        Jmx("kafka.server:type=ReplicaManager,name=UnderReplicatedPartitions"),
        "Partitions of which some replica has not everything.",
        |facts, to| to.only(facts.count_partitions(|_, _, it| is_under_replicated(it)))),
    gauge("kafka_controller_kafkacontroller_activecontrollercount", NONE,
        Jmx("kafka.controller:type=KafkaController,name=ActiveControllerCount"),
        "1 when this node is the controller, or else 0.",
        |facts, to| to.only(u8::from(facts.image.controller_id() == facts.node_id))),
    gauge("kafka_controller_kafkacontroller_activebrokercount", NONE,
        Jmx("kafka.controller:type=KafkaController,name=ActiveBrokerCount"),
        "Brokers that are registered and not fenced.",
        |facts, to| to.only(facts.image.brokers().filter(|broker| !broker.fenced).count())),
    gauge("kafka_controller_kafkacontroller_fencedbrokercount", NONE,
        Jmx("kafka.controller:type=KafkaController,name=FencedBrokerCount"),
        "Brokers that are registered and fenced.",
        |facts, to| to.only(facts.image.brokers().filter(|broker| broker.fenced).count())),
    gauge("kafka_controller_kafkacontroller_globaltopiccount", NONE,
        Jmx("kafka.controller:type=KafkaController,name=GlobalTopicCount"),
        "Topics of the cluster, internal ones included.",
        |facts, to| to.only(facts.image.topics().len())),
    gauge("kafka_controller_kafkacontroller_globalpartitioncount", NONE,
        Jmx("kafka.controller:type=KafkaController,name=GlobalPartitionCount"),
        "Partitions of the cluster.",
        |facts, to| to.only(facts.all_partitions().count())),
    gauge("kafka_controller_kafkacontroller_offlinepartitionscount", NONE,
        Jmx("kafka.controller:type=KafkaController,name=OfflinePartitionsCount"),
        "Partitions that nobody leads.",
        |facts, to| to.only(facts.count_partitions(|topic, number, it| facts.leader(topic, number, it).is_none()))),
    gauge("kestrel_metadata_last_offset", NONE, Kestrel,
        "Offset of the last record of the metadata log that has taken effect.",
        |facts, to| to.only(facts.image.last_offset())),
    gauge("kestrel_consumer_groups", &["state"], Kestrel,
        "Groups that are loaded, by state.",
        |facts, to| facts.counted.groups.by_state.iter().for_each(|(state, count)| to.add(&[state], count))),
    gauge("kestrel_transactional_ids", &["state"], Kestrel,
        "Transactional ids that are loaded, by the state of their last transaction.",
        |facts, to| facts.transactional_ids.iter().for_each(|(state, count)| to.add(&[state], count))),

    gauge("kestrel_client_instances", NONE, Kestrel,
        "Clients that have asked which metrics to push, and were heard of in the last minute or in three push intervals.",
        |facts, to| to.only(facts.clients.instances)),
    gauge("kestrel_client_info", CLIENT, Kestrel,
        "1 for each of these clients that has pushed metrics, with what it says of itself.",
        |facts, to| clients(facts, |id, it|
            to.add(&[&id, &it.client_id, &it.software_name, &it.software_version, &it.address, &it.attributes], 1))),
    gauge("kestrel_client_value", CLIENT_SERIES, Kestrel,
        "Gauges that clients have pushed, as they told them last.",
        |facts, to| client_series(facts, to, Value::gauge)),
    counter("kestrel_client_sum_total", CLIENT_SERIES, Kestrel,
        "Sums that clients have pushed, since the broker first heard of each.",
        |facts, to| client_series(facts, to, Value::counter)),
    counter("kestrel_client_points_left_out_total", NONE, Kestrel,
        "Points that clients have pushed and that are not kept: beyond 1000 series of one client or 20000 of all, too long, or histograms.",
        |facts, to| to.only(facts.clients.left_out)),
    counter("process_cpu_seconds_total", NONE, Process,
        "Time that the process has had the processors, in seconds.",
        |facts, to| process(facts, |it| to.only(it.cpu_seconds))),
    gauge("process_open_fds", NONE, Process,
        "Files and connections that the process has open.",
        |facts, to| process(facts, |it| to.only(it.open_files))),
    gauge("process_max_fds", NONE, Process,
        "How many of them it may have.",
        |facts, to| process(facts, |it| it.max_files.into_iter().for_each(|most| to.only(most)))),
    gauge("process_resident_memory_bytes", NONE, Process,
        "Memory that the process has.",
        |facts, to| process(facts, |it| to.only(it.resident_bytes))),
    gauge("process_virtual_memory_bytes", NONE, Process,
        "Addresses that the process has.",
        |facts, to| process(facts, |it| to.only(it.virtual_bytes))),
    gauge("process_start_time_seconds", NONE, Process,
        "When the process was started, in seconds since 1970.",
        |facts, to| process(facts, |it| to.only(it.started_at))),
    gauge("kestrel_build_info", &["version", "cluster_id"], Kestrel,
        "1, with the version of the broker and the id of its cluster.",
        |facts, to| to.add(&[&env!("CARGO_PKG_VERSION"), facts.image.cluster_id()], 1)),
    gauge("kestrel_metrics_omitted_samples", &["metric"], Kestrel,
        "Samples of a metric that were left out of this answer, since it has more than 20000.",
        |_, to| to.add_omitted()),
];

const fn counter(
    name: &'static str,
    labels: Labels,
    origin: Origin,
    help: &'static str,
    samples: Write,
) -> Metric {
    Metric { name, kind: Kind::Counter, labels, origin, detail: Detail::Topics, help, samples }
}

const fn gauge(
    name: &'static str,
    labels: Labels,
    origin: Origin,
    help: &'static str,
    samples: Write,
) -> Metric {
    Metric { name, kind: Kind::Gauge, labels, origin, detail: Detail::Topics, help, samples }
}

const fn histogram(
    name: &'static str,
    labels: Labels,
    origin: Origin,
    help: &'static str,
    samples: Write,
) -> Metric {
    Metric { name, kind: Kind::Histogram, labels, origin, detail: Detail::Topics, help, samples }
}

impl Metric {
    /// It is told of each partition, when that is asked for.
    const fn per_partition(self) -> Self {
        Self { detail: Detail::Partitions, ..self }
    }
}
