//! The matrix: each API under each set of ACLs, on both brokers.

use std::collections::BTreeMap;
use std::process::ExitCode;

use super::cases::{self, Case};
use super::side::Side;
use super::states::{State, states};

/// The two brokers, each by the address where everything is allowed and the one where a user logs in.
#[derive(Debug, clap::Args)]
pub(crate) struct Matrix {
    /// The broker under test, as HOST:PORT,HOST:PORT.
    #[arg(long, value_delimiter = ',')]
    kestrel: Vec<String>,
    /// The broker that is right, as HOST:PORT,HOST:PORT.
    #[arg(long, value_delimiter = ',')]
    kafka: Vec<String>,
    /// Only cases whose name contains this.
    #[arg(long, default_value = "")]
    only: String,
}

impl Matrix {
    pub(crate) fn run(&self) -> ExitCode {
        let [kestrel, kafka] = [&self.kestrel, &self.kafka].map(|addresses| match &addresses[..] {
            [open, sasl] => Side::new(open, sasl),
            _ => panic!("two addresses, with a comma between them"),
        });
        let mut sides = [kestrel, kafka];
        sides.iter_mut().for_each(cases::prepare);
        let cases: Vec<Case> =
            cases::all().into_iter().filter(|case| case.name.contains(&self.only)).collect();
        let mut compared = 0;
        let mut differing: BTreeMap<&str, usize> = BTreeMap::new();
        for state in states() {
            sides.iter_mut().for_each(|side| side.set_acls(&state.acls));
            for case in &cases {
                for version in case.versions(&sides) {
                    compared += 1;
                    let answers = sides.each_mut().map(|side| case.ask(side, version));
                    if answers[0] != answers[1] {
                        let times = differing.entry(case.name).or_default();
                        *times += 1;
                        tell(case.name, &state, version, &answers, *times);
                    }
                }
            }
        }
        report(cases.len(), compared, &differing)
    }
}

/// Says what differs: the first time in full.
fn tell(case: &str, state: &State, version: i16, [kestrel, kafka]: &[String; 2], times: usize) {
    println!("DIFFERS  {case} v{version}, {}", state.name);
    if times == 1 {
        println!("  kestrel-broker:\n{kestrel}\n  Apache Kafka:\n{kafka}");
    }
}

fn report(cases: usize, compared: usize, differing: &BTreeMap<&str, usize>) -> ExitCode {
    if differing.is_empty() && cases > 0 {
        println!("ok: {compared} requests of {cases} kinds answered as Apache Kafka does");
        return ExitCode::SUCCESS;
    }
    for (case, times) in differing {
        println!("{case}: {times} times");
    }
    println!("{} of {cases} kinds of requests differ, of {compared} requests", differing.len());
    ExitCode::FAILURE
}
