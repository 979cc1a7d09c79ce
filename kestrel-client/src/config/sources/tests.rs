//! Properties as people have them, from Java and librdkafka too.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use super::*;
use crate::client::Client;
use crate::config::foreign::{Foreign, judge};
use crate::config::reference;

/// The settings of Java's producer, consumer and admin client, Apache Kafka 4.3.
const JAVA: &str = "
    acks allow.auto.create.topics auto.commit.interval.ms auto.offset.reset batch.size bootstrap.controllers
    bootstrap.servers buffer.memory check.crcs client.dns.lookup client.id client.rack compression.gzip.level
    compression.lz4.level compression.type compression.zstd.level config.providers connections.max.idle.ms
    default.api.timeout.ms delivery.timeout.ms enable.auto.commit enable.idempotence enable.metrics.push
    exclude.internal.topics fetch.max.bytes fetch.max.wait.ms fetch.min.bytes group.id group.instance.id
    group.protocol group.remote.assignor heartbeat.interval.ms interceptor.classes
    internal.throw.on.fetch.stable.offset.unsupported isolation.level key.deserializer key.serializer linger.ms
    max.block.ms max.in.flight.requests.per.connection max.partition.fetch.bytes max.poll.interval.ms
    max.poll.records max.request.size metadata.max.age.ms metadata.max.idle.ms
    metadata.recovery.rebootstrap.trigger.ms metadata.recovery.strategy metric.reporters metrics.num.samples
    metrics.recording.level metrics.sample.window.ms partition.assignment.strategy
    partitioner.adaptive.partitioning.enable partitioner.availability.timeout.ms partitioner.class
    partitioner.ignore.keys receive.buffer.bytes reconnect.backoff.max.ms reconnect.backoff.ms request.timeout.ms
    retries retry.backoff.max.ms retry.backoff.ms sasl.client.callback.handler.class sasl.jaas.config
    sasl.kerberos.kinit.cmd sasl.kerberos.min.time.before.relogin sasl.kerberos.service.name
    sasl.kerberos.ticket.renew.jitter sasl.kerberos.ticket.renew.window.factor sasl.login.callback.handler.class
    sasl.login.class sasl.login.connect.timeout.ms sasl.login.read.timeout.ms sasl.login.refresh.buffer.seconds
    sasl.login.refresh.min.period.seconds sasl.login.refresh.window.factor sasl.login.refresh.window.jitter
    sasl.login.retry.backoff.max.ms sasl.login.retry.backoff.ms sasl.mechanism sasl.oauthbearer.assertion.algorithm
    sasl.oauthbearer.assertion.claim.aud sasl.oauthbearer.assertion.claim.exp.seconds
    sasl.oauthbearer.assertion.claim.iss sasl.oauthbearer.assertion.claim.jti.include
    sasl.oauthbearer.assertion.claim.nbf.seconds sasl.oauthbearer.assertion.claim.sub
    sasl.oauthbearer.assertion.file sasl.oauthbearer.assertion.private.key.file
    sasl.oauthbearer.assertion.private.key.passphrase sasl.oauthbearer.assertion.template.file
    sasl.oauthbearer.client.credentials.client.id sasl.oauthbearer.client.credentials.client.secret
    sasl.oauthbearer.clock.skew.seconds sasl.oauthbearer.expected.audience sasl.oauthbearer.expected.issuer
    sasl.oauthbearer.header.urlencode sasl.oauthbearer.jwks.endpoint.refresh.ms
    sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms sasl.oauthbearer.jwks.endpoint.retry.backoff.ms
    sasl.oauthbearer.jwks.endpoint.url sasl.oauthbearer.jwt.retriever.class sasl.oauthbearer.jwt.validator.class
    sasl.oauthbearer.scope sasl.oauthbearer.scope.claim.name sasl.oauthbearer.sub.claim.name
    sasl.oauthbearer.token.endpoint.url security.protocol security.providers send.buffer.bytes session.timeout.ms
    share.acknowledgement.mode share.acquire.mode socket.connection.setup.timeout.max.ms
    socket.connection.setup.timeout.ms ssl.cipher.suites ssl.enabled.protocols
    ssl.endpoint.identification.algorithm ssl.engine.factory.class ssl.key.password ssl.keymanager.algorithm
    ssl.keystore.certificate.chain ssl.keystore.key ssl.keystore.location ssl.keystore.password ssl.keystore.type
    ssl.protocol ssl.provider ssl.secure.random.implementation ssl.trustmanager.algorithm
    ssl.truststore.certificates ssl.truststore.location ssl.truststore.password ssl.truststore.type
    transaction.timeout.ms transaction.two.phase.commit.enable transactional.id value.deserializer value.serializer
";

