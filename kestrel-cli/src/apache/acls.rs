//! `kafka-acls`.

use clap::{Args, Parser, ValueEnum};
use kestrel_client::admin::AclOperation;

use super::common::Common;
use super::{Actions, ApacheTool, Translation, one_action};
use crate::commands::Command;
use crate::commands::acls::{
    AclsCommand, AddAcls, Chosen, ListAcls, Permission, RemoveAcls, Resources, operation, principal,
};
use crate::options::GlobalArguments;

/// Access control lists, by the options of Apache Kafka's kafka-acls.
#[derive(Debug, Parser)]
pub(super) struct KafkaAcls {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    own: AclOptions,
    /// Do not ask
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Args)]
struct AclOptions {
    /// List ACLs
    #[arg(long)]
    list: bool,
    /// Add ACLs
    #[arg(long)]
    add: bool,
    /// Remove ACLs
    #[arg(long)]
    remove: bool,
    /// A topic, or all by `*`
    #[arg(long, value_name = "TOPIC")]
    topic: Vec<String>,
    /// A group, or all by `*`
    #[arg(long, value_name = "GROUP")]
    group: Vec<String>,
    /// A transactional id, or all by `*`
    #[arg(long, value_name = "ID")]
    transactional_id: Vec<String>,
    /// A delegation token, or all by `*`
    #[arg(long, value_name = "TOKEN")]
    delegation_token: Vec<String>,
    /// The cluster
    #[arg(long)]
    cluster: bool,
    /// How the names are meant
    #[arg(long, value_enum, value_name = "TYPE", default_value_t = Pattern::Literal)]
    resource_pattern_type: Pattern,
    /// Whom to allow it
    #[arg(long, value_name = "PRINCIPAL", value_parser = principal)]
    allow_principal: Vec<String>,
    /// Whom to deny it
    #[arg(long, value_name = "PRINCIPAL", value_parser = principal)]
    deny_principal: Vec<String>,
    /// From where it is allowed
    #[arg(long, value_name = "ADDRESS")]
    allow_host: Vec<String>,
    /// From where it is denied
    #[arg(long, value_name = "ADDRESS")]
    deny_host: Vec<String>,
    /// With --list: whose ACLs
    #[arg(long, value_name = "PRINCIPAL", value_parser = principal)]
    principal: Vec<String>,
    /// An operation [default: All]
    #[arg(long, value_name = "OPERATION", value_parser = operation)]
    operation: Vec<AclOperation>,
    /// What a producer needs
    #[arg(long)]
    producer: bool,
    /// What a consumer needs
    #[arg(long)]
    consumer: bool,
    /// With --producer: the right to write idempotently
    #[arg(long, requires = "producer")]
    idempotent: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Pattern {
    /// Names
    Literal,
    /// Beginnings of names
    Prefixed,
    /// With --list: both
    Any,
    /// With --list: what decides about the names
    Match,
}

impl ApacheTool for KafkaAcls {
    fn translate(self) -> (GlobalArguments, Translation) {
        let mut global: GlobalArguments = self.common.into();
        global.yes |= self.force;
        (global, self.own.commands())
    }
}

impl AclOptions {
    fn commands(self) -> Translation {
        let actions: Actions<Self, Vec<AclsCommand>, 3> =
            [(self.list, |own| Ok(own.list())), (self.add, Self::add), (self.remove, Self::remove)];
        let commands = one_action(&actions, "--list, --add or --remove")?(self)?;
        Ok(commands.into_iter().map(Command::Acls).collect())
    }

    fn resources(&self) -> Resources {
        Resources {
            topics: self.topic.clone(),
            groups: self.group.clone(),
            transactional_ids: self.transactional_id.clone(),
            delegation_tokens: self.delegation_token.clone(),
            cluster: self.cluster || self.idempotent,
            prefixed: self.resource_pattern_type == Pattern::Prefixed,
        }
    }

