//! The program of `tests/interop/acls`: what ACLs decide, on kestrel-broker and on Apache Kafka.
//!
//! `decisions` writes random sets of ACLs with what Kestrel's authorizer decides by them; `matrix` asks two brokers the same under
//! each single permission and each single denial.

#![expect(clippy::print_stdout, reason = "what it prints is what it is for")]

mod cases;
mod connection;
mod decisions;
mod matrix;
#[path = "../odd/normal.rs"]
mod normal;
mod side;
mod states;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Compares what ACLs decide.
#[derive(Debug, Parser)]
struct Options {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Writes random sets of ACLs and the decisions by them.
    Decisions {
        /// How many sets.
        #[arg(long, default_value_t = 10_000)]
        sets: usize,
        /// What the sets are made from.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Compares two brokers, each API under each set of ACLs.
    Matrix(matrix::Matrix),
}

fn main() -> ExitCode {
    match Options::parse().what {
        What::Decisions { sets, seed } => match decisions::write(sets, seed) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                println!("the decisions cannot be written: {error}");
                ExitCode::FAILURE
            }
        },
        What::Matrix(matrix) => matrix.run(),
    }
}
