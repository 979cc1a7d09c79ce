//! Reads a group's topic again from an earlier place: `cargo run --release --example replay -- --from earliest`.
//!
//! The listener says where partitions begin as they come, whatever the group has committed. Other members may be there: each
//! replays what it is assigned. Without `--keep` the group's offsets stay as they were, so a look back disturbs nobody.

use std::process::ExitCode;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use clap::Parser;
use kestrel_client::admin::OffsetSpec;
use kestrel_client::{
    Admin, AssignedPartitions, CommitPolicy, IsolationLevel, RebalanceListener, Timestamp, TopicPartition,
};
use kestrel_examples::{Earthquake, Result, connect, exit_code, thousands, utc};
use kestrel_serde::{Json, Utf8};
use tokio::signal::ctrl_c;

/// Read earthquakes, as `produce` sends them, again; until Ctrl-C.
#[derive(Debug, Parser)]
struct Options {
    /// Addresses of the cluster, separated by commas.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:9092")]
    bootstrap: String,
    /// The topic.
    #[arg(long, default_value = "earthquakes")]
    topic: String,
    /// The group.
    #[arg(long, default_value = "replay")]
    group: String,
    /// Where to begin: `earliest`, an offset, seconds ago as `3600s`, or milliseconds since 1970 as `@1517932242400`.
    #[arg(long, default_value = "earliest")]
    from: Start,
    /// Commit what is read, so that the group goes on from here afterwards.
    #[arg(long)]
    keep: bool,
}

/// Where to begin.
#[derive(Debug, Clone, Copy)]
enum Start {
    Earliest,
    Offset(i64),
    Ago(Duration),
    At(Timestamp),
}

impl FromStr for Start {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let wrong = |error: std::num::ParseIntError| error.to_string();
        if text == "earliest" {
            Ok(Self::Earliest)
        } else if let Some(millis) = text.strip_prefix('@') {
            Ok(Self::At(Timestamp::from_millis(millis.parse().map_err(wrong)?)))
        } else if let Some(seconds) = text.strip_suffix('s') {
            Ok(Self::Ago(Duration::from_secs(seconds.parse().map_err(wrong)?)))
        } else {
            text.parse().map(Self::Offset).map_err(wrong)
        }
    }
}

/// Begins each partition where the options say.
struct Replay {
    admin: Admin,
    start: Start,
}

#[async_trait::async_trait]
impl RebalanceListener for Replay {
    async fn assigned(&self, assigned: &mut AssignedPartitions) {
        let partitions: Vec<TopicPartition> = assigned.partitions().cloned().collect();
        for partition in partitions {
            let found = match self.start {
                Start::Offset(offset) => Ok(Some(offset)),
                Start::Earliest => self.look_up(&partition, OffsetSpec::Earliest).await,
                Start::At(time) => self.look_up(&partition, OffsetSpec::Timestamp(time)).await,
                Start::Ago(ago) => {
                    let time = (now() - ago).into();
                    self.look_up(&partition, OffsetSpec::Timestamp(time)).await
                }
            };
            let begun = match found {
                Ok(Some(offset)) => assigned.seek(&partition, offset).map(|()| offset.to_string()),
                Ok(None) => Ok("where the group is: nothing is that young".to_owned()),
                Err(error) => Err(error),
            };
            match begun {
                Ok(place) => eprintln!("{partition}: from {place}"),
                Err(error) => eprintln!("{partition}: where the group is, because {error:#}"),
            }
        }
    }
}

impl Replay {
    async fn look_up(
        &self,
        partition: &TopicPartition,
        spec: OffsetSpec,
    ) -> kestrel_client::Result<Option<i64>> {
        let asked = [(partition.clone(), spec)];
        let listed = self.admin.list_offsets(asked, IsolationLevel::ReadUncommitted).await.into_result()?;
        Ok(listed.into_iter().find_map(|(_, listed)| listed.offset))
    }
}

#[expect(clippy::disallowed_methods, reason = "a time that people mean is counted from the wall clock")]
fn now() -> SystemTime {
    SystemTime::now()
}

#[tokio::main]
async fn main() -> ExitCode {
    exit_code(run(Options::parse()).await)
}

async fn run(options: Options) -> Result {
    let client = connect(&options.bootstrap, "replay").await?;
    let policy =
        if options.keep { CommitPolicy::Interval(Duration::from_secs(5)) } else { CommitPolicy::Manual };
    let mut consumer = client
        .consumer::<String, Earthquake>(options.group)
        .topics([options.topic])
        .key(Utf8)
        .value(Json)
        .commit_policy(policy)
        .rebalance_listener(Replay { admin: client.admin(), start: options.from })
        .build()
        .await?;
    let mut events = 0;
    loop {
        let record = tokio::select! {
            record = consumer.next() => record,
            _ = ctrl_c() => break,
        };
        match record {
            Some(Ok(record)) => {
                events += 1;
                let place = record.value.as_ref().map_or("-", |quake| &quake.place);
                eprintln!("{}@{} {} {place}", record.partition, record.offset, utc(record.timestamp));
            }
            Some(Err(error)) if error.severity() == kestrel_client::Severity::Fatal => {
                return Err(error.into());
            }
            Some(Err(error)) => eprintln!("{error:#}"),
            None => break,
        }
    }
    eprintln!("{} events", thousands(events));
    consumer.close().await?;
    Ok(())
}
