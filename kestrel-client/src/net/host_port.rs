//! Host and port: the address of a broker as settings and brokers name it, before it is resolved.

use std::fmt;
use std::sync::Arc;

use crate::error::Error;
use crate::security::SecurityProtocol;

/// The address of a broker, before it is resolved.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct HostPort {
    pub(crate) host: Arc<str>,
    pub(crate) port: u16,
}

impl HostPort {
    /// Reads one entry of `bootstrap.servers`: `host:port` or `[ipv6]:port`, with or without a security protocol in front as in
    /// `SSL://host:port`. Whoever asks compares that with the client's own.
    pub(crate) fn parse(text: &str) -> Result<(Option<SecurityProtocol>, Self), Error> {
        let text = text.trim();
        let invalid = |problem: &str| Error::config("bootstrap.servers", format!("`{text}`: {problem}"));
        let (protocol, address) = match text.split_once("://") {
            None => (None, text),
            Some((scheme, address)) => {
                let protocol = SecurityProtocol::named(scheme).ok_or_else(|| {
                    invalid(&format!(
                        "`{scheme}` is not supported: write host:port, or one of PLAINTEXT, SSL, SASL_PLAINTEXT and SASL_SSL \
                         in front, as in SSL://host:port"
                    ))
                })?;
                (Some(protocol), address)
            }
        };
        let (host, port) = address.rsplit_once(':').ok_or_else(|| invalid("expected host:port"))?;
        let port = Some(port).filter(|port| port.bytes().all(|digit| digit.is_ascii_digit()));
        let port = port.and_then(|port| port.parse().ok()).filter(|port| *port > 0);
        let port = port.ok_or_else(|| invalid("the port is not a number from 1 to 65535"))?;
        let host = match host.strip_prefix('[') {
            Some(ipv6) => ipv6.strip_suffix(']').ok_or_else(|| invalid("`[` without `]`"))?,
            None if host.contains(':') => return Err(invalid("an IPv6 address goes into brackets")),
            None => host,
        };
        if host.is_empty() {
            return Err(invalid("expected host:port"));
        }
        if host.contains(|c: char| c.is_whitespace() || c.is_control() || "/@?#[]".contains(c)) {
            return Err(invalid("that is no host name: expected host:port"));
        }
        Ok((protocol, Self { host: host.into(), port }))
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            return write!(f, "[{}]:{}", self.host, self.port);
        }
        write!(f, "{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_kafka_writes_them() {
        for (text, protocol, host, port) in [
            ("localhost:9092", None, "localhost", 9092),
            (" 127.0.0.1:1 ", None, "127.0.0.1", 1),
            ("[::1]:9092", None, "::1", 9092),
            ("PLAINTEXT://kafka.example:9093", Some(SecurityProtocol::Plaintext), "kafka.example", 9093),
            ("plaintext://kafka.example:9093", Some(SecurityProtocol::Plaintext), "kafka.example", 9093),
            ("Ssl://[::1]:9093", Some(SecurityProtocol::Ssl), "::1", 9093),
            ("SASL_SSL://kafka.example:9093", Some(SecurityProtocol::SaslSsl), "kafka.example", 9093),
            ("sasl_plaintext://a:1", Some(SecurityProtocol::SaslPlaintext), "a", 1),
        ] {
            let (named, parsed) = HostPort::parse(text).unwrap();
            assert_eq!((named, &*parsed.host, parsed.port), (protocol, host, port), "{text}");
        }
        assert_eq!(HostPort::parse("[::1]:9092").unwrap().1.to_string(), "[::1]:9092");
    }

    #[test]
    fn what_is_no_address_is_refused_with_its_text() {
        for text in [
            "",
            "localhost",
            ":9092",
            "host:0",
            "host:70000",
            "host:+9",
            "host:-1",
            "::1:9092",
            "[::1:9092",
            "[]:9092",
            "user:secret@host:9092",
            "user@host:9092",
            "//host:9092",
            "ho st:9092",
            "host/path:9092",
            "PLAINTEXT://:1",
            "PLAINTEXT://SSL://host:9092",
        ] {
            let error = HostPort::parse(text).unwrap_err().to_string();
            assert!(error.starts_with(&format!("bootstrap.servers: `{text}`: ")), "{error}");
        }
    }

    #[test]
    fn a_scheme_that_is_no_security_protocol_is_refused_with_those_that_are() {
        for scheme in ["http", "https", "garbage", "PLAINTEXT ", "TLS", ""] {
            let text = format!("{scheme}://host:9092");
            let error = HostPort::parse(&text).unwrap_err();
            assert!(matches!(error, Error::Config { .. }), "{error:?}");
            assert!(error.to_string().contains("PLAINTEXT, SSL, SASL_PLAINTEXT and SASL_SSL"), "{error}");
        }
    }
}
