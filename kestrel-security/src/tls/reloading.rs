//! A configuration that is built anew when a file that it is made of changed.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use super::pem::{Stamp, stamp};
use super::{Files, TlsError};

/// What a configuration is built from: [`ClientTls`](super::ClientTls) and [`ServerTls`](super::ServerTls).
pub trait Plan {
    /// The configuration.
    type Config;

    /// The files that it is made of.
    fn paths(&self) -> Vec<&Path>;

    /// Builds it from the contents of these files.
    ///
    /// # Errors
    /// When one of them, or a PEM text, cannot be used.
    fn build(&self, files: &Files) -> Result<Arc<Self::Config>, TlsError>;
}

/// A configuration with what it is built from, built anew when a file changed.
///
/// Connections that are open keep the configuration that they began with. Whoever has it decides when to look: a client before
/// it connects, a broker every second.
///
/// ```
/// use kestrel_security::tls::{ClientTls, Reloading};
///
/// let mut tls = Reloading::new(ClientTls::native_roots().danger_without_any_check())?;
/// let _config = tls.current();
/// assert!(!tls.refresh()?, "nothing changed");
/// # Ok::<(), kestrel_security::tls::TlsError>(())
/// ```
pub struct Reloading<P: Plan> {
    plan: P,
    stamps: Vec<Stamp>,
    current: Arc<P::Config>,
}

impl<P: Plan> Reloading<P> {
    /// Builds the configuration for the first time. Reads files.
    ///
    /// # Errors
    /// When it cannot be built.
    pub fn new(plan: P) -> Result<Self, TlsError> {
        let stamps = stamps(&plan);
        let current = build(&plan)?;
        Ok(Self { plan, stamps, current })
    }

    /// The configuration for the next connection.
    #[must_use]
    pub fn current(&self) -> Arc<P::Config> {
        Arc::clone(&self.current)
    }

    /// Builds the configuration anew if a file changed since the last look; gives whether it did. Looks at each file, and reads
    /// them all when one changed.
    ///
    /// # Errors
    /// When it cannot be built from the files as they are now: the configuration stays as it was, and the error comes once, until
    /// a file changes again.
    pub fn refresh(&mut self) -> Result<bool, TlsError> {
        // Before reading: a change in the middle of it shows the next time.
        let stamps = stamps(&self.plan);
        if stamps == self.stamps {
            return Ok(false);
        }
        self.stamps = stamps;
        self.current = build(&self.plan)?;
        Ok(true)
    }
}

impl<P: Plan + fmt::Debug> fmt::Debug for Reloading<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Reloading").field(&self.plan).finish()
    }
}

fn stamps(plan: &impl Plan) -> Vec<Stamp> {
    plan.paths().into_iter().map(stamp).collect()
}

fn build<P: Plan>(plan: &P) -> Result<Arc<P::Config>, TlsError> {
    plan.build(&Files::read(plan.paths())?)
}
