//! `kestrel acls`: who may do what.

mod add;
mod list;
mod remove;
mod resources;
mod words;

use clap::Subcommand;
use kestrel_client::admin::AclBinding;

pub(crate) use self::add::AddAcls;
pub(crate) use self::list::{Chosen, ListAcls, Permission};
pub(crate) use self::remove::RemoveAcls;
pub(crate) use self::resources::Resources;
pub(crate) use self::words::{operation, principal};
use crate::failure::Failure;
use crate::output::Table;
use crate::session::Session;

/// Access control lists: who may do what.
#[derive(Debug, Subcommand)]
pub(crate) enum AclsCommand {
    /// List ACLs
    #[command(visible_alias = "ls")]
    List(ListAcls),
    /// Allow a principal something, or deny it
    Add(AddAcls),
    /// Remove ACLs
    #[command(visible_alias = "rm")]
    Remove(RemoveAcls),
}

impl AclsCommand {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::List(command) => command.run(session).await,
            Self::Add(command) => command.run(session).await,
            Self::Remove(command) => command.run(session).await,
        }
    }
}

fn table(acls: &[AclBinding]) -> Table {
    let mut table =
        Table::new(["permission", "principal", "host", "operation", "resource", "name", "pattern"]);
    for acl in acls {
        table.row([
            acl.permission_type.to_string().into(),
            (&*acl.principal).into(),
            (&*acl.host).into(),
            acl.operation.to_string().into(),
            acl.pattern.resource_type.to_string().into(),
            (&*acl.pattern.name).into(),
            acl.pattern.pattern_type.to_string().into(),
        ]);
    }
    table
}
