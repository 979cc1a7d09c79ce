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
        config(self, &["config"])
    }

    /// Replaces the settings of all subjects that have none of their own. A [`Level`](crate::Level) alone will do.
    pub fn set_config(&self, config: impl Into<Config>) -> Call<Config> {
        set_config(self, &["config"], &config.into())
    }

    /// Deletes the settings of all subjects that have none of their own, so that the registry's own hold.
    pub fn delete_config(&self) -> Call<Config> {
        delete_config(self, &["config"])
    }

    /// The mode of all subjects that have none of their own.
    pub fn mode(&self) -> Call<Mode> {
        mode(self, &["mode"])
    }

    /// Sets the mode of all subjects that have none of their own.
    pub fn set_mode(&self, mode: Mode) -> Call<Mode> {
        set_mode(self, &["mode"], mode)
    }

    /// Deletes the mode of all subjects that have none of their own.
    pub fn delete_mode(&self) -> Call<Mode> {
        delete_mode(self, &["mode"])
    }
}

pub(super) fn config(client: &RegistryClient, path: &[&str]) -> Call<Config> {
    Call::read_by(client, Request::get(path), read_config)
}

pub(super) fn set_config(client: &RegistryClient, path: &[&str], config: &Config) -> Call<Config> {
    Call::read_by(client, Request::put(path, config), read_config)
}

pub(super) fn delete_config(client: &RegistryClient, path: &[&str]) -> Call<Config> {
    Call::read_by(client, Request::delete(path), read_config)
}

pub(super) fn mode(client: &RegistryClient, path: &[&str]) -> Call<Mode> {
    Call::read_by(client, Request::get(path), read_mode)
}

pub(super) fn set_mode(client: &RegistryClient, path: &[&str], mode: Mode) -> Call<Mode> {
    Call::read_by(client, Request::put(path, &ModeBody { mode }), read_mode)
}

pub(super) fn delete_mode(client: &RegistryClient, path: &[&str]) -> Call<Mode> {
    Call::read_by(client, Request::delete(path), read_mode)
}

fn read_config(status: StatusCode, body: &[u8]) -> Result<Config, RegistryError> {
    answer::read::<ConfigAnswer>(status, body).map(Config::from)
}

fn read_mode(status: StatusCode, body: &[u8]) -> Result<Mode, RegistryError> {
    answer::read::<ModeAnswer>(status, body).map(Mode::from)
}
