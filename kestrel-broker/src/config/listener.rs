//! Listeners as they are configured: what is opened under which name, and which address it advertises. Pure.
//!
//! Called once, by [`BrokerConfig`](super::BrokerConfig).

use std::fmt;

use kestrel_settings::Scope::PerBroker;
use kestrel_settings::{InvalidSetting, Key, RawSettings, list, settings};

use super::endpoint::{Endpoint, NAMED_ENDPOINT_FORM, NamedEndpoint};
use super::listener_keys::{is_of_one_listener, is_read};
use super::sasl::SaslListener;
use super::tls::ListenerTls;
use kestrel_security::SecurityProtocol;

settings! {
    /// The listeners as their keys have them.
    pub(super) struct ListenerSettings, keys LISTENERS: ListenerKeys;

    /// The address that each listener advertises for clients to connect to, as NAME://HOST:PORT. Default: the address of the
    /// listener.
    advertised_listeners: String, "advertised.listeners", List, null, [any];
    /// The names of listeners that only controllers use. They are not opened: the controller is part of the broker.
    controller_listener_names: String, "controller.listener.names", List, null, [any];
    /// The listener that brokers would use among themselves. There is one node, so it has no effect, but it has to be one of
    /// listeners.
    inter_broker_listener_name: Option<String>, "inter.broker.listener.name", String, null, [any];
    /// Which security protocol the listener of a name has: PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL.
    security_protocol_map: String, "listener.security.protocol.map", String, "SASL_SSL:SASL_SSL,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT", [any], scope: PerBroker;
    /// Where the broker listens, as NAME://HOST:PORT, several with commas. The first one is what the ready line names.
    listeners: String, "listeners", List, "PLAINTEXT://127.0.0.1:9092", [any], scope: PerBroker;
}

/// An address that the broker listens on, and the one that it advertises to clients who come that way.
#[derive(Debug, Clone)]
pub(crate) struct Listener {
    /// Its name, in capitals.
    pub(crate) name: String,
    /// What is spoken there.
    pub(crate) protocol: SecurityProtocol,
    /// Its certificates, where the protocol encrypts.
    pub(crate) tls: Option<ListenerTls>,
    /// How its clients log in, where the protocol has SASL.
    pub(crate) sasl: Option<SaslListener>,
    /// Where it listens; port 0 lets the system choose.
    pub(crate) listen: Endpoint,
    /// The address that it advertises; `None` until that is known: then it is derived from where it listens.
    pub(crate) advertise: Option<Endpoint>,
}

impl Listener {
    /// The address that clients connect to.
    pub(crate) fn advertised(&self) -> &Endpoint {
        self.advertise.as_ref().unwrap_or(&self.listen)
    }
}

impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.name, self.listen)
    }
}

/// Replaces all listeners by one, under the name of its protocol, which needs no map.
///
/// What is said of that name stays; names of other listeners are nobody's any more.
pub(crate) fn listen_on(raw: &mut RawSettings, protocol: SecurityProtocol, endpoint: &Endpoint) {
    let replaced =
        list(raw.get(LISTENERS.listeners.name).unwrap_or_default()).filter_map(NamedEndpoint::parse);
    let replaced: Vec<String> =
        replaced.map(|named| named.name).filter(|name| name != protocol.name()).collect();
    raw.retain(|key, _| {
        !is_of_one_listener(key) || !is_read(key, &replaced) || is_read(key, &[protocol.name().to_owned()])
    });
    raw.set(LISTENERS.listeners.name, format!("{protocol}://{endpoint}"));
    raw.remove(LISTENERS.inter_broker_listener_name.name);
    raw.remove(LISTENERS.security_protocol_map.name);
    if let Some(advertised) = raw.remove(LISTENERS.advertised_listeners.name) {
        let is_kept =
            |text: &&str| NamedEndpoint::parse(text).is_none_or(|named| named.name == protocol.name());
        let kept = list(&advertised.text).filter(is_kept).collect::<Vec<_>>().join(",");
        raw.set_from(advertised.origin, LISTENERS.advertised_listeners.name, kept);
    }
}

