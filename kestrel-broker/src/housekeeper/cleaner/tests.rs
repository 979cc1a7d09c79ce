//! Compaction over TCP: what clients see of it while they write and read, and what it does to the topic of the groups.

use std::collections::HashMap;

use bytes::Bytes;
use kestrel_protocol::ErrorCode;
use kestrel_protocol::messages::create_topics::{CreatableTopic, CreatableTopicConfig, CreateTopicsRequest};
use kestrel_protocol::messages::delete_groups::DeleteGroupsRequest;
use kestrel_protocol::messages::fetch::RecordData;
use kestrel_protocol::messages::incremental_alter_configs::{
    AlterConfigsResource, AlterableConfig, IncrementalAlterConfigsRequest,
};
use kestrel_protocol::record::{BuilderOptions, ProducerStamp, RecordBatchBuilder, RecordBatches};

use super::*;
use crate::testing::{FIRST_TIMESTAMP, Peer, batch};
use crate::{Broker, Durability};

const TOPIC: i8 = 2;
const BROKER: i8 = 4;

/// A broker that looks for something to clean twenty times a second.
async fn broker(settings: &[(&str, &str)]) -> Broker {
    let mut builder = Broker::builder().ephemeral().durability(Durability::Os);
    for (key, value) in [("log.cleaner.backoff.ms", "50"), ("offsets.topic.num.partitions", "1")] {
        builder = builder.set(key, value);
    }
    for (key, value) in settings {
        builder = builder.set(*key, *value);
    }
    builder.start().await.unwrap()
}

async fn create(peer: &mut Peer, name: &str, configs: &[(&str, &str)]) {
    let config = |(name, value): &(&str, &str)| CreatableTopicConfig {
        name: (*name).to_owned().into(),
        value: Some((*value).to_owned().into()),
    };
    let topic = CreatableTopic {
        name: name.to_owned().into(),
        num_partitions: 1,
        replication_factor: 1,
        configs: configs.iter().map(config).collect(),
        ..Default::default()
    };
    let response = peer.call(&CreateTopicsRequest { topics: vec![topic], ..Default::default() }, 7).await;
    assert_eq!(response.topics[0].error_code, ErrorCode::None);
}

async fn set(peer: &mut Peer, resource_type: i8, name: &str, configs: &[(&str, &str)]) {
    let config = |(name, value): &(&str, &str)| AlterableConfig {
        name: (*name).to_owned().into(),
        config_operation: 0,
        value: Some((*value).to_owned().into()),
    };
    let resource = AlterConfigsResource {
        resource_type,
        resource_name: name.to_owned().into(),
        configs: configs.iter().map(config).collect(),
    };
    let request = IncrementalAlterConfigsRequest { resources: vec![resource], validate_only: false };
    let response = peer.call(&request, 1).await;
    assert_eq!(
        response.responses[0].error_code,
        ErrorCode::None,
        "{:?}",
        response.responses[0].error_message
    );
}

/// Small segments, and any dirt is too much.
const EAGER: [(&str, &str); 3] =
    [("cleanup.policy", "compact"), ("internal.segment.bytes", "600"), ("min.cleanable.dirty.ratio", "0.01")];

fn keyed(entries: &[(&str, Option<&str>)]) -> Bytes {
    let mut builder = RecordBatchBuilder::new(BuilderOptions::default(), 1 << 20);
    for (timestamp, (key, value)) in (FIRST_TIMESTAMP..).zip(entries) {
        builder.append(timestamp, Some(key.as_bytes()), value.map(str::as_bytes), []).unwrap();
    }
    builder.build(ProducerStamp::NONE).into_bytes()
}

/// Everything from an offset on: offset, key and value.
async fn read_from(peer: &mut Peer, topic: &str, mut offset: i64) -> Vec<(i64, String, Option<String>)> {
    let mut all = Vec::new();
    let text = |bytes: Bytes| String::from_utf8(bytes.to_vec()).unwrap();
    loop {
        let read = peer.fetch(topic, offset).await;
        assert_eq!(read.error_code, ErrorCode::None);
        let records = read.records.and_then(RecordData::into_bytes).unwrap_or_default();
        let begins_at = offset;
        for batch in RecordBatches::new(records) {
            let batch = batch.unwrap();
            for record in batch.records(1 << 20).unwrap() {
                let record = record.unwrap();
                if record.offset >= begins_at {
                    all.push((record.offset, text(record.key.unwrap()), record.value.map(text)));
                }
            }
            offset = batch.header().next_offset();
        }
        if offset == begins_at {
            return all;
        }
    }
}

