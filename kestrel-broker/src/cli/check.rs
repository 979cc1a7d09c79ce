//! `kestrel-broker check`: prints what the library's check finds, its progress, and a summary. Decides the exit code.

use std::io::{self, IsTerminal, Write};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use kestrel_broker::{CheckEvent, CheckSummary, check_folder};

use crate::{INTERRUPTED, Signals, fail, with_causes};

/// The exit code for damage.
const DAMAGED: u8 = 1;
/// The exit code for a folder that cannot be read.
const UNREADABLE: u8 = 2;
/// How often progress is shown on a terminal, and elsewhere.
const SHOW_EVERY: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));

/// Verify a data folder, of Kestrel or Apache Kafka 4, and change nothing
///
/// Reads every record batch and verifies its checksum; holds indexes, producer snapshots, leader epochs and checkpoints against
/// the logs, and the metadata against the folders. Findings and a summary go to standard output, progress to standard error. A
/// torn end after a stop that was not clean is a note, not damage: the next start cuts it off.
///
/// Exit codes: 0 nothing is damaged, 1 something is, 2 the folder cannot be read, 130 interrupted.
#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    /// The data folder
    #[arg(long, value_name = "FOLDER", default_value = "./kestrel-data")]
    data_dir: PathBuf,
}

/// Checks the folder; SIGINT and SIGTERM end it with a summary of what was checked.
pub(crate) async fn check(arguments: CheckArguments) -> ExitCode {
    let mut signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(error) => return fail(&format!("cannot listen to signals: {error}")),
    };
    let stop = Arc::new(AtomicBool::new(false));
    let work = tokio::task::spawn_blocking({
        let stop = Arc::clone(&stop);
        move || run(&arguments, &stop)
    });
    tokio::pin!(work);
    let done = tokio::select! {
        done = &mut work => done,
        () = signals.next() => {
            stop.store(true, Ordering::Relaxed);
            tokio::select! {
                done = &mut work => done,
                () = signals.next() => return ExitCode::from(INTERRUPTED),
            }
        }
    };
    done.unwrap_or_else(|panicked| fail(&panicked.to_string()))
}

fn run(arguments: &CheckArguments, stop: &AtomicBool) -> ExitCode {
    let mut progress = Progress::start();
    let mut printed = Ok(());
    let checked = check_folder(&arguments.data_dir, &mut |event| {
        match event {
            CheckEvent::Found(finding) => {
                progress.clear();
                printed = writeln!(io::stdout(), "{finding}");
            }
            CheckEvent::Progress { done_bytes, total_bytes } => progress.show(done_bytes, total_bytes),
            _ => {}
        }
        if printed.is_err() || stop.load(Ordering::Relaxed) {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    });
    progress.clear();
    let summary = match checked {
        Ok(summary) => summary,
        Err(error) => {
            fail(&with_causes(&error));
            return ExitCode::from(UNREADABLE);
        }
    };
    if printed.and_then(|()| print_summary(&summary, progress.elapsed())).is_err() {
        return ExitCode::from(UNREADABLE);
    }
    match summary {
        CheckSummary { stopped: true, .. } => ExitCode::from(INTERRUPTED),
        CheckSummary { damages: 0, .. } => ExitCode::SUCCESS,
        _ => ExitCode::from(DAMAGED),
    }
}

fn print_summary(summary: &CheckSummary, elapsed: Duration) -> io::Result<()> {
    let CheckSummary {
        partitions,
        segments,
        batches,
        records,
        bytes,
        damages,
        old_formats,
        notes,
        stopped,
        ..
    } = summary;
    let verdict = match (damages, old_formats, stopped) {
        (_, _, true) => "stopped before the end",
        (0, 0, false) => "not damaged",
        (0, _, false) => "OLD FORMAT, not damaged",
        _ => "DAMAGED",
    };
    writeln!(
        io::stdout(),
        "{verdict}: {partitions} partitions, {segments} segments, {batches} batches, {records} records, {bytes} bytes \
         ({:.2} GB/s); {damages} damaged, {old_formats} of an old format, {notes} notes",
        gigabytes(*bytes) / elapsed.as_secs_f64().max(1e-9)
    )
}

/// The line on standard error that says how far the check is.
struct Progress {
    started: Instant,
    shown: Duration,
    on_terminal: bool,
}

impl Progress {
    fn start() -> Self {
        Self { started: now(), shown: Duration::ZERO, on_terminal: io::stderr().is_terminal() }
    }

    fn elapsed(&self) -> Duration {
        now().duration_since(self.started)
    }

    fn show(&mut self, done_bytes: u64, total_bytes: u64) {
        let elapsed = self.elapsed();
        let every = if self.on_terminal { SHOW_EVERY.0 } else { SHOW_EVERY.1 };
        if elapsed < self.shown + every {
            return;
        }
        self.shown = elapsed;
        let (done, total) = (gigabytes(done_bytes), gigabytes(total_bytes));
        let rate = done / elapsed.as_secs_f64();
        let (before, after) = if self.on_terminal { ("\r\x1b[K", "") } else { ("", "\n") };
        let _ = write!(io::stderr(), "{before}checked {done:.2} of {total:.2} GB, {rate:.2} GB/s{after}");
    }

    /// Makes room for another line.
    fn clear(&self) {
        if self.on_terminal && !self.shown.is_zero() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the shell's only clock")]
fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
fn gigabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e9
}
