//! Sends a record and reads it in a group: with one argument, the bootstrap servers, or with a file of authorities besides.

use kestrel_client::{AutoOffsetReset, Client, ConsumerRecord, Error, Record};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let mut arguments = std::env::args().skip(1);
    let builder = Client::builder(arguments.next().unwrap_or_default());
    #[cfg(feature = "tls")]
    let builder = match arguments.next() {
        Some(file) => builder.tls(kestrel_client::Tls::ca_file(file)),
        None => builder,
    };
    let client = builder.connect().await?;
    let producer = client.producer().build().await?;
    producer.send(Record::to("weight").value("a record")).await?.await?;
    let consumer = client.consumer("weight").topics(["weight"]).auto_offset_reset(AutoOffsetReset::Earliest);
    let mut consumer = consumer.build().await?;
    if let Some(record) = consumer.next().await {
        let record: ConsumerRecord = record?;
        println!("offset {}", record.offset);
    }
    consumer.close().await
}
