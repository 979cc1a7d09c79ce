//! `kestrel acls list`.

use clap::{Args, ValueEnum};
use kestrel_client::Admin;
use kestrel_client::admin::{AclBinding, AclBindingFilter, AclOperation, AclPermissionType, PatternType};

use super::{Resources, operation, principal, table};
use crate::failure::Failure;
use crate::session::Session;

/// Lists ACLs.
#[derive(Debug, Args)]
pub(crate) struct ListAcls {
    #[command(flatten)]
    pub(crate) chosen: Chosen,
    /// Also the ACLs that decide about these resources by a prefix or by `*`
    #[arg(long)]
    pub(crate) affecting: bool,
}

/// The ACLs that are meant: all of them unless it is narrowed.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Chosen {
    #[command(flatten)]
    pub(crate) resources: Resources,
    /// Those of this principal: `User:alice`, or `alice`; may be given many times
    #[arg(long = "principal", value_name = "PRINCIPAL", value_parser = principal)]
    pub(crate) principals: Vec<String>,
    /// Those of this operation: Read, Write, Describe, ...; may be given many times
    #[arg(long = "operation", value_name = "OPERATION", value_parser = operation)]
    pub(crate) operations: Vec<AclOperation>,
    /// Those of this address
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) host: Option<String>,
    /// Those that allow, or those that deny
    #[arg(long, value_enum)]
    pub(crate) permission: Option<Permission>,
}

/// What an ACL does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Permission {
    /// It allows, unless another one denies
    Allow,
    /// It denies, whatever others allow
    Deny,
}

impl Chosen {
    /// A filter for each combination of what is named.
    pub(crate) fn filters(&self, affecting: bool) -> Vec<AclBindingFilter> {
        let any = match &self.host {
            Some(host) => AclBindingFilter::any().host(host),
            None => AclBindingFilter::any(),
        };
        let any = match self.permission {
            Some(Permission::Allow) => any.permission_type(AclPermissionType::Allow),
            Some(Permission::Deny) => any.permission_type(AclPermissionType::Deny),
            None => any,
        };
        let mut filters = vec![any];
        let resources = self.resources.named();
        if !resources.is_empty() {
            filters = combine(&filters, &resources, |filter, (kind, name)| {
                match (affecting, self.resources.prefixed) {
                    (true, _) => filter.affecting(*kind, *name),
                    (false, true) => filter.named(*kind, *name).pattern_type(PatternType::Prefixed),
                    (false, false) => filter.named(*kind, *name),
                }
            });
        }
        if !self.principals.is_empty() {
            filters = combine(&filters, &self.principals, |filter, principal| filter.principal(principal));
        }
        if !self.operations.is_empty() {
            filters = combine(&filters, &self.operations, |filter, operation| filter.operation(*operation));
        }
        filters
    }

    /// The ACLs that are there of those that are meant, in order.
    pub(crate) async fn find(&self, admin: &Admin, affecting: bool) -> Result<Vec<AclBinding>, Failure> {
        let mut found = Vec::new();
        for filter in self.filters(affecting) {
            found.extend(admin.describe_acls(filter).await?);
        }
        found.sort();
        found.dedup();
        Ok(found)
    }
}

/// Each filter narrowed by each value.
fn combine<T>(
    filters: &[AclBindingFilter],
    values: &[T],
    narrow: impl Fn(AclBindingFilter, &T) -> AclBindingFilter,
) -> Vec<AclBindingFilter> {
    filters.iter().flat_map(|filter| values.iter().map(|value| narrow(filter.clone(), value))).collect()
}

impl ListAcls {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let admin = session.admin().await?;
        session.output().table(&table(&self.chosen.find(&admin, self.affecting).await?))
    }
}

#[cfg(test)]
mod tests {
    use kestrel_client::admin::ResourceType;

    use super::*;

    #[test]
    fn a_filter_is_made_for_each_combination() {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let resources = Resources { topics: words(&["a", "b"]), ..Resources::default() };
        let chosen = Chosen { resources, principals: words(&["User:x"]), ..Chosen::default() };
        let named = |name| AclBindingFilter::any().named(ResourceType::Topic, name).principal("User:x");
        assert_eq!(chosen.filters(false), [named("a"), named("b")]);
        assert_eq!(Chosen::default().filters(false), [AclBindingFilter::any()]);
    }
}
