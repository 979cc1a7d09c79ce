//! Something to look at: the earthquakes of a week, in a topic, as Avro with their schema in the registry.

use kestrel_client::admin::NewTopic;
use kestrel_client::registry::connect;
use kestrel_client::{Avro, Client, Error, ErrorCode, Timestamp, Utf8};
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// The topic.
pub(super) const TOPIC: &str = "earthquakes";
/// A week of 2018, as the United States Geological Survey recorded it: JSON lines, oldest first.
const WEEK: &str = include_str!("earthquakes.jsonl");
const SCHEMA: &str = include_str!("earthquake.avsc");
const PARTITIONS: i32 = 4;

/// An earthquake. The record's key is the network that reported it, its timestamp the time.
#[derive(Debug, Serialize, Deserialize)]
struct Earthquake {
    id: String,
    network: String,
    #[serde(rename(deserialize = "time_ms"))]
    time: i64,
    magnitude: f64,
    place: String,
    latitude: f64,
    longitude: f64,
    depth_km: f64,
    tsunami: bool,
}

/// Creates the topic and fills it; gives how many there are, or `None` when the topic was there already.
pub(super) async fn seed(bootstrap_servers: &str, registry_url: &str) -> Result<Option<usize>, Failure> {
    let client = Client::builder(bootstrap_servers).client_id("kestrel-dev").connect().await?;
    // Records count as old by their own timestamps: with Kafka's seven days these would be deleted at once.
    let topic = NewTopic::new(TOPIC).partitions(PARTITIONS).config("retention.ms", "-1");
    match client.admin().create_topics([topic]).await.into_result() {
        Ok(_) => Ok(Some(write(&client, registry_url).await?)),
        Err(error) if error.code() == Some(ErrorCode::TopicAlreadyExists) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn write(client: &Client, registry_url: &str) -> Result<usize, Failure> {
    let format = connect(registry_url)?.format(Avro::parse(SCHEMA).map_err(Error::from)?);
    let producer = client.producer().build().await?;
    let topic = producer.topic::<str, Earthquake>(TOPIC).key(Utf8).value(format).open().await?;
    let mut deliveries = Vec::new();
    for line in WEEK.lines() {
        let quake: Earthquake =
            serde_json::from_str(line).map_err(|error| Failure::new(error.to_string()))?;
        let record = topic.record(&quake.network, &quake).timestamp(Timestamp::from_millis(quake.time));
        deliveries.push(record.send().await?);
    }
    let count = deliveries.len();
    for delivery in deliveries {
        delivery.await?;
    }
    Ok(count)
}
