//! `kestrel schemas`: what a schema registry keeps.

mod check;
mod delete;
mod get;
mod level;
mod list;
mod register;
mod source;

use clap::Subcommand;

use crate::failure::Failure;
use crate::session::Session;

/// Schemas: what a schema registry keeps.
#[derive(Debug, Subcommand)]
pub(crate) enum SchemasCommand {
    /// List the subjects
    #[command(visible_alias = "ls")]
    List(list::ListSubjects),
    /// List the versions of a subject
    Versions(list::ListVersions),
    /// Show a schema
    Get(get::GetSchema),
    /// Register a schema, which makes a new version of it unless the subject has it
    Register(register::RegisterSchema),
    /// Check whether a schema could become a version
    Check(check::CheckSchema),
    /// Delete a subject, or a version of it
    #[command(visible_alias = "rm")]
    Delete(delete::DeleteSchemas),
    /// Show or set what new versions have to get along with
    Level(level::LevelOf),
}

impl SchemasCommand {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::List(command) => command.run(session).await,
            Self::Versions(command) => command.run(session).await,
            Self::Get(command) => command.run(session).await,
            Self::Register(command) => command.run(session).await,
            Self::Check(command) => command.run(session).await,
            Self::Delete(command) => command.run(session).await,
            Self::Level(command) => command.run(session).await,
        }
    }
}
