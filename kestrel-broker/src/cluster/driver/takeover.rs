//! The start of the controller: the metadata is rebuilt, this broker registered, and what it was started with written down. Blocks.

use std::collections::BTreeSet;

use kestrel_protocol::TopicId;

use super::{append, random_uuid};
use crate::cluster::ClusterOptions;
use crate::cluster::controller::{Controller, Registration};
use crate::cluster::metadata_log::{MetadataError, MetadataLog};
use crate::cluster::records::{MetadataRecord, RegisteredEndpoint};
use crate::cluster::topic_name::CLUSTER_METADATA_TOPIC;
use crate::config::Listener;
use crate::log::{FoundPartition, LogManager};

/// Opens the metadata log, replays it and appends what a broker appends that starts; with how many bytes of it are in no
/// snapshot.
pub(super) fn take_over(
    mut controller: Controller,
    options: &ClusterOptions,
) -> Result<(Controller, MetadataLog, u64), MetadataError> {
    let mut log =
        MetadataLog::open(&options.logs, &options.config, options.durability, options.clock.wall())?;
    let bytes_before = log.size_bytes();
    controller.watch_topics(options.logs.found_partitions().iter().filter_map(|found| found.topic_id));
    let replayed_bytes = log.replay_into(&mut controller)?;
    log.announce_leader(options.clock.wall())?;
    if controller.image().features().is_empty() {
        let values = log.bootstrap(options.clock.wall())?;
        let appended = log.append(&values, options.clock.wall())?;
        for (offset, value) in (appended.base_offset..).zip(values) {
            let record = MetadataRecord::decode(value).map_err(|error| log.unsupported(error.to_string()))?;
            controller.replay(record, offset).map_err(|error| log.unsupported(error.to_string()))?;
        }
    }
    controller.image().features().check_supported().map_err(|why| log.unsupported(why))?;
    let records = controller.register(registration(options), log.end_offset());
    append(&mut controller, &mut log, &records, &options.clock)
        .map_err(|error| log.unsupported(error.message))?;
    let records = controller
        .provide(options.provisions.clone(), &mut random_uuid)
        .map_err(|error| log.unsupported(error.message))?;
    append(&mut controller, &mut log, &records, &options.clock)
        .map_err(|error| log.unsupported(error.message))?;
    clear_strays(&controller, options)?;
    controller.watch_topics([]);
    let appended_bytes = log.size_bytes().saturating_sub(bytes_before);
    Ok((controller, log, replayed_bytes + appended_bytes))
}

fn registration(options: &ClusterOptions) -> Registration {
    Registration {
        incarnation_id: random_uuid(),
        endpoints: options.config.listeners.iter().map(registered).collect(),
        rack: options.config.rack.as_deref().map(Into::into),
        log_dir: options.logs.directory_id(),
        after_clean_stop: options.logs.was_clean_shutdown(),
        found: found_replicas(&options.logs),
    }
}

/// The partitions whose folders are here.
fn found_replicas(logs: &LogManager) -> BTreeSet<(TopicId, i32)> {
    let found = logs.found_partitions().iter();
    found.filter_map(|found| Some((found.topic_id?, found.partition))).collect()
}

/// A listener as the metadata has it.
fn registered(listener: &Listener) -> RegisteredEndpoint {
    let endpoint = listener.advertised();
    RegisteredEndpoint {
        name: listener.name.as_str().into(),
        host: endpoint.host.as_str().into(),
        port: endpoint.port,
        security_protocol: listener.protocol.id(),
    }
}

/// Moves folders out of the way that belong to no partition of this broker: those of a topic that was deleted just before
/// a crash, or not yet created, are deleted; those that nobody knows are kept under another name.
fn clear_strays(controller: &Controller, options: &ClusterOptions) -> Result<(), MetadataError> {
    let image = controller.image();
    let is_ours = |found: &FoundPartition| {
        let topic = image.topic(&found.topic).filter(|topic| found.topic_id.is_none_or(|id| id == topic.id));
        let partition = topic.and_then(|topic| topic.partition(found.partition));
        partition.is_some_and(|partition| partition.replicas.contains(&options.config.node_id))
    };
    let found = options.logs.found_partitions().iter().filter(|found| found.topic != CLUSTER_METADATA_TOPIC);
    for stray in found.filter(|found| !is_ours(found)) {
        let is_deleted = stray.topic_id.is_some_and(|id| controller.has_removed(id));
        if is_deleted || !options.logs.holds_anything(&stray.topic, stray.partition)? {
            tracing::info!("partition {} of topic {} is deleted now", stray.partition, stray.topic);
            options.logs.delete_log(&stray.topic, stray.partition)?;
            continue;
        }
        let aside = options.logs.set_aside(&stray.topic, stray.partition)?;
        tracing::warn!(
            "the metadata knows no partition {} of topic {}{}: its folder is kept as {}",
            stray.partition,
            stray.topic,
            stray.topic_id.map(|id| format!(" with id {id}")).unwrap_or_default(),
            aside.display()
        );
    }
    Ok(())
}
