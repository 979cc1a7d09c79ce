//! Peers that speak another protocol than Kafka's, recognised by the first bytes of a connection. Pure.

use std::fmt;

/// A protocol that is not Kafka's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stranger {
    /// A client that wants an encrypted connection.
    Tls,
    /// A browser, a health check, a collector of metrics.
    Http,
    /// An SSH client.
    Ssh,
    /// A load balancer that says first for whom it speaks.
    Proxy,
    /// A client of ZooKeeper, or a health check that takes the broker for it.
    ZooKeeper,
    /// A client of Redis.
    Redis,
}

/// The first bytes of protocols, no more than a frame has for its length, so that they are there before that is looked at. A
/// frame of Kafka's begins with its length, which is far below what these would be.
const BEGINNINGS: [(&[u8], Stranger); 24] = [
    (b"\x16\x03", Stranger::Tls),
    (b"\x80\x2e\x01", Stranger::Tls),
    (b"GET ", Stranger::Http),
    (b"POST", Stranger::Http),
    (b"PUT ", Stranger::Http),
    (b"HEAD", Stranger::Http),
    (b"OPTI", Stranger::Http),
    (b"DELE", Stranger::Http),
    (b"PATC", Stranger::Http),
    (b"TRAC", Stranger::Http),
    (b"CONN", Stranger::Http),
    (b"PRI ", Stranger::Http),
    (b"SSH-", Stranger::Ssh),
    (b"PROX", Stranger::Proxy),
    (b"\r\n\r\n", Stranger::Proxy),
    (b"ruok", Stranger::ZooKeeper),
    (b"stat", Stranger::ZooKeeper),
    (b"srvr", Stranger::ZooKeeper),
    (b"mntr", Stranger::ZooKeeper),
    (b"*1\r\n", Stranger::Redis),
    (b"*2\r\n", Stranger::Redis),
    (b"*3\r\n", Stranger::Redis),
    (b"PING", Stranger::Redis),
    (b"AUTH", Stranger::Redis),
];

impl Stranger {
    /// The protocol that begins with these bytes; `None` for Kafka's, for an unknown one, and for too few bytes.
    pub(super) fn of(first: &[u8]) -> Option<Self> {
        let found = BEGINNINGS.iter().find(|(beginning, _)| first.starts_with(beginning));
        found.map(|(_, stranger)| *stranger)
    }

    /// The protocol's name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Tls => "TLS",
            Self::Http => "HTTP",
            Self::Ssh => "SSH",
            Self::Proxy => "PROXY",
            Self::ZooKeeper => "ZooKeeper",
            Self::Redis => "Redis",
        }
    }
}

impl fmt::Display for Stranger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tls => {
                "this looks like TLS, and here is none, or none that old: the client needs the port of a listener with the \
                 protocol SSL or SASL_SSL, or security.protocol=PLAINTEXT or SASL_PLAINTEXT"
            }
            Self::Http => {
                "this looks like HTTP, and here is a Kafka broker: a health check should open a TCP connection and no \
                 more, and there is no page and no metrics to fetch"
            }
            Self::Ssh => "this looks like SSH, and here is a Kafka broker",
            Self::Proxy => {
                "this looks like the PROXY protocol of a load balancer, which is not spoken here: switch it off there"
            }
            Self::ZooKeeper => {
                "this looks like a command for ZooKeeper, and here is a Kafka broker: clients that ask for a \
                 zookeeper address need a newer version, or the option --bootstrap-server"
            }
            Self::Redis => "this looks like Redis, and here is a Kafka broker",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_are_told_by_their_first_bytes() {
        let first = |bytes: &[u8]| Stranger::of(bytes);
        assert_eq!(first(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc"), Some(Stranger::Tls));
        assert_eq!(first(b"GET /metrics HTTP/1.1\r\n"), Some(Stranger::Http));
        assert_eq!(first(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), Some(Stranger::Http));
        assert_eq!(first(b"SSH-2.0-OpenSSH_9.2\r\n"), Some(Stranger::Ssh));
        assert_eq!(first(b"PROXY TCP4 10.0.0.1"), Some(Stranger::Proxy));
        assert_eq!(first(b"ruok"), Some(Stranger::ZooKeeper));
        assert_eq!(first(b"*1\r\n$4\r\nPING\r\n"), Some(Stranger::Redis));
    }

    #[test]
    fn no_frame_of_the_usual_size_is_a_stranger() {
        for (beginning, stranger) in BEGINNINGS {
            let mut length = [0; 4];
            for (target, byte) in length.iter_mut().zip(beginning) {
                *target = *byte;
            }
            let length = i32::from_be_bytes(length);
            assert!(!(0..=200 << 20).contains(&length), "{stranger:?}: a frame of {length} bytes");
        }
        assert_eq!(Stranger::of(b"\0\0\0\x2b\0\x12\0\x04"), None);
        assert_eq!(Stranger::of(b""), None);
    }
}
