//! The calls of settings and modes, for all subjects of a context, and what those of one subject have in common with them.

use hyper::StatusCode;
use kestrel_serde::registry::RegistryError;

use crate::answer;
use crate::call::Call;
use crate::client::RegistryClient;
use crate::request::Request;
use crate::types::{Config, ConfigAnswer, Mode, ModeAnswer, ModeBody};

impl RegistryClient {
    /// The settings of all subjects that have none of their own.
    pub fn config(&self) -> Call<Config> {
        Call::read_by(self, Request::get(&["config"]), read_config)
    }

    /// Replaces the settings of all subjects that have none of their own. A [`Level`](crate::Level) alone will do.
    pub fn set_config(&self, config: impl Into<Config>) -> Call<Config> {
        Call::read_by(self, Request::put(&["config"], &config.into()), read_config)
    }

    /// Deletes the settings of all subjects that have none of their own, so that the registry's own hold.
    pub fn delete_config(&self) -> Call<Config> {
        Call::read_by(self, Request::delete(&["config"]), read_config)
    }

    /// The mode of all subjects that have none of their own.
    pub fn mode(&self) -> Call<Mode> {
        Call::read_by(self, Request::get(&["mode"]), read_mode)
    }

    /// Sets the mode of all subjects that have none of their own.
    pub fn set_mode(&self, mode: Mode) -> Call<Mode> {
        Call::read_by(self, Request::put(&["mode"], &ModeBody { mode }), read_mode)
    }

    /// Deletes the mode of all subjects that have none of their own.
    pub fn delete_mode(&self) -> Call<Mode> {
        Call::read_by(self, Request::delete(&["mode"]), read_mode)
    }
}

pub(super) fn read_config(status: StatusCode, body: &[u8]) -> Result<Config, RegistryError> {
    answer::read::<ConfigAnswer>(status, body).map(Config::from)
}

pub(super) fn read_mode(status: StatusCode, body: &[u8]) -> Result<Mode, RegistryError> {
    answer::read::<ModeAnswer>(status, body).map(Mode::from)
}
