//! A client as subscriptions see it: the attributes that their patterns are held against. Pure.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;

use bytestring::ByteString;
use kestrel_protocol::Uuid;
use parking_lot::Mutex;

/// What stands for software that has not said its name, as in Apache Kafka.
const UNKNOWN: &str = "unknown";
/// The longest name or version that is kept for a connection, in bytes; a longer one is unknown.
const MAX_NAME_BYTES: usize = 255;

/// The software at the other end of a connection, as ApiVersions names it (KIP-511): known from then on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Software(Arc<Mutex<Option<(ByteString, ByteString)>>>);

impl Software {
    /// It says its name and version.
    pub(crate) fn name(&self, name: &str, version: &str) {
        if name.len().max(version.len()) <= MAX_NAME_BYTES {
            *self.0.lock() = Some((name.to_owned().into(), version.to_owned().into()));
        }
    }

    /// Its name and version.
    pub(crate) fn named(&self) -> (ByteString, ByteString) {
        let unknown = || ByteString::from_static(UNKNOWN);
        self.0.lock().clone().unwrap_or_else(|| (unknown(), unknown()))
    }
}

/// An attribute of clients, by the name that patterns have for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attribute {
    /// `client_instance_id`.
    InstanceId,
    /// `client_id`.
    ClientId,
    /// `client_software_name`.
    SoftwareName,
    /// `client_software_version`.
    SoftwareVersion,
    /// `client_source_address`.
    SourceAddress,
    /// `client_source_port`.
    SourcePort,
}

impl Attribute {
    /// The attribute of this name.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "client_instance_id" => Self::InstanceId,
            "client_id" => Self::ClientId,
            "client_software_name" => Self::SoftwareName,
            "client_software_version" => Self::SoftwareVersion,
            "client_source_address" => Self::SourceAddress,
            "client_source_port" => Self::SourcePort,
            _ => return None,
        })
    }
}

/// The sender of a request about client metrics.
#[derive(Debug, Clone)]
pub(crate) struct Client<'a> {
    /// The id of its instance; nil while it has none.
    pub(crate) instance_id: Uuid,
    /// `client.id`; empty when there is none.
    pub(crate) client_id: &'a str,
    /// Its software: name and version.
    pub(crate) software: (ByteString, ByteString),
    /// Where it connects from.
    pub(crate) peer: SocketAddr,
}

impl Client<'_> {
    /// The value of an attribute.
    pub(super) fn attribute(&self, attribute: Attribute) -> Cow<'_, str> {
        match attribute {
            Attribute::InstanceId => self.instance_id.to_string().into(),
            Attribute::ClientId => self.client_id.into(),
            Attribute::SoftwareName => (&*self.software.0).into(),
            Attribute::SoftwareVersion => (&*self.software.1).into(),
            Attribute::SourceAddress => self.peer.ip().to_string().into(),
            Attribute::SourcePort => self.peer.port().to_string().into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn software_is_unknown_until_it_says_a_name_of_reason() {
        let software = Software::default();
        assert_eq!(software.named(), ("unknown".into(), "unknown".into()));
        software.clone().name("apache-kafka-java", "4.3.1");
        software.name(&"x".repeat(256), "1");
        assert_eq!(software.named(), ("apache-kafka-java".into(), "4.3.1".into()));
    }
}
