//! Certificates for development, in a build without them: none are made.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kestrel_settings::RawSettings;

use crate::config::Listener;

/// The certificates for development: there are none.
#[derive(Debug, Clone)]
pub(crate) enum DevelopmentTls {}

impl DevelopmentTls {
    pub(crate) const fn of(_: &Path) -> Option<Self> {
        None
    }

    pub(crate) fn fill_in(&mut self, _: &mut RawSettings, _: &[String]) {
        match *self {}
    }

    pub(crate) fn ca_file(&self) -> PathBuf {
        match *self {}
    }

    pub(crate) fn show<'l>(&mut self, _: &'l [Listener]) -> Option<&'l Listener> {
        match *self {}
    }

    pub(crate) fn provide(&self, _: impl IntoIterator<Item = String>, _: Duration) -> io::Result<()> {
        match *self {}
    }
}
