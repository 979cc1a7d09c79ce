//! `kestrel topics create`.

use clap::Args;
use kestrel_client::NodeId;
use kestrel_client::admin::NewTopic;

use crate::failure::Failure;
use crate::guard::Permit;
use crate::output::Outcomes;
use crate::session::Session;
use crate::values::key_and_value;

/// Creates topics.
#[derive(Debug, Args)]
pub(crate) struct CreateTopics {
    /// The topics
    #[arg(required = true, value_name = "TOPIC")]
    pub(crate) topics: Vec<String>,
    /// How many partitions each has [default: the broker's num.partitions]
    #[arg(long, short = 'p', value_name = "N", value_parser = clap::value_parser!(i32).range(1..))]
    pub(crate) partitions: Option<i32>,
    /// How many replicas each partition has [default: the broker's default.replication.factor]
    #[arg(long, short = 'r', value_name = "N", value_parser = clap::value_parser!(i16).range(1..))]
    pub(crate) replication_factor: Option<i16>,
    /// The brokers of each partition, the preferred leader first: `1:2,2:3` are two partitions
    #[arg(long, value_name = "ID:ID,...", value_parser = assignment, conflicts_with_all = ["partitions", "replication_factor"])]
    pub(crate) replica_assignment: Option<Assignment>,
    /// A configuration of the topic, such as retention.ms=3600000; may be given many times
    #[arg(long, short = 'c', value_name = "KEY=VALUE", value_parser = key_and_value)]
    pub(crate) topic_config: Vec<(String, String)>,
    /// A topic that is there already is no failure
    #[arg(long)]
    pub(crate) if_not_exists: bool,
}

/// The brokers of each partition.
pub(crate) type Assignment = std::sync::Arc<[Vec<NodeId>]>;

/// Reads `1:2,2:3`.
pub(crate) fn assignment(text: &str) -> Result<Assignment, String> {
    let node = |id: &str| id.parse().map(NodeId).map_err(|_| format!("`{id}` is no broker's id"));
    text.split(',').map(|partition| partition.split(':').map(node).collect()).collect()
}

impl CreateTopics {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let permit = session.permit(&format!("create {}", self.topics.join(", "))).await?;
        let admin = session.admin().await?;
        let mut wanted: Vec<_> = self.topics.iter().map(|name| self.new_topic(name)).collect();
        if self.if_not_exists {
            let known = admin.list_topics().await?;
            let is_new = |name: &String| !known.iter().any(|topic| *topic.name == **name);
            wanted =
                self.topics.iter().filter(|name| is_new(name)).map(|name| self.new_topic(name)).collect();
        }
        let created = match permit {
            Permit::Change => admin.create_topics(wanted).await,
            Permit::DryRun => admin.validate_topics(wanted).await,
        };
        session.output().outcomes(&Outcomes::new(permit, "topic", "created").extend(created))
    }

    fn new_topic(&self, name: &str) -> NewTopic {
        let mut topic = NewTopic::new(name);
        if let Some(count) = self.partitions {
            topic = topic.partitions(count);
        }
        if let Some(factor) = self.replication_factor {
            topic = topic.replication_factor(factor);
        }
        if let Some(assignment) = &self.replica_assignment {
            topic = topic.assignments(assignment.iter().cloned());
        }
        self.topic_config.iter().fold(topic, |topic, (key, value)| topic.config(key, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assignments_are_read() {
        let read = assignment("1:2,2:3").unwrap();
        assert_eq!(*read, [vec![NodeId(1), NodeId(2)], vec![NodeId(2), NodeId(3)]]);
        assert!(assignment("1:x").is_err() && assignment("").is_err());
    }
}
