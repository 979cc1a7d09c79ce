//! The keys of quotas and of the limits on connections.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use kestrel_settings::Scope::ClusterWide;
use kestrel_settings::{InvalidSetting, RawSettings, list, settings};

settings! {
    /// The settings of quotas and of the limits on connections, as their keys have them.
    pub(crate) struct QuotaSettings, keys QUOTAS: QuotaKeys;

    /// Over how many windows the quota of controller mutations is an average, the current one included.
    mutation_windows: u32, "controller.quota.window.num", Int, "11", [1..];
    /// How many seconds each window of the quota of controller mutations is long.
    mutation_window_seconds: u32, "controller.quota.window.size.seconds", Int, "1", [1..];
    /// How many connections may be made in a second; while there are more, accepting pauses. A listener may have its own rate
    /// besides, by listener.name.NAME.max.connection.creation.rate.
    max_connection_rate: u32, "max.connection.creation.rate", Int, "2147483647", [0..], scope: ClusterWide;
    /// How many connections may be open at once; while there are that many, accepting pauses. A listener may have its own limit
    /// besides, by listener.name.NAME.max.connections.
    max_connections: u32, "max.connections", Int, "2147483647", [0..], scope: ClusterWide;
    /// How many connections one address may have open at once; further ones are closed as they come.
    max_connections_per_ip: u32, "max.connections.per.ip", Int, "2147483647", [0..], scope: ClusterWide;
    /// How many connections these addresses may have open at once instead, as 10.0.0.1:100,10.0.0.2:200.
    overrides: String, "max.connections.per.ip.overrides", String, "", [any], scope: ClusterWide;
    /// Over how many windows the other quotas are averages, the current one included.
    windows: u32, "quota.window.num", Int, "11", [1..];
    /// How many seconds each window of the other quotas is long.
    window_seconds: u32, "quota.window.size.seconds", Int, "1", [1..];
}

impl QuotaSettings {
    /// The length of a window of quotas.
    pub(crate) fn window(&self) -> Duration {
        Duration::from_secs(self.window_seconds.into())
    }

    /// The length of a window of the quota of controller mutations.
    pub(crate) fn mutation_window(&self) -> Duration {
        Duration::from_secs(self.mutation_window_seconds.into())
    }

    /// How many connections an address may have that `max.connections.per.ip.overrides` names.
    ///
    /// # Errors
    /// When the text is no list of addresses and numbers.
    pub(super) fn per_ip_overrides(
        &self,
        raw: &RawSettings,
    ) -> Result<HashMap<IpAddr, usize>, InvalidSetting> {
        let entry = |text: &str| {
            let (ip, number) = text.rsplit_once(':')?;
            let ip: IpAddr = ip.trim().trim_start_matches('[').trim_end_matches(']').parse().ok()?;
            let number: u32 = number.trim().parse().ok()?;
            Some((ip.to_canonical(), usize::try_from(number).ok()?))
        };
        let expected = "IP addresses with numbers, as 10.0.0.1:100,10.0.0.2:200; names are not looked up: give the address";
        let entries = list(&self.overrides)
            .map(|text| entry(text).ok_or_else(|| raw.invalid(&QUOTAS.overrides, expected)));
        entries.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Listeners for both kinds of addresses see those of IPv4 in either form.
    #[test]
    fn an_address_of_ipv4_counts_in_either_form() {
        let overrides = "[::ffff:10.0.0.1]:7, 10.0.0.2:8,[::1]:9".to_owned();
        let of_ip = QuotaSettings { overrides, ..Default::default() };
        let of_ip = of_ip.per_ip_overrides(&RawSettings::default()).unwrap();
        for (ip, most) in [("10.0.0.1", 7), ("10.0.0.2", 8), ("::1", 9)] {
            assert_eq!(of_ip.get(&ip.parse::<IpAddr>().unwrap()), Some(&most));
        }
    }
    #[test]
    fn a_name_is_refused_with_what_to_do() {
        let of_ip = QuotaSettings { overrides: "localhost:7".to_owned(), ..Default::default() };
        let refused = of_ip.per_ip_overrides(&RawSettings::default()).unwrap_err().to_string();
        assert!(refused.ends_with("names are not looked up: give the address"), "{refused}");
    }
}
