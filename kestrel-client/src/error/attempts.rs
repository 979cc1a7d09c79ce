//! What was tried before nobody answered.

use std::error::Error;
use std::fmt;
use std::iter;
use std::sync::Arc;

/// A cause that all copies of an error share: an [`io::Error`](std::io::Error), or what another layer said.
pub type SharedError = Arc<dyn Error + Send + Sync + 'static>;

/// One address that was tried, and why it failed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct FailedAttempt {
    /// The address as it was configured or as the cluster advertised it.
    pub address: Arc<str>,
    /// What happened.
    pub cause: SharedError,
}

impl FailedAttempt {
    pub(crate) fn new(address: Arc<str>, cause: SharedError) -> Self {
        Self { address, cause }
    }

    fn chain(&self) -> impl Iterator<Item = &(dyn Error + 'static)> {
        iter::successors(Some(&*self.cause as &(dyn Error + 'static)), |&error| error.source())
    }

    /// What all of it comes from, as text: the same for two servers that are down alike.
    fn root(&self) -> Option<String> {
        self.chain().last().map(ToString::to_string)
    }
}

/// The addresses of a round, as the end of a sentence.
///
/// The cause of the last attempt is the error's source; an attempt that failed of something else says that in brackets.
pub(super) struct Attempts<'a>(pub(super) &'a [FailedAttempt]);

impl fmt::Display for Attempts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(last) = self.0.last().map(FailedAttempt::root) else {
            return f.write_str(": there is no address to try");
        };
        for (index, attempt) in self.0.iter().enumerate() {
            let separator = if index == 0 { " at " } else { ", " };
            write!(f, "{separator}{}", attempt.address)?;
            if attempt.root() != last {
                let causes: Vec<String> = attempt.chain().map(ToString::to_string).collect();
                write!(f, " ({})", causes.join(": "))?;
            }
        }
        Ok(())
    }
}
