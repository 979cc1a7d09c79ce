//! Reads what transactions have written as readers of committed records do.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use kestrel_client::admin::OffsetSpec;
use kestrel_client::{AssignedConsumer, Client, IsolationLevel, Place, Result, TopicPartition};
use tokio::time::timeout;

use super::COMMITTED;
use super::check::{Stage, violations};
use crate::ledger::SharedLedger;
use crate::stamp::Stamp;

/// How long it may take to read everything, and until every transaction has ended.
const PATIENCE: Duration = Duration::from_secs(90);

/// Reads all that is committed now, and puts into the ledger what is wrong with it.
pub(crate) async fn verify(client: &Client, ledger: &SharedLedger) -> Result<()> {
    check(client, ledger, Stage::UnderWay).await
}

/// Waits until no transaction is open any more, and looks at each of them.
pub(crate) async fn await_end(client: &Client, ledger: &SharedLedger) -> Result<()> {
    if timeout(PATIENCE, all_ended(client)).await.is_err() {
        ledger.lock().violate(format!("a transaction has not ended within {PATIENCE:?}"));
    }
    check(client, ledger, Stage::Over).await
}

async fn all_ended(client: &Client) {
    loop {
        let ends = (
            ends(client, IsolationLevel::ReadCommitted).await,
            ends(client, IsolationLevel::ReadUncommitted).await,
        );
        if let (Ok(committed), Ok(all)) = ends
            && committed == all
        {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Where each partition ends for readers of this level.
async fn ends(client: &Client, level: IsolationLevel) -> Result<BTreeMap<TopicPartition, Option<i64>>> {
    let partitions =
        COMMITTED.partitions().map(|partition| (TopicPartition::from(partition), OffsetSpec::Latest));
    let listed = client.admin().list_offsets(partitions, level).await.into_result()?;
    Ok(listed.into_iter().map(|(partition, listed)| (partition, listed.offset)).collect())
}

async fn check(client: &Client, ledger: &SharedLedger, stage: Stage) -> Result<()> {
    let mut reads: BTreeMap<i32, Vec<Stamp>> = BTreeMap::new();
    let read = timeout(PATIENCE, read(client, ledger, &mut reads)).await;
    match read {
        Ok(read) => read?,
        Err(_) => ledger.lock().violate(format!("what is committed could not be read within {PATIENCE:?}")),
    }
    let mut ledger = ledger.lock();
    for wrong in violations(&reads, &ledger.transactions, stage) {
        ledger.violate(format!("{}: {wrong}", COMMITTED.name));
    }
    Ok(())
}

async fn read(client: &Client, ledger: &SharedLedger, reads: &mut BTreeMap<i32, Vec<Stamp>>) -> Result<()> {
    let consumer = client.assigned_consumer().assign_topics([COMMITTED.name]);
    let consumer =
        consumer.isolation_level(IsolationLevel::ReadCommitted).fetch_max_wait(Duration::from_millis(20));
    let mut consumer: AssignedConsumer<Bytes, Bytes> =
        consumer.between(Place::Beginning, Place::End).build().await?;
    while let Some(record) = consumer.next().await {
        // One that fails goes on by itself, or time runs out.
        let Ok(record) = record else { continue };
        match Stamp::of(&record) {
            Ok(stamp) => reads.entry(record.partition).or_default().push(stamp),
            Err(wrong) => ledger.lock().violate(format!("{}: {wrong}", COMMITTED.name)),
        }
    }
    consumer.close().await
}
