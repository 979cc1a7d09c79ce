//! The `kestrel-broker` binary: arguments, logs on standard error, signals. Everything else is in the library.
//!
//! Without a subcommand it serves; the subcommands are in `cli/`.

use std::error::Error;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use kestrel_broker::{Broker, Durability, StartError, Validation};
use kestrel_settings::Secret;
use tracing_subscriber::EnvFilter;

mod cli;

/// The exit code of a process that a second signal ended: 128 and the number of SIGINT.
const INTERRUPTED: u8 = 130;

/// A compact Apache Kafka broker: one command, Apache Kafka's own protocol and data folder.
///
/// Needs nothing before the first start. When it serves it prints one line on standard output; logs go to standard error
/// (RUST_LOG=debug shows every request). SIGINT and SIGTERM stop it cleanly; a second one ends it at once.
#[derive(Debug, Parser)]
#[command(
    name = "kestrel-broker",
    version,
    max_term_width = 100,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true
)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,

    /// Where to listen, in place of all that `listeners` says; port 0 lets the system choose, and without a host, as in
    /// `:9092`, it is every interface of the machine, open to whoever can reach it [default: 127.0.0.1:9092]
    #[arg(long, value_name = "HOST:PORT")]
    listen: Option<String>,

    /// The address that clients are told to connect to, for a broker with one listener [default: the address of --listen; for 0.0.0.0 the machine's
    /// host name, or localhost where that cannot be resolved]
    #[arg(long, value_name = "HOST:PORT")]
    advertise: Option<String>,

    /// The folder that holds all data, in Apache Kafka's own format [default: ./kestrel-data]
    #[arg(long, value_name = "FOLDER")]
    data_dir: Option<PathBuf>,

    /// What an acknowledgement means
    #[arg(long, value_enum, default_value_t = DurabilityArgument::Group)]
    durability: DurabilityArgument,

    /// How closely the broker looks at what producers send
    #[arg(long, value_enum, default_value_t = ValidationArgument::Records)]
    validation: ValidationArgument,

    /// A server.properties in Apache Kafka's format; the options here count more
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Encrypt, with certificates made for development in the data folder; prints what clients have to set. Listeners that
    /// have certificates of their own keep them
    #[arg(long)]
    tls: bool,
    /// A user that may log in with this password by PLAIN or SCRAM; may be given many times. With one, and nothing said of listeners
    /// but --listen, clients have to log in (security.protocol=SASL_PLAINTEXT). For development: others on the machine can
    /// see the arguments of a program
    #[arg(long, value_name = "NAME:PASSWORD", value_parser = name_and_password)]
    user: Vec<(String, Secret)>,

    /// Take tokens of OAUTHBEARER that nobody has signed, so that whoever connects can be any user. For development
    #[arg(long, conflicts_with = "signed_tokens")]
    unsecured_tokens: bool,

    /// Take tokens of OAUTHBEARER that are signed by who has the keys at this address: https:// or file:// (a JWKS document)
    #[arg(long, value_name = "URL")]
    signed_tokens: Option<String>,

    /// Serve metrics for Prometheus (/metrics) and health checks (/healthz, /readyz) here, to whoever can connect; 9644 is a usual port
    #[arg(long, value_name = "HOST:PORT")]
    metrics: Option<String>,

    /// Let the metrics tell of each partition too, for instance the lag of groups in kafka_consumergroup_lag
    #[arg(long, requires = "metrics")]
    metrics_per_partition: bool,

    /// A key of Apache Kafka's broker configuration, for instance --set num.partitions=3; may be given many times
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_and_value)]
    set: Vec<(String, String)>,
}

