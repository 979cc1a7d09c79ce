//! Why the broker did not start, and the one place where an error of the log becomes a code of the protocol.

use std::io;
use std::path::PathBuf;

use kestrel_protocol::ErrorCode;

use crate::cluster::MetadataError;
use crate::config::ConfigError;
use crate::log::{AppendError, LogError, StorageError};

/// Why a broker did not start. The text is one sentence that names the file or the configuration key and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A configuration key or value, or the configuration file, cannot be used.
    #[error("{message}")]
    Config {
        /// Which one, where it was said, and what would do.
        message: String,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {}", listen_failure(.source))]
    Listen {
        /// The address.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// Another broker uses the data folder.
    #[error(
        "the data folder {} is in use by another broker: stop that one, or give this one a folder of its own with --data-dir",
        dir.display()
    )]
    Locked {
        /// The data folder.
        dir: PathBuf,
    },
    /// The data folder cannot be used: not writable, damaged, or made for another node.
    #[error("cannot use the data folder {}: {message}", dir.display())]
    Data {
        /// The data folder.
        dir: PathBuf,
        /// What is wrong and what to do.
        message: String,
    },
}

fn listen_failure(source: &io::Error) -> String {
    let remedy = match source.kind() {
        io::ErrorKind::AddrInUse => {
            "the port is taken; stop whoever listens there, or choose another one with --listen"
        }
        io::ErrorKind::PermissionDenied => "not allowed; choose a port above 1023 with --listen",
        io::ErrorKind::AddrNotAvailable => {
            "this machine does not have the address; choose another one with --listen"
        }
        _ => return source.to_string(),
    };
    remedy.to_owned()
}

impl StartError {
    /// The failure of a data folder, with what to do about it.
    pub(crate) fn storage(data_dir: PathBuf, error: &StorageError) -> Self {
        let remedy = match error {
            StorageError::Locked { .. } => return Self::Locked { dir: data_dir },
            StorageError::NodeIdMismatch { found, .. } => {
                format!("; start with --set node.id={found}, or use another folder")
            }
            StorageError::ClusterIdMismatch { .. } => "; use another folder".to_owned(),
            StorageError::Damaged { .. } | StorageError::Log(LogError::Corrupt { .. }) => {
                "; restore the file from a copy, or start with another folder".to_owned()
            }
            StorageError::Log(LogError::Io { source, .. }) => io_remedy(source).to_owned(),
            StorageError::Log(LogError::Short { shortage, .. }) => format!("; {}", shortage.remedy()),
            StorageError::Log(_) => String::new(),
        };
        Self::Data { dir: data_dir, message: format!("{error}{remedy}") }
    }

    /// The failure of the metadata log, with what to do about it.
    pub(crate) fn metadata(data_dir: PathBuf, error: &MetadataError) -> Self {
        let remedy = match error {
            MetadataError::Log(LogError::Io { source, .. }) => io_remedy(source).to_owned(),
            MetadataError::Log(LogError::Short { shortage, .. }) => format!("; {}", shortage.remedy()),
            MetadataError::Log(LogError::Corrupt { .. }) => {
                "; restore the file from a copy, or start with another folder".to_owned()
            }
            _ => String::new(),
        };
        Self::Data { dir: data_dir, message: format!("{error}{remedy}") }
    }
}

/// Why a broker could not be stopped in order. The next start looks through the logs, as after a crash.
#[derive(Debug, thiserror::Error)]
#[error("the data folder could not be closed cleanly: {message}")]
pub struct StopError {
    message: String,
}

impl StopError {
    pub(crate) const fn new(message: String) -> Self {
        Self { message }
    }
}

fn io_remedy(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "; make it writable for this user, or choose another folder with --data-dir"
        }
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
            "; choose another folder with --data-dir"
        }
        _ => "",
    }
}

impl From<ConfigError> for StartError {
    fn from(error: ConfigError) -> Self {
        Self::Config { message: error.to_string() }
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
            AppendError::Log(error) => Self::from(error),
        }
    }
}
