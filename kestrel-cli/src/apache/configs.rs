//! `kafka-configs`: configurations, and by the same options quotas and passwords.

use clap::{Args, Parser};
use kestrel_client::admin::ScramMechanism;

use super::common::Common;
use super::{ApacheTool, Translation, one_action};
use crate::commands::Command;
use crate::commands::configs::{AlterConfigsOf, Change, ConfigOwner, ConfigsCommand, GetConfigs, OwnerKind};
use crate::commands::quotas::{DeleteQuotas, Entity, ListQuotas, QuotasCommand, SetQuotas, limit};
use crate::commands::users::{DeleteUsers, ListUsers, SetUser, UsersCommand};
use crate::options::GlobalArguments;

/// Configurations, quotas and passwords, by the options of Apache Kafka's kafka-configs.
#[derive(Debug, Parser)]
pub(super) struct KafkaConfigs {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    own: ConfigOptions,
    #[command(flatten)]
    entities: EntityOptions,
}

#[derive(Debug, Args)]
struct ConfigOptions {
    /// Show what is set
    #[arg(long)]
    describe: bool,
    /// Change it
    #[arg(long)]
    alter: bool,
    /// Also what has its default
    #[arg(long)]
    all: bool,
    /// What to set: KEY=VALUE, KEY=[VALUE,...]
    #[arg(long, value_name = "KEY=VALUE,...")]
    add_config: Option<String>,
    /// What to take back to its default, separated by commas
    #[arg(long, value_name = "KEY,...")]
    delete_config: Option<String>,
}

#[derive(Debug, Args)]
struct EntityOptions {
    /// What it is of: topics, brokers, groups, client-metrics, users, clients, ips
    #[arg(long, value_name = "TYPE")]
    entity_type: Vec<String>,
    /// The name; may be given once for each --entity-type
    #[arg(long, value_name = "NAME")]
    entity_name: Vec<String>,
    /// Those that have none of their own; may be given once for each --entity-type
    #[arg(long, action = clap::ArgAction::Count)]
    entity_default: u8,
    /// A topic
    #[arg(long, value_name = "TOPIC")]
    topic: Option<String>,
    /// A broker
    #[arg(long, value_name = "ID")]
    broker: Option<String>,
    /// What holds for all brokers
    #[arg(long)]
    broker_defaults: bool,
    /// A group
    #[arg(long, value_name = "GROUP")]
    group: Option<String>,
    /// A subscription to the metrics of clients
    #[arg(long, value_name = "NAME")]
    client_metrics: Option<String>,
    /// A user
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// Users that have no quota of their own
    #[arg(long)]
    user_defaults: bool,
    /// A client.id
    #[arg(long, value_name = "ID")]
    client: Option<String>,
    /// Clients that have no quota of their own
    #[arg(long)]
    client_defaults: bool,
    /// An IP address
    #[arg(long, value_name = "ADDRESS")]
    ip: Option<String>,
    /// Addresses that have no quota of their own
    #[arg(long)]
    ip_defaults: bool,
}

/// What has a configuration, or quotas.
enum Owner {
    Configs(ConfigOwner),
    Quotas(Entity),
}

impl ApacheTool for KafkaConfigs {
    fn translate(self) -> (GlobalArguments, Translation) {
        (self.common.into(), translate(self.own, self.entities))
    }
}

fn translate(own: ConfigOptions, entities: EntityOptions) -> Translation {
    #[derive(Clone, Copy, PartialEq)]
    enum Action {
        Describe,
        Alter,
    }
    let actions = [(own.describe, Action::Describe), (own.alter, Action::Alter)];
    let action = one_action(&actions, "--describe or --alter")?;
    let added = own.add_config.as_deref().map(pairs).transpose()?.unwrap_or_default();
    let deleted = super::names(&own.delete_config.into_iter().collect::<Vec<_>>());
    match (entities.owner()?, action) {
        (Owner::Configs(owner), Action::Describe) => {
            let get = GetConfigs { owner, keys: Vec::new(), all: own.all, documentation: false };
            Ok(vec![Command::Configs(ConfigsCommand::Get(get))])
        }
        (Owner::Configs(owner), Action::Alter) => {
            let set = added.into_iter().map(|(key, value)| Change::set(key, value));
            let changes: Vec<_> = set.chain(deleted.into_iter().map(Change::delete)).collect();
            if changes.is_empty() {
                return Err("--alter wants --add-config or --delete-config".to_owned());
            }
            Ok(vec![Command::Configs(ConfigsCommand::Alter(AlterConfigsOf { owner, changes }))])
        }
        (Owner::Quotas(entity), Action::Describe) => {
            let users = entity.user.iter().map(|user| user_list(user)).collect::<Vec<_>>();
            let list = Command::Quotas(QuotasCommand::List(ListQuotas { entity, strict: false }));
            Ok(std::iter::once(list).chain(users).collect())
        }
        (Owner::Quotas(entity), Action::Alter) => alter_quotas(&entity, added, deleted),
    }
}

