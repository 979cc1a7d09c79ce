//! `kestrel schemas list` and `versions`.

use clap::Args;

use crate::failure::Failure;
use crate::output::Table;
use crate::session::Session;

/// Lists subjects.
#[derive(Debug, Args)]
pub(crate) struct ListSubjects {
    /// Only subjects that begin so
    prefix: Option<String>,
    /// Also those that are deleted, if not permanently
    #[arg(long)]
    deleted: bool,
}

impl ListSubjects {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let mut call = session.registry()?.subjects();
        if let Some(prefix) = &self.prefix {
            call = call.prefix(prefix);
        }
        if self.deleted {
            call = call.with_deleted();
        }
        let mut table = Table::new(["subject"]);
        for subject in call.await? {
            table.row([subject.into()]);
        }
        session.output().table(&table)
    }
}

/// Lists the versions of a subject.
#[derive(Debug, Args)]
pub(crate) struct ListVersions {
    /// The subject, such as orders-value
    subject: String,
    /// Also those that are deleted, if not permanently
    #[arg(long)]
    deleted: bool,
}

impl ListVersions {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let subject = session.registry()?.subject(self.subject);
        let call = if self.deleted { subject.versions().with_deleted() } else { subject.versions() };
        let mut table = Table::new(["subject", "version", "id", "type", "references", "deleted"]);
        for version in call.await? {
            let call = subject.version(version);
            let stored = if self.deleted { call.with_deleted() } else { call }.await?;
            let schema = stored.schema.as_ref();
            table.row([
                subject.name().into(),
                version.into(),
                stored.id.into(),
                schema.map(|schema| schema.schema_type.name()).into(),
                schema.map(|schema| schema.references.len()).into(),
                stored.is_deleted.into(),
            ]);
        }
        session.output().table(&table)
    }
}
