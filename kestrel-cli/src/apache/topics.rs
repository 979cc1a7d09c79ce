//! `kafka-topics`.

use clap::{Args, Parser};

use super::common::Common;
use super::{Actions, ApacheTool, Translation, names, one_action};
use crate::commands::Command;
use crate::commands::topics::{
    AlterTopics, CreateTopics, DeleteTopics, DescribeTopics, ListTopics, TopicsCommand, assignment,
};
use crate::options::GlobalArguments;
use crate::values::key_and_value;

/// Topics, by the options of Apache Kafka's kafka-topics.
#[derive(Debug, Parser)]
pub(super) struct KafkaTopics {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    own: TopicOptions,
}

#[derive(Debug, Args)]
struct TopicOptions {
    /// List the topics
    #[arg(long)]
    list: bool,
    /// Show topics
    #[arg(long)]
    describe: bool,
    /// Create a topic
    #[arg(long)]
    create: bool,
    /// Add partitions to a topic
    #[arg(long)]
    alter: bool,
    /// Delete topics
    #[arg(long)]
    delete: bool,
    /// The topics, separated by commas
    #[arg(long, value_name = "TOPIC")]
    topic: Vec<String>,
    /// How many partitions
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..))]
    partitions: Option<i32>,
    /// How many replicas of each partition
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i16).range(1..))]
    replication_factor: Option<i16>,
    /// The brokers of each partition: `1:2,2:3` are two partitions
    #[arg(long, value_name = "ID:ID,...")]
    replica_assignment: Option<String>,
    /// A configuration of the topic; may be given many times
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_and_value)]
    config: Vec<(String, String)>,
    /// A topic that is there already is no failure
    #[arg(long)]
    if_not_exists: bool,
    /// A topic that is not there is no failure
    #[arg(long)]
    if_exists: bool,
    /// Leave out the topics that Kafka makes for itself
    #[arg(long)]
    exclude_internal: bool,
    /// Only partitions that are short of replicas
    #[arg(long)]
    under_replicated_partitions: bool,
    /// Only partitions that have no leader
    #[arg(long)]
    unavailable_partitions: bool,
}

impl ApacheTool for KafkaTopics {
    fn translate(self) -> (GlobalArguments, Translation) {
        (self.common.into(), self.own.command().map(|command| vec![Command::Topics(command)]))
    }
}

impl TopicOptions {
    fn command(mut self) -> Result<TopicsCommand, String> {
        let actions: Actions<Self, TopicsCommand, 5> = [
            (self.list, |own| Ok(own.list())),
            (self.describe, |own| Ok(own.describe())),
            (self.create, Self::create),
            (self.alter, Self::alter),
            (self.delete, Self::delete),
        ];
        self.topic = names(&self.topic);
        one_action(&actions, "--list, --describe, --create, --alter or --delete")?(self)
    }

    fn list(self) -> TopicsCommand {
        // One name is what the list is narrowed to, as a part of names.
        let part = self.topic.into_iter().next();
        TopicsCommand::List(ListTopics { part, internal: !self.exclude_internal })
    }

    fn describe(self) -> TopicsCommand {
        TopicsCommand::Describe(DescribeTopics {
            topics: self.topic,
            all_configs: false,
            under_replicated: self.under_replicated_partitions,
            unavailable: self.unavailable_partitions,
        })
    }

    fn create(self) -> Result<TopicsCommand, String> {
        Ok(TopicsCommand::Create(CreateTopics {
            partitions: self.partitions,
            replication_factor: self.replication_factor,
            replica_assignment: self.replica_assignment.as_deref().map(assignment).transpose()?,
            topic_config: self.config,
            if_not_exists: self.if_not_exists,
            topics: named(self.topic)?,
        }))
    }

    fn alter(self) -> Result<TopicsCommand, String> {
        let partitions =
            self.partitions.ok_or("--alter wants --partitions; kafka-configs alters configurations")?;
        Ok(TopicsCommand::Alter(AlterTopics { topics: named(self.topic)?, partitions }))
    }

    fn delete(self) -> Result<TopicsCommand, String> {
        Ok(TopicsCommand::Delete(DeleteTopics { if_exists: self.if_exists, topics: named(self.topic)? }))
    }
}

fn named(topics: Vec<String>) -> Result<Vec<String>, String> {
    if topics.is_empty() { Err("--topic is wanted".to_owned()) } else { Ok(topics) }
}

#[cfg(test)]
mod tests {
    use super::super::tests::translated;

    #[test]
    fn actions_are_translated() {
        let line =
            "kafka-topics --bootstrap-server a:1 --create --topic t,u --partitions 3 --config retention.ms=5";
        let create = translated(line).unwrap();
        for part in ["Create", "\"t\"", "\"u\"", "partitions: Some(", "\"retention.ms\""] {
            assert!(create.contains(part), "{part}: {create}");
        }
        assert!(translated("kafka-topics --list").unwrap().contains("internal: true"));
        assert!(
            translated("kafka-topics --describe --under-rep").unwrap().contains("under_replicated: true")
        );
        assert!(translated("kafka-topics --delete").unwrap_err().contains("--topic is wanted"));
        assert!(translated("kafka-topics --alter --topic t").unwrap_err().contains("--partitions"));
    }
}