/// Gives a broker's only listener an address to advertise; gives whether there is only one.
///
/// # Errors
/// When the listeners cannot be opened.
pub(crate) fn advertise_at(raw: &mut RawSettings, address: &Endpoint) -> Result<bool, InvalidSetting> {
    let mut settings = ListenerSettings::default();
    raw.apply(ListenerSettings::ROWS, &mut settings)?;
    let opened = settings.open(raw, &mut Vec::new())?;
    let [listener] = &opened[..] else { return Ok(false) };
    raw.set(LISTENERS.advertised_listeners.name, format!("{}://{address}", listener.name));
    Ok(true)
}

/// The names that keys for one listener alone may have.
///
/// # Errors
/// When the table cannot be read.
pub(crate) fn listener_names(raw: &RawSettings) -> Result<Vec<String>, InvalidSetting> {
    let mut settings = ListenerSettings::default();
    raw.apply(ListenerSettings::ROWS, &mut settings).map(|()| settings.names())
}

/// Whether it is said where to listen.
pub(crate) fn names_listeners(raw: &RawSettings) -> bool {
    raw.has(LISTENERS.listeners.name)
}

impl ListenerSettings {
    /// The names that keys for one listener alone may have: of the listeners, and of those that only controllers use.
    pub(super) fn names(&self) -> Vec<String> {
        let named = list(&self.listeners).filter_map(NamedEndpoint::parse).map(|named| named.name);
        named.chain(list(&self.controller_listener_names).map(str::to_owned)).collect()
    }

    /// The listeners that are opened, in the order of `listeners`: at least one. Adds a sentence to `notes` for each that is not.
    ///
    /// # Errors
    /// When there is none to open, when one has a protocol that is not spoken or shares its name or port with another, and
    /// when what is said of one contradicts the rest.
    pub(super) fn open(
        &self,
        raw: &RawSettings,
        notes: &mut Vec<String>,
    ) -> Result<Vec<Listener>, InvalidSetting> {
        let named = named_endpoints(raw, &LISTENERS.listeners, &self.listeners)?;
        check_distinct(raw, &named)?;
        let mut opened = Vec::with_capacity(named.len());
        for NamedEndpoint { name, endpoint } in named {
            if self.is_for_controllers(&name) {
                notes.push(format!(
                    "the listener {name}://{endpoint} is not opened: the controller is part of the broker"
                ));
                continue;
            }
            let protocol = self.protocol_of(raw, &name)?;
            let sasl = protocol.has_sasl().then(|| SaslListener::new(raw, &name)).transpose()?;
            opened.push(Listener { name, protocol, tls: None, sasl, listen: endpoint, advertise: None });
        }
        if opened.is_empty() {
            let expected = "a listener that is not one of controller.listener.names";
            return Err(raw.invalid(&LISTENERS.listeners, expected));
        }
        self.advertise(raw, &mut opened)?;
        self.check_inter_broker_listener(raw, &opened)?;
        Ok(opened)
    }

    fn is_for_controllers(&self, name: &str) -> bool {
        list(&self.controller_listener_names).any(|controller| controller.eq_ignore_ascii_case(name))
    }

    /// The protocol that the map has for a listener's name.
    ///
    /// # Errors
    /// When it is not spoken.
    fn protocol_of(&self, raw: &RawSettings, name: &str) -> Result<SecurityProtocol, InvalidSetting> {
        let key = &LISTENERS.security_protocol_map;
        let protocol = list(&self.security_protocol_map)
            .filter_map(|entry| entry.rsplit_once(':'))
            .find(|(listener, _)| listener.trim().eq_ignore_ascii_case(name))
            .map(|(_, protocol)| protocol.trim());
        let Some(protocol) = protocol else {
            return Err(raw.invalid(key, format!("an entry for the listener {name}, as {name}:PLAINTEXT")));
        };
        let Some(protocol) = SecurityProtocol::named(protocol) else {
            return Err(raw.invalid(key, "PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL for each listener"));
        };
        match what_is_missing(protocol) {
            None => Ok(protocol),
            Some(missing) => Err(raw.invalid(
                &LISTENERS.listeners,
                format!(
                    "listeners of other protocols: {missing}, and {name} has the protocol {protocol}; take {name} out, or map it \
                     with {}={name}:PLAINTEXT if all who reach it may do everything",
                    key.name
                ),
            )),
        }
    }

