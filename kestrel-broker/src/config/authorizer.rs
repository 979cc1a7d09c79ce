//! The keys of authorization: whether ACLs are asked, and who need not be.

use std::sync::Arc;

use kestrel_settings::{InvalidSetting, RawSettings, settings};

use crate::authorizer::Authorizer;

settings! {
    /// Authorization as its keys have it.
    pub(super) struct AuthorizerSettings, keys AUTHORIZER: AuthorizerKeys;

    /// With an authorizer: whether everybody may do everything to a resource that no ACL is about.
    allows_without_acls: bool, "allow.everyone.if.no.acl.found", Boolean, "false", [any];
    /// Whether ACLs are asked. Empty: everybody may do everything. The only authorizer that there is has the name, and the rules,
    /// of Apache Kafka's own: org.apache.kafka.metadata.authorizer.StandardAuthorizer.
    class_name: String, "authorizer.class.name", String, "", [any];
    /// With an authorizer: the principals that may do everything, as User:NAME, several with semicolons.
    super_users: String, "super.users", String, "", [any];
}

/// The authorizer that there is, by the name that Apache Kafka gives it.
pub(crate) const STANDARD_AUTHORIZER: &str = "org.apache.kafka.metadata.authorizer.StandardAuthorizer";

impl AuthorizerSettings {
    /// The authorizer; `None` when everybody may do everything.
    ///
    /// # Errors
    /// When another authorizer is asked for, or a super user is no principal.
    pub(super) fn open(
        &self,
        raw: &RawSettings,
        warnings: &mut Vec<String>,
    ) -> Result<Option<Arc<Authorizer>>, InvalidSetting> {
        let super_users = self.super_users(raw)?;
        // Names of certificates have commas in them, so that this one may be meant.
        warnings.extend(super_users.iter().filter(|user| has_comma(user)).map(|user| {
            format!("{user:?} is one user in super.users: several stand with semicolons between them")
        }));
        match self.class_name.trim() {
            "" => {
                for key in [&AUTHORIZER.allows_without_acls, &AUTHORIZER.super_users] {
                    if raw.has(key.name) {
                        warnings.push(format!("{} has no effect without authorizer.class.name", key.name));
                    }
                }
                Ok(None)
            }
            STANDARD_AUTHORIZER => Ok(Some(Arc::new(Authorizer::new(super_users, self.allows_without_acls)))),
            _ => {
                let expected = format!(
                    "{STANDARD_AUTHORIZER}, whose rules are built in, or nothing: no classes are loaded"
                );
                Err(raw.invalid(&AUTHORIZER.class_name, expected))
            }
        }
    }

    fn super_users(&self, raw: &RawSettings) -> Result<Vec<String>, InvalidSetting> {
        let users = self.super_users.split(';').map(str::trim).filter(|user| !user.is_empty());
        let users: Vec<String> = users.map(ToOwned::to_owned).collect();
        if users.iter().all(|user| user.strip_prefix("User:").is_some_and(|name| !name.trim().is_empty())) {
            return Ok(users);
        }
        Err(raw.invalid(&AUTHORIZER.super_users, "principals as User:NAME, several with semicolons"))
    }
}

/// Whether an entry looks like several with commas.
fn has_comma(user: &str) -> bool {
    user.split(',').skip(1).any(|rest| rest.trim_start().starts_with("User:"))
}

#[cfg(test)]
mod tests {
    use super::super::{BrokerConfig, ConfigError};
    use super::*;

    fn config(settings: &[(&str, &str)]) -> Result<BrokerConfig, ConfigError> {
        let mut raw = RawSettings::default();
        for (key, value) in settings {
            raw.set(*key, *value);
        }
        BrokerConfig::new(&raw)
    }

    #[test]
    fn there_is_one_authorizer_and_by_default_none() {
        assert!(config(&[]).unwrap().authorizer.is_none());
        assert!(config(&[("authorizer.class.name", "")]).unwrap().authorizer.is_none());
        assert!(config(&[("authorizer.class.name", STANDARD_AUTHORIZER)]).unwrap().authorizer.is_some());
        let error =
            config(&[("authorizer.class.name", "kafka.security.authorizer.AclAuthorizer")]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "authorizer.class.name=kafka.security.authorizer.AclAuthorizer: expected \
             org.apache.kafka.metadata.authorizer.StandardAuthorizer, whose rules are built in, or nothing: no classes are \
             loaded"
        );
    }

    #[test]
    fn super_users_are_principals() {
        let with = |users| config(&[("authorizer.class.name", STANDARD_AUTHORIZER), ("super.users", users)]);
        assert!(with(" User:admin ;User:CN=root,O=us; ").is_ok());
        for wrong in ["admin", "User:", "User: ;User:b", "Group:admins", "user:admin"] {
            let error = with(wrong).unwrap_err().to_string();
            assert!(error.contains("principals as User:NAME"), "{error}");
        }
        assert_eq!(with("User:CN=root,O=us;User:b").unwrap().warnings, [""; 0]);
        assert_eq!(
            with("User:a, User:b").unwrap().warnings,
            ["\"User:a, User:b\" is one user in super.users: several stand with semicolons between them"]
        );
    }

    #[test]
    fn keys_that_need_an_authorizer_warn_without_one() {
        let warnings = config(&[("super.users", "User:admin")]).unwrap().warnings;
        assert_eq!(warnings, ["super.users has no effect without authorizer.class.name"]);
    }
}
