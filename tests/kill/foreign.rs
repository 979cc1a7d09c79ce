//! A writer that is a program of the interop ring: a foreign client that says in JSON lines what it sends and what was
//! acknowledged.
//!
//! Called as `PROGRAM writer --bootstrap HOST:PORT --writer NUMBER --topic NAME:PARTITIONS...`; it writes the records of
//! `stamp.rs` until its standard input ends, then waits for the last acknowledgement and ends with 0. It says
//! `{"event":"sending","end":N}` before it sends the records below N, and `{"event":"acked","topic":T,"partition":P,
//! "sequence":S,"offset":O}`, or `{"event":"failed","why":TEXT}`.

use std::fs::File;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use kestrel_client::TopicPartition;
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use crate::ledger::{Acknowledged, SharedLedger};
use crate::stamp::Stamp;
use crate::topics::{CUT, READ, Topic};

/// What foreign writers write to. Not what is compacted: they take seconds to come back, by when segments as small as these have
/// been compacted, and a broker knows only the last batch of a producer there; of a repeated one before it, Apache Kafka and
/// Kestrel say that it is out of order.
const FOREIGN: [Topic; 2] = [READ, CUT];
/// How long it may take to end.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Said {
    Sending { end: u64 },
    Acked { topic: String, partition: i32, sequence: u64, offset: i64 },
    Failed { why: String },
}

/// A foreign writer under way.
pub(crate) struct Foreign {
    command: String,
    running: Child,
    heard: JoinHandle<()>,
}

impl Foreign {
    /// Starts the program; `command` is its words. What it logs is in a file in `work`.
    pub(crate) fn start(
        command: &str,
        address: &str,
        work: &Path,
        ledger: &SharedLedger,
        tasks: &TaskTracker,
    ) -> Result<Self, String> {
        let mut words = command.split_whitespace();
        let writer = ledger.lock().new_writer();
        let mut process = Command::new(words.next().unwrap_or_default());
        process.args(words).args(["writer", "--bootstrap", address, "--writer", &writer.to_string()]);
        for topic in FOREIGN {
            process.args(["--topic", &format!("{}:{}", topic.name, topic.partitions)]);
        }
        let log =
            File::create(work.join(format!("writer-{writer}.log"))).map_err(|error| error.to_string())?;
        process.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log).kill_on_drop(true);
        let mut running = process.spawn().map_err(|error| format!("{command}: {error:#}"))?;
        let stdout = running.stdout.take().ok_or("it has no standard output")?;
        let heard = tasks.spawn(hear(stdout, writer, command.to_owned(), ledger.clone()));
        Ok(Self { command: command.to_owned(), running, heard })
    }

    /// The words that it was started with.
    pub(crate) fn command(&self) -> &str {
        &self.command
    }

    /// SIGKILL: nobody knows what became of what it had sent.
    pub(crate) async fn kill(mut self) {
        let _ = self.running.kill().await;
        let _ = self.heard.await;
    }

    /// Lets it wait for the last acknowledgement and end.
    pub(crate) async fn stop(mut self) -> Result<(), String> {
        drop(self.running.stdin.take());
        let ended = timeout(PATIENCE, self.running.wait()).await;
        match ended {
            Ok(Ok(status)) if status.success() => self.heard.await.map_err(|error| error.to_string()),
            Ok(status) => Err(format!("{} ended with {status:?}", self.command)),
            Err(_) => Err(format!("{} did not end within {PATIENCE:?}", self.command)),
        }
    }
}

/// Notes what the program says.
async fn hear(stdout: ChildStdout, writer: u32, command: String, ledger: SharedLedger) {
    let mut lines = BufReader::new(stdout).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        // Its last line is the ring's, and one that a kill cut off says nothing.
        let Ok(said) = serde_json::from_str::<Said>(&line) else { continue };
        let mut ledger = ledger.lock();
        match said {
            Said::Sending { end } => ledger.send(writer, end),
            Said::Acked { topic, partition, sequence, offset } => {
                let record = Acknowledged { stamp: Stamp { writer, sequence }, timestamp: None };
                ledger.acknowledge(&TopicPartition::new(topic, partition), offset, record);
            }
            Said::Failed { why } => {
                ledger.failures += 1;
                ledger.violate(format!("{command}: a record was refused: {why}"));
            }
        }
    }
}
