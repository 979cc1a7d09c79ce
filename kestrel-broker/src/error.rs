//! Why the broker did not start, and the one place where an error of the log becomes a code of the protocol.

use std::io;
use std::path::PathBuf;

use kestrel_protocol::ErrorCode;

use crate::cluster::MetadataError;
use crate::config::ConfigError;
use crate::log::{AppendError, LogError, StorageError};

/// Why a broker did not start. The text is one sentence that names the file or the configuration key and what to do; what the
/// system said is the `source()`, and not in the text.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A configuration key or value, or the configuration file, cannot be used.
    #[error("{message}")]
    #[non_exhaustive]
    Config {
        /// Which one, where it was said, and what would do.
        message: String,
        /// What the system said, when the file could not be read.
        source: Option<io::Error>,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}{}", listen_remedy(.source, .option))]
    #[non_exhaustive]
    Listen {
        /// The address.
        address: String,
        /// The option of the command line that chooses it.
        option: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// Another broker uses the data folder.
    #[error(
        "the data folder {} is in use by another broker: stop that one, or give this one a folder of its own with --data-dir",
        dir.display()
    )]
    #[non_exhaustive]
    Locked {
        /// The data folder.
        dir: PathBuf,
    },
    /// The data folder cannot be used: not writable, damaged, or made for another node.
    #[error("cannot use the data folder {}: {message}", dir.display())]
    #[non_exhaustive]
    Data {
        /// The data folder.
        dir: PathBuf,
        /// What is wrong and what to do.
        message: String,
        /// What the system said, when it was the system that refused.
        source: Option<io::Error>,
    },
}

fn listen_remedy(source: &io::Error, option: &str) -> String {
    match source.kind() {
        io::ErrorKind::AddrInUse => {
            format!(" (stop whoever listens there, or choose another port with {option})")
        }
        io::ErrorKind::PermissionDenied => format!(" (choose a port above 1023 with {option})"),
        io::ErrorKind::AddrNotAvailable => format!(" (choose an address of this machine with {option})"),
        _ => String::new(),
    }
}

impl StartError {
    /// Certificates of a listener that cannot be used.
    #[cfg(feature = "tls")]
    pub(crate) fn tls(listener: &str, error: kestrel_security::tls::TlsError) -> Self {
        let (message, source) = error.into_parts();
        Self::Config { message: format!("the listener {listener} cannot encrypt: {message}"), source }
    }

    /// Keys of an issuer of tokens that cannot be fetched.
    #[cfg(feature = "oauthbearer")]
    pub(crate) fn token_keys(listener: &str, error: &dyn std::error::Error) -> Self {
        let message = format!(
            "the listener {listener} cannot validate tokens (sasl.oauthbearer.jwks.endpoint.url): {error}"
        );
        Self::Config { message, source: None }
    }

    /// The failure of a data folder, with what to do about it.
    pub(crate) fn storage(data_dir: PathBuf, error: StorageError) -> Self {
        let remedy = match &error {
            StorageError::Locked { .. } => return Self::Locked { dir: data_dir },
            StorageError::NodeIdMismatch { found, .. } => {
                format!(" (start with --set node.id={found}, or use another folder)")
            }
            StorageError::ClusterIdMismatch { .. } => " (use another folder)".to_owned(),
            StorageError::Damaged { .. } => RESTORE.to_owned(),
            StorageError::Log(error) => log_remedy(error),
        };
        Self::data(data_dir, error.into_parts(), &remedy)
    }

    /// The failure of the metadata log, with what to do about it.
    pub(crate) fn metadata(data_dir: PathBuf, error: MetadataError) -> Self {
        match error {
            MetadataError::Log(error) => {
                let remedy = log_remedy(&error);
                Self::data(data_dir, error.into_parts(), &remedy)
            }
            MetadataError::Append(AppendError::Log(error)) => {
                let remedy = log_remedy(&error);
                let (message, source) = error.into_parts();
                let message = format!("cannot append to the metadata log: {message}");
                Self::data(data_dir, (message, source), &remedy)
            }
            error => Self::data(data_dir, (error.to_string(), None), ""),
        }
    }

