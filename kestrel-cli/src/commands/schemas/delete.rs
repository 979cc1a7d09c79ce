//! `kestrel schemas delete`.

use clap::Args;

use crate::failure::Failure;
use crate::guard::Permit;
use crate::output::Table;
use crate::session::Session;

/// Deletes a subject, or a version of it. What is deleted can be read by its id until it is deleted permanently.
#[derive(Debug, Args)]
pub(crate) struct DeleteSchemas {
    /// The subject, such as orders-value
    subject: String,
    /// The version [default: all of them]
    #[arg(value_parser = clap::value_parser!(i32).range(1..))]
    version: Option<i32>,
    /// For good; what is not deleted yet is deleted first
    #[arg(long)]
    permanently: bool,
}

impl DeleteSchemas {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let Self { subject: name, version, permanently } = self;
        let subject = session.registry()?.subject(&name);
        let what = version.map_or_else(|| name.clone(), |version| format!("version {version} of {name}"));
        let permit = session.permit(&format!("delete {what}")).await?;
        let listed = subject.versions();
        let there = if permanently { listed.with_deleted() } else { listed }.await?;
        let meant: Vec<i32> = match version {
            Some(version) => vec![version],
            None => there,
        };
        if permit == Permit::Change {
            if permanently {
                // What is deleted already is no obstacle.
                let live = subject.versions().await.unwrap_or_default();
                if version.is_none_or(|version| live.contains(&version)) && !live.is_empty() {
                    delete(&subject, version, false).await?;
                }
            }
            delete(&subject, version, permanently).await?;
        }
        let mut table = Table::new(["subject", "version", "outcome"]);
        let outcome = match (permit, permanently) {
            (Permit::DryRun, _) => "would be deleted",
            (Permit::Change, false) => "deleted",
            (Permit::Change, true) => "deleted permanently",
        };
        for version in meant {
            table.row([(&*name).into(), version.into(), outcome.into()]);
        }
        session.output().table(&table)
    }
}

async fn delete(
    subject: &kestrel_registry_client::Subject,
    version: Option<i32>,
    permanently: bool,
) -> Result<(), Failure> {
    match version {
        Some(version) => {
            let call = subject.delete_version(version);
            if permanently { call.permanently() } else { call }.await?;
        }
        None => {
            let call = subject.delete();
            if permanently { call.permanently() } else { call }.await?;
        }
    }
    Ok(())
}
