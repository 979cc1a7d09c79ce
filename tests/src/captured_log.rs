//! CapturedLog: what everybody logs while a test runs, to be searched.

use std::fmt::Debug;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

/// A place that log lines, errors and `Debug` output are written to.
#[derive(Debug, Clone, Default)]
pub struct CapturedLog(Arc<Mutex<Vec<u8>>>);

impl CapturedLog {
    /// Adds what something says of itself.
    pub fn note(&self, text: &dyn Debug) {
        self.add(format!("{text:?}\n").as_bytes());
    }

    /// All that was written.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }

    /// Fails the test when one of these is in a line.
    ///
    /// # Panics
    /// When one is.
    pub fn assert_has_none_of(&self, secrets: &[&str]) {
        let text = self.text();
        for secret in secrets {
            let line = text.lines().find(|line| line.contains(secret));
            assert!(line.is_none(), "{secret} is in {line:?}");
        }
    }

    fn add(&self, bytes: &[u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(bytes);
    }
}

impl io::Write for CapturedLog {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.add(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