/// The settings of librdkafka.
const LIBRDKAFKA: &str = "
    acks allow.auto.create.topics api.version.fallback.ms api.version.request api.version.request.timeout.ms
    auto.commit.enable auto.commit.interval.ms auto.offset.reset background_event_cb batch.num.messages batch.size
    bootstrap.servers broker.address.family broker.address.ttl broker.version.fallback builtin.features check.crcs
    client.dns.lookup client.id client.rack closesocket_cb compression.codec compression.level compression.type
    connect_cb connections.max.idle.ms consume.callback.max.messages consume_cb coordinator.query.interval.ms debug
    default_topic_conf delivery.report.only.error delivery.timeout.ms dr_cb dr_msg_cb enable.auto.commit
    enable.auto.offset.store enable.gapless.guarantee enable.idempotence enable.metrics.push enable.partition.eof
    enable.random.seed enable.sasl.oauthbearer.unsecure.jwt enable.ssl.certificate.verification enabled_events
    error_cb fetch.error.backoff.ms fetch.max.bytes fetch.message.max.bytes fetch.min.bytes fetch.queue.backoff.ms
    fetch.wait.max.ms group.id group.instance.id group.protocol group.protocol.type group.remote.assignor
    heartbeat.interval.ms https.ca.location https.ca.pem interceptors internal.termination.signal isolation.level
    linger.ms log.connection.close log.queue log.thread.name log_cb log_level max.in.flight
    max.in.flight.requests.per.connection max.partition.fetch.bytes max.poll.interval.ms max.poll.records
    message.copy.max.bytes message.max.bytes message.send.max.retries message.timeout.ms metadata.broker.list
    metadata.max.age.ms metadata.recovery.rebootstrap.trigger.ms metadata.recovery.strategy msg_order_cmp
    oauthbearer_token_refresh_cb offset.store.method offset.store.path offset.store.sync.interval.ms
    offset_commit_cb opaque open_cb partition.assignment.strategy partitioner partitioner_cb plugin.library.paths
    produce.offset.report queue.buffering.backpressure.threshold queue.buffering.max.kbytes
    queue.buffering.max.messages queue.buffering.max.ms queued.max.messages.kbytes queued.min.messages
    queuing.strategy rebalance_cb receive.message.max.bytes reconnect.backoff.jitter.ms reconnect.backoff.max.ms
    reconnect.backoff.ms request.required.acks request.timeout.ms resolve_cb retries retry.backoff.max.ms
    retry.backoff.ms sasl.kerberos.keytab sasl.kerberos.kinit.cmd sasl.kerberos.min.time.before.relogin
    sasl.kerberos.principal sasl.kerberos.service.name sasl.mechanism sasl.mechanisms
    sasl.oauthbearer.assertion.algorithm sasl.oauthbearer.assertion.claim.aud
    sasl.oauthbearer.assertion.claim.exp.seconds sasl.oauthbearer.assertion.claim.iss
    sasl.oauthbearer.assertion.claim.jti.include sasl.oauthbearer.assertion.claim.nbf.seconds
    sasl.oauthbearer.assertion.claim.sub sasl.oauthbearer.assertion.file
    sasl.oauthbearer.assertion.jwt.template.file sasl.oauthbearer.assertion.private.key.file
    sasl.oauthbearer.assertion.private.key.passphrase sasl.oauthbearer.assertion.private.key.pem
    sasl.oauthbearer.client.credentials.client.id sasl.oauthbearer.client.credentials.client.secret
    sasl.oauthbearer.client.id sasl.oauthbearer.client.secret sasl.oauthbearer.config sasl.oauthbearer.extensions
    sasl.oauthbearer.grant.type sasl.oauthbearer.metadata.authentication.type sasl.oauthbearer.method
    sasl.oauthbearer.scope sasl.oauthbearer.sub.claim.name sasl.oauthbearer.token.endpoint.url sasl.password
    sasl.username security.protocol session.timeout.ms share.acknowledgement.mode socket.blocking.max.ms
    socket.connection.setup.timeout.ms socket.keepalive.enable socket.max.fails socket.nagle.disable
    socket.receive.buffer.bytes socket.send.buffer.bytes socket.timeout.ms socket_cb ssl.ca.certificate.stores
    ssl.ca.location ssl.ca.pem ssl.certificate.location ssl.certificate.pem ssl.certificate.verify_cb
    ssl.cipher.suites ssl.crl.location ssl.curves.list ssl.endpoint.identification.algorithm ssl.engine.id
    ssl.engine.location ssl.key.location ssl.key.password ssl.key.pem ssl.keystore.location ssl.keystore.password
    ssl.providers ssl.sigalgs.list ssl_ca ssl_certificate ssl_engine_callback_data ssl_key statistics.interval.ms
    stats_cb sticky.partitioning.linger.ms throttle_cb topic.blacklist topic.metadata.propagation.max.ms
    topic.metadata.refresh.fast.cnt topic.metadata.refresh.fast.interval.ms topic.metadata.refresh.interval.ms
    topic.metadata.refresh.sparse transaction.timeout.ms transactional.id
";

