//! The source: writes numbered records of several keys to the first topic, each once, though its broker comes and goes.

use std::time::Duration;

use kestrel_client::{Client, Error, Utf8};
use tokio::time::sleep;

use crate::topic;
use crate::verdict::{KEYS, key, value};

/// How many records are written at once.
const STEP: usize = 25;
/// The pause after them.
const PAUSE: Duration = Duration::from_millis(50);

/// Writes records, and waits until all of them are stored.
pub(crate) async fn write(client: Client, records: usize) -> Result<(), Error> {
    let producer = client.producer().build().await?;
    let first = producer.topic::<str, str>(topic(0)).key(Utf8).value(Utf8).open().await?;
    let mut deliveries = Vec::with_capacity(records);
    for number in 0..records {
        deliveries.push(first.send(&key(number % KEYS), &value(number / KEYS, 0)).await?);
        if number % STEP == 0 {
            sleep(PAUSE).await;
        }
    }
    for delivery in deliveries {
        delivery.await?;
    }
    Ok(())
}
