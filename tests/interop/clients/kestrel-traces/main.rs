//! Kestrel's side of the exchange of traces (`tests/interop/traces`): sends records in the traces that a file of records says, or
//! reads what somebody else has sent, and holds the trace of each record against that file.

#![expect(clippy::print_stdout, reason = "what it prints is what it is for")]

use std::error::Error;
use std::fs;
use std::process::ExitCode;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use clap::Parser;
use kestrel_client::admin::NewTopic;
use kestrel_client::{AutoOffsetReset, Client, ConsumerRecord, Record, TopicPartition, TraceContext};
use serde::Deserialize;

type Result<T = ()> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

tokio::task_local! {
    static CURRENT: Option<TraceContext>;
}

/// Writes or reads records in traces.
#[derive(Debug, Parser)]
struct Options {
    /// What to do.
    #[arg(value_parser = ["trace-write", "trace-read"])]
    command: String,
    #[arg(long)]
    bootstrap: String,
    #[arg(long)]
    topic: String,
    /// The records, as `ring/records.py` writes them.
    #[arg(long)]
    records: String,
}

/// A record of the file.
#[derive(Debug, Deserialize)]
struct Line {
    timestamp: i64,
    key: String,
    value: String,
    headers: Vec<(String, String)>,
}

impl Line {
    /// The trace that its headers say.
    fn trace(&self) -> Result<Option<TraceContext>> {
        let value = |name: &str| {
            let header = self.headers.iter().find(|(header, _)| header == name);
            header.map(|(_, value)| decoded(value)).transpose()
        };
        let Some(parent) = value("traceparent")? else { return Ok(None) };
        let state = value("tracestate")?.unwrap_or_default();
        let context = TraceContext::parse(parent, Some(std::str::from_utf8(&state)?));
        context.map(Some).ok_or_else(|| "the file has a traceparent that is none".into())
    }

    /// The record without what says its trace: the producer adds that.
    fn record(&self, topic: &str) -> Result<Record> {
        let record =
            Record::to(topic).partition(0).timestamp(kestrel_client::Timestamp::from_millis(self.timestamp));
        let mut record = record.key(decoded(&self.key)?).value(decoded(&self.value)?);
        for (name, value) in self.headers.iter().filter(|(name, _)| !name.starts_with("trace")) {
            record = record.header(name, decoded(value)?);
        }
        Ok(record)
    }
}

fn decoded(text: &str) -> Result<Vec<u8>> {
    Ok(BASE64_STANDARD.decode(text)?)
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    match run(&options).await {
        Ok(()) => {
            println!("ok kestrel {}", options.command);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("FAILED kestrel {}: {error:#}", options.command);
            ExitCode::FAILURE
        }
    }
}

async fn run(options: &Options) -> Result {
    let text = fs::read_to_string(&options.records)?;
    let lines = text.lines().map(serde_json::from_str).collect::<std::result::Result<Vec<Line>, _>>()?;
    let current = || CURRENT.try_with(Clone::clone).ok().flatten();
    let client = Client::builder(options.bootstrap.as_str()).trace_context(current).connect().await?;
    match options.command.as_str() {
        "trace-write" => write(&client, &options.topic, &lines).await,
        _ => read(&client, &options.topic, &lines).await,
    }
}

async fn write(client: &Client, topic: &str, lines: &[Line]) -> Result {
    let new = NewTopic::new(topic).config("retention.ms", "-1");
    client.admin().create_topics([new]).await.into_result()?;
    let producer = client.producer().build().await?;
    for line in lines {
        let record = line.record(topic)?;
        CURRENT.scope(line.trace()?, producer.send(record)).await?.await?;
    }
    Ok(())
}

async fn read(client: &Client, topic: &str, lines: &[Line]) -> Result {
    let reader = client.assigned_consumer().assign([TopicPartition::new(topic, 0)]);
    let mut reader = reader.auto_offset_reset(AutoOffsetReset::Earliest).build().await?;
    for line in lines {
        let record: ConsumerRecord = reader.next().await.ok_or("there are fewer records")??;
        let (found, wanted) = (record.trace_context(), line.trace()?);
        if found != wanted {
            return Err(format!("record {}: got {found:?}, want {wanted:?}", record.offset).into());
        }
    }
    Ok(())
}
