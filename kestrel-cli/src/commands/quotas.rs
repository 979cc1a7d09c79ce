//! `kestrel quotas`: how much users, clients and addresses may do.

use clap::{Args, Subcommand};
use kestrel_client::admin::{
    ClientQuotaAlteration, ClientQuotaEntity, ClientQuotaEntityType, ClientQuotaFilter, ClientQuotas,
};

use crate::failure::Failure;
use crate::guard::Permit;
use crate::output::{Cell, Outcomes, Table};
use crate::session::Session;
use crate::values::key_and_value;

/// Quotas: how much users, clients and addresses may do.
#[derive(Debug, Subcommand)]
pub(crate) enum QuotasCommand {
    /// List the quotas
    #[command(visible_alias = "ls")]
    List(ListQuotas),
    /// Set limits
    Set(SetQuotas),
    /// Remove limits: the next more general ones hold then
    #[command(visible_alias = "rm")]
    Delete(DeleteQuotas),
}

/// Whom quotas limit: a user, a client, both together, or an address.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Entity {
    /// A user
    #[arg(long, value_name = "USER")]
    pub(crate) user: Option<String>,
    /// Users that have no quota of their own
    #[arg(long, conflicts_with = "user")]
    pub(crate) default_user: bool,
    /// A client.id
    #[arg(long, value_name = "ID")]
    pub(crate) client_id: Option<String>,
    /// Clients that have no quota of their own
    #[arg(long, conflicts_with = "client_id")]
    pub(crate) default_client_id: bool,
    /// An IP address
    #[arg(long, value_name = "ADDRESS", conflicts_with_all = ["user", "default_user", "client_id", "default_client_id"])]
    pub(crate) ip: Option<String>,
    /// Addresses that have no quota of their own
    #[arg(long, conflicts_with_all = ["ip", "user", "default_user", "client_id", "default_client_id"])]
    pub(crate) default_ip: bool,
}

/// Lists quotas.
#[derive(Debug, Args)]
pub(crate) struct ListQuotas {
    #[command(flatten)]
    pub(crate) entity: Entity,
    /// Only of exactly this user, client or address, and not of it together with others
    #[arg(long)]
    pub(crate) strict: bool,
}

/// Sets limits.
#[derive(Debug, Args)]
pub(crate) struct SetQuotas {
    #[command(flatten)]
    pub(crate) entity: Entity,
    /// The limits: producer_byte_rate, consumer_byte_rate, request_percentage, controller_mutation_rate; of an address
    /// connection_creation_rate
    #[arg(required = true, value_name = "KEY=LIMIT", value_parser = limit)]
    pub(crate) limits: Vec<(String, f64)>,
}

/// Removes limits.
#[derive(Debug, Args)]
pub(crate) struct DeleteQuotas {
    #[command(flatten)]
    pub(crate) entity: Entity,
    /// The limits
    #[arg(required = true, value_name = "KEY")]
    pub(crate) keys: Vec<String>,
}

/// Reads a limit.
pub(crate) fn limit(text: &str) -> Result<(String, f64), String> {
    let (key, value) = key_and_value(text)?;
    let limit = value.parse().map_err(|_| format!("`{value}` is no number"))?;
    Ok((key, limit))
}

impl Entity {
    /// The kinds with their names; `None` is the default.
    fn parts(&self) -> Vec<(ClientQuotaEntityType, Option<&str>)> {
        let parts = [
            (ClientQuotaEntityType::User, self.user.as_deref(), self.default_user),
            (ClientQuotaEntityType::ClientId, self.client_id.as_deref(), self.default_client_id),
            (ClientQuotaEntityType::Ip, self.ip.as_deref(), self.default_ip),
        ];
        let named = parts.into_iter().filter(|(_, name, is_default)| name.is_some() || *is_default);
        named.map(|(kind, name, _)| (kind, name)).collect()
    }

