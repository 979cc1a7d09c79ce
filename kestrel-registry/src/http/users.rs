//! The users that may use a registry, by basic authentication.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::error::Refusal;

/// Names and passwords. Without any, everybody may do everything.
#[derive(Default, Clone)]
pub(crate) struct Users(Vec<String>);

impl std::fmt::Debug for Users {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Users({})", self.0.len())
    }
}

impl Users {
    pub(crate) fn add(&mut self, name: &str, password: &str) {
        self.0.push(BASE64_STANDARD.encode(format!("{name}:{password}")));
    }

    /// Whether a call with this `Authorization` header may go on.
    ///
    /// # Errors
    /// When it has to have the name and password of a user, and does not.
    pub(super) fn check(&self, authorization: Option<&str>) -> Result<(), Refusal> {
        if self.0.is_empty() {
            return Ok(());
        }
        let given = authorization.and_then(|header| header.split_once(' '));
        let given = given.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"));
        let given = given.map(|(_, credentials)| credentials.trim()).unwrap_or_default();
        // All are looked at, so that the time does not tell which of them was nearly right.
        let known =
            self.0.iter().fold(false, |known, user| known | is_same(user.as_bytes(), given.as_bytes()));
        if known { Ok(()) } else { Err(Refusal::unauthorized()) }
    }
}

/// Compares in a time that depends on the lengths alone.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_a_name_and_a_password() {
        let mut users = Users::default();
        assert!(users.check(None).is_ok());
        users.add("alice", "secret");
        users.add("bob", "pass:word");
        let with = |text: &str| users.check(Some(&format!("Basic {}", BASE64_STANDARD.encode(text))));
        assert!(with("alice:secret").is_ok() && with("bob:pass:word").is_ok());
        assert!(with("alice:Secret").is_err() && with("alice").is_err());
        assert_eq!(users.check(None).unwrap_err().status(), 401);
        assert!(users.check(Some("Bearer alice:secret")).is_err());
    }
}
