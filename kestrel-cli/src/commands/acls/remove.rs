//! `kestrel acls remove`.

use clap::Args;
use kestrel_client::admin::AclBindingFilter;

use super::list::Chosen;
use super::table;
use crate::failure::Failure;
use crate::guard::Permit;
use crate::output::Outcomes;
use crate::session::Session;

/// Removes ACLs.
#[derive(Debug, Args)]
pub(crate) struct RemoveAcls {
    #[command(flatten)]
    pub(crate) chosen: Chosen,
    /// All of them, where nothing narrows it
    #[arg(long)]
    pub(crate) all: bool,
}

impl RemoveAcls {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        if !self.all && self.chosen.filters(false) == [AclBindingFilter::any()] {
            return Err(Failure::usage("it is not said which ACLs are meant")
                .remedy("--topic, --principal, --operation, ... say it; --all means every one."));
        }
        let admin = session.admin().await?;
        // What is removed is what was found, and not what somebody adds meanwhile.
        let found = self.chosen.find(&admin, false).await?;
        if found.is_empty() {
            session.output().note("No ACL is meant.");
            return Ok(());
        }
        if session.permit(&format!("remove {} ACLs", found.len())).await? == Permit::DryRun {
            return session.output().table(&table(&found));
        }
        let deleted = admin.delete_acls(found.iter().map(AclBindingFilter::only)).await;
        let named = found.iter().zip(deleted).map(|(acl, (_, result))| (acl, result));
        session.output().outcomes(&Outcomes::new(Permit::Change, "ACL", "removed").extend(named))
    }
}