    /// Gives each listener the `advertised.listeners` entry of its name. One without an entry tells where it listens.
    fn advertise(&self, raw: &RawSettings, opened: &mut [Listener]) -> Result<(), InvalidSetting> {
        let key = &LISTENERS.advertised_listeners;
        for NamedEndpoint { name, endpoint } in named_endpoints(raw, key, &self.advertised_listeners)? {
            if self.is_for_controllers(&name) {
                continue;
            }
            let Some(listener) = opened.iter_mut().find(|listener| listener.name == name) else {
                let expected = format!("names of listeners: there is no {name} in listeners");
                return Err(raw.invalid(key, expected));
            };
            if endpoint.is_wildcard() {
                return Err(raw.invalid(key, "a host that clients can connect to"));
            }
            if listener.advertise.replace(endpoint).is_some() {
                return Err(raw.invalid(key, format!("one address for {name}")));
            }
        }
        Ok(())
    }

    /// There are no other brokers, and still what names no listener is a mistake that Apache Kafka does not start with.
    fn check_inter_broker_listener(
        &self,
        raw: &RawSettings,
        opened: &[Listener],
    ) -> Result<(), InvalidSetting> {
        match &self.inter_broker_listener_name {
            Some(name) if !opened.iter().any(|listener| listener.name.eq_ignore_ascii_case(name)) => {
                let expected = "the name of one of listeners, and not one of controller.listener.names";
                Err(raw.invalid(&LISTENERS.inter_broker_listener_name, expected))
            }
            _ => Ok(()),
        }
    }
}

/// What a protocol needs that is not there, if anything.
fn what_is_missing(protocol: SecurityProtocol) -> Option<&'static str> {
    (protocol.has_tls() && !cfg!(feature = "tls")).then_some("this build is without TLS (the feature tls)")
}

fn named_endpoints(raw: &RawSettings, key: &Key, value: &str) -> Result<Vec<NamedEndpoint>, InvalidSetting> {
    let parse = |text| NamedEndpoint::parse(text).ok_or_else(|| raw.invalid(key, NAMED_ENDPOINT_FORM));
    list(value).map(parse).collect()
}