/// Asks until the answer will do.
async fn eventually<T>(mut ask: impl AsyncFnMut() -> Result<T, String>) -> T {
    let mut last = String::new();
    let asking = async {
        loop {
            match ask().await {
                Ok(answer) => return answer,
                Err(why) => last = why,
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    match tokio::time::timeout(Duration::from_secs(60), asking).await {
        Ok(answer) => answer,
        Err(_) => panic!("in vain: {last}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_is_compacted_while_it_is_written_and_read() {
    const KEYS: usize = 5;
    const ROUNDS: usize = 400;
    let broker = broker(&[]).await;
    let mut peer = Peer::of(&broker).await;
    create(&mut peer, "t", &EAGER).await;
    let refused = peer.produce("t", batch(&["no key"])).await;
    assert_eq!(refused.error_code, ErrorCode::InvalidRecord);

    let write = async {
        let mut peer = Peer::of(&broker).await;
        for round in 0..ROUNDS {
            let keys: Vec<String> = (0..KEYS).map(|key| key.to_string()).collect();
            let value = format!("{round:04}");
            let entries: Vec<_> = keys.iter().map(|key| (key.as_str(), Some(value.as_str()))).collect();
            assert_eq!(peer.produce("t", keyed(&entries)).await.error_code, ErrorCode::None);
        }
    };
    // A reader who began at the start sees each key's values ascend, whatever goes missing before it.
    let read = async {
        let mut peer = Peer::of(&broker).await;
        let (mut offset, mut values) = (0, HashMap::new());
        let last = format!("{:04}", ROUNDS - 1);
        while values.len() < KEYS || values.values().any(|value| *value != last) {
            for (at, key, value) in read_from(&mut peer, "t", offset).await {
                assert!(at >= offset);
                offset = at + 1;
                let value = value.unwrap();
                let before = values.insert(key, value.clone());
                assert!(before.is_none_or(|before| before < value));
            }
        }
    };
    tokio::join!(write, read);

    let offset = i64::try_from(KEYS * ROUNDS).unwrap();
    let left = eventually(async || {
        let left = read_from(&mut peer, "t", 0).await;
        if left.len() < 40 { Ok(left) } else { Err(format!("{} records", left.len())) }
    })
    .await;
    assert_eq!(left.last().unwrap().0, offset - 1);
    broker.restart().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    let after = read_from(&mut peer, "t", 0).await;
    assert_eq!(after.last(), left.last());
    assert_eq!(peer.produce("t", keyed(&[("a", None)])).await.base_offset, offset);
}

#[tokio::test]
async fn settings_take_effect_while_it_runs() {
    let broker = broker(&[("log.cleaner.threads", "0")]).await;
    let mut peer = Peer::of(&broker).await;
    create(&mut peer, "t", &[EAGER[1], EAGER[2]]).await;
    for _ in 0..20 {
        peer.produce("t", keyed(&[("a", Some("1")), ("b", Some("2"))])).await;
    }
    set(&mut peer, TOPIC, "t", &[EAGER[0]]).await;
    assert_eq!(read_from(&mut peer, "t", 0).await.len(), 40, "it is switched off");
    set(&mut peer, BROKER, "1", &[("log.cleaner.threads", "1"), ("log.cleaner.backoff.ms", "60")]).await;
    eventually(async || match read_from(&mut peer, "t", 0).await.len() {
        count if count < 20 => Ok(()),
        count => Err(format!("{count} records")),
    })
    .await;
}

#[tokio::test]
async fn a_disabled_cleaner_cleans_nothing() {
    let broker = broker(&[("log.cleaner.enable", "false")]).await;
    let mut peer = Peer::of(&broker).await;
    create(&mut peer, "t", &EAGER).await;
    for _ in 0..20 {
        peer.produce("t", keyed(&[("a", Some("1"))])).await;
    }
    broker.restart().await.unwrap();
    assert_eq!(read_from(&mut Peer::of(&broker).await, "t", 0).await.len(), 20);
}

#[tokio::test]
async fn groups_are_the_same_after_their_topic_was_compacted() {
    let broker = broker(&[]).await;
    let mut peer = Peer::of(&broker).await;
    peer.create_topic("t").await;
    let member = peer.join_alone("kept").await;
    set(&mut peer, TOPIC, "__consumer_offsets", &EAGER).await;
    for group in ["kept", "outside", "deleted"] {
        peer.find_coordinator(group).await;
        for offset in 0..50 {
            let member = (group == "kept").then_some(&member);
            assert_eq!(peer.commit(group, member, "t", offset).await, ErrorCode::None);
        }
    }
    let deletion = DeleteGroupsRequest { groups_names: vec!["deleted".into()] };
    assert_eq!(peer.call(&deletion, 2).await.results[0].error_code, ErrorCode::None);
    // What follows makes new segments, so that all of the above may be cleaned.
    for offset in 50..70 {
        peer.commit("kept", Some(&member), "t", offset).await;
    }
    let logs = || {
        let dir = broker.data_dir().join("__consumer_offsets-0");
        let sizes = std::fs::read_dir(dir).unwrap().filter_map(|entry| {
            let entry = entry.unwrap();
            entry
                .path()
                .extension()
                .is_some_and(|ending| ending == "log")
                .then(|| entry.metadata().map_or(0, |file| file.len()))
        });
        sizes.sum::<u64>()
    };
    eventually(async || match logs() {
        bytes if bytes < 5000 => Ok(()),
        bytes => Err(format!("{bytes} bytes")),
    })
    .await;
    broker.restart().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    for (group, offset) in [("kept", 69), ("outside", 49), ("deleted", -1)] {
        assert_eq!(peer.committed(group, "t").await, offset, "{group}");
    }
    assert_eq!(
        peer.commit("kept", Some(&member), "t", 70).await,
        ErrorCode::None,
        "the member is known still"
    );
}
