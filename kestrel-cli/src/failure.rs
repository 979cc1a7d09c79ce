//! Failure: why a command did not do what it was asked, what to change, and the exit code.

use std::io::{self, Write};
use std::process::ExitCode;

use kestrel_client::{Error, ErrorCode};
use kestrel_registry_client::RegistryError;

/// The exit codes of the program; docs/command-line.md has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It failed.
    Failed = 1,
    /// The command line cannot be.
    Usage = 2,
    /// Some of several things failed, others are done.
    Partial = 3,
    /// A signal ended it before it was done: 128 and the number of SIGINT.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command failed.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Option<Exit>,
    /// Empty when everything was said already.
    message: String,
    remedy: Option<String>,
}

impl Failure {
    /// It failed for this reason.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { exit: Some(Exit::Failed), message: message.into(), remedy: None }
    }

    /// The command line asks for what cannot be.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { exit: Some(Exit::Usage), ..Self::new(message) }
    }

    /// What failed was reported, thing by thing.
    pub(crate) fn reported(exit: Exit) -> Self {
        Self { exit: Some(exit), ..Self::new("") }
    }

    /// A signal ended it.
    pub(crate) fn interrupted() -> Self {
        Self::reported(Exit::Interrupted)
    }

    /// Says what to change.
    pub(crate) fn remedy(self, remedy: impl Into<String>) -> Self {
        Self { remedy: Some(remedy.into()), ..self }
    }

    /// What failed.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// What to change, if that is known.
    pub(crate) fn what_to_change(&self) -> Option<&str> {
        self.remedy.as_deref()
    }

    /// Says it on standard error, and gives the exit code.
    pub(crate) fn report(self) -> ExitCode {
        let mut stderr = io::stderr().lock();
        if !self.message.is_empty() {
            let _ = writeln!(stderr, "kestrel: {}", self.message);
        }
        if let Some(remedy) = &self.remedy {
            let _ = writeln!(stderr, "  {remedy}");
        }
        self.exit.map_or(ExitCode::SUCCESS, ExitCode::from)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let remedy = remedy_of(&error);
        Self { remedy: remedy.map(str::to_owned), ..Self::new(format!("{error:#}")) }
    }
}

/// What to change, where the error does not say it.
fn remedy_of(error: &Error) -> Option<&'static str> {
    Some(match error {
        Error::Bootstrap { .. } => {
            "Is the cluster there? --bootstrap HOST:PORT names another one, `kestrel context list` those that are known."
        }
        Error::Authentication { .. } => {
            "Who connects is said by client properties: --config FILE, --set KEY=VALUE, or a context."
        }
        Error::UnknownTopic { .. } => "`kestrel topics list` shows the topics that are there.",
        _ => match error.code()? {
            ErrorCode::UnknownTopicOrPartition => "`kestrel topics list` shows the topics that are there.",
            ErrorCode::GroupIdNotFound => "`kestrel groups list` shows the groups that are there.",
            ErrorCode::NonEmptyGroup | ErrorCode::UnknownMemberId => {
                "Its members have to stop first: `kestrel groups describe` shows them."
            }
            ErrorCode::TopicAuthorizationFailed
            | ErrorCode::GroupAuthorizationFailed
            | ErrorCode::ClusterAuthorizationFailed
            | ErrorCode::TransactionalIdAuthorizationFailed => {
                "`kestrel acls list` shows who may do what, to who may see it."
            }
            _ => return None,
        },
    })
}

impl From<RegistryError> for Failure {
    fn from(error: RegistryError) -> Self {
        Self::new(with_causes(&error))
    }
}

impl From<io::Error> for Failure {
    /// Who reads what is written may have seen enough, as `head` does: that is no failure.
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self { exit: None, ..Self::new("") },
            _ => Self::new(error.to_string()),
        }
    }
}

/// The error and its causes, each once: none of them says what the next one says.
pub(crate) fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    let chain = std::iter::successors(Some(error), |&error| error.source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
