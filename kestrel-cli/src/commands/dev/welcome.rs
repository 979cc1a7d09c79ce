//! What is printed when everything is there: where it is, and what to type next. Pure.

use crate::output::Page;

use super::earthquakes;

/// Where everything is.
#[derive(Debug)]
pub(super) struct Addresses {
    pub(super) bootstrap_servers: String,
    pub(super) registry_url: String,
    pub(super) metrics_address: String,
    pub(super) data_dir: String,
}

impl Addresses {
    /// For programs.
    pub(super) fn page(&self) -> Page {
        Page::new()
            .field("bootstrap_servers", self.bootstrap_servers.as_str())
            .field("schema_registry_url", self.registry_url.as_str())
            .field("metrics_url", self.metrics_url().as_str())
            .field("data_dir", self.data_dir.as_str())
    }

    fn metrics_url(&self) -> String {
        format!("http://{}/metrics", self.metrics_address)
    }

    /// For people.
    pub(super) fn welcome(&self, is_ephemeral: bool, is_seeded: bool) -> String {
        let Self { bootstrap_servers, registry_url, data_dir, .. } = self;
        let metrics_url = self.metrics_url();
        let kept = if is_ephemeral { "goes with it" } else { "stays" };
        let tried = if is_seeded {
            format!("kestrel consume {} --tail 5", earthquakes::TOPIC)
        } else {
            "kestrel topics create greetings".to_owned()
        };
        format!(
            "\
kestrel dev is ready; Ctrl-C stops it. Its data {kept}: {data_dir}

  bootstrap.servers    {bootstrap_servers}
  schema.registry.url  {registry_url}
  metrics              {metrics_url}

To try next, in another terminal:

  export KESTREL_BOOTSTRAP={bootstrap_servers} KESTREL_REGISTRY={registry_url}
  kestrel topics list
  {tried}
"
        )
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn it_says_where_everything_is_and_what_to_type() {
        let addresses = Addresses {
            bootstrap_servers: "127.0.0.1:9092".to_owned(),
            registry_url: "http://127.0.0.1:8081".to_owned(),
            metrics_address: "127.0.0.1:9644".to_owned(),
            data_dir: "./kestrel-data".to_owned(),
        };
        expect![[r"
            kestrel dev is ready; Ctrl-C stops it. Its data stays: ./kestrel-data

              bootstrap.servers    127.0.0.1:9092
              schema.registry.url  http://127.0.0.1:8081
              metrics              http://127.0.0.1:9644/metrics

            To try next, in another terminal:

              export KESTREL_BOOTSTRAP=127.0.0.1:9092 KESTREL_REGISTRY=http://127.0.0.1:8081
              kestrel topics list
              kestrel consume earthquakes --tail 5
        "]]
        .assert_eq(&addresses.welcome(false, true));
        assert!(addresses.welcome(true, false).contains("kestrel topics create greetings"));
    }
}