fn user_list(user: &str) -> Command {
    Command::Users(UsersCommand::List(ListUsers { users: vec![user.to_owned()], if_exists: true }))
}

/// Quotas and passwords: both are changed by the same options.
fn alter_quotas(entity: &Entity, added: Vec<(String, String)>, deleted: Vec<String>) -> Translation {
    let mut commands = Vec::new();
    let (passwords, quotas): (Vec<_>, Vec<_>) =
        added.into_iter().partition(|(key, _)| mechanism(key).is_some());
    let (mechanisms, keys): (Vec<_>, Vec<_>) = deleted.into_iter().partition(|key| mechanism(key).is_some());
    for (key, value) in passwords {
        commands.push(Command::Users(UsersCommand::Set(set_user(entity, &key, &value)?)));
    }
    for key in mechanisms {
        let users = vec![user_of(entity)?];
        commands
            .push(Command::Users(UsersCommand::Delete(DeleteUsers { users, mechanism: mechanism(&key) })));
    }
    if !quotas.is_empty() {
        let limits =
            quotas.iter().map(|(key, value)| limit(&format!("{key}={value}"))).collect::<Result<_, _>>()?;
        commands.push(Command::Quotas(QuotasCommand::Set(SetQuotas { entity: entity.clone(), limits })));
    }
    if !keys.is_empty() {
        commands.push(Command::Quotas(QuotasCommand::Delete(DeleteQuotas { entity: entity.clone(), keys })));
    }
    match commands.is_empty() {
        true => Err("--alter wants --add-config or --delete-config".to_owned()),
        false => Ok(commands),
    }
}

fn mechanism(key: &str) -> Option<ScramMechanism> {
    ScramMechanism::ALL.into_iter().find(|mechanism| mechanism.name() == key)
}

fn user_of(entity: &Entity) -> Result<String, String> {
    match (&entity.user, &entity.client_id, entity.default_client_id) {
        (Some(user), None, false) => Ok(user.clone()),
        _ => Err("a password is one user's: --entity-type users --entity-name USER".to_owned()),
    }
}

/// `iterations=8192,password=secret`, in either order.
fn set_user(entity: &Entity, key: &str, value: &str) -> Result<SetUser, String> {
    let mut set = SetUser::new(user_of(entity)?, mechanism(key).ok_or("a mechanism is wanted")?);
    for (key, value) in pairs(value)? {
        match &*key {
            "password" => set.password = Some(kestrel_settings::Secret::new(value)),
            "iterations" => set.iterations = value.parse().map_err(|_| format!("`{value}` is no number"))?,
            _ => return Err(format!("`{key}` is nothing that a password has: iterations or password")),
        }
    }
    if set.password.is_none() {
        return Err("password=... is wanted".to_owned());
    }
    Ok(set)
}

