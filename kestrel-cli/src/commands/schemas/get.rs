//! `kestrel schemas get`.

use clap::{ArgGroup, Args};
use kestrel_registry_client::StoredSchema;

use super::source::VersionName;
use crate::failure::Failure;
use crate::options::Format;
use crate::output::{Page, Table};
use crate::session::Session;

/// Shows a schema: its text, as it is; with --output json what the registry knows of it.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("which").required(true))]
pub(crate) struct GetSchema {
    /// The subject, such as orders-value
    #[arg(group = "which")]
    subject: Option<String>,
    /// The version: a number, or latest
    #[arg(default_value = "latest")]
    version: VersionName,
    /// By the id that records have in front
    #[arg(long, group = "which", value_name = "ID")]
    id: Option<i32>,
    /// What the registry knows of it besides
    #[arg(long)]
    describe: bool,
}

impl GetSchema {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let registry = session.registry()?;
        let stored = match (self.id, self.subject) {
            (Some(id), _) => registry.schema(id).await?,
            (None, subject) => {
                let subject = registry.subject(subject.unwrap_or_default());
                match self.version {
                    VersionName::Latest => subject.latest().await?,
                    VersionName::Number(version) => subject.version(version).await?,
                }
            }
        };
        let text = stored.schema.as_ref().map(|schema| schema.text.clone()).unwrap_or_default();
        match session.output().format() {
            Format::Table if !self.describe => session.output().text(&format!("{}\n", text.trim_end())),
            Format::Table => {
                session.output().pages(&[page(&stored, self.id)])?;
                session.output().text(&format!("\n{}\n", text.trim_end()))
            }
            Format::Json => session.output().pages(&[page(&stored, self.id).field("schema", text)]),
        }
    }
}

fn page(stored: &StoredSchema, id: Option<i32>) -> Page {
    let mut references = Table::new(["name", "subject", "version"]);
    for reference in stored.schema.iter().flat_map(|schema| &schema.references) {
        references.row([(&*reference.name).into(), (&*reference.subject).into(), reference.version.into()]);
    }
    Page::new()
        .field("subject", stored.subject.clone())
        .field("version", stored.version)
        .field("id", stored.id.or(id))
        .field("guid", stored.guid.map(|guid| guid.to_string()))
        .field("type", stored.schema.as_ref().map(|schema| schema.schema_type.name()))
        .table("references", references)
}
