//! Watch: a worker that reads payments, remembers the last minute of each customer, and writes alerts.

use std::collections::HashMap;

use kestrel_client::{
    AutoOffsetReset, Batch, CancellationToken, Client, CommitPolicy, Error, RecordRef, Timestamp,
};
use kestrel_serde::{Json, Utf8};

use super::rules::{Alert, LastMinute, Payment, WINDOW_MS};

/// The topics and the group of the service.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    pub(crate) payments: String,
    pub(crate) alerts: String,
    pub(crate) group: String,
}

/// Watches payments until `stop`: the alerts about payments, and that these were read, are committed in one transaction.
pub(crate) async fn watch(
    client: Client,
    worker: String,
    names: Names,
    stop: CancellationToken,
) -> Result<(), Error> {
    let mut payments = client
        .consumer::<String, Payment>(names.group.as_str())
        .topics([names.payments.as_str()])
        .key(Utf8)
        .value(Json)
        .auto_offset_reset(AutoOffsetReset::Earliest)
        .commit_policy(CommitPolicy::Manual)
        .build()
        .await?;
    let mut producer = client.transactional_producer(worker).build().await?;
    let alerts = producer.topic::<str, Alert>(names.alerts.as_str()).key(Utf8).value(Json).open().await?;
    let mut memory = Memory { client: client.clone(), partitions: HashMap::new() };
    let transactions = client.exactly_once(&mut payments, &mut producer).stop_on(stop);
    transactions
        .run(async move |batch, transaction| {
            let mut customers = memory.before(batch).await?;
            for record in batch {
                for alert in customers.pay(&record) {
                    transaction.send(&alerts, &alert.customer, &alert).await?;
                }
            }
            memory.keep(batch.partition(), customers);
            Ok(())
        })
        .await?;
    payments.close().await
}

/// What is remembered, by partition: all payments of a customer are in one.
#[derive(Debug)]
struct Memory {
    client: Client,
    partitions: HashMap<i32, Customers>,
}

/// The last minute of the customers of a partition, up to an offset.
#[derive(Debug, Default)]
struct Customers {
    next_offset: i64,
    minutes: HashMap<String, LastMinute>,
}

impl Memory {
    /// The customers as they were before the first payment of `batch`.
    ///
    /// Memory is in no transaction: after a start, when the partition was somebody else's meanwhile, and when a transaction was
    /// aborted, it does not end where the batch begins. Then it is made again of the minute before the batch.
    async fn before(&mut self, batch: &Batch<String, Payment>) -> Result<Customers, Error> {
        let Some(first) = batch.records().next() else { return Ok(Customers::default()) };
        match self.partitions.remove(&batch.partition()) {
            Some(customers) if customers.next_offset == first.offset() => Ok(customers),
            _ => {
                let start = Timestamp::from_millis(first.timestamp().as_millis() - WINDOW_MS);
                let minute = self
                    .client
                    .assigned_consumer::<String, Payment>()
                    .assign([(&**batch.topic(), batch.partition())])
                    .key(Utf8)
                    .value(Json)
                    .between(start, first.offset());
                let (mut minute, mut customers) = (minute.build().await?, Customers::default());
                while let Some(earlier) = minute.next_batch().await? {
                    earlier.records().for_each(|record| drop(customers.pay(&record)));
                }
                Ok(customers)
            }
        }
    }

    /// Keeps the customers of a partition for its next batch. After an error nobody does: then they are made again.
    fn keep(&mut self, partition: i32, customers: Customers) {
        self.partitions.insert(partition, customers);
    }
}

impl Customers {
    /// The alerts about the next payment. What is no payment is skipped: it must not keep those behind it waiting.
    fn pay(&mut self, record: &RecordRef<'_, String, Payment>) -> Vec<Alert> {
        self.next_offset = record.offset() + 1;
        match record.value() {
            Ok(Some(payment)) => self.minutes.entry(payment.customer.clone()).or_default().pay(&payment),
            Ok(None) => Vec::new(),
            Err(error) => {
                eprintln!("skipped: {error}");
                Vec::new()
            }
        }
    }
}
