//! `kestrel-bench compare`: clients in turns on one broker, each run in a process of its own, and the ratio of the medians.

use crate::args::Compare;

/// Runs the comparison and prints each run's line, then the ratios.
#[cfg(not(feature = "rdkafka"))]
pub(crate) fn run(_: &Compare) -> Result<(), String> {
    Err("compare needs a peer: build with --features rdkafka".to_owned())
}

#[cfg(feature = "rdkafka")]
pub(crate) use with_peer::run;

#[cfg(feature = "rdkafka")]
mod with_peer {
    use std::process::{Command, Stdio};

    use serde_json::Value;

    use super::Compare;
    use crate::report::print_line;

    const CLIENTS: [&str; 2] = ["kestrel", "rdkafka-base"];

    /// Records per second of each run, by client.
    #[derive(Default)]
    struct Rates {
        produce: [Vec<f64>; 2],
        consume: [Vec<f64>; 2],
    }

    pub(crate) fn run(comparison: &Compare) -> Result<(), String> {
        let mut rates = Rates::default();
        for round in 0..comparison.rounds {
            for (index, client) in CLIENTS.iter().enumerate() {
                let topic = format!("bench-{}-{round}-{client}", std::process::id());
                rates.produce[index].push(measure("produce", client, &topic, comparison)?);
                rates.consume[index].push(measure("consume", client, &topic, comparison)?);
            }
        }
        let ratio = |rates: &mut [Vec<f64>; 2]| median(&mut rates[0]) / median(&mut rates[1]);
        let (produce, consume) = (ratio(&mut rates.produce), ratio(&mut rates.consume));
        print_ratios(produce, consume);
        Ok(())
    }

    /// One run in a process of its own, so that neither memory nor threads of one client burden the other.
    fn measure(work: &str, client: &str, topic: &str, comparison: &Compare) -> Result<f64, String> {
        let this = std::env::current_exe().map_err(|e| format!("cannot find this program: {e}"))?;
        let mut command = Command::new(this);
        command.args([work, "--client", client, "--topic", topic, "--bootstrap", &comparison.bootstrap]);
        command.args(["--records", &comparison.records.to_string()]);
        if work == "produce" {
            command.args(["--size", &comparison.size.to_string(), "--acks", "all", "--idempotent", "true"]);
        }
        let output = command
            .stderr(Stdio::inherit())
            .output()
            .map_err(|e| format!("cannot start {work} with {client}: {e}"))?;
        if !output.status.success() {
            return Err(format!("{work} with {client} failed: {}", output.status));
        }
        let line: Value = serde_json::from_slice(&output.stdout)
            .map_err(|e| format!("{work} with {client} printed no JSON: {e}"))?;
        print_line(&line);
        line["msgs_per_s"].as_f64().ok_or_else(|| format!("{work} with {client} printed no rate"))
    }

    fn median(rates: &mut [f64]) -> f64 {
        rates.sort_by(f64::total_cmp);
        rates[rates.len() / 2]
    }

    #[expect(clippy::print_stdout, reason = "the last line that others read")]
    fn print_ratios(produce: f64, consume: f64) {
        println!("ratios: produce={produce:.2} consume={consume:.2}");
    }
}
