//! Each: the samples of what a broker has many of, topics and partitions and groups. The rows of the table say which value.

use std::fmt::Display;

use super::facts::Facts;
use super::lag::{PartitionLag, TopicLag};
use super::process::ProcessFacts;
use super::samples::{Number, Samples};
use crate::cluster::{PartitionImage, TopicImage};
use crate::metrics::{ApiMetrics, ListenerMetrics, ThrottleMetrics, TopicMetrics};
use crate::partition::PartitionStanding;
use crate::telemetry::{Told, Value};

/// Of each topic with a partition that is online, as it was counted.
pub(super) fn topics(facts: &Facts, to: &mut Samples<'_>, value: fn(&TopicMetrics) -> u64) {
    facts.counted.topics.iter().for_each(|(name, topic)| to.add(&[name], value(topic)));
}

/// Of the partitions of each topic that are online, added up.
pub(super) fn sums(facts: &Facts, to: &mut Samples<'_>, value: fn(&PartitionStanding) -> i64) {
    for of_topic in facts.partitions.chunk_by(|a, b| a.topic == b.topic) {
        let topic = of_topic.first().map(|first| &first.topic).expect("a chunk has one at least");
        to.add(&[topic], of_topic.iter().map(value).sum::<i64>());
    }
}

/// Of each partition that is online.
pub(super) fn partitions(facts: &Facts, to: &mut Samples<'_>, value: fn(&PartitionStanding) -> i64) {
    facts.partitions.iter().for_each(|it| to.add(&[&it.topic, &it.index], value(it)));
}

/// Of each partition of the metadata that has a value.
pub(super) fn metadata(
    facts: &Facts,
    to: &mut Samples<'_>,
    value: impl Fn(&TopicImage, i32, &PartitionImage) -> Option<i64>,
) {
    for (topic, number, partition) in facts.all_partitions() {
        if let Some(value) = value(topic, number, partition) {
            to.add(&[&topic.name, &number], value);
        }
    }
}

/// Whether some replica has not everything.
pub(super) fn is_under_replicated(partition: &PartitionImage) -> bool {
    partition.isr.len() < partition.replicas.len()
}

/// Of each partition of which a group has a value.
pub(super) fn lags<V: Display>(facts: &Facts, to: &mut Samples<'_>, value: fn(&PartitionLag) -> Option<V>) {
    for TopicLag { group, topic, partitions } in &facts.lags {
        for lag in partitions {
            if let Some(value) = value(lag) {
                to.add(&[group, topic, &lag.partition], value);
            }
        }
    }
}

/// Of each topic of which a group has a value.
pub(super) fn topic_lags<V: Display>(facts: &Facts, to: &mut Samples<'_>, value: fn(&TopicLag) -> Option<V>) {
    for lag in &facts.lags {
        if let Some(value) = value(lag) {
            to.add(&[&lag.group, &lag.topic], value);
        }
    }
}

/// The APIs that somebody has called, by their names.
pub(super) fn requests(facts: &Facts) -> impl Iterator<Item = (String, &ApiMetrics)> {
    let called = facts.counted.apis.iter().filter(|(_, it)| it.count() > 0);
    called.map(|(api, it)| (api.to_string(), it))
}

/// Of each listener.
pub(super) fn listeners(facts: &Facts, to: &mut Samples<'_>, value: fn(&ListenerMetrics) -> u64) {
    facts.counted.listeners.iter().for_each(|(name, listener)| to.add(&[name], value(listener)));
}

/// Each kind of quota, by the name of its key.
pub(super) fn quotas(facts: &Facts, mut write: impl FnMut(&'static str, &ThrottleMetrics)) {
    let quotas = &facts.counted.quotas;
    write("producer_byte_rate", &quotas.produce);
    write("consumer_byte_rate", &quotas.fetch);
    write("request_percentage", &quotas.request);
    write("controller_mutation_rate", &quotas.controller_mutation);
}

/// Of each client that has pushed metrics, with the text of its id.
pub(super) fn clients(facts: &Facts, mut write: impl FnMut(&str, &Told)) {
    facts.clients.told.iter().for_each(|(id, told)| write(&id.to_string(), told));
}

/// Of each series of each client that has a value of the kind.
pub(super) fn client_series(facts: &Facts, to: &mut Samples<'_>, value: fn(Value) -> Option<f64>) {
    clients(facts, |id, told| {
        for ((metric, attributes), told_last) in &told.series {
            if let Some(value) = value(*told_last) {
                to.add(&[&id, &told.client_id, metric, attributes], Number(value));
            }
        }
    });
}

/// What the system says of the process, if it says anything.
pub(super) fn process(facts: &Facts, write: impl FnMut(&ProcessFacts)) {
    facts.process.iter().for_each(write);
}
