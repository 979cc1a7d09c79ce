//! The cluster that an example runs on, and what is asked of it on the way.

use std::future::Future;
use std::time::Duration;

use futures::TryStreamExt;
use kestrel_broker::{Broker, BrokerBuilder, Durability};
use kestrel_client::admin::NewTopic;
use kestrel_client::{Client, ErrorCode, IsolationLevel, Place};
use kestrel_serde::{Json, Utf8};
use serde::de::DeserializeOwned;
use tokio::time::{sleep, timeout};

use crate::Result;

/// What takes longer than this has gone wrong.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often the progress of a group is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// Where an example runs: arguments of its command line.
#[derive(Debug, Default, clap::Args)]
pub struct Cluster {
    /// Addresses of a cluster, separated by commas; without, a broker is started inside this process.
    #[arg(long, value_name = "HOST:PORT")]
    pub bootstrap: Option<String>,
}

impl Cluster {
    /// Runs an example there. A broker inside this process is [`Broker::test`], and goes when the example ends.
    ///
    /// # Errors
    /// What the example fails with, and why there is no broker.
    pub async fn run(&self, example: impl AsyncFnOnce(&str) -> Result) -> Result {
        self.run_with(Broker::builder().ephemeral().durability(Durability::Os), example).await
    }

    /// As [`Self::run`], where the broker inside this process is to have settings of its own.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub async fn run_with(&self, broker: BrokerBuilder, example: impl AsyncFnOnce(&str) -> Result) -> Result {
        let Some(bootstrap) = &self.bootstrap else {
            let broker = broker.start().await?;
            return example(broker.bootstrap_servers()).await;
        };
        example(bootstrap).await
    }
}

/// Connects to a cluster that should be there already.
///
/// # Errors
/// When no broker answers; the text says how to start one.
pub async fn connect(bootstrap_servers: &str, client_id: &str) -> Result<Client> {
    let connected = Client::builder(bootstrap_servers).client_id(client_id).connect().await;
    Ok(connected.map_err(|error| match error {
        kestrel_client::Error::Bootstrap { .. } => {
            format!("{error:#}\ncheck --bootstrap; `cargo run --release -p kestrel-broker` starts a broker on 127.0.0.1:9092")
        }
        other => format!("{other:#}"),
    })?)
}

/// Creates a topic for events of the past, unless it is there already; gives whether it was created.
///
/// # Errors
/// Why the cluster did not create it.
pub async fn create_topic(client: &Client, topic: &str, partitions: i32) -> Result<bool> {
    // Records count as old by their own timestamps: with Kafka's seven days of retention, events of years ago would be
    // deleted minutes after they were written.
    let topic = NewTopic::new(topic).partitions(partitions).config("retention.ms", "-1");
    match client.admin().create_topics([topic]).await.into_result() {
        Ok(_) => Ok(true),
        Err(error) if error.code() == Some(ErrorCode::TopicAlreadyExists) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Creates topics for events of the past.
///
/// # Errors
/// When one is there already: an example that counts what it reads would count what an earlier run has written.
pub async fn create_new_topics(
    client: &Client,
    topics: impl IntoIterator<Item = &str>,
    partitions: i32,
) -> Result {
    for topic in topics {
        if !create_topic(client, topic, partitions).await? {
            return Err(format!("the topic {topic} is there already: choose another --name").into());
        }
    }
    Ok(())
}

/// What `work` gives.
///
/// # Errors
/// Its own, and that it is not done within a minute: then something has gone wrong.
pub async fn in_time<T>(what: &str, work: impl Future<Output = Result<T>>) -> Result<T> {
    timeout(PATIENCE, work).await.map_err(|_| format!("{what}: not done within {PATIENCE:?}"))?
}

/// Waits until a group has committed that it has read `count` records.
///
/// # Errors
/// When it has not within a minute, and when the cluster does not say.
pub async fn until_read(client: &Client, group: &str, count: usize) -> Result {
    let read = async {
        while records_read(client, group).await? < count {
            sleep(LOOK).await;
        }
        Ok(())
    };
    in_time(&format!("reading {count} records in the group {group}"), read).await
}

/// How many records a group has committed as read, if its topics begin with the offset 0.
async fn records_read(client: &Client, group: &str) -> Result<usize> {
    let groups = client.admin().list_group_offsets([group]).await.into_result()?;
    let read: i64 = groups.iter().flat_map(|(_, offsets)| offsets.values()).map(|read| read.offset).sum();
    Ok(usize::try_from(read)?)
}

/// The values that a topic holds now, as a reader of this level sees them. They are JSON.
///
/// # Errors
/// What keeps it from being read.
pub async fn read_all<T: DeserializeOwned + Send + 'static>(
    client: &Client,
    topic: &str,
    level: IsolationLevel,
) -> Result<Vec<T>> {
    let records = client
        .assigned_consumer::<String, T>()
        .assign_topics([topic])
        .key(Utf8)
        .value(Json)
        .isolation_level(level)
        .between(Place::Beginning, Place::End)
        .build()
        .await?;
    let values: Vec<_> = records.map_ok(|record| record.value).try_collect().await?;
    Ok(values.into_iter().flatten().collect())
}
