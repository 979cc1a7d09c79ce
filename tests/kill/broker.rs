//! The broker under test, as a process: started, asked to stop, killed. Always on the same address and folder.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use std::{fs, io};

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// How long a start or a stop may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Settings that make a minute of test as eventful as days of use.
const SETTINGS: [&str; 6] = [
    "log.retention.check.interval.ms=100",
    "log.cleaner.backoff.ms=50",
    "log.cleaner.min.cleanable.ratio=0.01",
    "log.segment.delete.delay.ms=200",
    "offsets.topic.num.partitions=3",
    "auto.create.topics.enable=false",
];

/// What an acknowledgement means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// The record is on the disk.
    Group,
    /// The record is in the page cache, which a killed process leaves behind.
    Os,
}

/// Where and how the broker runs.
#[derive(Debug)]
pub(crate) struct Broker {
    program: PathBuf,
    address: String,
    data_dir: PathBuf,
    log: PathBuf,
    running: Option<Child>,
}

impl Broker {
    /// A broker that is yet to be started, with its folder and its log in `work`.
    pub(crate) fn new(program: PathBuf, work: &Path) -> io::Result<Self> {
        Ok(Self {
            program,
            address: free_address()?,
            data_dir: work.join("data"),
            log: work.join("broker.log"),
            running: None,
        })
    }

    /// What clients connect to.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Its data folder.
    pub(crate) fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// The folder that its own is in, with its log.
    pub(crate) fn work(&self) -> &Path {
        self.log.parent().unwrap_or(&self.log)
    }

    /// Begins a start.
    pub(crate) fn spawn(&mut self, durability: Durability) -> io::Result<()> {
        let log = fs::File::options().create(true).append(true).open(&self.log)?;
        let mut command = Command::new(&self.program);
        command.arg("--listen").arg(&self.address).arg("--data-dir").arg(&self.data_dir);
        command.args(["--durability", if durability == Durability::Os { "os" } else { "group" }]);
        for setting in SETTINGS {
            command.args(["--set", setting]);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).kill_on_drop(true);
        self.running = Some(command.spawn()?);
        Ok(())
    }

    /// Waits until it serves.
    pub(crate) async fn ready(&mut self) -> Result<(), String> {
        let Some(running) = &mut self.running else { return Err("it was not started".to_owned()) };
        let Some(stdout) = running.stdout.take() else { return Err("it has no standard output".to_owned()) };
        let mut lines = BufReader::new(stdout).lines();
        match timeout(PATIENCE, lines.next_line()).await {
            Ok(Ok(Some(line))) if line.contains("ready: ") => {
                // Nothing more is printed; the pipe is kept so that nothing could break it.
                running.stdout = Some(lines.into_inner().into_inner());
                Ok(())
            }
            Ok(Ok(Some(line))) => Err(format!("it printed {line:?} first")),
            Ok(Ok(None)) => Err(format!("it ended with {:?} before it was ready", running.wait().await)),
            Ok(Err(error)) => Err(format!("it cannot be read: {error:#}")),
            Err(_) => Err(format!("it was not ready within {PATIENCE:?}")),
        }
    }

    /// How it ended, if it did so by itself.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.running.as_mut().and_then(|running| running.try_wait().ok().flatten())
    }

    /// SIGKILL.
    pub(crate) async fn kill(&mut self) -> io::Result<()> {
        match self.running.take() {
            Some(mut running) => running.kill().await,
            None => Ok(()),
        }
    }

    /// SIGTERM.
    pub(crate) fn terminate(&self) -> io::Result<()> {
        let id = self.running.as_ref().and_then(Child::id).and_then(|id| i32::try_from(id).ok());
        match id.and_then(Pid::from_raw) {
            Some(id) => Ok(kill_process(id, Signal::TERM)?),
            None => Ok(()),
        }
    }

    /// Waits for a clean end after [`Self::terminate`].
    pub(crate) async fn stopped(&mut self) -> Result<(), String> {
        let Some(mut running) = self.running.take() else { return Ok(()) };
        match timeout(PATIENCE, running.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(format!("the stop ended with {status}")),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("it did not stop within {PATIENCE:?}")),
        }
    }

    /// Has `kestrel-broker check` look at the folder of a broker that does not run.
    pub(crate) async fn check(&self) -> Result<(), String> {
        let mut command = Command::new(&self.program);
        succeed(command.arg("check").arg("--data-dir").arg(&self.data_dir)).await.map(drop)
    }

    /// What its log says of panics and errors.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let log = fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let of_note = |line: &&str| line.contains("panicked") || line.contains(" ERROR ");
        log.lines().filter(of_note).take(20).map(str::to_owned).collect()
    }
}

/// An address that is free, outside the range from which outgoing connections take their ports: a client that tries to reach a
/// broker that is not there must not get hold of its port, or even connect to itself.
fn free_address() -> io::Result<String> {
    const PORTS: std::ops::Range<u32> = 20_000..32_000;
    // The port is free again until the broker takes it, and between its lives: each process looks in a place of its own.
    let first = std::process::id().wrapping_mul(97) % (PORTS.end - PORTS.start);
    let mut ports = PORTS.cycle().skip(first as usize).take(PORTS.len());
    let address = ports.find_map(|port| {
        let address = format!("127.0.0.1:{port}");
        TcpListener::bind(&address).is_ok().then_some(address)
    });
    address.ok_or_else(|| io::Error::other("no port from 20000 to 31999 is free"))
}

/// What a command prints; what it says when it fails.
pub(crate) async fn succeed(command: &mut Command) -> Result<String, String> {
    let done = command.stdin(Stdio::null()).kill_on_drop(true).output().await;
    let done = done.map_err(|error| format!("{command:?}: {error:#}"))?;
    let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    if done.status.success() {
        Ok(out.into_owned())
    } else {
        Err(format!("{command:?} ended with {}:\n{out}{err}", done.status))
    }
}
