//! UnregisterBroker: takes a broker out of the metadata that is gone for good (KIP-631). A folder of several brokers has such.

use kestrel_protocol::{ErrorCode, NodeId, TopicId};

use super::registration::elect;
use super::{Controller, Effects};
use crate::cluster::error::ApiError;
use crate::cluster::image::PartitionImage;
use crate::cluster::records::{
    LEADER_UNCHANGED, MetadataRecord, PartitionChangeRecord, UnregisterBrokerRecord,
};

impl Controller {
    /// Takes a broker out, and out of the replicas in sync.
    pub(crate) fn unregister_broker(&self, broker_id: NodeId) -> Effects<Result<(), ApiError>> {
        let refused =
            |code, message: String| Effects { records: Vec::new(), reply: Err(ApiError::new(code, message)) };
        let Some(broker) = self.image().broker(broker_id) else {
            let message = format!("Broker ID {broker_id} is not currently registered");
            return refused(ErrorCode::BrokerIdNotRegistered, message);
        };
        if broker_id == self.config.node_id {
            let message =
                format!("Broker {broker_id} is running, and alone in its cluster: it stays registered.");
            return refused(ErrorCode::InvalidRequest, message);
        }
        let mut records: Vec<MetadataRecord> = Vec::new();
        for topic in self.image().topics() {
            let in_sync = topic.numbered().filter(|(_, partition)| partition.isr.contains(&broker_id));
            let changes = in_sync.filter_map(|(number, partition)| {
                self.without_broker((topic.id, number), partition, broker_id)
            });
            records.extend(changes.map(MetadataRecord::from));
        }
        records.push(UnregisterBrokerRecord { broker_id, broker_epoch: broker.epoch }.into());
        Effects { records, reply: Ok(()) }
    }

    /// The record with which a broker leaves the replicas in sync. The last one stays, and does not lead: it alone has everything.
    fn without_broker(
        &self,
        (topic_id, partition_id): (TopicId, i32),
        partition: &PartitionImage,
        broker_id: NodeId,
    ) -> Option<PartitionChangeRecord> {
        let isr: Vec<NodeId> = partition.isr.iter().copied().filter(|id| *id != broker_id).collect();
        let (id, was_leader) = (self.config.node_id, partition.leader == broker_id);
        let change = if was_leader && isr.contains(&id) && self.is_here(partition) {
            elect(partition, id)
        } else {
            PartitionChangeRecord {
                leader: if was_leader { NodeId::NONE } else { LEADER_UNCHANGED },
                isr: Some(isr).filter(|isr| !isr.is_empty()),
                ..PartitionChangeRecord::default()
            }
        };
        let changes_something = was_leader || change.isr.is_some();
        changes_something.then_some(PartitionChangeRecord { topic_id, partition_id, ..change })
    }
}
