//! `kestrel acls add`.

use clap::{ArgGroup, Args};
use kestrel_client::admin::{AclBinding, AclOperation, ResourcePattern, ResourceType};

use super::{Resources, operation, principal};
use crate::failure::Failure;
use crate::guard::Permit;
use crate::output::Outcomes;
use crate::session::Session;

/// Allows a principal something, or denies it: each operation on each resource, from each address.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("rights").required(true).multiple(true))]
pub(crate) struct AddAcls {
    /// Who it is about: `User:alice`, or `alice`; `User:*` is everybody; may be given many times
    #[arg(long = "principal", required = true, value_name = "PRINCIPAL", value_parser = principal)]
    pub(crate) principals: Vec<String>,
    #[command(flatten)]
    pub(crate) resources: Resources,
    /// An operation: Read, Write, Describe, ...; may be given many times
    #[arg(long = "operation", group = "rights", value_name = "OPERATION", value_parser = operation)]
    pub(crate) operations: Vec<AclOperation>,
    /// What a producer needs: to write and create the topics, and to use the transactional ids
    #[arg(long, group = "rights")]
    pub(crate) producer: bool,
    /// What a consumer needs: to read the topics, and to be in the groups
    #[arg(long, group = "rights")]
    pub(crate) consumer: bool,
    /// Deny it, whatever others allow
    #[arg(long, conflicts_with_all = ["producer", "consumer"])]
    pub(crate) deny: bool,
    /// Only from this IP address; may be given many times [default: from everywhere]
    #[arg(long = "host", value_name = "ADDRESS")]
    pub(crate) hosts: Vec<String>,
}

impl AddAcls {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let acls = self.acls();
        if acls.is_empty() {
            return Err(Failure::usage("it is not said what the ACLs are about")
                .remedy("--topic, --group, --transactional-id or --cluster say it."));
        }
        let permit = session.permit(&format!("add {} ACLs", acls.len())).await?;
        let outcomes = Outcomes::new(permit, "ACL", "added");
        session.output().outcomes(&match permit {
            Permit::Change => outcomes.extend(session.admin().await?.create_acls(acls).await),
            Permit::DryRun => outcomes.extend(acls.into_iter().map(|acl| (acl, Ok(())))),
        })
    }

    /// Each combination of what is named.
    fn acls(&self) -> Vec<AclBinding> {
        let mut acls = Vec::new();
        for principal in &self.principals {
            for (pattern, operation) in self.rights() {
                let acl = match self.deny {
                    true => AclBinding::deny(principal, operation, pattern),
                    false => AclBinding::allow(principal, operation, pattern),
                };
                match self.hosts.is_empty() {
                    true => acls.push(acl),
                    false => acls.extend(self.hosts.iter().map(|host| acl.clone().host(host))),
                }
            }
        }
        acls.sort();
        acls.dedup();
        acls
    }

    /// Which operations on which resources: those that are named, and those that come with a role.
    fn rights(&self) -> Vec<(ResourcePattern, AclOperation)> {
        let patterns = self.resources.patterns();
        let mut rights = Vec::new();
        for pattern in patterns {
            let roles = [(self.producer, producer(&pattern)), (self.consumer, consumer(&pattern))];
            let of_roles = roles.into_iter().filter(|(is_meant, _)| *is_meant).flat_map(|(_, rights)| rights);
            let operations = self.operations.iter().chain(of_roles).copied();
            rights.extend(operations.map(|operation| (pattern.clone(), operation)));
        }
        rights
    }
}

/// What a producer has to be allowed, as Apache Kafka's tool has it.
fn producer(pattern: &ResourcePattern) -> &'static [AclOperation] {
    match pattern.resource_type {
        ResourceType::Topic => &[AclOperation::Write, AclOperation::Describe, AclOperation::Create],
        ResourceType::TransactionalId => &[AclOperation::Write, AclOperation::Describe],
        ResourceType::Cluster => &[AclOperation::IdempotentWrite],
        _ => &[],
    }
}

/// What a consumer has to be allowed, as Apache Kafka's tool has it.
fn consumer(pattern: &ResourcePattern) -> &'static [AclOperation] {
    match pattern.resource_type {
        ResourceType::Topic => &[AclOperation::Read, AclOperation::Describe],
        ResourceType::Group => &[AclOperation::Read],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use expect_test::expect;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        add: AddAcls,
    }

    fn acls(line: &str) -> String {
        let words = std::iter::once("add").chain(line.split(' '));
        Line::try_parse_from(words).unwrap().add.acls().iter().map(|acl| format!("{acl}\n")).collect()
    }

    #[test]
    fn each_combination_is_an_acl() {
        expect![[r"
            Deny User:bob from 10.0.0.1 Read of Topic orders
            Deny User:bob from 10.0.0.2 Read of Topic orders
        "]]
        .assert_eq(&acls(
            "--principal bob --deny --operation read --topic orders --host 10.0.0.1 --host 10.0.0.2",
        ));
    }

    #[test]
    fn a_role_has_the_rights_that_it_needs() {
        expect![[r"
            Allow User:alice from * Read of Topic shop.…
            Allow User:alice from * Write of Topic shop.…
            Allow User:alice from * Create of Topic shop.…
            Allow User:alice from * Describe of Topic shop.…
            Allow User:alice from * Read of Group billing…
        "]]
        .assert_eq(&acls("--principal alice --producer --consumer --topic shop. --group billing --prefixed"));
    }
}
