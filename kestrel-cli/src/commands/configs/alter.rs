//! `kestrel configs set` and `delete`: key by key, so that nobody else's change is undone.

use kestrel_client::admin::AlterConfigs;

use super::ConfigOwner;
use crate::failure::Failure;
use crate::guard::Permit;
use crate::output::Outcomes;
use crate::session::Session;

/// Changes to a configuration, which are made all or not at all.
#[derive(Debug)]
pub(crate) struct AlterConfigsOf {
    pub(crate) owner: ConfigOwner,
    pub(crate) changes: Vec<Change>,
}

/// What becomes of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    key: String,
    operation: Operation,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Operation {
    Set(String),
    Append(String),
    Subtract(String),
    Delete,
}

impl Change {
    pub(crate) const fn set(key: String, value: String) -> Self {
        Self { key, operation: Operation::Set(value) }
    }

    pub(crate) const fn delete(key: String) -> Self {
        Self { key, operation: Operation::Delete }
    }

    fn apply(&self, changes: AlterConfigs) -> AlterConfigs {
        match &self.operation {
            Operation::Set(value) => changes.set(&self.key, value),
            Operation::Append(value) => changes.append(&self.key, value),
            Operation::Subtract(value) => changes.subtract(&self.key, value),
            Operation::Delete => changes.delete(&self.key),
        }
    }
}

/// Reads `KEY=VALUE`, `KEY+=VALUE` and `KEY-=VALUE`.
pub(crate) fn set(text: &str) -> Result<Change, String> {
    let (key, value) = crate::values::key_and_value(text)?;
    let value = value.to_owned();
    let (key, operation) = match (key.strip_suffix('+'), key.strip_suffix('-')) {
        (Some(key), _) => (key, Operation::Append(value)),
        (None, Some(key)) => (key, Operation::Subtract(value)),
        (None, None) => (&*key, Operation::Set(value)),
    };
    Ok(Change { key: key.to_owned(), operation })
}

impl AlterConfigsOf {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let resource = self.owner.resource()?;
        let permit = session.permit(&format!("change the configuration of {resource}")).await?;
        let changes =
            self.changes.iter().fold(AlterConfigs::of(resource), |changes, change| change.apply(changes));
        let admin = session.admin().await?;
        let altered = match permit {
            Permit::Change => admin.alter_configs([changes]).await,
            Permit::DryRun => admin.validate_configs([changes]).await,
        };
        session.output().outcomes(&Outcomes::new(permit, "configuration", "changed").extend(altered))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_read() {
        let of = |key: &str, operation| Ok(Change { key: key.to_owned(), operation });
        assert_eq!(set("retention.ms=5"), of("retention.ms", Operation::Set("5".to_owned())));
        assert_eq!(
            set("cleanup.policy+=compact"),
            of("cleanup.policy", Operation::Append("compact".to_owned()))
        );
        assert_eq!(
            set("cleanup.policy-=delete"),
            of("cleanup.policy", Operation::Subtract("delete".to_owned()))
        );
        assert_eq!(set("a=b=c"), of("a", Operation::Set("b=c".to_owned())));
        assert!(set("retention.ms").is_err() && set("=5").is_err());
    }
}
