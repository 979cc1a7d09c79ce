//! The life of the process: arguments, logs on standard error, the runtime, signals, the exit code.

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use tracing_subscriber::EnvFilter;

use crate::apache::Tool;
use crate::arguments::Arguments;
use crate::commands::Command;
use crate::completion::complete;
use crate::failure::{Exit, Failure};
use crate::options::GlobalArguments;
use crate::session::Session;
use crate::signals::Signals;

/// Runs one command line, and gives the exit code of the process.
pub(crate) fn run(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let work = match Work::parse(&arguments.collect::<Vec<_>>()) {
        Ok(work) => work,
        Err(error) => {
            // Help and versions come this way too; a pipe that is closed is nobody's trouble.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage.into() } else { ExitCode::SUCCESS };
        }
    };
    start_logging();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Failure::new(format!("cannot start: {error}")).report(),
    };
    let outcome = runtime.block_on(serve(work));
    runtime.shutdown_background();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// What the program was started for.
enum Work {
    /// Mostly one command; of Apache Kafka's tools some options ask for several.
    Commands(GlobalArguments, Vec<Command>),
    /// A shell asks what could come next on a command line.
    Complete(Vec<OsString>),
}

impl Work {
    fn parse(words: &[OsString]) -> Result<Self, clap::Error> {
        if let [_, first, rest @ ..] = words
            && first == "__complete"
        {
            let rest = rest.strip_prefix(&[OsString::from("--")]).unwrap_or(rest);
            return Ok(Self::Complete(rest.to_vec()));
        }
        let (global, commands) = match Tool::of(words) {
            Some((tool, rest)) => tool.parse(rest)?,
            None => {
                let Arguments { global, command } = Arguments::try_parse_from(words)?;
                (global, vec![command])
            }
        };
        Ok(Self::Commands(global, commands))
    }

    fn session(&mut self) -> Session {
        match self {
            Self::Commands(global, _) => Session::new(std::mem::take(global)),
            Self::Complete(_) => Session::new(GlobalArguments::default()),
        }
    }

    async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::Commands(_, commands) => {
                for command in commands {
                    command.run(session).await?;
                }
                Ok(())
            }
            Self::Complete(words) => {
                let mut root = Arguments::command();
                root.build();
                complete(&words, &root, session).await
            }
        }
    }
}

/// Only what somebody should look at: what a command found is on standard output, and why it failed is said once.
fn start_logging() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false)
        .without_time()
        .init();
}

/// Runs the command until it is done or a signal ends it. A command that listens to [`Session::stop`] ends by itself after the first
/// signal; the second one ends every command.
async fn serve(mut work: Work) -> Result<(), Failure> {
    let mut signals =
        Signals::listen().map_err(|error| Failure::new(format!("cannot listen to signals: {error}")))?;
    let session = work.session();
    let mut work = Box::pin(work.run(&session));
    tokio::select! {
        outcome = &mut work => return outcome,
        () = signals.next() => {}
    }
    if !session.stop().ask() {
        return Err(Failure::interrupted());
    }
    tokio::select! {
        outcome = &mut work => outcome,
        () = signals.next() => Err(Failure::interrupted()),
    }
}