    pub(crate) fn filter(&self) -> ClientQuotaFilter {
        self.parts().into_iter().fold(ClientQuotaFilter::all(), |filter, (kind, name)| match name {
            Some(name) => filter.named(kind, name),
            None => filter.default_of(kind),
        })
    }

    /// The one entity that is meant.
    pub(crate) fn one(&self) -> Result<ClientQuotaEntity, Failure> {
        let mut parts = self.parts().into_iter();
        let entity = match parts.next() {
            Some((kind, Some(name))) => ClientQuotaEntity::named(kind, name),
            Some((kind, None)) => ClientQuotaEntity::default_of(kind),
            None => {
                return Err(Failure::usage("it is not said whom the quota limits")
                    .remedy("--user, --client-id, --ip or their defaults say it."));
            }
        };
        Ok(parts.fold(entity, |entity, (kind, name)| match name {
            Some(name) => entity.and_named(kind, name),
            None => entity.and_default_of(kind),
        }))
    }
}

impl QuotasCommand {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::List(command) => command.run(session).await,
            Self::Set(SetQuotas { entity, limits }) => {
                let change = ClientQuotaAlteration::of(entity.one()?);
                let change = limits.into_iter().fold(change, |change, (key, limit)| change.set(key, limit));
                alter(session, change, "set").await
            }
            Self::Delete(DeleteQuotas { entity, keys }) => {
                let change = ClientQuotaAlteration::of(entity.one()?);
                let change = keys.into_iter().fold(change, ClientQuotaAlteration::remove);
                alter(session, change, "removed").await
            }
        }
    }
}

/// Makes a change, or has the broker check it.
pub(crate) async fn alter(
    session: &Session,
    change: ClientQuotaAlteration,
    done: &str,
) -> Result<(), Failure> {
    let permit = session.permit("change quotas").await?;
    let admin = session.admin().await?;
    let altered = match permit {
        Permit::Change => admin.alter_client_quotas([change]).await,
        Permit::DryRun => admin.validate_client_quotas([change]).await,
    };
    session.output().outcomes(&Outcomes::new(permit, "limits of", done).extend(altered))
}

impl ListQuotas {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let filter = if self.strict { self.entity.filter().strict() } else { self.entity.filter() };
        let quotas = session.admin().await?.describe_client_quotas(filter).await?;
        session.output().table(&table(&quotas))
    }
}

fn table(quotas: &[ClientQuotas]) -> Table {
    let mut table = Table::new(["user", "client_id", "ip", "key", "limit"]);
    for ClientQuotas { entity, values, .. } in quotas {
        let part = |wanted: &ClientQuotaEntityType| {
            let name = entity.parts().find(|(kind, _)| *kind == wanted)?.1;
            Some(name.unwrap_or("(default)").to_owned())
        };
        for (key, limit) in values {
            let [user, client_id, ip] = [
                part(&ClientQuotaEntityType::User),
                part(&ClientQuotaEntityType::ClientId),
                part(&ClientQuotaEntityType::Ip),
            ]
            .map(Cell::from);
            table.row([user, client_id, ip, (&**key).into(), (*limit).into()]);
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entity_is_one_or_two_of_them() {
        let user = Some("alice".to_owned());
        let both = Entity { user: user.clone(), default_client_id: true, ..Entity::default() };
        assert_eq!(both.one().unwrap().to_string(), "user alice, client-id by default");
        assert_eq!(Entity { user, ..Entity::default() }.one().unwrap().to_string(), "user alice");
        assert_eq!(
            Entity { default_ip: true, ..Entity::default() }.one().unwrap().to_string(),
            "ip by default"
        );
        assert!(Entity::default().one().is_err());
    }

    #[test]
    fn limits_are_numbers() {
        assert_eq!(limit("producer_byte_rate=1e6"), Ok(("producer_byte_rate".to_owned(), 1e6)));
        assert!(limit("producer_byte_rate=fast").is_err());
    }
}
