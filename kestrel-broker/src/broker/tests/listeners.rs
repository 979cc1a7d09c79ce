//! Several listeners: each has its own address, and whoever comes by one is told the addresses of that one.

use kestrel_protocol::messages::describe_cluster::DescribeClusterRequest;
use kestrel_protocol::messages::find_coordinator::FindCoordinatorRequest;
use kestrel_protocol::messages::metadata::MetadataRequest;

use super::*;
use crate::testing::Peer;

fn compose() -> BrokerBuilder {
    Broker::builder()
        .ephemeral()
        .set("listeners", "INTERNAL://127.0.0.1:0,EXTERNAL://127.0.0.1:0,CONTROLLER://127.0.0.1:9093")
        .set("listener.security.protocol.map", "INTERNAL:PLAINTEXT,EXTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT")
        .set("inter.broker.listener.name", "INTERNAL")
        .set("controller.listener.names", "CONTROLLER")
}

/// What is listened on.
fn open(broker: &Broker) -> Vec<String> {
    broker.config.listeners.iter().map(|listener| listener.listen.to_string()).collect()
}

/// The address of the broker in every kind of answer that names one, which is the same in all.
async fn told(address: &str) -> String {
    let mut peer = Peer::at(address).await;
    let metadata = peer.call(&MetadataRequest::default(), 12).await.brokers.remove(0);
    let told = format!("{}:{}", metadata.host, metadata.port);
    let cluster =
        DescribeClusterRequest { endpoint_type: 1, include_fenced_brokers: true, ..Default::default() };
    let described = peer.call(&cluster, 2).await.brokers.remove(0);
    assert_eq!(format!("{}:{}", described.host, described.port), told);
    let coordinator = peer.find_coordinator("g").await;
    assert_eq!(format!("{}:{}", coordinator.host, coordinator.port), told);
    let keys = FindCoordinatorRequest { coordinator_keys: vec!["g".into()], ..Default::default() };
    let coordinator = peer.call(&keys, 6).await.coordinators.remove(0);
    assert_eq!(format!("{}:{}", coordinator.host, coordinator.port), told);
    told
}

#[tokio::test]
async fn each_listener_tells_its_own_address() {
    let advertised = "INTERNAL://kafka.internal:0,EXTERNAL://localhost:4444";
    let broker = compose().set("advertised.listeners", advertised).start().await.unwrap();
    let [internal, external] = &open(&broker)[..] else { panic!("two are open") };
    assert_ne!(internal, external);
    assert_eq!(told(internal).await, internal.replace("127.0.0.1", "kafka.internal"));
    assert_eq!(told(external).await, "localhost:4444");
    assert_eq!(broker.bootstrap_servers(), internal.replace("127.0.0.1", "kafka.internal"));
    assert_eq!(broker.bootstrap_servers_of("external").as_deref(), Some("localhost:4444"));
    assert_eq!(broker.bootstrap_servers_of("CONTROLLER"), None);
}

#[tokio::test]
async fn a_restart_opens_the_same_addresses_and_the_metadata_has_all() {
    let broker = compose().start().await.unwrap();
    let before = open(&broker);
    broker.restart().await.unwrap();
    for address in &before {
        assert_eq!(told(address).await, *address);
    }
    let registered = broker.registered_endpoints();
    assert_eq!(registered, [format!("INTERNAL://{}", before[0]), format!("EXTERNAL://{}", before[1])]);
}

#[tokio::test]
async fn the_limit_of_connections_is_for_all_listeners_together() {
    let broker = compose().set("max.connections", "1").start().await.unwrap();
    let addresses = open(&broker);
    let mut first = Peer::at(&addresses[0]).await;
    first.call(&MetadataRequest::default(), 12).await;
    let mut second = Peer::at(&addresses[1]).await;
    second.send(&MetadataRequest::default(), 12).await;
    let mut waiting = Box::pin(second.receive_frame());
    assert!(matches!(futures::poll!(&mut waiting), std::task::Poll::Pending));
    drop(first);
    assert!(waiting.await.is_some(), "as soon as the other has gone");
}

#[tokio::test]
async fn one_address_for_several_listeners_is_refused() {
    let error = compose().advertise("localhost:9092").start().await.unwrap_err().to_string();
    assert!(error.contains("with advertised.listeners"), "{error}");
    let everywhere = Broker::builder().ephemeral().advertise(":9092").start().await.unwrap_err().to_string();
    assert_eq!(everywhere, "advertise=:9092: expected a host that clients can connect to");
}

impl Broker {
    fn registered_endpoints(&self) -> Vec<String> {
        let running = self.running();
        let image = running.as_ref().unwrap().image();
        let endpoints = &image.broker(self.config.node_id).unwrap().endpoints;
        endpoints.iter().map(|e| format!("{}://{}:{}", e.name, e.host, e.port)).collect()
    }
}

/// The one that runs has them in use, and clients know its authority.
#[cfg(feature = "dev-tls")]
#[tokio::test]
async fn certificates_for_development_are_made_by_the_broker_that_has_the_folder() {
    let dir = tempfile::tempdir().unwrap();
    let builder = || Broker::builder().data_dir(dir.path()).listen("127.0.0.1:0").tls();
    let broker = builder().start().await.unwrap();
    let contents = || std::fs::read(dir.path().join("kestrel-broker.pem")).unwrap();
    let made = contents();
    assert!(builder().start().await.is_err(), "the folder is in use");
    assert_eq!(contents(), made);
    broker.stop().await.unwrap();
}

/// Whichever listener has them, and whatever comes before it.
#[cfg(feature = "dev-tls")]
#[tokio::test]
async fn clients_are_told_of_the_first_listener_with_a_certificate_for_development() {
    let lines = async |listeners: &str, others: &[(&str, &str)]| {
        let builder = Broker::builder().ephemeral().tls().set("listeners", listeners);
        let builder = others.iter().fold(builder, |builder, (key, value)| builder.set(*key, *value));
        let broker = builder.start().await.unwrap();
        let tls = broker.development_tls().unwrap();
        let encrypted =
            broker.bootstrap_servers_of("SSL").or_else(|| broker.bootstrap_servers_of("SASL_SSL"));
        (tls.client_lines(), encrypted.unwrap_or_default(), tls.ca_file().display().to_string())
    };
    let (said, address, ca) = lines("PLAINTEXT://127.0.0.1:0,SSL://127.0.0.1:0", &[]).await;
    for line in [format!("bootstrap.servers={address}\n"), format!("ssl.truststore.location={ca}\n")] {
        assert!(said.contains(&line), "{said}");
    }
    let login = [("sasl.enabled.mechanisms", "SCRAM-SHA-256")];
    let (said, address, _) = lines("PLAINTEXT://127.0.0.1:0,SASL_SSL://127.0.0.1:0", &login).await;
    assert!(said.contains(&address) && said.contains("sasl.mechanism=SCRAM-SHA-256"), "{said}");
    assert_eq!(lines("PLAINTEXT://127.0.0.1:0", &[]).await.0, "");
}