impl EntityOptions {
    fn owner(self) -> Result<Owner, String> {
        let mut named = self.named()?;
        let config = |kind, name: Option<String>| {
            let name = name.or_else(|| (kind == OwnerKind::Broker).then(|| "all".to_owned()));
            let name = name.ok_or("--entity-name is wanted")?;
            Ok(Owner::Configs(ConfigOwner { kind, name }))
        };
        if let [(kind, name)] = &mut *named {
            match &**kind {
                "topics" => return config(OwnerKind::Topic, name.take()),
                "brokers" => return config(OwnerKind::Broker, name.take()),
                "groups" => return config(OwnerKind::Group, name.take()),
                "client-metrics" => return config(OwnerKind::ClientMetrics, name.take()),
                _ => {}
            }
        }
        let mut entity = Entity::default();
        for (kind, name) in named {
            let is_default = name.is_none();
            match &*kind {
                "users" => (entity.user, entity.default_user) = (name, is_default),
                "clients" => (entity.client_id, entity.default_client_id) = (name, is_default),
                "ips" => (entity.ip, entity.default_ip) = (name, is_default),
                other => return Err(format!("--entity-type {other} is not understood here")),
            }
        }
        Ok(Owner::Quotas(entity))
    }

    /// The types with their names, `None` for a default, in either way of saying them.
    fn named(self) -> Result<Vec<(String, Option<String>)>, String> {
        let short = [
            ("topics", self.topic, false),
            ("brokers", self.broker, self.broker_defaults),
            ("groups", self.group, false),
            ("client-metrics", self.client_metrics, false),
            ("users", self.user, self.user_defaults),
            ("clients", self.client, self.client_defaults),
            ("ips", self.ip, self.ip_defaults),
        ];
        let mut named: Vec<_> = short
            .into_iter()
            .filter(|(_, name, is_default)| name.is_some() || *is_default)
            .map(|(kind, name, _)| (kind.to_owned(), name))
            .collect();
        let mut names = self.entity_name.into_iter();
        for kind in self.entity_type {
            named.push((kind, names.next()));
        }
        let spare = names.count();
        match (named.is_empty(), spare) {
            (true, _) => Err("--entity-type is wanted".to_owned()),
            (false, 0) => Ok(named),
            (false, _) => Err("there are more of --entity-name than of --entity-type".to_owned()),
        }
    }
}

/// Reads `KEY=VALUE,KEY=[VALUE,...]`.
fn pairs(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut pairs = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (key, after) = rest.split_once('=').ok_or_else(|| format!("`{rest}` is not KEY=VALUE"))?;
        let (value, next) = match after.strip_prefix('[') {
            Some(list) => list.split_once(']').ok_or_else(|| format!("`{after}` has no end"))?,
            None => after.split_at(after.find(',').unwrap_or(after.len())),
        };
        pairs.push((key.trim().to_owned(), value.to_owned()));
        rest = next.trim_start().strip_prefix(',').unwrap_or(next).trim_start();
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::super::tests::translated;
    use super::*;

    #[test]
    fn pairs_are_read() {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let text = "retention.ms=5,cleanup.policy=[compact,delete],a=";
        let expected =
            vec![pair("retention.ms", "5"), pair("cleanup.policy", "compact,delete"), pair("a", "")];
        assert_eq!(pairs(text), Ok(expected));
        assert!(pairs("retention.ms").is_err() && pairs("a=[b").is_err());
    }

    #[test]
    fn configurations_quotas_and_passwords_are_told_apart() {
        let line = "kafka-configs --alter --entity-type topics --entity-name t --add-config retention.ms=5 --delete-config a,b";
        let topic = translated(line).unwrap();
        assert!(
            topic.contains("Topic") && topic.contains("retention.ms") && topic.contains("Delete"),
            "{topic}"
        );
        let line =
            "kafka-configs --alter --user alice --client-defaults --add-config producer_byte_rate=1024";
        let quota = translated(line).unwrap();
        assert!(quota.contains("default_client_id: true") && quota.contains("1024"), "{quota}");
        let line = "kafka-configs --alter --entity-type users --entity-name alice --add-config SCRAM-SHA-256=[iterations=8192,password=opensesame]";
        let user = translated(line).unwrap();
        assert!(user.contains("8192") && !user.contains("opensesame"), "{user}");
        assert!(translated("kafka-configs --describe --broker-defaults").unwrap().contains("\"all\""));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for line in [
            "kafka-configs --describe",
            "kafka-configs --alter --topic t",
            "kafka-configs --describe --entity-type topics",
            "kafka-configs --describe --entity-type planets --entity-name earth",
            "kafka-configs --alter --client c --add-config SCRAM-SHA-256=[password=x]",
        ] {
            assert!(translated(line).is_err(), "{line}");
        }
    }
}
