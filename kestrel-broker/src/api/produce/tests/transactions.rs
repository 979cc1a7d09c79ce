//! Produce in transactions over TCP: what begins one, in which order, and what is refused.

use kestrel_protocol::messages::add_partitions_to_txn::{AddPartitionsToTxnRequest, AddPartitionsToTxnTopic};
use kestrel_protocol::messages::end_txn::EndTxnRequest;
use kestrel_protocol::messages::fetch::FetchRequest;
use kestrel_protocol::messages::init_producer_id::InitProducerIdRequest;

use super::*;
use crate::log::Transaction;
use crate::testing::fetch_request;

const ID: &str = "orders";

/// A transactional producer, by hand.
struct Transactor {
    peer: Peer,
    producer: Transaction,
}

impl Transactor {
    /// Gets an id and an epoch; whoever had them before is fenced.
    async fn of(broker: &Broker) -> Self {
        let mut peer = Peer::of(broker).await;
        peer.find_transaction_coordinator(ID).await;
        let request = InitProducerIdRequest {
            transactional_id: Some(ID.into()),
            transaction_timeout_ms: 60_000,
            ..Default::default()
        };
        loop {
            let answer = peer.call(&request, 5).await;
            if answer.error_code.is_none() {
                let (producer_id, producer_epoch) = (answer.producer_id, answer.producer_epoch);
                return Self { peer, producer: Transaction { producer_id, producer_epoch } };
            }
            assert!(answer.error_code.is_retriable(), "{:?}", answer.error_code);
            tokio::task::yield_now().await;
        }
    }

    fn request(&self, topic: &str, base_sequence: i32) -> ProduceRequest {
        let Transaction { producer_id, producer_epoch } = self.producer;
        let options = BuilderOptions { transactional: true, ..Default::default() };
        let mut builder = RecordBatchBuilder::new(options, 1 << 20);
        builder.append(0, None, Some(base_sequence.to_string().as_bytes()), []).unwrap();
        let records =
            builder.build(ProducerStamp { producer_id, producer_epoch, base_sequence }).into_bytes();
        ProduceRequest { transactional_id: Some(ID.into()), ..produce_request(topic, records) }
    }

    async fn produce(&mut self, topic: &str, base_sequence: i32, version: i16) -> (ErrorCode, i64) {
        let request = self.request(topic, base_sequence);
        let answer = self.peer.call(&request, version).await;
        let result = &answer.responses[0].partition_responses[0];
        (result.error_code, result.base_offset)
    }

    /// Ends the transaction, and goes on with the epoch of the next one.
    async fn end(&mut self, committed: bool) {
        let Transaction { producer_id, producer_epoch } = self.producer;
        let request = EndTxnRequest { transactional_id: ID.into(), producer_id, producer_epoch, committed };
        let answer = self.peer.call(&request, 5).await;
        assert_eq!(answer.error_code, ErrorCode::None);
        let (producer_id, producer_epoch) = (answer.producer_id, answer.producer_epoch);
        self.producer = Transaction { producer_id, producer_epoch };
    }
}

/// The values that a reader of committed records gets, once nothing is open any more.
async fn committed(peer: &mut Peer, topic: &str) -> Vec<String> {
    let request = FetchRequest { isolation_level: 1, ..fetch_request(topic, 0) };
    loop {
        let answer = peer.call(&request, 12).await;
        let partition = answer.responses[0].partitions[0].clone();
        if partition.last_stable_offset == partition.high_watermark {
            let aborted = partition.aborted_transactions.unwrap();
            assert_eq!(aborted, [], "only whole logs are read here");
            let mut values = values(partition.records.unwrap());
            // What the marker says is for the consumer.
            values.retain(|value| value.parse::<i32>().is_ok());
            return values;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn nothing_overtakes_the_first_records_of_a_transaction() {
    for durability in [Durability::Os, Durability::Group] {
        let broker = Broker::builder().ephemeral().durability(durability).start().await.unwrap();
        let mut transactor = Transactor::of(&broker).await;
        for topic in ["one", "two"] {
            transactor.peer.create_topic(topic).await;
        }
        // Each topic is in the transaction only once its coordinator has stored that: those behind wait for it.
        for sequence in 0..20 {
            for topic in ["one", "two"] {
                let request = transactor.request(topic, sequence);
                transactor.peer.send(&request, 12).await;
            }
        }
        for sequence in 0..20 {
            for _ in ["one", "two"] {
                let answer = transactor.peer.receive::<ProduceRequest>(12).await.unwrap();
                let result = &answer.responses[0].partition_responses[0];
                assert_eq!((result.error_code, result.base_offset), (ErrorCode::None, sequence));
            }
        }
        transactor.end(true).await;
        let expected: Vec<_> = (0..20).map(|sequence| sequence.to_string()).collect();
        assert_eq!(committed(&mut transactor.peer, "two").await, expected);
        // The next transaction follows at once, however long this one takes to end.
        let mut next = transactor.produce("two", 0, 12).await;
        while next.0 == ErrorCode::ConcurrentTransactions {
            next = transactor.produce("two", 0, 12).await;
        }
        assert_eq!(next, (ErrorCode::None, 21));
    }
}

#[tokio::test]
async fn before_version_12_the_producer_adds_its_partitions() {
    let broker = Broker::test().await.unwrap();
    let mut transactor = Transactor::of(&broker).await;
    transactor.peer.create_topic("one").await;
    for (version, error) in [(10, ErrorCode::InvalidTxnState), (11, ErrorCode::TransactionAbortable)] {
        assert_eq!(transactor.produce("one", 0, version).await, (error, NO_OFFSET));
    }
    let topic = AddPartitionsToTxnTopic { name: "one".into(), partitions: vec![0] };
    let add = AddPartitionsToTxnRequest {
        v3_and_below_transactional_id: ID.into(),
        v3_and_below_producer_id: transactor.producer.producer_id,
        v3_and_below_producer_epoch: transactor.producer.producer_epoch,
        v3_and_below_topics: vec![topic],
        ..Default::default()
    };
    let added = transactor.peer.call(&add, 3).await;
    let added = &added.results_by_topic_v3_and_below[0].results_by_partition[0];
    assert_eq!(added.partition_error_code, ErrorCode::None);
    for sequence in 0..3 {
        assert_eq!(transactor.produce("one", sequence, 11).await, (ErrorCode::None, i64::from(sequence)));
    }
}

#[tokio::test]
async fn a_fenced_producer_writes_nothing() {
    let broker = Broker::test().await.unwrap();
    let mut zombie = Transactor::of(&broker).await;
    zombie.peer.create_topic("one").await;
    assert_eq!(zombie.produce("one", 0, 12).await, (ErrorCode::None, 0));
    let mut heir = Transactor::of(&broker).await;
    assert_eq!(zombie.produce("one", 1, 12).await, (ErrorCode::InvalidProducerEpoch, NO_OFFSET));
    // Nor where nobody has written yet: there the coordinator knows.
    zombie.peer.create_topic("two").await;
    assert_eq!(zombie.produce("two", 0, 12).await, (ErrorCode::InvalidProducerEpoch, NO_OFFSET));
    assert_eq!(heir.produce("two", 0, 12).await, (ErrorCode::None, 0));
}
