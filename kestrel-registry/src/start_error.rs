//! Why a registry does not start.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use kestrel_client::Error;

/// Why a registry did not start. The text says what to change; what lies below is the `source()`, and not in the text.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The cluster cannot be reached, or a setting of its client is wrong.
    #[error("cannot connect to the Kafka cluster")]
    #[non_exhaustive]
    Connect {
        /// What the client says.
        source: Error,
    },
    /// The topic cannot be looked up or created.
    #[error("cannot look up or create the topic {topic}")]
    #[non_exhaustive]
    Topic {
        /// The topic.
        topic: String,
        /// What the client says.
        source: Error,
    },
    /// The topic is not one for a registry.
    #[error("the topic {topic} is not fit for a registry: {problem}")]
    #[non_exhaustive]
    UnfitTopic {
        /// The topic.
        topic: String,
        /// What is wrong with it, and what to do.
        problem: String,
    },
    /// The topic cannot be read to its end.
    #[error("cannot read the topic {topic}")]
    #[non_exhaustive]
    Read {
        /// The topic.
        topic: String,
        /// What the client says.
        source: Error,
    },
    /// The topic was not read to its end in time.
    #[error(
        "the topic {topic} was not read to its end within {after:?}: do its partition's leader and the brokers answer?"
    )]
    #[non_exhaustive]
    Slow {
        /// The topic.
        topic: String,
        /// How long it was allowed to take.
        after: Duration,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    #[non_exhaustive]
    Listen {
        /// The address.
        address: String,
        /// What the system says.
        source: io::Error,
    },
    /// The client's properties cannot be used.
    #[error("cannot use the client properties {}", path.display())]
    #[non_exhaustive]
    Properties {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Error,
    },
}

impl StartError {
    pub(crate) fn topic(topic: &str, source: Error) -> Self {
        Self::Topic { topic: topic.to_owned(), source }
    }

    pub(crate) fn unfit(topic: &str, problem: String) -> Self {
        Self::UnfitTopic { topic: topic.to_owned(), problem }
    }

    pub(crate) fn unreadable(topic: &str, source: Error) -> Self {
        Self::Read { topic: topic.to_owned(), source }
    }

    pub(crate) fn slow_start(topic: &str, after: Duration) -> Self {
        Self::Slow { topic: topic.to_owned(), after }
    }
}
