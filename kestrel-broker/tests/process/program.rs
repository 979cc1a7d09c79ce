//! A `kestrel-broker` process: started, watched, signalled, always ended with its owner.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// How long a start or a stop may take before the test gives up: generous, since machines are busy.
const DEADLINE: Duration = Duration::from_secs(60);

/// A broker that serves.
pub(crate) struct Program {
    child: Child,
    pub(crate) address: SocketAddr,
    /// The one line that it printed.
    pub(crate) ready_line: String,
    /// Reads what it writes to its log until it ends.
    log: Option<thread::JoinHandle<String>>,
}

/// The command with these arguments, its streams piped.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kestrel-broker"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs a command that is expected to end by itself.
pub(crate) fn run_to_end(arguments: &[&str]) -> Output {
    let child = command(arguments).spawn().unwrap();
    let id = Pid::from_child(&child);
    let (done, ended) = mpsc::channel();
    thread::spawn(move || done.send(child.wait_with_output()));
    ended.recv_timeout(DEADLINE).map_or_else(
        |_| {
            let _ = kill_process(id, Signal::KILL);
            panic!("kestrel-broker {arguments:?} still runs after {DEADLINE:?}");
        },
        |output| output.unwrap(),
    )
}

impl Program {
    /// Starts a broker on a free port with its data in `data_dir` and waits until it serves.
    pub(crate) fn start(data_dir: &Path, more: &[&str]) -> Self {
        Self::start_on("127.0.0.1:0", data_dir, more)
    }

    /// Starts a broker on `listen`.
    pub(crate) fn start_on(listen: &str, data_dir: &Path, more: &[&str]) -> Self {
        let data_dir = data_dir.to_str().unwrap();
        Self::spawn(&mut command(&[&["--listen", listen, "--data-dir", data_dir], more].concat()))
    }

    /// Starts a broker on a free port that logs everything there is to log.
    pub(crate) fn start_traced(data_dir: &Path, more: &[&str]) -> Self {
        let arguments = ["--listen", "127.0.0.1:0", "--data-dir", data_dir.to_str().unwrap()];
        Self::spawn(command(&[&arguments, more].concat()).env("RUST_LOG", "trace"))
    }

    /// Stops the broker; gives all that it logged.
    pub(crate) fn stop_for_log(mut self) -> String {
        let log = self.log.take().unwrap();
        self.signal(Signal::TERM);
        assert!(self.wait().success());
        log.join().unwrap()
    }

    /// Starts a broker that has what a shell's `ulimit` says here, and lives on when a file may not grow.
    #[cfg(target_os = "linux")]
    pub(crate) fn start_limited(limit: &str, data_dir: &Path) -> Self {
        let script = format!("trap '' XFSZ; ulimit {limit}; exec \"$0\" \"$@\"");
        let mut shell = Command::new("sh");
        shell.args(["-c", &script, env!("CARGO_BIN_EXE_kestrel-broker")]);
        shell.args(["--listen", "127.0.0.1:0", "--data-dir", data_dir.to_str().unwrap()]);
        Self::spawn(shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()))
    }

    fn spawn(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let mut errors = child.stderr.take().unwrap();
        let log = thread::spawn(move || {
            let mut text = String::new();
            let _ = errors.read_to_string(&mut text);
            text
        });
        let output = child.stdout.take().unwrap();
        let (send, first_line) = mpsc::channel();
        thread::spawn(move || {
            let mut line = String::new();
            let _ = BufReader::new(output).read_line(&mut line);
            send.send(line)
        });
        let ready_line = first_line.recv_timeout(DEADLINE).unwrap_or_default().trim_end().to_owned();
        let address = ready_line
            .split("bootstrap.servers=")
            .nth(1)
            .and_then(|rest| rest.split(' ').next())
            .and_then(|address| address.parse().ok());
        let Some(address) = address else {
            let _ = child.kill();
            let _ = child.wait();
            panic!("no ready line, but {ready_line:?}; its log: {}", log.join().unwrap());
        };
        Self { child, address, ready_line, log: Some(log) }
    }

    /// Lets files grow without limit from now on.
    #[cfg(target_os = "linux")]
    pub(crate) fn lift_file_size_limit(&self) {
        use rustix::process::{Resource, Rlimit, prlimit};
        let unlimited = Rlimit { current: None, maximum: None };
        prlimit(Some(Pid::from_child(&self.child)), Resource::Fsize, unlimited).unwrap();
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// The most memory that the process ever had resident.
    #[cfg(target_os = "linux")]
    pub(crate) fn peak_resident_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
    }

    /// Waits for the process to end.
    pub(crate) fn wait(mut self) -> ExitStatus {
        let id = Pid::from_child(&self.child);
        let (done, ended) = mpsc::channel::<()>();
        let watchdog = thread::spawn(move || {
            if ended.recv_timeout(DEADLINE) == Err(mpsc::RecvTimeoutError::Timeout) {
                let _ = kill_process(id, Signal::KILL);
            }
        });
        let status = self.child.wait().unwrap();
        drop(done);
        watchdog.join().unwrap();
        status
    }

    /// SIGKILL: no chance to write anything more.
    pub(crate) fn kill(self) {
        self.signal(Signal::KILL);
        self.wait();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
