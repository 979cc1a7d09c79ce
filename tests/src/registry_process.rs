//! RegistryProcess: a registry under test as a process of its own, which can be killed. Each one has another address.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use std::{fs, io};

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// How long a start may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A registry that serves.
#[derive(Debug)]
pub struct RegistryProcess {
    url: String,
    running: Child,
}

impl RegistryProcess {
    /// Starts `kestrel-registry-process`, the program, over a cluster, and waits until it serves. Its log is appended to `log`.
    ///
    /// # Errors
    /// What it did instead.
    pub async fn start(program: &Path, bootstrap: &str, topic: &str, log: &Path) -> io::Result<Self> {
        let log = fs::File::options().create(true).append(true).open(log)?;
        let mut command = Command::new(program);
        command.args([bootstrap, topic]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).kill_on_drop(true);
        let mut running = command.spawn()?;
        let stdout = running.stdout.take().ok_or_else(|| io::Error::other("it has no standard output"))?;
        let mut lines = BufReader::new(stdout).lines();
        let line = timeout(PATIENCE, lines.next_line()).await??;
        match line.as_deref().and_then(|line| line.strip_prefix("ready: ")) {
            Some(url) => Ok(Self { url: url.to_owned(), running }),
            None => Err(io::Error::other(format!("it printed {line:?} first"))),
        }
    }

    /// Where it serves.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// SIGKILL.
    ///
    /// # Errors
    /// When the process cannot be killed.
    pub async fn kill(mut self) -> io::Result<()> {
        self.running.kill().await
    }
}