    fn list(self) -> Vec<AclsCommand> {
        let chosen = Chosen { resources: self.resources(), principals: self.principal, ..Chosen::default() };
        let affecting = self.resource_pattern_type == Pattern::Match;
        vec![AclsCommand::List(ListAcls { chosen, affecting })]
    }

    fn add(self) -> Result<Vec<AclsCommand>, String> {
        if matches!(self.resource_pattern_type, Pattern::Any | Pattern::Match) {
            return Err("an ACL that is added is literal or prefixed".to_owned());
        }
        let sides =
            [(false, &self.allow_principal, &self.allow_host), (true, &self.deny_principal, &self.deny_host)];
        let named = sides.into_iter().filter(|(_, principals, _)| !principals.is_empty());
        let commands: Vec<_> = named
            .map(|(deny, principals, hosts)| {
                AclsCommand::Add(AddAcls {
                    principals: principals.clone(),
                    resources: self.resources(),
                    operations: self.operations(),
                    producer: self.producer,
                    consumer: self.consumer,
                    deny,
                    hosts: hosts.clone(),
                })
            })
            .collect();
        match commands.is_empty() {
            true => Err("--allow-principal or --deny-principal is wanted".to_owned()),
            false => Ok(commands),
        }
    }

    /// Without an operation or a role it is every one.
    fn operations(&self) -> Vec<AclOperation> {
        match self.operation.is_empty() && !self.producer && !self.consumer {
            true => vec![AclOperation::All],
            false => self.operation.clone(),
        }
    }

    /// Without a principal all ACLs of the resources are meant; otherwise those that the same options with --add would have made.
    fn remove(self) -> Result<Vec<AclsCommand>, String> {
        if self.producer || self.consumer {
            return Err("--remove wants --operation in place of --producer and --consumer".to_owned());
        }
        let remove = |chosen| AclsCommand::Remove(RemoveAcls { chosen, all: false });
        if self.allow_principal.is_empty() && self.deny_principal.is_empty() {
            return Ok(vec![remove(Chosen { resources: self.resources(), ..Chosen::default() })]);
        }
        let everywhere = vec!["*".to_owned()];
        let mut commands = Vec::new();
        for (permission, principals, hosts) in [
            (Permission::Allow, &self.allow_principal, &self.allow_host),
            (Permission::Deny, &self.deny_principal, &self.deny_host),
        ] {
            let hosts = if hosts.is_empty() { &everywhere } else { hosts };
            for host in hosts.iter().filter(|_| !principals.is_empty()) {
                commands.push(remove(Chosen {
                    resources: self.resources(),
                    principals: principals.clone(),
                    operations: self.operations(),
                    host: Some(host.clone()),
                    permission: Some(permission),
                }));
            }
        }
        Ok(commands)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::translated;

    #[test]
    fn actions_are_translated() {
        let line =
            "kafka-acls --add --allow-principal User:a --deny-principal User:b --operation Read --topic t";
        let both = translated(line).unwrap();
        assert!(both.contains("deny: false") && both.contains("deny: true"), "{both}");
        assert!(translated("kafka-acls --add --allow-principal User:a --topic t").unwrap().contains("All"));
        let line = "kafka-acls --add --allow-principal User:a --producer --idempotent --topic t";
        assert!(translated(line).unwrap().contains("cluster: true"));
        let list = "kafka-acls --list --topic t --resource-pattern-type match";
        assert!(translated(list).unwrap().contains("affecting: true"));
        assert!(translated("kafka-acls --remove --topic t --force").is_ok());
        let removed =
            translated("kafka-acls --remove --topic t --allow-principal User:a --operation Read").unwrap();
        assert!(
            removed.contains("Allow") && removed.contains("\"*\"") && !removed.contains("Deny"),
            "{removed}"
        );
        for line in [
            "kafka-acls --add --topic t",
            "kafka-acls --add --allow-principal User:a --topic t --resource-pattern-type any",
            "kafka-acls --remove --topic t --consumer",
            "kafka-acls",
        ] {
            assert!(translated(line).is_err(), "{line}");
        }
    }
}
