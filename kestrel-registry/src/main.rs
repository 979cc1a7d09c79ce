//! The `kestrel-registry` binary: arguments, logs on standard error, signals. Everything else is in the library.

use std::error::Error;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use kestrel_registry::{Registry, StartError};
use tracing_subscriber::EnvFilter;

/// The exit code of a process that a second signal ended: 128 and the number of SIGINT.
const INTERRUPTED: u8 = 130;

/// A schema registry with Confluent's REST API, over any Apache Kafka.
///
/// Keeps everything in a compacted topic of the cluster, which it creates. When it serves it prints one line on standard output; logs go
/// to standard error (RUST_LOG=kestrel_registry=debug shows every request). SIGINT and SIGTERM stop it cleanly; a second one ends it at once.
#[derive(Debug, Parser)]
#[command(name = "kestrel-registry", version, max_term_width = 100)]
struct Arguments {
    /// The Kafka cluster: one broker or several, separated by commas [default: what --config says, or localhost:9092]
    #[arg(long, value_name = "HOST:PORT,...")]
    bootstrap: Option<String>,

    /// Where to listen; port 0 lets the system choose. 0.0.0.0 is every interface of the machine, open to whoever can reach it
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8081")]
    listen: String,

    /// Client properties, for clusters that want to know who connects (security.protocol, sasl.jaas.config, ssl.truststore.location)
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// The topic that everything is kept in
    #[arg(long, value_name = "NAME", default_value = "_schemas")]
    topic: String,

    /// Replicas that the topic should have. It is created with no more than there are brokers; a topic with fewer is warned of
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(i16).range(1..))]
    replication_factor: i16,

    /// How long a write may take until it is answered that it took too long, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(1..=600_000))]
    write_timeout_ms: u64,

    /// A user that may use the registry, by basic authentication; may be given many times. Without one everybody may. Others on the
    /// machine can see the arguments of a program
    #[arg(long, value_name = "NAME:PASSWORD", value_parser = name_and_password)]
    user: Vec<(String, kestrel_registry::Secret)>,
}

fn name_and_password(text: &str) -> Result<(String, kestrel_registry::Secret), String> {
    let (name, password) = text.split_once(':').ok_or("expected NAME:PASSWORD")?;
    if name.is_empty() || password.is_empty() {
        return Err("expected NAME:PASSWORD, and neither may be empty".to_owned());
    }
    Ok((name.to_owned(), kestrel_registry::Secret::new(password)))
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    start_logging();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("cannot start: {error}")),
    };
    let exit_code = runtime.block_on(serve(arguments));
    runtime.shutdown_background();
    exit_code
}

fn start_logging() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false)
        .init();
}

/// Runs the registry from its start to its stop.
async fn serve(arguments: Arguments) -> ExitCode {
    let mut signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(error) => return fail(&format!("cannot listen to signals: {error}")),
    };
    let started = tokio::select! {
        started = start(arguments) => started,
        () = signals.next() => return ExitCode::from(INTERRUPTED),
    };
    let registry = match started {
        Ok(registry) => registry,
        Err(error) => return fail(&with_causes(&error)),
    };
    if let Err(error) = announce(&registry) {
        return fail(&format!("cannot write to standard output: {error}"));
    }
    tokio::select! {
        () = signals.next() => {}
        failure = registry.failed() => {
            registry.stop().await;
            return fail(&failure.to_string());
        }
    }
    tokio::select! {
        () = registry.stop() => ExitCode::SUCCESS,
        () = signals.next() => ExitCode::from(INTERRUPTED),
    }
}

async fn start(arguments: Arguments) -> Result<Registry, StartError> {
    let mut builder = match (arguments.bootstrap, arguments.config) {
        (Some(bootstrap), None) => Registry::builder(bootstrap),
        (Some(bootstrap), Some(file)) => Registry::builder(bootstrap).client_properties(file),
        (None, Some(file)) => Registry::from_client_properties(file),
        (None, None) => Registry::builder("localhost:9092"),
    };
    for (name, password) in arguments.user {
        builder = builder.user(&name, password.expose());
    }
    builder
        .listen(arguments.listen)
        .topic(arguments.topic)
        .replication_factor(arguments.replication_factor)
        .write_timeout(Duration::from_millis(arguments.write_timeout_ms))
        .start()
        .await
}

/// The one line on standard output: whoever started the registry waits for it.
fn announce(registry: &Registry) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "kestrel-registry ready: schema.registry.url={}", registry.url())?;
    stdout.flush()
}

/// SIGINT and SIGTERM, heard from the moment this is made.
struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    #[cfg(unix)]
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    #[cfg(not(unix))]
    fn listen() -> io::Result<Self> {
        Ok(Self {})
    }

    /// Waits for the next one.
    async fn next(&mut self) {
        #[cfg(unix)]
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
        #[cfg(not(unix))]
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// The error and its causes, each once: none of them says what the next one says.
fn with_causes(error: &(dyn Error + 'static)) -> String {
    let chain = std::iter::successors(Some(error), |&error| error.source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn fail(message: &str) -> ExitCode {
    let _ = writeln!(io::stderr(), "kestrel-registry: {message}");
    ExitCode::FAILURE
}