    /// The failure of the stop before another start.
    pub(crate) fn stop(data_dir: PathBuf, error: StopError) -> Self {
        let message = format!("it could not be closed cleanly: {}", error.message);
        Self::data(data_dir, (message, error.source), "")
    }

    /// `wrong` is what is wrong, and what the system said.
    pub(crate) fn data(dir: PathBuf, wrong: (String, Option<io::Error>), remedy: &str) -> Self {
        let (message, source) = wrong;
        Self::Data { dir, message: format!("{message}{remedy}"), source }
    }
}

/// Why a broker could not be stopped in order. The next start looks through the logs, as after a crash.
///
/// What the system said is the `source()`, and not in the text.
#[derive(Debug, thiserror::Error)]
#[error("the data folder could not be closed cleanly: {message}")]
pub struct StopError {
    message: String,
    source: Option<io::Error>,
}

impl StopError {
    /// `wrong` is what is wrong, and what the system said.
    pub(crate) fn new(wrong: (String, Option<io::Error>)) -> Self {
        let (message, source) = wrong;
        Self { message, source }
    }
}

const RESTORE: &str = " (restore the file from a copy, or start with another folder)";

fn log_remedy(error: &LogError) -> String {
    match error {
        LogError::Corrupt { .. } => RESTORE.to_owned(),
        LogError::Io { source, .. } => io_remedy(source).to_owned(),
        LogError::Short { shortage, .. } => format!(" ({})", shortage.remedy()),
        _ => String::new(),
    }
}

fn io_remedy(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            " (make it writable for this user, or choose another folder with --data-dir)"
        }
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
            " (choose another folder with --data-dir)"
        }
        _ => "",
    }
}

impl From<ConfigError> for StartError {
    fn from(error: ConfigError) -> Self {
        match error {
            ConfigError::File { file, source } => Self::Config {
                message: format!("cannot read the configuration file {}", file.display()),
                source: Some(source),
            },
            error => Self::Config { message: error.to_string(), source: None },
        }
    }
}

impl From<&LogError> for ErrorCode {
    fn from(error: &LogError) -> Self {
        match error {
            LogError::OffsetOutOfRange { .. } => Self::OffsetOutOfRange,
            LogError::InconsistentTopicId { .. } => Self::InconsistentTopicId,
            LogError::OldFormat { .. } => Self::UnsupportedForMessageFormat,
            LogError::Corrupt { .. }
            | LogError::Elsewhere { .. }
            | LogError::Io { .. }
            | LogError::Short { .. }
            | LogError::Poisoned { .. } => Self::KafkaStorageError,
            LogError::Closed => Self::NotLeaderOrFollower,
        }
    }
}

impl From<&AppendError> for ErrorCode {
    fn from(error: &AppendError) -> Self {
        match error {
            AppendError::CorruptMessage(_) => Self::CorruptMessage,
            AppendError::InvalidRecord { .. } => Self::InvalidRecord,
            AppendError::InvalidTimestamp { .. } => Self::InvalidTimestamp,
            AppendError::MessageTooLarge { .. } => Self::MessageTooLarge,
            AppendError::RecordListTooLarge { .. } => Self::RecordListTooLarge,
            AppendError::UnsupportedCompressionType(_) => Self::UnsupportedCompressionType,
            AppendError::OutOfOrderSequence { .. } => Self::OutOfOrderSequenceNumber,
            AppendError::InvalidProducerEpoch { .. } => Self::InvalidProducerEpoch,
            AppendError::TransactionCoordinatorFenced { .. } => Self::TransactionCoordinatorFenced,
            AppendError::InvalidTxnState { .. } => Self::InvalidTxnState,
            AppendError::Log(error) => Self::from(error),
        }
    }
}
