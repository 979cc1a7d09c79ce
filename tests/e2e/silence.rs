//! Nothing waits in silence: what keeps a consumer from reading is an item of its stream, with what may help.

use bytes::Bytes;
use kestrel_broker::{Broker, BrokerBuilder, Durability};
use kestrel_client::admin::NewTopic;
use kestrel_client::{
    AutoOffsetReset, Client, CommitPolicy, Consumer, Error, ErrorCode, Record, Source, TopicPartition,
};
use kestrel_tests::{TestBroker, unique};

use crate::groups::{PATIENCE, member, next, produce, topic_with};

/// The next error of the stream; records before it are skipped.
async fn next_error<S: Source>(consumer: &mut Consumer<Bytes, Bytes, S>) -> Error {
    let error = async {
        loop {
            if let Err(error) = consumer.next().await.expect("the stream goes on") {
                return error;
            }
        }
    };
    tokio::time::timeout(PATIENCE, error).await.expect("somebody says what is wrong")
}

/// A broker on a folder of its own.
async fn on(folder: &std::path::Path, configure: impl FnOnce(BrokerBuilder) -> BrokerBuilder) -> Broker {
    let builder = Broker::builder().data_dir(folder).listen("127.0.0.1:0").durability(Durability::Os);
    configure(builder).start().await.unwrap()
}

/// The bootstrap server answers, and what it advertises does not: the fault of every first container.
#[tokio::test]
async fn an_advertised_address_that_does_not_answer_is_named() {
    let folder = std::env::temp_dir().join(unique("silence"));
    let broker = on(&folder, |builder| builder).await;
    let client = Client::builder(broker.bootstrap_servers()).connect().await.unwrap();
    let topic = topic_with(&client, 1).await;
    drop(client);
    broker.stop().await.unwrap();
    for (advertised, host) in [("127.0.0.1:1", "127.0.0.1:1"), ("no.such.host.invalid:9092", "no.such.host")]
    {
        let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let broker = on(&folder, |builder| builder.listen(address.as_str()).advertise(advertised)).await;
        let client = Client::builder(address.as_str()).connect().await.unwrap();
        let mut reader =
            client.assigned_consumer::<Bytes, Bytes>().assign([(topic.as_str(), 0)]).build().await.unwrap();
        let mut member = member(&client, &unique("group"), &topic).build().await.unwrap();
        let (stalled, silent) = tokio::join!(next_error(&mut reader), next_error(&mut member));
        let Error::Stalled(stall) = &stalled else { panic!("{stalled}") };
        assert_eq!((&*stall.topic, stall.partition), (topic.as_str(), 0));
        let text = format!("{stalled:#}");
        assert!(
            stalled.is_retriable() && text.contains(host) && text.contains("advertised.listeners"),
            "{text}"
        );
        let text = format!("{silent:#}");
        assert!(silent.is_retriable() && text.contains(host), "{text}");
        // It is said again.
        assert!(matches!(next_error(&mut reader).await, Error::Stalled(_)));
        drop((reader, member, client));
        broker.stop().await.unwrap();
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn an_answer_that_is_too_large_names_its_setting() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let topic = topic_with(&client, 1).await;
    let producer = client.producer().build().await.unwrap();
    let large = Record::to(topic.as_str()).partition(0).value(vec![7; 200 * 1024]);
    producer.send(large).await.unwrap().await.unwrap();
    let small = Client::builder(broker.bootstrap_servers()).receive_message_max_bytes(64 * 1024);
    let small = small.connect().await.unwrap();
    let reader = small.assigned_consumer::<Bytes, Bytes>().assign([(topic.as_str(), 0)]);
    let mut reader = reader.auto_offset_reset(AutoOffsetReset::Earliest).build().await.unwrap();
    let error = next_error(&mut reader).await;
    assert!(matches!(error, Error::Stalled(_)) && error.is_retriable(), "{error}");
    assert!(format!("{error:#}").contains("receive.message.max.bytes"), "{error:#}");
}

#[tokio::test]
async fn a_group_says_which_topic_is_missing() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let (there, missing) = (topic_with(&client, 1).await, unique("missing"));
    let mut consumer =
        member(&client, &unique("group"), &there).topics([missing.as_str()]).build().await.unwrap();
    for _ in 0..2 {
        let error = next_error(&mut consumer).await;
        let Error::UnknownTopic { topic, .. } = &error else { panic!("{error}") };
        assert_eq!(**topic, *missing);
    }
    // What is there is read meanwhile, and what is missing when it comes.
    produce(&client, &there, 1, 0..1).await;
    assert_eq!(*next(&mut consumer).await.topic, *there);
    let new = NewTopic::new(missing.as_str()).partitions(1).replication_factor(1);
    client.admin().create_topics([new]).await.into_result().unwrap();
    produce(&client, &missing, 1, 0..1).await;
    let come = async {
        loop {
            match consumer.next().await.unwrap() {
                Ok(record) => return record,
                Err(error) => assert!(matches!(error, Error::UnknownTopic { .. }), "{error}"),
            }
        }
    };
    assert_eq!(*tokio::time::timeout(PATIENCE, come).await.unwrap().topic, *missing);
    consumer.close().await.unwrap();

    let impossible = member(&client, &unique("group"), "not a name");
    let mut impossible = impossible.build().await.unwrap();
    assert_eq!(next_error(&mut impossible).await.code(), Some(ErrorCode::InvalidTopic));
    impossible.close().await.unwrap();
}

#[tokio::test]
async fn an_ack_that_is_forgotten_is_named() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let (topic, group) = (topic_with(&client, 1).await, unique("group"));
    produce(&client, &topic, 1, 0..20).await;
    let on_ack = member(&client, &group, &topic).commit_policy(CommitPolicy::OnAck).max_open_records(5);
    let mut consumer = on_ack.build().await.unwrap();
    let mut forgotten = None;
    for number in 0..6 {
        let record = next(&mut consumer).await;
        match number {
            1 => forgotten = record.ack_token(),
            _ => record.ack(),
        }
    }
    let error = next_error(&mut consumer).await;
    let Error::Stalled(stall) = &error else { panic!("{error}") };
    assert_eq!((&*stall.topic, stall.partition), (topic.as_str(), 0));
    assert!(stall.waits_for.contains("offset 1 ") && stall.waits_for.contains("max.open.records"), "{error}");
    forgotten.unwrap().ack();
    assert_eq!(next(&mut consumer).await.offset, 6);
    let partition = TopicPartition::new(topic.as_str(), 0);
    consumer.commit().await.unwrap();
    assert_eq!(consumer.committed([&partition]).await.unwrap()[&partition].as_ref().unwrap().offset, 6);
    consumer.close().await.unwrap();
}
