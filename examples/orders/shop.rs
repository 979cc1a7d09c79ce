//! The shop: takes orders, and now and then writes something that is none.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::try_join_all;
use kestrel_client::serde::{Json, Utf8};
use kestrel_client::{Client, Record};
use kestrel_examples::Result;

use super::model::{ORDERS, Order};

const CUSTOMERS: u32 = 40;
/// Each so many orders, a program of another team writes what it takes for one.
const POISON_EVERY: u32 = 500;

/// What the shop knows, to hold the totals against.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    pub(crate) orders: u64,
    pub(crate) poison: u64,
    /// Cents per customer.
    pub(crate) customers: BTreeMap<String, u64>,
}

/// Takes `count` orders; all are stored when it returns.
pub(crate) async fn take_orders(client: &Client, count: u32) -> Result<Taken> {
    let producer = client.producer().build().await?;
    let orders = producer.topic::<str, Order>(ORDERS).key(Utf8).value(Json).open().await?;
    let mut taken = Taken::default();
    let mut deliveries = Vec::new();
    for number in 0..count {
        let customer = format!("customer-{:02}", number * 7 % CUSTOMERS);
        let order = Order {
            article: format!("article-{}", number % 13),
            quantity: 1 + number % 3,
            unit_cents: 250 + u64::from(number % 90) * 10,
        };
        // Waits for memory only; a sender sees later whether it was stored.
        deliveries.push(orders.send(&customer, &order).await?);
        taken.orders += 1;
        *taken.customers.entry(customer.clone()).or_default() += order.cents();
        if number % POISON_EVERY == POISON_EVERY - 1 {
            let poison = Record::to(ORDERS).key(customer).value("<order>as XML</order>");
            deliveries.push(producer.send(poison).await?);
            taken.poison += 1;
        }
    }
    try_join_all(deliveries).await?;
    producer.close(Duration::from_secs(10)).await?;
    Ok(taken)
}
