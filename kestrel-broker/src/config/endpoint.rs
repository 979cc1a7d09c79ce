//! Addresses as they are written in configuration: `HOST:PORT`, and Kafka's `NAME://HOST:PORT`. Pure.

use std::fmt;

/// A host and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// A name or an address, IPv6 without brackets; empty means every interface.
    pub(crate) host: String,
    /// The port; 0 lets the system choose.
    pub(crate) port: u16,
}

/// A listener with its name: `PLAINTEXT://localhost:9092`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NamedEndpoint {
    /// The listener's name.
    pub(crate) name: String,
    /// Where it is.
    pub(crate) endpoint: Endpoint,
}

/// What was expected where something else stood.
pub(crate) const ENDPOINT_FORM: &str = "HOST:PORT, with a port from 0 to 65535";
/// What was expected where something else stood.
pub(crate) const NAMED_ENDPOINT_FORM: &str = "NAME://HOST:PORT, with a port from 0 to 65535";

impl Endpoint {
    /// Reads `HOST:PORT`, `:PORT` or `[IPV6]:PORT`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (host, port) = text.trim().rsplit_once(':')?;
        let port = port.parse().ok()?;
        let host = match host.strip_prefix('[') {
            Some(bracketed) => bracketed.strip_suffix(']')?,
            None if host.contains(':') => return None,
            None => host,
        };
        Some(Self { host: host.to_owned(), port })
    }

    /// Whether it stands for every interface, so that no client can be sent there.
    pub(crate) fn is_wildcard(&self) -> bool {
        matches!(self.host.as_str(), "" | "0.0.0.0" | "::")
    }
}

impl NamedEndpoint {
    /// Reads `NAME://HOST:PORT`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (name, address) = text.trim().split_once("://")?;
        let is_name =
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
        is_name
            .then(|| Endpoint::parse(address))
            .flatten()
            .map(|endpoint| Self { name: name.to_ascii_uppercase(), endpoint })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Display for NamedEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.name, self.endpoint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_shown_alike() {
        for (text, host, port) in [
            ("localhost:9092", "localhost", 9092),
            ("127.0.0.1:0", "127.0.0.1", 0),
            (":9092", "", 9092),
            ("[::1]:9092", "::1", 9092),
        ] {
            let endpoint = Endpoint::parse(text).unwrap();
            assert_eq!((endpoint.host.as_str(), endpoint.port), (host, port));
            assert_eq!(endpoint.to_string(), text);
        }
        for text in ["", "localhost", "localhost:", "localhost:x", "::1:9092", "[::1:9092", "a:70000"] {
            assert_eq!(Endpoint::parse(text), None, "{text}");
        }
    }

    #[test]
    fn listeners_have_a_name() {
        let listener = NamedEndpoint::parse(" plaintext://:9092").unwrap();
        assert_eq!(listener.to_string(), "PLAINTEXT://:9092");
        assert!(listener.endpoint.is_wildcard());
        for text in ["localhost:9092", "://x:1", "A B://x:1"] {
            assert_eq!(NamedEndpoint::parse(text), None, "{text}");
        }
    }
}
