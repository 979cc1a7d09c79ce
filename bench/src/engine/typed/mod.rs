//! Orders instead of bytes: producing and consuming with serializers whose schemas a registry keeps.

#[cfg(feature = "converter")]
mod converter;
mod kestrel;

use kestrel_bench::{BoxError, Order, made_up};

use super::PATIENCE;
use super::work::{Failure, Outcome};
use crate::args::{Client, Common, Serializers, Tuning, TypedConsume, TypedProduce};
use crate::meter::Meter;
use crate::report::Report;

/// A client together with serializers.
trait TypedPeer {
    type Sender: TypedSender;
    type Receiver: TypedReceiver;

    /// A producer that has registered the schema.
    async fn sender(
        common: &Common,
        tuning: &Tuning,
        serializers: &Serializers,
    ) -> Result<Self::Sender, Failure>;

    /// A consumer of every partition from the beginning, that knows no schema.
    async fn receiver(common: &Common, serializers: &Serializers) -> Result<Self::Receiver, Failure>;
}

trait TypedSender {
    async fn send(&mut self, order: &Order) -> Result<(), Failure>;

    /// Waits for every acknowledgement.
    async fn finish(self) -> Result<Outcome, Failure>;
}

trait TypedReceiver {
    /// Waits for the next records, as many as this client hands out at a time, and gives the orders to `each`.
    async fn receive(&mut self, each: impl FnMut(Order)) -> Result<(), Failure>;
}

pub(super) async fn produce(work: &TypedProduce) -> Result<Report, Failure> {
    super::work::create_topic(&work.common)?;
    match work.common.client {
        Client::Kestrel => produce_with::<kestrel::Kestrel>(work).await,
        #[cfg(feature = "converter")]
        Client::RdkafkaBase => produce_with::<converter::Converter>(work).await,
        #[cfg(any(feature = "rdkafka", feature = "krafka", feature = "kacrab", feature = "rskafka"))]
        other => Err(no_serializers(other)),
    }
}

pub(super) async fn consume(work: &TypedConsume) -> Result<Report, Failure> {
    match work.common.client {
        Client::Kestrel => consume_with::<kestrel::Kestrel>(work).await,
        #[cfg(feature = "converter")]
        Client::RdkafkaBase => consume_with::<converter::Converter>(work).await,
        #[cfg(any(feature = "rdkafka", feature = "krafka", feature = "kacrab", feature = "rskafka"))]
        other => Err(no_serializers(other)),
    }
}

#[cfg(any(feature = "rdkafka", feature = "krafka", feature = "kacrab", feature = "rskafka"))]
fn no_serializers(client: Client) -> Failure {
    Failure(format!(
        "{} has no serializers here: kestrel and, with the feature `converter`, rdkafka-base have",
        client.name()
    ))
}

async fn produce_with<P: TypedPeer>(work: &TypedProduce) -> Result<Report, Failure> {
    let mut sender = P::sender(&work.common, &work.tuning, &work.serializers).await?;
    let orders = made_up();
    let meter = Meter::start();
    for (_, order) in (0..work.records).zip(orders.iter().cycle()) {
        sender.send(order).await?;
    }
    let outcome = sender.finish().await?;
    Ok(report("typed-produce", &work.common, work.records, outcome, &meter))
}

async fn consume_with<P: TypedPeer>(work: &TypedConsume) -> Result<Report, Failure> {
    let meter = Meter::start();
    let mut receiver = P::receiver(&work.common, &work.serializers).await?;
    let (mut records, mut cents) = (0, 0_i64);
    while records < work.records {
        let each = |order: Order| {
            records += 1;
            cents += order.lines.iter().map(|line| line.cents * i64::from(line.quantity)).sum::<i64>();
        };
        let received = tokio::time::timeout(PATIENCE, receiver.receive(each)).await;
        received.map_err(|_| Failure(format!("no record came for {} s", PATIENCE.as_secs())))??;
    }
    if cents == 0 {
        return Err(Failure("the orders are empty".to_owned()));
    }
    let outcome = Outcome { acked: records, errors: 0 };
    Ok(report("typed-consume", &work.common, records, outcome, &meter))
}

fn report(work: &'static str, common: &Common, records: u64, outcome: Outcome, meter: &Meter) -> Report {
    Report {
        client: common.client.name(),
        work,
        records,
        // What a record takes differs from format to format, and is no figure here.
        bytes: 0,
        acked: outcome.acked,
        errors: outcome.errors,
        cost: meter.cost(),
        start: None,
        latencies: None,
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` takes")]
fn failure(error: BoxError) -> Failure {
    Failure(format!("{error:#}"))
}
