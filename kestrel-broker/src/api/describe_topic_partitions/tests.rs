//! DescribeTopicPartitions over TCP: pages, cursors, missing topics.

use kestrel_protocol::messages::describe_topic_partitions::TopicRequest;

use super::*;
use crate::Broker;
use crate::testing::Peer;

async fn broker_with(topics: &[&str]) -> (Broker, Peer) {
    let broker = Broker::builder().ephemeral().num_partitions(3).start().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    for topic in topics {
        peer.create_topic(topic).await;
    }
    (broker, peer)
}

fn request(topics: &[&str], limit: i32) -> DescribeTopicPartitionsRequest {
    let topics = topics.iter().map(|name| TopicRequest { name: (*name).to_owned().into() });
    DescribeTopicPartitionsRequest { topics: topics.collect(), response_partition_limit: limit, cursor: None }
}

/// Topic and partition of each entry.
fn entries(response: &DescribeTopicPartitionsResponse) -> Vec<(String, i32)> {
    let of = |topic: &DescribeTopicPartitionsResponseTopic| {
        let name = topic.name.as_deref().unwrap_or_default().to_owned();
        let numbers: Vec<i32> = topic.partitions.iter().map(|partition| partition.partition_index).collect();
        numbers.into_iter().map(move |number| (name.clone(), number))
    };
    response.topics.iter().flat_map(of).collect()
}

#[tokio::test]
async fn the_pages_together_are_everything_once_and_in_order() {
    let (_broker, mut peer) = broker_with(&["b", "a", "c"]).await;
    let expected: Vec<_> =
        ["a", "b", "c"].iter().flat_map(|name| (0..3).map(|number| ((*name).to_owned(), number))).collect();
    for topics in [&[][..], &["c", "a", "b", "a"]] {
        for limit in 1..=10 {
            let mut request = request(topics, limit);
            let mut found = Vec::new();
            loop {
                let response = peer.call(&request, 0).await;
                assert!(entries(&response).len() <= usize::try_from(limit).unwrap());
                found.extend(entries(&response));
                request.cursor = response.next_cursor;
                if request.cursor.is_none() {
                    break;
                }
            }
            assert_eq!(found, expected, "limit {limit}");
        }
    }
}

#[tokio::test]
async fn a_topic_that_is_not_there_has_an_error() {
    let (_broker, mut peer) = broker_with(&["a"]).await;
    let response = peer.call(&request(&["zz", "a", "b b"], 100), 0).await;
    let errors: Vec<_> =
        response.topics.iter().map(|topic| (topic.name.as_deref().unwrap(), topic.error_code)).collect();
    let expected = [
        ("a", ErrorCode::None),
        ("b b", ErrorCode::InvalidTopic),
        ("zz", ErrorCode::UnknownTopicOrPartition),
    ];
    assert_eq!(errors, expected);
}

#[tokio::test]
async fn a_cursor_before_the_first_partition_is_refused() {
    let (_broker, mut peer) = broker_with(&["a"]).await;
    let mut request = request(&["a"], 100);
    request.cursor = Some(Cursor { topic_name: "a".into(), partition_index: -1 });
    assert_eq!(peer.call(&request, 0).await.topics[0].error_code, ErrorCode::InvalidRequest);
}

#[tokio::test]
async fn the_broker_limits_a_page_too() {
    let broker = Broker::builder()
        .ephemeral()
        .num_partitions(3)
        .set("max.request.partition.size.limit", "2")
        .start()
        .await
        .unwrap();
    let mut peer = Peer::of(&broker).await;
    peer.create_topic("a").await;
    let response = peer.call(&request(&[], 100), 0).await;
    assert_eq!(entries(&response).len(), 2);
    assert_eq!(response.next_cursor, Some(Cursor { topic_name: "a".into(), partition_index: 2 }));
}
