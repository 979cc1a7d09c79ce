//! The victim: a broker in a process of its own, which hangs and is killed. The process is this program once more.

use std::io::{self, BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use kestrel_broker::Broker;
use kestrel_examples::Result;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::task::spawn_blocking;

/// Tells a process that it is the broker, and with which address and folder.
const PLACE: &str = "HOST_METRICS_BROKER";
/// What the broker prints when it serves.
const READY: &str = "ready";

/// Address and folder of the broker that this process is to be, if it is.
pub(crate) fn place() -> Option<String> {
    std::env::var(PLACE).ok()
}

/// Is the broker, until whoever has started it is gone.
pub(crate) async fn serve(place: &str) -> Result {
    let (address, folder) = place.split_once(' ').ok_or("an address and a folder are missing")?;
    // By default an acknowledged record is on the disk. For a process that is killed the system's memory would be enough.
    let broker = Broker::builder().listen(address).data_dir(folder).start().await?;
    println!("{READY}");
    spawn_blocking(|| io::copy(&mut io::stdin(), &mut io::sink())).await??;
    Ok(broker.stop().await?)
}

/// A broker that hangs and is killed, and started again on the same address and folder.
#[derive(Debug)]
pub(crate) struct Victim {
    arguments: Vec<String>,
    address: String,
    folder: TempDir,
    process: Option<Child>,
    hangs: bool,
}

impl Victim {
    /// Starts it, with arguments with which this program looks whether it is the broker; waits until it serves.
    pub(crate) async fn start(arguments: &[&str]) -> Result<Self> {
        let mut victim = Self {
            arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
            address: free_address()?,
            folder: TempDir::new()?,
            process: None,
            hangs: false,
        };
        victim.spawn()?;
        let printed = victim.process.as_mut().and_then(|process| process.stdout.take());
        let printed = BufReader::new(printed.ok_or("it prints nothing")?);
        let mut lines = printed.lines().map_while(io::Result::ok);
        match spawn_blocking(move || lines.any(|line| line == READY)).await? {
            true => Ok(victim),
            false => Err("the broker has ended before it was ready".into()),
        }
    }

    /// What clients connect to.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Starts the process; whoever wants to use it tries until it serves.
    pub(crate) fn spawn(&mut self) -> Result {
        let process = Command::new(std::env::current_exe()?)
            .args(&self.arguments)
            .env(PLACE, format!("{} {}", self.address, self.folder.path().display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        self.process = Some(process);
        self.hangs = false;
        Ok(())
    }

    /// Lets it take nothing and answer nothing; its connections stay open.
    pub(crate) fn hang(&mut self) -> Result {
        if let Some(process) = &self.process {
            kill_process(Pid::from_child(process), Signal::STOP)?;
            self.hangs = true;
        }
        Ok(())
    }

    /// Whether it hangs.
    pub(crate) const fn hangs(&self) -> bool {
        self.hangs
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) -> Result {
        if let Some(mut process) = self.process.take() {
            process.kill()?;
            process.wait()?;
        }
        Ok(())
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        // Its folder goes next; one that cannot be killed is gone already.
        let _ = self.kill();
    }
}

/// An address that is free, and not in the range from which connections take their own ports: who tries to reach a broker that is
/// not there must not be given its port.
fn free_address() -> Result<String> {
    let first = 20_000 + std::process::id() % 10_000;
    let mut addresses = (first..first + 2_000).map(|port| format!("127.0.0.1:{port}"));
    Ok(addresses.find(|address| TcpListener::bind(address).is_ok()).ok_or("no port is free")?)
}
