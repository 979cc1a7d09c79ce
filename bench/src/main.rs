//! `kestrel-bench`: the same produce, consume or end-to-end work through Kestrel or a peer, as one line of JSON.

mod args;
mod compare;
mod engine;
mod meter;
mod pace;
mod payload;
mod proxy;
mod report;
mod topic;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Args, Command};

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("kestrel-bench: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<(), String> {
    let report = match &args.command {
        Command::Produce(work) => engine::produce(work)?,
        Command::Consume(work) => engine::consume(work)?,
        Command::E2e(work) => engine::e2e(work)?,
        Command::Transactions(work) => engine::transactions(work)?,
        Command::TypedProduce(work) => engine::typed_produce(work)?,
        Command::TypedConsume(work) => engine::typed_consume(work)?,
        Command::Groups(work) => engine::groups(work)?,
        Command::Compare(comparison) => return compare::run(comparison),
        Command::Topic(topic) => return topic::run(topic),
        Command::Proxy(proxy) => return proxy::run(proxy),
    };
    report::print_line(&report.to_json());
    if report.errors == 0 { Ok(()) } else { Err(format!("{} of them failed", report.errors)) }
}
