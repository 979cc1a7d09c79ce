//! Random histories against a model of a broker: whatever is lost, delayed or refused, the log holds each record at most
//! once, every confirmed one, and all of a partition in the order in which they were sent.

use std::collections::{HashMap, VecDeque};

use kestrel_protocol::messages::produce::PartitionProduceResponse;
use kestrel_protocol::record::RecordBatch;
use kestrel_protocol::{ErrorCode, NodeId};
use proptest::prelude::*;

use super::super::{ProduceAnswer, Shipment};
use super::rig::*;
use crate::error::Error;
use crate::producer::Delivery;

const PARTITIONS: i32 = 2;

/// One step of a history.
#[derive(Debug, Clone)]
enum Step {
    Send(i32),
    /// The broker handles the oldest request and the answer arrives.
    Serve,
    /// The broker handles the oldest request and the answer is lost, with all behind it.
    LoseAnswer,
    /// The connection ends before the oldest request gets there; all behind it are lost too.
    LoseRequest,
    /// The broker refuses the oldest request without looking at it.
    Refuse(ErrorCode),
    Sleep(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let refusal = prop_oneof![
        Just(ErrorCode::NotEnoughReplicas),
        Just(ErrorCode::NotLeaderOrFollower),
        Just(ErrorCode::InvalidRecord),
    ];
    prop_oneof![
        6 => (0..PARTITIONS).prop_map(Step::Send),
        6 => Just(Step::Serve),
        1 => Just(Step::LoseAnswer),
        1 => Just(Step::LoseRequest),
        1 => refusal.prop_map(Step::Refuse),
        2 => (0u64..90_000).prop_map(Step::Sleep),
    ]
}

/// The rig, the wire, and the broker behind it.
struct World {
    rig: Rig,
    wire: VecDeque<Shipment>,
    partitions: HashMap<i32, ModelPartition>,
    deliveries: Vec<(i32, String, Delivery)>,
    next: usize,
}

impl World {
    fn new() -> Self {
        let options = Options { partitions: 2, batch_size: 90, primed: false, ..Options::default() };
        Self {
            rig: Rig::new(&options),
            wire: VecDeque::new(),
            partitions: (0..PARTITIONS).map(|partition| (partition, ModelPartition::default())).collect(),
            deliveries: Vec::new(),
            next: 0,
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Send(partition) => {
                let value = format!("{:04}", self.next);
                self.next += 1;
                let delivery = self.rig.send(*partition, &value);
                self.deliveries.push((*partition, value, delivery));
            }
            Step::Serve => {
                if let Some(shipment) = self.wire.pop_front() {
                    let answers = self.serve(&shipment);
                    self.rig.reply_each(shipment, answers);
                }
            }
            Step::LoseAnswer => {
                if let Some(batches) = self.wire.front().map(wire_batches) {
                    serve_batches(&mut self.partitions, &batches);
                }
                self.disconnect();
            }
            Step::LoseRequest => self.disconnect(),
            Step::Refuse(code) => {
                if let Some(shipment) = self.wire.pop_front() {
                    let response =
                        PartitionProduceResponse { error_code: *code, base_offset: -1, ..Default::default() };
                    self.rig.reply(shipment, &ProduceAnswer::Response(response));
                }
            }
            Step::Sleep(millis) => self.rig.sleep(MILLI * u32::try_from(*millis).unwrap()),
        }
        self.wire.extend(self.rig.shipments());
    }

    fn serve(&mut self, shipment: &Shipment) -> Vec<ProduceAnswer> {
        serve_batches(&mut self.partitions, &wire_batches(shipment))
    }

    fn disconnect(&mut self) {
        while let Some(shipment) = self.wire.pop_front() {
            self.rig.lose(shipment);
        }
        let gone = Error::closed("connection");
        self.rig.dispatcher.handle_disconnected(NodeId(0), &gone);
        self.rig.dispatcher.handle_connected(NodeId(0));
    }

    /// Lets everything come to its end without further trouble.
    fn settle(&mut self) {
        for _ in 0..1000 {
            self.step(&Step::Serve);
            self.rig.sleep(100 * MILLI);
            if self.wire.is_empty() && self.rig.dispatcher.is_idle() {
                return;
            }
        }
        panic!("not idle after 100 s without trouble: {:?}", self.rig.dispatcher);
    }
}

fn wire_batches(shipment: &Shipment) -> Vec<(i32, RecordBatch)> {
    let batch = |bytes: &bytes::Bytes| RecordBatch::parse(bytes.clone()).unwrap().0;
    shipment.batches.iter().map(|sent| (sent.state().partition(), batch(sent.bytes().unwrap()))).collect()
}

fn serve_batches(
    partitions: &mut HashMap<i32, ModelPartition>,
    batches: &[(i32, RecordBatch)],
) -> Vec<ProduceAnswer> {
    let append = |(partition, batch): &(i32, RecordBatch)| {
        let (error_code, base_offset) = partitions.get_mut(partition).unwrap().append(batch);
        ProduceAnswer::Response(PartitionProduceResponse { error_code, base_offset, ..Default::default() })
    };
    batches.iter().map(append).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn records_are_neither_lost_nor_doubled_nor_reordered(steps in prop::collection::vec(step(), 1..120)) {
        let mut world = World::new();
        for step in &steps {
            world.step(step);
        }
        world.settle();
        for (partition, model) in &world.partitions {
            let log = &model.log;
            prop_assert!(log.windows(2).all(|pair| pair[0] < pair[1]), "partition {partition}: {log:?}");
        }
        for (partition, value, delivery) in world.deliveries {
            let log = &world.partitions[&partition].log;
            match outcome(delivery) {
                None => prop_assert!(false, "{value} has no outcome"),
                Some(Ok(receipt)) => {
                    let offset = usize::try_from(receipt.offset.unwrap()).unwrap();
                    prop_assert_eq!(log.get(offset), Some(&value), "the receipt tells where it is");
                }
                Some(Err(error)) => {
                    let stored = log.contains(&value);
                    prop_assert!(!stored || error.possibly_written(), "{value} is stored: {error}");
                }
            }
        }
    }
}
