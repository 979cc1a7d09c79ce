//! The board: a table of the totals, read from the compacted topic.

use std::collections::BTreeMap;
use std::fmt;

use kestrel_client::serde::{Avro, Utf8};
use kestrel_client::{AutoOffsetReset, Client};
use kestrel_examples::{Result, thousands};

use super::model::{TOTALS, Total};

const SHOWN: usize = 5;

/// The last total of each customer.
#[derive(Debug, Default)]
pub(crate) struct Board(pub(crate) BTreeMap<String, Total>);

impl Board {
    /// The table as it is now: every partition is read to where it ends.
    pub(crate) async fn read(client: &Client) -> Result<Self> {
        let mut consumer = client
            .assigned_consumer::<String, Total>()
            .assign_topics([TOTALS])
            .key(Utf8)
            .value(Avro::of::<Total>()?)
            .auto_offset_reset(AutoOffsetReset::Earliest)
            .build()
            .await?;
        let ends = consumer.end_offsets(consumer.assignment()).await?;
        let mut board = Self::default();
        while let Some(record) = consumer.next_until(&ends).await {
            let record = record?;
            match (record.key, record.value) {
                (Some(customer), Some(total)) => _ = board.0.insert(customer, total),
                // A tombstone: the customer is gone.
                (Some(customer), None) => _ = board.0.remove(&customer),
                (None, _) => {}
            }
        }
        consumer.close().await?;
        Ok(board)
    }
}

impl fmt::Display for Board {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut customers: Vec<_> = self.0.iter().collect();
        customers.sort_by_key(|(_, total)| -total.cents);
        writeln!(f, "\n{:<14}{:>8}{:>14}", "customer", "orders", "euros")?;
        for (customer, total) in customers.iter().take(SHOWN) {
            let euros = thousands(total.cents.unsigned_abs() / 100);
            writeln!(f, "{customer:<14}{:>8}{euros:>11}.{:02}", total.orders, total.cents % 100)?;
        }
        let orders: i64 = self.0.values().map(|total| total.orders).sum();
        write!(f, "... {} customers, {} orders", self.0.len(), thousands(orders.unsigned_abs()))
    }
}
