//! `kestrel topics describe`.

use std::collections::HashMap;
use std::sync::Arc;

use clap::Args;
use kestrel_client::admin::{
    ConfigEntry, ConfigResource, ConfigSource, OffsetSpec, PartitionDescription, TopicDescription,
};
use kestrel_client::{Admin, IsolationLevel, NodeId, TopicPartition};

use super::sizes::Sizes;
use crate::commands::configs::entries_table;
use crate::failure::Failure;
use crate::output::{Cell, Outcomes, Page, Table};
use crate::session::Session;

/// Shows topics with their partitions, offsets and configurations.
#[derive(Debug, Args)]
pub(crate) struct DescribeTopics {
    /// The topics [default: all but Kafka's own]
    #[arg(value_name = "TOPIC")]
    pub(crate) topics: Vec<String>,
    /// All configurations, and not only those that were set on the topic
    #[arg(long)]
    pub(crate) all_configs: bool,
    /// Only partitions that are short of replicas
    #[arg(long)]
    pub(crate) under_replicated: bool,
    /// Only partitions that have no leader
    #[arg(long)]
    pub(crate) unavailable: bool,
}

impl DescribeTopics {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let admin = session.admin().await?;
        let mut names: Vec<Arc<str>> = self.topics.iter().map(|name| Arc::from(&**name)).collect();
        if names.is_empty() {
            let all = admin.list_topics().await?;
            names = all.into_iter().filter(|topic| !topic.is_internal).map(|topic| topic.name).collect();
        }
        let mut outcomes = Outcomes::of_reading("topic");
        let mut topics = Vec::new();
        for (name, described) in admin.describe_topics(&names).await {
            topics.extend(outcomes.note(name, described));
        }
        if self.under_replicated || self.unavailable {
            topics.iter_mut().for_each(|topic| topic.partitions.retain(|partition| self.is_meant(partition)));
            topics.retain(|topic| !topic.partitions.is_empty());
        }
        let ends = LogEnds::of(&admin, &topics).await;
        let sizes = Sizes::of(&admin, &topics).await;
        let configs = self.configs(&admin, &topics).await;
        let pages: Vec<_> = topics
            .iter()
            .map(|topic| page(topic, &ends, &sizes, configs.get(&topic.name).map_or(&[], Vec::as_slice)))
            .collect();
        session.output().pages(&pages)?;
        session.output().outcomes(&outcomes)
    }

    fn is_meant(&self, partition: &PartitionDescription) -> bool {
        (self.under_replicated && is_under_replicated(partition))
            || (self.unavailable && partition.leader.is_none())
    }

    /// The configurations of topics, as far as the caller may see them.
    async fn configs(
        &self,
        admin: &Admin,
        topics: &[TopicDescription],
    ) -> HashMap<Arc<str>, Vec<ConfigEntry>> {
        let resources = topics.iter().map(|topic| ConfigResource::topic(&topic.name));
        let described = admin.describe_configs(resources).await.into_iter();
        described
            .filter_map(|(resource, entries)| match (resource, entries) {
                (ConfigResource::Topic(name), Ok(mut entries)) => {
                    entries.retain(|entry| self.all_configs || entry.source == ConfigSource::Topic);
                    Some((name, entries))
                }
                _ => None,
            })
            .collect()
    }
}

/// Where the logs of partitions begin and end, as far as the caller may know.
struct LogEnds(HashMap<(TopicPartition, bool), i64>);

impl LogEnds {
    async fn of(admin: &Admin, topics: &[TopicDescription]) -> Self {
        let partitions = topics.iter().flat_map(|topic| {
            let led = topic.partitions.iter().filter(|partition| partition.leader.is_some());
            led.map(|partition| TopicPartition::new(&topic.name, partition.partition))
        });
        let partitions: Vec<_> = partitions.collect();
        let mut ends = HashMap::new();
        for (is_end, spec) in [(false, OffsetSpec::Earliest), (true, OffsetSpec::Latest)] {
            let specs = partitions.iter().map(|partition| (partition, spec));
            for (partition, listed) in admin.list_offsets(specs, IsolationLevel::ReadUncommitted).await {
                let offset = listed.ok().and_then(|listed| listed.offset);
                ends.extend(offset.map(|offset| ((partition, is_end), offset)));
            }
        }
        Self(ends)
    }

    fn start(&self, partition: &TopicPartition) -> Option<i64> {
        self.0.get(&(partition.clone(), false)).copied()
    }

    fn end(&self, partition: &TopicPartition) -> Option<i64> {
        self.0.get(&(partition.clone(), true)).copied()
    }
}

fn page(topic: &TopicDescription, ends: &LogEnds, sizes: &Sizes, configs: &[ConfigEntry]) -> Page {
    let mut table = Table::new([
        "partition",
        "leader",
        "replicas",
        "in_sync",
        "start_offset",
        "end_offset",
        "records",
        "size",
    ]);
    let (mut records, mut bytes) = (Some(0), Some(0));
    for partition in &topic.partitions {
        let at = TopicPartition::new(&topic.name, partition.partition);
        let (start, end) = (ends.start(&at), ends.end(&at));
        let held = start.zip(end).map(|(start, end)| end - start);
        let size = sizes.at(&at, partition.leader);
        records = records.zip(held).map(|(total, held)| total + held);
        bytes = bytes.zip(size).map(|(total, size)| total + size);
        table.row([
            partition.partition.into(),
            Cell::from(partition.leader.map(|node| node.0)).alarming_if(partition.leader.is_none()),
            nodes(&partition.replicas),
            nodes(&partition.isr).alarming_if(is_under_replicated(partition)),
            start.into(),
            end.into(),
            held.into(),
            size.map_or(Cell::Missing, Cell::Bytes),
        ]);
    }
    Page::new()
        .field("topic", &*topic.name)
        .field("id", topic.id.to_string())
        .field("partitions", topic.partitions.len())
        .field("replication_factor", topic.partitions.iter().map(|p| p.replicas.len()).max())
        .field("internal", topic.is_internal)
        .field("records", records)
        .field("size", bytes.map_or(Cell::Missing, Cell::Bytes))
        .table("partition_list", table)
        .table("configs", entries_table(configs))
}

fn nodes(nodes: &[NodeId]) -> Cell {
    Cell::list(nodes.iter().map(|node| node.0))
}

fn is_under_replicated(partition: &PartitionDescription) -> bool {
    partition.isr.len() < partition.replicas.len()
}