/// What else the program does; without one it serves.
#[derive(Debug, Subcommand)]
enum Command {
    Check(cli::CheckArguments),
    Repair(cli::RepairArguments),
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum DurabilityArgument {
    /// The records are on the disk; one flush answers all that wait
    Group,
    /// The records are in the system's page cache, as Apache Kafka does: safe from a crash of the broker, not of the machine
    Os,
    /// As os, with a flush as often as log.flush.interval.ms and log.flush.interval.messages say
    Interval,
}

impl From<DurabilityArgument> for Durability {
    fn from(argument: DurabilityArgument) -> Self {
        match argument {
            DurabilityArgument::Group => Self::Group,
            DurabilityArgument::Os => Self::Os,
            DurabilityArgument::Interval => Self::Interval,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ValidationArgument {
    /// At each record, compressed or not: a batch that no consumer could read is refused, as Apache Kafka does
    Records,
    /// At headers, checksums and counts only, for producers that are known to be right: costs less CPU
    Headers,
}

impl From<ValidationArgument> for Validation {
    fn from(argument: ValidationArgument) -> Self {
        match argument {
            ValidationArgument::Records => Self::Records,
            ValidationArgument::Headers => Self::Headers,
        }
    }
}

fn key_and_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    Ok((key.trim().to_owned(), value.to_owned()))
}

fn name_and_password(text: &str) -> Result<(String, Secret), String> {
    let (name, password) = text.split_once(':').ok_or("expected NAME:PASSWORD")?;
    if name.is_empty() || password.is_empty() {
        return Err("expected NAME:PASSWORD, and neither may be empty".to_owned());
    }
    Ok((name.to_owned(), Secret::new(password)))
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    start_logging();
    raise_file_limit();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("cannot start: {error}")),
    };
    let exit_code = runtime.block_on(async {
        match arguments.command {
            Some(Command::Check(arguments)) => cli::check(arguments).await,
            // Nothing listens to signals then: SIGINT ends it at once, as at a prompt it has to.
            Some(Command::Repair(arguments)) => cli::repair(&arguments),
            None => serve(arguments).await,
        }
    });
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

/// Lets the process open as many files as it may: shells set a low limit, and allow more to who asks.
fn raise_file_limit() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let limit = getrlimit(Resource::Nofile);
        if limit.current != limit.maximum
            && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit })
        {
            tracing::debug!("the limit of open files stays: {error}");
        }
    }
}

/// Runs the broker from its start to its stop.
async fn serve(arguments: Arguments) -> ExitCode {
    let mut signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(error) => return fail(&format!("cannot listen to signals: {error}")),
    };
    let started = tokio::select! {
        started = start(arguments) => started,
        () = signals.next() => return ExitCode::from(INTERRUPTED),
    };
    let broker = match started {
        Ok(broker) => broker,
        Err(error) => return fail(&with_causes(&error)),
    };
    if let Err(error) = announce(&broker) {
        return fail(&format!("cannot write to standard output: {error}"));
    }
    let failure = tokio::select! {
        () = signals.next() => None,
        failure = broker.failed() => Some(failure),
    };
    let stopped = tokio::select! {
        stopped = broker.stop() => stopped,
        () = signals.next() => return ExitCode::from(INTERRUPTED),
    };
    match (failure, stopped) {
        (Some(failure), _) => fail(&failure),
        (None, Err(error)) => fail(&with_causes(&error)),
        (None, Ok(())) => ExitCode::SUCCESS,
    }
}

async fn start(arguments: Arguments) -> Result<Broker, StartError> {
    let mut builder =
        Broker::builder().durability(arguments.durability.into()).validation(arguments.validation.into());
    if let Some(file) = arguments.config {
        builder = builder.config_file(file);
    }
    for (key, value) in arguments.set {
        builder = builder.set(key, value);
    }
    if arguments.tls {
        builder = builder.tls();
    }
    for (name, password) in arguments.user {
        builder = builder.user(name, password.expose());
    }
    if arguments.unsecured_tokens {
        builder = builder.unsecured_tokens();
    }
    if let Some(url) = arguments.signed_tokens {
        builder = builder.signed_tokens(url);
    }
    if let Some(address) = arguments.metrics {
        builder = builder.metrics(address);
    }
    if arguments.metrics_per_partition {
        builder = builder.metrics_per_partition();
    }
    if let Some(address) = arguments.listen {
        builder = builder.listen(address);
    }
    if let Some(address) = arguments.advertise {
        builder = builder.advertise(address);
    }
    if let Some(dir) = arguments.data_dir {
        builder = builder.data_dir(dir);
    }
    builder.start().await
}

/// The one line on standard output: whoever started the broker waits for it. With `--tls` the settings of clients follow.
fn announce(broker: &Broker) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    let (bootstrap_servers, data_dir) = (broker.bootstrap_servers(), broker.data_dir().display());
    writeln!(stdout, "kestrel-broker ready: bootstrap.servers={bootstrap_servers} data-dir={data_dir}")?;
    if let Some(address) = broker.metrics_address() {
        writeln!(stdout, "metrics at http://{address}/metrics")?;
    }
    if let Some(tls) = broker.development_tls() {
        write!(stdout, "{}", tls.client_lines())?;
    }
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
    let _ = writeln!(io::stderr(), "kestrel-broker: {message}");
    ExitCode::FAILURE
}
