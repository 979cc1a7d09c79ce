//! The principal of a request, as authorization, quotas and the log name its sender.

use std::fmt;

use bytestring::ByteString;

/// The sender of a request: Kafka's principal of the type `User`, the only type that its own authentication makes.
///
/// Holds the text that ACLs and `super.users` name it by, `User:NAME`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Principal(ByteString);

/// The type of all principals, as it stands before the name.
const USER: &str = "User:";

impl Principal {
    /// The principal of all who came by a listener that asks nobody who he is.
    pub(crate) const ANONYMOUS: Self = Self(ByteString::from_static("User:ANONYMOUS"));

    /// The user of this name.
    pub(crate) fn user(name: &str) -> Self {
        Self(format!("{USER}{name}").into())
    }

    /// Its text, `User:NAME`.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Its name without the type, by which quotas know it.
    pub(crate) fn name(&self) -> ByteString {
        self.0.slice_ref(self.0.strip_prefix("User:").unwrap_or(&self.0))
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
