//! Kestrel's side of the exchange of typed data (`tests/interop/ring/typed.py`): writes the values of each case in each form, or
//! reads what somebody else has written, and holds it against what it should be, value by value and, where a value has one form, byte by byte.

#![expect(clippy::print_stdout, reason = "what it prints is what it is for")]

mod avro;
mod exchange;
mod json;
mod protobuf;

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use kestrel_client::Client;
use kestrel_registry_client::RegistryClient;
use kestrel_serde::registry::Registry;

use self::exchange::{Exchange, Form};

type Result<T = ()> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// Writes or reads typed data through a schema registry.
#[derive(Debug, Parser)]
struct Options {
    /// What to do.
    #[arg(value_parser = ["typed-write", "typed-read"])]
    command: String,
    #[arg(long)]
    bootstrap: String,
    /// The address of the registry.
    #[arg(long)]
    registry: String,
    /// The beginning of the topics' names.
    #[arg(long)]
    prefix: String,
    #[arg(long = "case")]
    cases: Vec<String>,
    #[arg(long = "form")]
    forms: Vec<Form>,
    /// Who has written what is read.
    #[arg(long, default_value = "kestrel")]
    writer: String,
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
    let api = RegistryClient::new(&options.registry)?;
    let exchange = Exchange {
        client: Client::builder(options.bootstrap.as_str()).connect().await?,
        registry: Registry::new(api),
        prefix: options.prefix.clone(),
        writer: options.writer.clone(),
        forms: options.forms.clone(),
        writes: options.command == "typed-write",
    };
    for case in &options.cases {
        let done = match case.split('-').next() {
            Some("avro") => avro::exchange(&exchange, case).await,
            Some("protobuf") => protobuf::exchange(&exchange, case).await,
            Some("json") => json::exchange(&exchange, case).await,
            _ => Err("there is no such case".into()),
        };
        done.map_err(|error| format!("{case}: {error:#}"))?;
    }
    Ok(())
}
