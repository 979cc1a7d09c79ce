//! `kestrel users`: who may log in by SCRAM.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Subcommand};
use kestrel_client::admin::{ScramMechanism, UserScramCredentialAlteration, UserScramCredentialsDescription};
use kestrel_client::{Error, ErrorCode};
use kestrel_settings::Secret;

use crate::failure::Failure;
use crate::guard::Permit;
use crate::output::{Outcomes, Table};
use crate::password;
use crate::session::Session;
use crate::values::named;

/// Users: who may log in by SCRAM.
#[derive(Debug, Subcommand)]
pub(crate) enum UsersCommand {
    /// List the users and their mechanisms
    #[command(visible_alias = "ls")]
    List(ListUsers),
    /// Set the password of a user, who need not be known yet. It is read from standard input
    Set(SetUser),
    /// Delete what users log in by
    #[command(visible_alias = "rm")]
    Delete(DeleteUsers),
}

/// Lists users.
#[derive(Debug, Args)]
pub(crate) struct ListUsers {
    /// Only these users
    #[arg(value_name = "USER")]
    pub(crate) users: Vec<String>,
    /// A user who has no password is no failure
    #[arg(long)]
    pub(crate) if_exists: bool,
}

/// Sets the password of a user.
#[derive(Debug, Args)]
pub(crate) struct SetUser {
    /// The user
    pub(crate) user: String,
    /// The mechanism that it is for: SCRAM-SHA-256 or SCRAM-SHA-512
    #[arg(long, value_name = "MECHANISM", value_parser = mechanism, default_value = "SCRAM-SHA-512")]
    pub(crate) mechanism: ScramMechanism,
    /// How often the password is hashed
    #[arg(long, value_name = "N", default_value_t = 4_096, value_parser = clap::value_parser!(u32).range(4_096..=16_384))]
    pub(crate) iterations: u32,
    /// Read the password from the first line of this file, and not from standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// The password, as the options of Apache Kafka's tool say it
    #[arg(skip)]
    pub(crate) password: Option<Secret>,
}

/// Deletes what users log in by.
#[derive(Debug, Args)]
pub(crate) struct DeleteUsers {
    /// The users
    #[arg(required = true, value_name = "USER")]
    pub(crate) users: Vec<String>,
    /// Only what is for this mechanism
    #[arg(long, value_name = "MECHANISM", value_parser = mechanism)]
    pub(crate) mechanism: Option<ScramMechanism>,
}

/// Reads the name of a mechanism.
pub(crate) fn mechanism(text: &str) -> Result<ScramMechanism, String> {
    named(text, &ScramMechanism::ALL, ScramMechanism::name)
}

impl UsersCommand {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::List(command) => command.run(session).await,
            Self::Set(command) => command.run(session).await,
            Self::Delete(command) => command.run(session).await,
        }
    }
}

impl ListUsers {
    async fn run(self, session: &Session) -> Result<(), Failure> {
        let admin = session.admin().await?;
        let mut outcomes = Outcomes::of_reading("user");
        let mut found = Vec::new();
        if self.users.is_empty() {
            found = admin.list_user_scram_credentials().await?;
        } else {
            for (user, described) in admin.describe_user_scram_credentials(self.users).await {
                let is_missing =
                    matches!(&described, Err(error) if error.code() == Some(ErrorCode::ResourceNotFound));
                if !(self.if_exists && is_missing) {
                    found.extend(outcomes.note(user, described));
                }
            }
        }
        session.output().table(&table(&found))?;
        session.output().outcomes(&outcomes)
    }
}

fn table(users: &[UserScramCredentialsDescription]) -> Table {
    let mut table = Table::new(["user", "mechanism", "iterations"]);
    for user in users {
        for credential in &user.credentials {
            table.row([
                (&*user.user).into(),
                credential.mechanism.name().into(),
                credential.iterations.into(),
            ]);
        }
    }
    table
}

impl SetUser {
    /// With a password that is still to be said.
    pub(crate) const fn new(user: String, mechanism: ScramMechanism) -> Self {
        let iterations = ScramMechanism::MIN_ITERATIONS;
        Self { user, mechanism, iterations, password_file: None, password: None }
    }

    async fn run(self, session: &Session) -> Result<(), Failure> {
        let Self { user, mechanism, iterations, password_file, password } = self;
        let permit = session.permit(&format!("set the password of {user}")).await?;
        let outcomes = Outcomes::new(permit, "password of user", "set");
        if permit == Permit::DryRun {
            return session.output().outcomes(&outcomes.extend([(user, Ok(()))]));
        }
        let password = match (password, &password_file) {
            (Some(password), _) => password,
            (None, Some(file)) => password::of_file(file)?,
            (None, None) => password::of_stdin(&user).await?,
        };
        let alteration =
            UserScramCredentialAlteration::upsert(&user, mechanism, password.expose()).iterations(iterations);
        let altered = session.admin().await?.alter_user_scram_credentials([alteration]).await;
        session.output().outcomes(&outcomes.extend(altered))
    }
}

impl DeleteUsers {
    async fn run(self, session: &Session) -> Result<(), Failure> {
        let permit = session.permit(&format!("delete what {} log in by", self.users.join(", "))).await?;
        let admin = session.admin().await?;
        let mut outcomes = Outcomes::new(permit, "user", "deleted");
        // A request may name a user once: one round for each mechanism.
        let mut rounds: BTreeMap<i8, Vec<UserScramCredentialAlteration>> = BTreeMap::new();
        for (user, described) in admin.describe_user_scram_credentials(&self.users).await {
            let mechanisms = described.map(|user| self.mechanisms(&user));
            if mechanisms.as_ref().is_ok_and(|mechanisms| permit == Permit::Change && !mechanisms.is_empty())
            {
                for mechanism in mechanisms.into_iter().flatten() {
                    let delete = UserScramCredentialAlteration::delete(&user, mechanism);
                    rounds.entry(mechanism.number()).or_default().push(delete);
                }
            } else {
                outcomes.push(user, mechanisms);
            }
        }
        let mut results: BTreeMap<Arc<str>, Result<(), Error>> = BTreeMap::new();
        for (_, alterations) in rounds {
            for (user, result) in admin.alter_user_scram_credentials(alterations).await {
                let whole = results.entry(user).or_insert(Ok(()));
                *whole = whole.clone().and(result);
            }
        }
        session.output().outcomes(&outcomes.extend(results))
    }

    /// The mechanisms whose credentials of a user are meant.
    fn mechanisms(&self, user: &UserScramCredentialsDescription) -> Vec<ScramMechanism> {
        match self.mechanism {
            Some(mechanism) => vec![mechanism],
            None => user.credentials.iter().map(|credential| credential.mechanism).collect(),
        }
    }
}
