//! BrokerProcess: a broker under test as a process of its own, which is started, asked to stop, killed. Always on the same
//! address and folder. Used by the kill loop and the chain.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{self, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use std::{fs, io};

use kestrel_broker::Durability;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// How long a start or a stop may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// The broker that was built beside a program of the tests; it is built when it is not there.
///
/// # Panics
/// When it cannot be built.
#[must_use]
pub fn built_broker(beside: &Path) -> PathBuf {
    let broker = beside.parent().expect("a program is in a folder").join("kestrel-broker");
    if !broker.is_file() {
        let cargo = std::env::var_os("CARGO").expect("cargo runs the tests");
        let mut build = process::Command::new(cargo);
        build.args(["build", "--package", "kestrel-broker", "--bin", "kestrel-broker"]);
        assert!(build.status().expect("cargo runs").success());
    }
    broker
}

/// A program with kestrel-broker's command line (Apache Kafka's is `tests/interop/apache-kafka`), and where it runs.
#[derive(Debug)]
pub struct BrokerProcess {
    program: PathBuf,
    settings: Vec<String>,
    address: String,
    data_dir: PathBuf,
    log: PathBuf,
    running: Option<Child>,
}

impl BrokerProcess {
    /// A broker that is yet to be started, with its folder and its log in `work`, and with these settings (`key=value`).
    ///
    /// # Errors
    /// When no port is free.
    pub fn new(program: PathBuf, work: &Path, settings: &[&str]) -> io::Result<Self> {
        Ok(Self {
            program,
            settings: settings.iter().map(|&setting| setting.to_owned()).collect(),
            address: free_address()?,
            data_dir: work.join("data"),
            log: work.join("broker.log"),
            running: None,
        })
    }

    /// What clients connect to.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Its data folder.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// The folder that its own is in, with its log.
    #[must_use]
    pub fn work(&self) -> &Path {
        self.log.parent().unwrap_or(&self.log)
    }

    /// Begins a start.
    ///
    /// # Errors
    /// When the program cannot be run.
    pub fn spawn(&mut self, durability: Durability) -> io::Result<()> {
        let log = fs::File::options().create(true).append(true).open(&self.log)?;
        let mut command = Command::new(&self.program);
        command.arg("--listen").arg(&self.address).arg("--data-dir").arg(&self.data_dir);
        // The default is not said: Apache Kafka's program has no other.
        if matches!(durability, Durability::Os) {
            command.args(["--durability", "os"]);
        }
        for setting in &self.settings {
            command.args(["--set", setting]);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).kill_on_drop(true);
        self.running = Some(command.spawn()?);
        Ok(())
    }

    /// Waits until it serves.
    ///
    /// # Errors
    /// What it did instead.
    pub async fn ready(&mut self) -> Result<(), String> {
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
            Ok(Ok(None)) => {
                let (ended, log) = (running.wait().await, fs::read_to_string(&self.log).unwrap_or_default());
                let last = log.lines().last().unwrap_or("nothing");
                Err(format!("it ended with {ended:?} before it was ready; it logged {last:?} last"))
            }
            Ok(Err(error)) => Err(format!("it cannot be read: {error:#}")),
            Err(_) => Err(format!("it was not ready within {PATIENCE:?}")),
        }
    }

    /// How it ended, if it did so by itself.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.running.as_mut().and_then(|running| running.try_wait().ok().flatten())
    }

    /// SIGKILL.
    ///
    /// # Errors
    /// When the process cannot be killed.
    pub async fn kill(&mut self) -> io::Result<()> {
        match self.running.take() {
            Some(mut running) => running.kill().await,
            None => Ok(()),
        }
    }

    /// SIGTERM.
    ///
    /// # Errors
    /// When the process cannot be told.
    pub fn terminate(&self) -> io::Result<()> {
        let id = self.running.as_ref().and_then(Child::id).and_then(|id| i32::try_from(id).ok());
        match id.and_then(Pid::from_raw) {
            Some(id) => Ok(kill_process(id, Signal::TERM)?),
            None => Ok(()),
        }
    }

    /// Waits for a clean end after [`Self::terminate`].
    ///
    /// # Errors
    /// How it ended instead.
    pub async fn stopped(&mut self) -> Result<(), String> {
        let Some(mut running) = self.running.take() else { return Ok(()) };
        match timeout(PATIENCE, running.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(format!("the stop ended with {status}")),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("it did not stop within {PATIENCE:?}")),
        }
    }

    /// Has `kestrel-broker check` look at the folder of a broker that does not run.
    ///
    /// # Errors
    /// What is wrong with the folder.
    pub async fn check(&self) -> Result<(), String> {
        let mut command = Command::new(&self.program);
        succeed(command.arg("check").arg("--data-dir").arg(&self.data_dir)).await.map(drop)
    }

    /// What its log says of panics and errors.
    #[must_use]
    pub fn complaints(&self) -> Vec<String> {
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
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    // The port is free again until the broker takes it, and between its lives: each process looks in a place of its own, and gives
    // none twice.
    let first = process::id().wrapping_mul(97);
    let address = (0..PORTS.end - PORTS.start).find_map(|_| {
        let next = first.wrapping_add(GIVEN.fetch_add(1, Ordering::Relaxed));
        let address = format!("127.0.0.1:{}", PORTS.start + next % (PORTS.end - PORTS.start));
        TcpListener::bind(&address).is_ok().then_some(address)
    });
    address.ok_or_else(|| io::Error::other("no port from 20000 to 31999 is free"))
}

/// What a command prints.
///
/// # Errors
/// What it says when it fails.
pub async fn succeed(command: &mut Command) -> Result<String, String> {
    let done = command.stdin(Stdio::null()).kill_on_drop(true).output().await;
    let done = done.map_err(|error| format!("{command:?}: {error:#}"))?;
    let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    if done.status.success() {
        Ok(out.into_owned())
    } else {
        Err(format!("{command:?} ended with {}:\n{out}{err}", done.status))
    }
}
