//! Options: those that every command has, and the values that they take.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::values::key_and_value;

/// The options of every command.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct GlobalArguments {
    /// The cluster: one broker or several, separated by commas
    #[arg(
        long,
        short = 'b',
        global = true,
        value_name = "HOST:PORT,...",
        visible_alias = "bootstrap-server"
    )]
    pub(crate) bootstrap: Option<String>,

    /// A context: a cluster that has a name here
    #[arg(long, global = true, value_name = "CONTEXT")]
    pub(crate) context: Option<String>,

    /// Client properties in Apache Kafka's format (security.protocol, sasl.jaas.config, ...)
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// One client property; may be given many times, and counts more than --config and the context
    #[arg(long, global = true, value_name = "KEY=VALUE", value_parser = key_and_value)]
    pub(crate) set: Vec<(String, String)>,

    /// The schema registry
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) registry: Option<String>,

    /// How results are written
    #[arg(long, global = true, value_enum, value_name = "FORMAT", default_value_t)]
    pub(crate) output: Format,

    /// Whether to write in colours
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t)]
    pub(crate) color: When,

    /// Refuse whatever would change something in the cluster
    #[arg(long, global = true)]
    pub(crate) read_only: bool,

    /// Say what would be changed, and change nothing
    #[arg(long, global = true)]
    pub(crate) dry_run: bool,

    /// Do not ask before changes, as a production context does
    #[arg(long, short = 'y', global = true)]
    pub(crate) yes: bool,
}

/// How results are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Columns, for people
    #[default]
    Table,
    /// A JSON object in each line, for programs
    Json,
}

/// When colours are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// A colour that terminals have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Red = 31,
    Green = 32,
    Yellow = 33,
    Blue = 34,
    Magenta = 35,
    Cyan = 36,
}
