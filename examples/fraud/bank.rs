//! The bank: ten minutes of card payments, most of them in order, as a seed decides.

use kestrel_client::{Client, Timestamp};
use kestrel_examples::{Dice, Result};
use kestrel_serde::{Json, Utf8};

use super::rules::Payment;

const CUSTOMERS: u64 = 2_000;
const COUNTRIES: [&str; 3] = ["IS", "NZ", "PT"];
/// The first payment, in milliseconds since the Unix epoch: any time will do.
const FIRST_MS: i64 = 1_700_000_000_000;
const MINUTES: i64 = 10;

/// So many payments, oldest first. Each customer has a country; one in a hundred payments is made by somebody else.
pub(crate) fn payments(count: u64, seed: u64) -> Vec<Payment> {
    let mut dice = Dice::new(seed);
    let step_ms = MINUTES * 60_000 / i64::try_from(count.max(1)).unwrap_or(i64::MAX);
    let mut payments: Vec<Payment> = Vec::new();
    let mut thief = None;
    for (id, number) in (0..count).zip(0..) {
        // A thief uses the card of whoever paid last, several times.
        thief = match (thief, dice.roll(100)) {
            (_, 0) => payments.last().map(|last| last.customer.clone()),
            (_, 1..20) => None,
            (same, _) => same,
        };
        let home = dice.roll(CUSTOMERS);
        let (customer, cents, country) = match &thief {
            Some(customer) => {
                (customer.clone(), 20_000 + dice.roll(60_000), COUNTRIES[usize::from(dice.roll(2) == 0)])
            }
            None => (format!("customer-{home}"), 100 + dice.roll(20_000), COUNTRIES[(home % 3) as usize]),
        };
        let time_ms = FIRST_MS + number * step_ms;
        payments.push(Payment { id, customer, cents, country: country.to_owned(), time_ms });
    }
    payments
}

/// Writes payments, keyed by customer, each with the time at which it was made.
pub(crate) async fn publish(client: &Client, topic: &str, payments: &[Payment]) -> Result {
    let producer = client.producer().build().await?;
    let topic = producer.topic::<str, Payment>(topic).key(Utf8).value(Json).open().await?;
    for payment in payments {
        let time = Timestamp::from_millis(payment.time_ms);
        drop(topic.record(&payment.customer, payment).timestamp(time).send().await?);
    }
    producer.flush().await?;
    Ok(())
}