fn check_distinct(raw: &RawSettings, listeners: &[NamedEndpoint]) -> Result<(), InvalidSetting> {
    let invalid = |expected: String| raw.invalid(&LISTENERS.listeners, expected);
    for (index, listener) in listeners.iter().enumerate() {
        for earlier in listeners.iter().take(index) {
            if earlier.name == listener.name {
                return Err(invalid(format!("one listener of the name {}", listener.name)));
            }
            let (one, other) = (&earlier.endpoint, &listener.endpoint);
            let may_share = one.host != other.host && !one.is_wildcard() && !other.is_wildcard();
            if one.port == other.port && one.port != 0 && !may_share {
                return Err(invalid(format!("port {} at one listener only", one.port)));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{BrokerConfig, ConfigError};
    use super::*;

    fn config(said: &[(&str, &str)]) -> Result<BrokerConfig, ConfigError> {
        let mut all = RawSettings::default();
        for (key, value) in said {
            all.set(*key, *value);
        }
        BrokerConfig::new(&all)
    }

    /// The listeners that are opened, and what they advertise.
    fn opened(said: &[(&str, &str)]) -> Vec<String> {
        let listeners = config(said).unwrap().listeners;
        listeners.iter().map(|listener| format!("{listener} {}", listener.advertised())).collect()
    }

    fn refusal(said: &[(&str, &str)]) -> String {
        config(said).unwrap_err().to_string()
    }

    const COMPOSE: [(&str, &str); 5] = [
        ("listeners", "INTERNAL://0.0.0.0:29092,external://:9092,CONTROLLER://:9093"),
        ("advertised.listeners", "INTERNAL://kafka:29092,EXTERNAL://localhost:9092"),
        ("listener.security.protocol.map", "INTERNAL:PLAINTEXT,EXTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT"),
        ("inter.broker.listener.name", "INTERNAL"),
        ("controller.listener.names", "CONTROLLER"),
    ];

    #[test]
    fn the_listeners_of_a_compose_file_are_opened_each_with_its_address() {
        assert_eq!(
            opened(&COMPOSE),
            ["INTERNAL://0.0.0.0:29092 kafka:29092", "EXTERNAL://:9092 localhost:9092"]
        );
        let config = config(&COMPOSE).unwrap();
        assert_eq!(config.warnings, [""; 0], "each of these keys is acted on");
        assert_eq!(
            config.notes,
            ["the listener CONTROLLER://:9093 is not opened: the controller is part of the broker"]
        );
    }

    #[test]
    fn what_is_not_advertised_tells_where_it_listens() {
        let said = [("listeners", "PLAINTEXT://a:1,SSL://b:2"), ("listener.security.protocol.map", MAP)];
        assert_eq!(opened(&said), ["PLAINTEXT://a:1 a:1", "SSL://b:2 b:2"]);
        assert_eq!(opened(&[]), ["PLAINTEXT://127.0.0.1:9092 127.0.0.1:9092"]);
        let same_port = [("listeners", "PLAINTEXT://a:0,SSL://a:0"), ("listener.security.protocol.map", MAP)];
        assert_eq!(opened(&same_port).len(), 2, "the system chooses two");
    }

    const MAP: &str = "PLAINTEXT:PLAINTEXT,SSL:PLAINTEXT";

    #[test]
    fn a_listener_has_logins_where_its_protocol_has() {
        let said = [
            ("listeners", "PLAINTEXT://a:1,OUT://b:2"),
            ("listener.security.protocol.map", "PLAINTEXT:PLAINTEXT,OUT:sasl_plaintext"),
        ];
        let listeners = config(&said).unwrap().listeners;
        assert_eq!(
            listeners.iter().map(|listener| listener.sasl.is_some()).collect::<Vec<_>>(),
            [false, true]
        );
        assert_eq!(listeners[1].protocol, SecurityProtocol::SaslPlaintext);
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        for (said, expected) in [
            (vec![("listeners", "OUT://:1")], "expected an entry for the listener OUT, as OUT:PLAINTEXT"),
            (
                vec![("listeners", "PLAINTEXT://:1,plaintext://:2")],
                "expected one listener of the name PLAINTEXT",
            ),
            (vec![("listeners", "PLAINTEXT://:1,SSL://a:1")], "expected port 1 at one listener only"),
            (vec![("listeners", "x:1")], "expected NAME://HOST:PORT, with a port from 0 to 65535"),
            (vec![("listeners", "")], "expected a listener that is not one of controller.listener.names"),
            (
                vec![("controller.listener.names", "PLAINTEXT")],
                "expected a listener that is not one of controller.listener.names",
            ),
            (
                vec![("advertised.listeners", "OUT://a:1")],
                "expected names of listeners: there is no OUT in listeners",
            ),
            (
                vec![("advertised.listeners", "PLAINTEXT://a:1,PLAINTEXT://b:1")],
                "expected one address for PLAINTEXT",
            ),
            (
                vec![("inter.broker.listener.name", "IN")],
                "expected the name of one of listeners, and not one of controller.listener.names",
            ),
            (
                vec![("listeners", "OUT://:1"), ("listener.security.protocol.map", "OUT:TLS")],
                "expected PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL for each listener",
            ),
        ] {
            let error = refusal(&said);
            assert!(error.ends_with(expected), "{said:?}: {error}");
        }
    }
}
