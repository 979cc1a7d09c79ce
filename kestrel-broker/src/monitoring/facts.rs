//! Facts: what all rooms say at one moment, as plain values. The table makes samples of them and asks nobody else.

use std::collections::BTreeMap;
use std::sync::Arc;

use kestrel_protocol::NodeId;

use super::lag::{TopicLag, lags};
use super::process::ProcessFacts;
use super::samples::MOST_SAMPLES;
use crate::api::State;
use crate::cluster::{ClusterImage, PartitionImage, TopicImage};
use crate::coordinator::GroupStanding;
use crate::metrics::Metrics;
use crate::partition::{OfflinePartitions, PartitionStanding};
use crate::telemetry::ClientView;

/// What is true of a broker at one moment; what is of different rooms may be some milliseconds apart.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) node_id: NodeId,
    /// The address by which clients know this broker: that of its first listener.
    pub(super) address: String,
    pub(super) counted: Metrics,
    pub(super) image: Arc<ClusterImage>,
    pub(super) offline: Arc<OfflinePartitions>,
    /// Those that are online, by topic and number.
    pub(super) partitions: Vec<PartitionStanding>,
    /// By id.
    pub(super) groups: Vec<GroupStanding>,
    /// By group and topic.
    pub(super) lags: Vec<TopicLag>,
    /// How many transactional ids there are, by their state.
    pub(super) transactional_ids: BTreeMap<&'static str, u64>,
    /// What clients have told of themselves.
    pub(super) clients: ClientView,
    /// Whether the data folder is out of service.
    pub(super) is_poisoned: bool,
    /// None where the system does not say.
    pub(super) process: Option<ProcessFacts>,
}

impl Facts {
    /// Asks all rooms. Blocks: the times of records are read from the disk.
    pub(super) fn gather(state: &State) -> Self {
        let image = state.cluster.image();
        let (groups, partitions) = (state.groups.standings(), state.replicas.standings());
        let mut left = MOST_SAMPLES;
        let time_of = |topic: &str, partition, offset| {
            left = left.checked_sub(1)?;
            state.replicas.get(topic, partition).ok()?.time_of(offset).ok()?
        };
        let count = |topic: &str| i32::try_from(image.topic(topic)?.partitions.len()).ok();
        let lags = lags(&groups, &partitions, count, state.clock.wall(), time_of);
        let first = state.config.listeners.first();
        Self {
            node_id: state.config.node_id,
            address: first.map(|listener| listener.advertised().to_string()).unwrap_or_default(),
            counted: state.metrics(),
            offline: state.replicas.offline(),
            partitions,
            groups,
            lags,
            transactional_ids: state.transactions.by_state(),
            clients: state.telemetry.view(state.clock.now()),
            is_poisoned: state.replicas.is_poisoned(),
            process: ProcessFacts::gather(),
            image,
        }
    }

    /// All partitions of the metadata.
    pub(super) fn all_partitions(&self) -> impl Iterator<Item = (&TopicImage, i32, &PartitionImage)> {
        let of =
            |topic| TopicImage::numbered(topic).map(move |(number, partition)| (topic, number, partition));
        self.image.topics().map(|topic| &**topic).flat_map(of)
    }

    /// The leader of a partition; none where nobody leads it, or its log is not open here.
    pub(super) fn leader(
        &self,
        topic: &TopicImage,
        number: i32,
        partition: &PartitionImage,
    ) -> Option<NodeId> {
        let is_led = partition.leader != NodeId::NONE && !self.offline.contains(topic.id, number);
        is_led.then_some(partition.leader)
    }

    /// How many partitions of the metadata are so.
    pub(super) fn count_partitions(
        &self,
        is_so: impl Fn(&TopicImage, i32, &PartitionImage) -> bool,
    ) -> usize {
        self.all_partitions().filter(|(topic, number, partition)| is_so(topic, *number, partition)).count()
    }
}
