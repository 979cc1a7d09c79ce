//! `kestrel configs get`.

use clap::Args;
use kestrel_client::admin::{ConfigEntry, ConfigSource};

use super::ConfigOwner;
use crate::failure::Failure;
use crate::output::{Cell, Table};
use crate::session::Session;

/// Shows a configuration.
#[derive(Debug, Args)]
pub(crate) struct GetConfigs {
    #[command(flatten)]
    pub(crate) owner: ConfigOwner,
    /// Only these keys
    #[arg(value_name = "KEY")]
    pub(crate) keys: Vec<String>,
    /// Also what has its default
    #[arg(long, short = 'a')]
    pub(crate) all: bool,
    /// What each key means, in the broker's words
    #[arg(long)]
    pub(crate) documentation: bool,
}

impl GetConfigs {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let resource = self.owner.resource()?;
        let described = session.admin().await?.describe_configs([resource]).await.into_result()?;
        let mut entries: Vec<_> = described.into_iter().flat_map(|(_, entries)| entries).collect();
        if let Some(unknown) = self.keys.iter().find(|key| !entries.iter().any(|e| *e.name == ***key)) {
            let known = entries.iter().map(|entry| &*entry.name);
            let failure = Failure::new(format!("there is no key {unknown}"));
            return Err(match kestrel_settings::closest(unknown, known) {
                Some(close) => failure.remedy(format!("Did you mean {close}?")),
                None => failure,
            });
        }
        entries.retain(|entry| match self.keys.is_empty() {
            true => self.all || entry.source != ConfigSource::Default,
            false => self.keys.iter().any(|key| **key == *entry.name),
        });
        session.output().table(&match self.documentation {
            true => documentation_table(&entries),
            false => entries_table(&entries),
        })
    }
}

/// Keys with their values, and where these were set.
pub(crate) fn entries_table(entries: &[ConfigEntry]) -> Table {
    let mut table = Table::new(["key", "value", "source", "read_only"]);
    for entry in entries {
        table.row([(&*entry.name).into(), value(entry), source(entry.source), entry.is_read_only.into()]);
    }
    table
}

fn documentation_table(entries: &[ConfigEntry]) -> Table {
    let mut table = Table::new(["key", "value", "documentation"]);
    for entry in entries {
        table.row([(&*entry.name).into(), value(entry), entry.documentation.as_deref().into()]);
    }
    table
}

fn value(entry: &ConfigEntry) -> Cell {
    match (&entry.value, entry.is_sensitive) {
        (_, true) => "(hidden)".into(),
        (value, false) => value.as_deref().into(),
    }
}

/// In Apache Kafka's words.
fn source(source: ConfigSource) -> Cell {
    match source {
        ConfigSource::Topic => "topic".into(),
        ConfigSource::DynamicBroker => "dynamic-broker".into(),
        ConfigSource::DynamicDefaultBroker => "dynamic-default-broker".into(),
        ConfigSource::StaticBroker => "static-broker".into(),
        ConfigSource::Default => "default".into(),
        ConfigSource::DynamicBrokerLogger => "dynamic-broker-logger".into(),
        other => format!("{other:?}").into(),
    }
}
