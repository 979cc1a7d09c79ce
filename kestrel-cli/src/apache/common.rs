//! The options that each of Apache Kafka's tools has.

use std::path::PathBuf;

use clap::Args;

use super::{options, set};
use crate::options::{Format, GlobalArguments};
use crate::values::key_and_value;

/// The cluster, and how results are written.
#[derive(Debug, Args)]
pub(super) struct Common {
    /// The cluster: one broker or several, separated by commas
    #[arg(long, value_name = "HOST:PORT,...")]
    bootstrap_server: Option<String>,
    /// Client properties
    #[arg(long, value_name = "FILE")]
    command_config: Option<PathBuf>,
    /// One client property; may be given many times
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_and_value)]
    command_property: Vec<(String, String)>,
    /// A context of kestrel, in place of --bootstrap-server
    #[arg(long, value_name = "CONTEXT")]
    context: Option<String>,
    /// How results are written
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,
    /// Do not ask before changes, as a production context does
    #[arg(long)]
    yes: bool,
}

impl Common {
    /// The same as a command line of ours.
    pub(super) fn words(&self) -> Vec<String> {
        let config = self.command_config.as_ref().map(|file| file.display().to_string());
        let format = (self.output == Format::Json).then(|| "json".to_owned());
        let mut words: Vec<String> = options([
            ("--bootstrap", self.bootstrap_server.clone()),
            ("--context", self.context.clone()),
            ("--config", config),
            ("--output", format),
        ])
        .collect();
        words.extend(set(&self.command_property));
        words.extend(self.yes.then(|| "--yes".to_owned()));
        words
    }
}

impl From<Common> for GlobalArguments {
    fn from(common: Common) -> Self {
        Self {
            bootstrap: common.bootstrap_server,
            context: common.context,
            config: common.command_config,
            set: common.command_property,
            output: common.output,
            yes: common.yes,
            ..Self::default()
        }
    }
}
