//! Billing: members of a group that add orders to totals, each with a task per partition.

use std::collections::HashMap;
use std::time::Duration;

use kestrel_client::serde::{Avro, Json, Utf8};
use kestrel_client::{
    AutoOffsetReset, Client, CommitPolicy, ConsumerRecord, PartitionStream, Producer, Remedy, TopicPartition,
    TypedProducer,
};
use kestrel_examples::Result;
use tokio_util::sync::CancellationToken;

use super::model::{DEAD_LETTERS, ORDERS, Order, TOTALS, Total};

pub(crate) const GROUP: &str = "billing";
/// How often what is done is committed, so that the lag can be watched; 5 seconds if nothing is said.
const COMMIT: Duration = Duration::from_millis(200);

/// One member, from joining the group to leaving it: until `stop` is cancelled or something fails.
pub(crate) async fn member(client: Client, number: usize, stop: CancellationToken) -> Result {
    let producer = client.producer().linger(Duration::ZERO).build().await?;
    let books = Books::open(&client, &producer).await?;
    let mut consumer = client
        .consumer::<String, Order>(GROUP)
        .topics([ORDERS])
        .key(Utf8)
        .value(Json)
        // What is no order would come again for ever: it goes where somebody looks at it, and the next order comes.
        .on_poison(Remedy::dead_letter(DEAD_LETTERS))
        .auto_offset_reset(AutoOffsetReset::Earliest)
        .commit_policy(CommitPolicy::Interval(COMMIT))
        .build()
        .await?;
    let outcome = consumer.for_each_partition_until(stop, |orders| count(books.clone(), orders)).await;
    // Whatever the outcome: what is done is committed, and the others get the partitions at once.
    consumer.close().await?;
    producer.close(Duration::from_secs(10)).await?;
    println!("member {number} has left");
    outcome
}

/// Works on one partition as long as this member has it. An order is done when the next one is asked for.
async fn count(books: Books, mut orders: PartitionStream<String, Order>) -> Result {
    let mut totals = books.read(orders.partition().partition).await?;
    while let Some(order) = orders.next().await {
        match order {
            Ok(order) => books.add(&mut totals, &order).await?,
            Err(error) if error.is_retriable() => eprintln!("{error}"),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Where totals are kept.
#[derive(Clone)]
struct Books {
    client: Client,
    totals: TypedProducer<str, Total>,
}

impl Books {
    async fn open(client: &Client, producer: &Producer) -> Result<Self> {
        let totals =
            producer.topic::<str, Total>(TOTALS).key(Utf8).value(Avro::of::<Total>()?).open().await?;
        Ok(Self { client: client.clone(), totals })
    }

    /// The totals of one partition as they are now: those of the customers whose orders are in the same one.
    async fn read(&self, partition: i32) -> Result<HashMap<String, Total>> {
        let partition = TopicPartition::new(TOTALS, partition);
        let mut consumer = self
            .client
            .assigned_consumer::<String, Total>()
            .assign([partition.clone()])
            .key(Utf8)
            .value(Avro::of::<Total>()?)
            .auto_offset_reset(AutoOffsetReset::Earliest)
            .build()
            .await?;
        let ends = consumer.end_offsets([partition]).await?;
        let mut totals = HashMap::new();
        while let Some(record) = consumer.next_until(&ends).await {
            let record = record?;
            if let (Some(customer), Some(total)) = (record.key, record.value) {
                totals.insert(customer, total);
            }
        }
        consumer.close().await?;
        Ok(totals)
    }

    /// Adds an order to its customer's total, unless it is in it; the total is stored when it returns.
    async fn add(
        &self,
        totals: &mut HashMap<String, Total>,
        order: &ConsumerRecord<String, Order>,
    ) -> Result {
        let (Some(customer), Some(value)) = (&order.key, &order.value) else { return Ok(()) };
        let none = || Total { counted_to: -1, ..Total::default() };
        let total = totals.entry(customer.clone()).or_insert_with(none);
        if order.offset <= total.counted_to {
            return Ok(());
        }
        total.orders += 1;
        total.cents += i64::try_from(value.cents())?;
        total.counted_to = order.offset;
        // In the same partition as the order, so that whoever works on that one next finds it.
        let delivery = self.totals.record(customer, total).partition(order.partition).send().await?;
        delivery.await?;
        Ok(())
    }
}