fn is_ours(name: &str) -> bool {
    reference().any(|setting| setting.name == name || setting.aliases.contains(&name))
}

fn problem(pairs: &[(&str, &str)]) -> String {
    let servers = ("bootstrap.servers", "a:1");
    Client::from_properties(std::iter::once(servers).chain(pairs.iter().copied())).unwrap_err().to_string()
}

#[test]
fn each_setting_of_java_and_librdkafka_is_ours_or_says_why_it_has_no_effect() {
    for name in JAVA.split_whitespace().chain(LIBRDKAFKA.split_whitespace()) {
        let judged = judge(name, "a value that nobody has");
        assert!(is_ours(name) || judged != Foreign::Unknown, "{name}");
        if let Foreign::NoEffect(reason) = judged {
            assert!(reason.len() > 10 && !reason.ends_with('.'), "{name}: {reason}");
        }
    }
    assert_eq!(judge("exclude.internal.topics", "TRUE"), Foreign::Agrees);
}

#[test]
fn nothing_that_is_a_setting_is_said_to_have_no_effect() {
    let both: Vec<_> = super::super::foreign::names().filter(|name| is_ours(name)).collect();
    assert!(both.is_empty(), "{both:?}");
}

#[test]
fn a_file_may_have_the_keys_of_a_schema_registry_in_it() {
    let pairs = [
        ("bootstrap.servers", "a:1"),
        ("schema.registry.url", "https://registry.example"),
        ("basic.auth.credentials.source", "USER_INFO"),
        ("schema.registry.basic.auth.user.info", "key:secret"),
    ];
    let _fine = Client::from_properties(pairs).unwrap();
    let Foreign::NoEffect(reason) = judge("schema.registry.url", "https://registry.example") else {
        panic!("a registry is none of a client's settings")
    };
    assert!(reason.contains("`registry::connect(..)`"), "{reason}");
}

#[test]
fn what_must_not_be_left_out_is_an_error() {
    assert!(problem(&[("ssl.crl.location", "revoked.pem")]).contains("are not there"));
    let _fine =
        Client::from_properties([("bootstrap.servers", "a:1"), ("security.protocol", "plaintext")]).unwrap();
}

#[test]
fn a_setting_said_by_two_names_is_an_error() {
    assert_eq!(
        problem(&[("queue.buffering.max.ms", "5"), ("linger.ms", "6")]),
        "queue.buffering.max.ms: says the same as linger.ms, which is there too: say it once"
    );
}

#[test]
fn unknown_names_are_errors_unless_a_warning_is_enough() {
    assert!(problem(&[("linger.msec", "5")]).contains("did you mean `linger.ms`?"));
    let pairs = [("bootstrap.servers", "a:1"), ("linger.msec", "5"), ("unknown.keys", "warn")];
    let _builder = Client::from_properties(pairs).unwrap();
    assert_eq!(problem(&[("unknown.keys", "no")]), "unknown.keys: `no`: expected one of error, warn");
}

#[test]
fn a_file_of_java_is_read_and_errors_name_its_line() {
    let dir = std::env::temp_dir().join(format!("kestrel-properties-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let path = dir.join("client.properties");
    let text = "# a comment\nbootstrap.servers = a:1,\\\n  b:2\nenable.auto.commit: False\ngroup.id=g\n\
                key.serializer=org.apache.kafka.common.serialization.StringSerializer\n";
    std::fs::write(&path, text).unwrap();
    let builder = Client::from_properties_file(&path).unwrap();
    assert_eq!(builder.consumer.group_id, "g");
    assert_eq!(builder.check().unwrap().bootstrap_servers.len(), 2);

    std::fs::write(&path, "\nlinger.msec=5\n").unwrap();
    let text = Client::from_properties_file(&path).unwrap_err().to_string();
    assert!(
        text.starts_with("linger.msec: unknown setting; did you mean `linger.ms`? (line 2 of "),
        "{text}"
    );

    std::fs::remove_dir_all(&dir).unwrap();
    let error = Client::from_properties_file(&path).unwrap_err();
    let cause = error.source().and_then(|cause| cause.downcast_ref::<io::Error>());
    assert_eq!(cause.map(io::Error::kind), Some(io::ErrorKind::NotFound));
}

#[test]
fn variables_with_the_prefix_are_settings() {
    let variables = |linger: &str| {
        [("SHOP_BOOTSTRAP_SERVERS", "a:1"), ("SHOP_LINGER_MS", linger), ("PATH", "/bin"), ("SHOP_", "x")]
            .map(|(name, value)| (OsString::from(name), OsString::from(value)))
    };
    let builder = ClientBuilder::from_variables("SHOP_", variables("20")).unwrap();
    assert_eq!(builder.producer.linger, Duration::from_millis(20));
    let text = ClientBuilder::from_variables("SHOP_", variables("x")).unwrap_err().to_string();
    assert!(text.ends_with("(variable SHOP_LINGER_MS)"), "{text}");
}
