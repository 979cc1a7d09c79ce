//! Runs the program, and holds what it wrote.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use kestrel_broker::Broker;
use serde_json::Value;
use tempfile::TempDir;

/// The program, a broker for it, and a home of its own.
pub(crate) struct Program {
    bootstrap: String,
    home: TempDir,
    /// Stops when it is dropped.
    _broker: Option<(Broker, tokio::runtime::Runtime)>,
}

/// What a run of the program came to.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Program {
    pub(crate) fn start() -> Self {
        let home = tempfile::tempdir().unwrap();
        if let Ok(bootstrap) = std::env::var("KESTREL_TEST_BOOTSTRAP") {
            return Self { bootstrap, home, _broker: None };
        }
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let authorizer = "org.apache.kafka.metadata.authorizer.StandardAuthorizer";
        let builder = Broker::builder().ephemeral().set("authorizer.class.name", authorizer);
        let builder = builder.set("super.users", "User:ANONYMOUS").set("log.retention.ms", "-1");
        let broker = runtime.block_on(builder.start()).unwrap();
        Self { bootstrap: broker.bootstrap_servers().to_owned(), home, _broker: Some((broker, runtime)) }
    }

    /// One that has no cluster.
    pub(crate) fn alone() -> Self {
        Self { bootstrap: "127.0.0.1:1".to_owned(), home: tempfile::tempdir().unwrap(), _broker: None }
    }

    pub(crate) fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// The program with these arguments, about the broker unless they say otherwise.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kestrel"));
        command.args(arguments).env("KESTREL_HOME", self.home()).env("KESTREL_BOOTSTRAP", &self.bootstrap);
        command.env_remove("KESTREL_CONTEXT").env_remove("KESTREL_REGISTRY").env_remove("RUST_LOG");
        command.stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        Run::of(&mut self.command(arguments))
    }

    /// A run that reads this on standard input.
    pub(crate) fn fed(&self, arguments: &[&str], input: &[u8]) -> Run {
        Run::fed(&mut self.command(arguments), input)
    }

    /// What the program writes when it succeeds.
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        let run = self.run(arguments);
        assert_eq!(run.code, 0, "{arguments:?}: {run:?}");
        run.stdout
    }

    /// What the program writes in JSON when it succeeds.
    pub(crate) fn json(&self, arguments: &[&str]) -> Vec<Value> {
        let written = self.ok(&[arguments, &["--output", "json"]].concat());
        written.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// What the program writes in JSON as soon as that is as it should be: brokers learn of changes one after the other.
    pub(crate) fn until(&self, arguments: &[&str], is_so: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        #[expect(clippy::disallowed_methods, reason = "a deadline of a test")]
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
        loop {
            let run = self.run(&[arguments, &["--output", "json"]].concat());
            let rows: Vec<_> = run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            #[expect(clippy::disallowed_methods, reason = "a deadline of a test")]
            let now = std::time::Instant::now();
            if is_so(&rows) {
                return rows;
            }
            assert!(now < deadline, "{arguments:?}: {run:?}");
        }
    }

    /// A name that no other test uses.
    pub(crate) fn unique(&self, prefix: &str) -> String {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let folder = self.home().file_name().unwrap().to_string_lossy().replace('.', "");
        format!("{prefix}-{folder}-{}", NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

impl Run {
    pub(crate) fn of(command: &mut Command) -> Self {
        Self::ended(command.output().unwrap())
    }

    /// A run that reads this on standard input.
    pub(crate) fn fed(command: &mut Command, input: &[u8]) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A program that refuses the first line does not read the others.
        let _ = child.stdin.take().unwrap().write_all(input);
        Self::ended(child.wait_with_output().unwrap())
    }

    fn ended(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}
