//! Sends the same odd requests to two brokers, in every version that both speak, and compares what they answer.
//!
//! Called by `tests/interop/odd-requests`, which starts kestrel-broker and Apache Kafka. What differs for a good reason is in
//! `exceptions.rs`, with the reason; an exception that nothing needs any more is a failure, too.

#![expect(clippy::print_stdout, reason = "what it prints is what it is for")]

mod admin;
mod data;
mod exceptions;
mod groups;
mod nodes;
mod normal;
mod security;
mod side;
mod telemetry;

use std::collections::BTreeSet;
use std::process::ExitCode;

use clap::Parser;
use kestrel_protocol::Request;

use self::exceptions::EXCEPTIONS;
use self::normal::normal;
use self::side::{Outcome, Side};

/// Sends the same odd requests to two brokers and compares what they answer.
#[derive(Debug, Parser)]
struct Options {
    /// The broker under test, as HOST:PORT.
    #[arg(long)]
    kestrel: String,
    /// The broker that is right, as HOST:PORT.
    #[arg(long)]
    kafka: String,
    /// Only cases whose name contains this.
    #[arg(long, default_value = "")]
    only: String,
    /// Prints what both answer, also where it is the same.
    #[arg(long)]
    verbose: bool,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let mut run = Run {
        kestrel: Side::new(options.kestrel),
        kafka: Side::new(options.kafka),
        only: options.only,
        verbose: options.verbose,
        compared: 0,
        differing: 0,
        excused: BTreeSet::new(),
    };
    run.prepare();
    data::run(&mut run);
    groups::run(&mut run);
    admin::run(&mut run);
    security::run(&mut run);
    nodes::run(&mut run);
    telemetry::run(&mut run);
    run.report()
}

/// What was compared until now.
struct Run {
    kestrel: Side,
    kafka: Side,
    only: String,
    verbose: bool,
    compared: usize,
    differing: usize,
    excused: BTreeSet<&'static str>,
}

impl Run {
    /// Gives both brokers the same topic and group.
    fn prepare(&mut self) {
        for side in [&mut self.kestrel, &mut self.kafka] {
            data::prepare(side);
            groups::prepare(side);
            admin::prepare(side);
            telemetry::prepare(side);
        }
    }

    /// Sends what `request` makes for a broker and a version to both, in each version that both speak.
    fn case<R: Request>(&mut self, name: &'static str, request: impl Fn(&Side, i16) -> R) {
        self.case_part(name, request, |_| {});
    }

    /// As [`Self::case`], after `trim` has taken out what is not compared.
    fn case_part<R: Request>(
        &mut self,
        name: &'static str,
        request: impl Fn(&Side, i16) -> R,
        trim: impl Fn(&mut R::Response),
    ) {
        let api = R::KEY;
        let label = format!("{api}: {name}");
        if !label.contains(&self.only) {
            return;
        }
        let mut differing: Vec<(i16, String, String)> = Vec::new();
        for version in R::VERSIONS {
            if ![&self.kestrel, &self.kafka].iter().all(|side| side.speaks(api, version)) {
                continue;
            }
            self.compared += 1;
            let outcomes = [&self.kestrel, &self.kafka].map(|side| {
                let outcome = side.try_call(&request(side, version), version);
                match outcome {
                    Outcome::Answer(mut response) => {
                        trim(&mut response);
                        normal(&response)
                    }
                    Outcome::Closed => "(closes the connection)".to_owned(),
                    Outcome::Silence => "(says nothing)".to_owned(),
                }
            });
            let [kestrel, kafka] = outcomes;
            if kestrel != kafka {
                differing.push((version, kestrel, kafka));
            } else if self.verbose {
                println!("same  {label} v{version}\n{}", indented(&kestrel));
            }
        }
        self.judge(&label, &differing);
    }

    fn judge(&mut self, label: &str, differing: &[(i16, String, String)]) {
        let Some((_, kestrel, kafka)) = differing.first() else { return };
        let versions: Vec<String> = differing.iter().map(|(version, ..)| version.to_string()).collect();
        let exception = EXCEPTIONS.iter().find(|(case, _)| *case == label);
        if let Some((case, why)) = exception {
            self.excused.insert(case);
            if self.verbose {
                println!("excused  {label} ({why})");
            }
            return;
        }
        self.differing += 1;
        println!("DIFFERS  {label}, versions {}", versions.join(" "));
        let (only_kestrel, only_kafka) = (without(kestrel, kafka), without(kafka, kestrel));
        println!("  of kestrel-broker only:\n{only_kestrel}\n  of Apache Kafka only:\n{only_kafka}");
        if self.verbose {
            println!("  kestrel-broker:\n{}\n  Apache Kafka:\n{}", indented(kestrel), indented(kafka));
        }
    }

    fn report(self) -> ExitCode {
        let unneeded: Vec<&str> = EXCEPTIONS
            .iter()
            .map(|(case, _)| *case)
            .filter(|case| case.contains(&self.only) && !self.excused.contains(case))
            .collect();
        for case in &unneeded {
            println!("UNNEEDED exception for {case}: the answers are the same, or there is no such case");
        }
        let (compared, excused) = (self.compared, self.excused.len());
        if self.differing == 0 && unneeded.is_empty() {
            println!(
                "ok: {compared} requests answered as Apache Kafka does, {excused} cases otherwise for a reason"
            );
            ExitCode::SUCCESS
        } else {
            println!("{} cases differ, of {compared} requests; {excused} have a reason", self.differing);
            ExitCode::FAILURE
        }
    }
}

/// The lines of one text that the other has not, or less often.
fn without(text: &str, other: &str) -> String {
    let mut others: Vec<&str> = other.lines().collect();
    let lines = text.lines().filter(|line| match others.iter().position(|other| other == line) {
        Some(at) => {
            others.swap_remove(at);
            false
        }
        None => true,
    });
    indented(&lines.collect::<Vec<_>>().join("\n"))
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}
