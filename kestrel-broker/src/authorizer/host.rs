//! The host of an ACL, made ready to be compared with addresses.

use std::fmt::Write;
use std::net::{IpAddr, Ipv6Addr};

use super::resource::WILDCARD;

/// The addresses that the host of an ACL stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HostPattern {
    /// Every address: `*`.
    Any,
    /// One address.
    Address(IpAddr),
    /// None: a name, a range, or an address as Apache Kafka does not write it.
    Nowhere,
}

impl HostPattern {
    /// Reads a host. Apache Kafka compares texts, so that an address counts only as Java writes it.
    pub(super) fn parse(host: &str) -> Self {
        if host == WILDCARD {
            return Self::Any;
        }
        let address = host.parse().ok().filter(|address| address_text(*address) == host);
        address.map_or(Self::Nowhere, Self::Address)
    }

    /// Whether it stands for an address; one of IPv4 in the form of IPv6 is the one of IPv4.
    pub(super) fn is_for(self, address: IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::Address(expected) => expected == address.to_canonical(),
            Self::Nowhere => false,
        }
    }
}

/// An address as Java writes it: one of IPv6 with all of its eight groups.
pub(crate) fn address_text(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => long_form(address),
    }
}

fn long_form(address: Ipv6Addr) -> String {
    let mut text = String::with_capacity(39);
    for (place, group) in address.segments().into_iter().enumerate() {
        let separator = if place == 0 { "" } else { ":" };
        write!(text, "{separator}{group:x}").expect("a text can be written to");
    }
    text
}
