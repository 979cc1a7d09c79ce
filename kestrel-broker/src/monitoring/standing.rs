//! Standing: how far a broker is in its life, and whether it is well. What health checks are answered with.

use std::fmt;
use std::sync::Arc;

use crate::api::State;

/// How far a broker is in its life.
#[derive(Debug, Clone)]
pub(super) enum Standing {
    /// The logs are being loaded.
    Starting,
    /// Requests are answered.
    Serving(Subject),
    /// Connections and logs are being closed.
    Stopping,
}

/// A broker that serves.
#[derive(Clone)]
pub(super) struct Subject {
    pub(super) state: Arc<State>,
    /// Tells what has ended the broker, if anything has.
    pub(super) failure: Arc<dyn Fn() -> Option<String> + Send + Sync>,
}

impl Standing {
    /// Whether the process is alive: nothing has happened that only a new start would mend.
    ///
    /// # Errors
    /// What has happened.
    pub(super) fn check_life(&self) -> Result<(), String> {
        match self {
            Self::Starting | Self::Stopping => Ok(()),
            Self::Serving(subject) => (subject.failure)().map_or(Ok(()), Err),
        }
    }

    /// Whether it serves: the logs are loaded, the controller has it, and nothing has ended it.
    ///
    /// # Errors
    /// Why it does not.
    pub(super) fn check_service(&self) -> Result<&Subject, String> {
        self.check_life()?;
        let subject = self.subject()?;
        let node_id = subject.state.config.node_id;
        match subject.state.cluster.image().broker(node_id) {
            Some(broker) if !broker.fenced => Ok(subject),
            Some(_) => Err(format!("the controller has fenced node {}: it leads nothing", node_id.0)),
            None => Err(format!("the controller has not registered node {} yet", node_id.0)),
        }
    }

    /// The broker, if requests are answered.
    ///
    /// # Errors
    /// Why they are not.
    pub(super) fn subject(&self) -> Result<&Subject, String> {
        match self {
            Self::Starting => Err("the broker is starting: its logs are being loaded".to_owned()),
            Self::Serving(subject) => Ok(subject),
            Self::Stopping => Err("the broker is stopping".to_owned()),
        }
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject").finish_non_exhaustive()
    }
}
