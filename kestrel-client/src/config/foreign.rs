//! What Java's client and librdkafka have settings for and this client has not: whether it matters, and why.
//!
//! Asked by [`sources`](super::sources) for names that are in none of the tables.

/// What is said about a property that no setting is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Foreign {
    /// It asks for what happens anyway.
    Agrees,
    /// It changes nothing, for this reason.
    NoEffect(&'static str),
    /// What it asks for is missing, and leaving it out would be wrong.
    Refused(&'static str),
    /// Neither of the two has such a setting.
    Unknown,
}

/// Settings that share a reason, each with the values that ask for what happens anyway.
type Group = (&'static str, &'static [(&'static str, &'static [&'static str])]);

/// What Confluent's serializers are given in the same file, as hosted clusters hand it out. Beside these whatever begins with
/// `schema.registry.`.
const REGISTRY: &[(&str, &[&str])] = &[
    ("auto.register.schemas", &[]),
    ("avro.reflection.allow.null", &[]),
    ("avro.remove.java.properties", &[]),
    ("avro.use.logical.type.converters", &[]),
    ("basic.auth.credentials.source", &[]),
    ("basic.auth.user.info", &[]),
    ("bearer.auth.credentials.source", &[]),
    ("bearer.auth.token", &[]),
    ("derive.type", &[]),
    ("id.compatibility.strict", &[]),
    ("json.fail.invalid.schema", &[]),
    ("json.value.type", &[]),
    ("key.subject.name.strategy", &[]),
    ("latest.compatibility.strict", &[]),
    ("max.schemas.per.subject", &[]),
    ("normalize.schemas", &[]),
    ("specific.avro.reader", &[]),
    ("specific.protobuf.value.type", &[]),
    ("use.latest.version", &[]),
    ("use.latest.with.metadata", &[]),
    ("use.schema.id", &[]),
    ("value.subject.name.strategy", &[]),
];

const NO_EFFECT: &[Group] = &[
    (
        "the program chooses formats, with `.key(..)` and `.value(..)`",
        &[
            ("key.serializer", &[]),
            ("value.serializer", &[]),
            ("key.deserializer", &[]),
            ("value.deserializer", &[]),
        ],
    ),
    (
        "a registry belongs to the formats that ask it: `registry::connect(..)` and `RegistryClient::builder(..)`",
        REGISTRY,
    ),
    (
        "nothing is loaded or called back by name",
        &[
            ("interceptor.classes", &[""]),
            ("interceptors", &[]),
            ("config.providers", &[""]),
            ("plugin.library.paths", &[""]),
            ("error_cb", &[]),
            ("throttle_cb", &[]),
            ("stats_cb", &[]),
            ("log_cb", &[]),
            ("background_event_cb", &[]),
            ("socket_cb", &[]),
            ("connect_cb", &[]),
            ("closesocket_cb", &[]),
            ("open_cb", &[]),
            ("resolve_cb", &[]),
            ("consume_cb", &[]),
            ("rebalance_cb", &[]),
            ("offset_commit_cb", &[]),
            ("dr_cb", &[]),
            ("dr_msg_cb", &[]),
            ("partitioner_cb", &[]),
            ("msg_order_cmp", &[]),
            ("opaque", &[]),
            ("default_topic_conf", &[]),
            ("enabled_events", &["0"]),
        ],
    ),
    (
        "no metrics are kept: an `Observer` is told what they are made of",
        &[
            ("metric.reporters", &[""]),
            ("metrics.num.samples", &[]),
            ("metrics.recording.level", &[]),
            ("metrics.sample.window.ms", &[]),
            ("enable.metrics.push", &["false"]),
            ("statistics.interval.ms", &["0"]),
        ],
    ),
    (
        "what happens is told through `tracing`, whose subscriber chooses",
        &[
            ("debug", &[""]),
            ("log_level", &[]),
            ("log.queue", &["false"]),
            ("log.thread.name", &[]),
            ("log.connection.close", &[]),
        ],
    ),
    (
        "every address of a name is tried",
        &[
            ("client.dns.lookup", &["use_all_dns_ips", "default"]),
            ("broker.address.family", &["any"]),
            ("broker.address.ttl", &[]),
        ],
    ),
    (
        "sockets are as the system makes them, with TCP_NODELAY",
        &[
            ("send.buffer.bytes", &["-1"]),
            ("receive.buffer.bytes", &["-1"]),
            ("socket.send.buffer.bytes", &["0"]),
            ("socket.receive.buffer.bytes", &["0"]),
            ("socket.keepalive.enable", &["false"]),
            ("socket.nagle.disable", &["true"]),
            ("socket.blocking.max.ms", &[]),
            ("socket.max.fails", &["1"]),
        ],
    ),
    (
        "`reconnect.backoff.ms` and `reconnect.backoff.max.ms` are what there is",
        &[("socket.connection.setup.timeout.max.ms", &[]), ("reconnect.backoff.jitter.ms", &[])],
    ),
    (
        "a client whose brokers are gone asks its bootstrap servers again at once",
        &[
            ("metadata.recovery.strategy", &["rebootstrap"]),
            ("metadata.recovery.rebootstrap.trigger.ms", &[]),
        ],
    ),
    (
        "topics are looked up as they are used",
        &[
            ("topic.metadata.refresh.fast.interval.ms", &[]),
            ("topic.metadata.refresh.fast.cnt", &[]),
            ("topic.metadata.refresh.sparse", &["true"]),
            ("topic.metadata.propagation.max.ms", &[]),
            ("topic.blacklist", &[""]),
        ],
    ),
    (
        "brokers are asked what they speak",
        &[
            ("api.version.request", &["true"]),
            ("api.version.request.timeout.ms", &[]),
            ("api.version.fallback.ms", &["0"]),
            ("broker.version.fallback", &[]),
        ],
    ),
    ("a consumer creates no topics", &[("allow.auto.create.topics", &["false"])]),
    ("an expression never matches Kafka's internal topics", &[("exclude.internal.topics", &["true"])]),
    (
        "groups are of the classic protocol",
        &[
            ("group.protocol", &["classic"]),
            ("group.remote.assignor", &[""]),
            ("group.protocol.type", &["consumer"]),
        ],
    ),
    ("there are no share groups yet", &[("share.acknowledgement.mode", &[]), ("share.acquire.mode", &[])]),
    (
        "transactions are committed in one step",
        &[
            ("transaction.two.phase.commit.enable", &["false"]),
            ("internal.throw.on.fetch.stable.offset.unsupported", &["false"]),
        ],
    ),
    (
        "partitions are chosen by key, or in turn, batch by batch",
        &[
            ("partitioner.adaptive.partitioning.enable", &["false"]),
            ("partitioner.availability.timeout.ms", &["0"]),
            ("partitioner.ignore.keys", &["false"]),
            ("sticky.partitioning.linger.ms", &[]),
        ],
    ),
    (
        "`buffer.memory` bounds what waits to be sent",
        &[
            ("queue.buffering.max.messages", &[]),
            ("queue.buffering.max.kbytes", &[]),
            ("queue.buffering.backpressure.threshold", &[]),
        ],
    ),
    (
        "`fetch.buffer.bytes` bounds what was fetched ahead",
        &[
            ("queued.min.messages", &[]),
            ("queued.max.messages.kbytes", &[]),
            ("fetch.queue.backoff.ms", &[]),
            ("consume.callback.max.messages", &["0"]),
        ],
    ),
    ("`batch.size` bounds a batch", &[("batch.num.messages", &[])]),
    ("`retry.backoff.ms` says how soon a fetch is tried again", &[("fetch.error.backoff.ms", &[])]),
    (
        "what is committed is what is done: `CommitPolicy::OnAck`, or `commit_offsets`",
        &[
            ("enable.auto.offset.store", &["true"]),
            ("offset.store.method", &["broker"]),
            ("offset.store.path", &[]),
            ("offset.store.sync.interval.ms", &[]),
        ],
    ),
    (
        "the end of a partition is no item of the stream: `next_until` and `lag` tell",
        &[("enable.partition.eof", &["false"])],
    ),
    (
        "an idempotent producer fails what it cannot order, and says so",
        &[("enable.gapless.guarantee", &["false"])],
    ),
    (
        "every record has a `Delivery` of its own",
        &[
            ("delivery.report.only.error", &["false"]),
            ("produce.offset.report", &[]),
            ("queuing.strategy", &["fifo"]),
        ],
    ),
    ("only brokers are asked", &[("bootstrap.controllers", &[""])]),
    (
        "it is librdkafka's own way of working",
        &[
            ("builtin.features", &[]),
            ("message.copy.max.bytes", &[]),
            ("enable.random.seed", &[]),
            ("internal.termination.signal", &["0"]),
            ("coordinator.query.interval.ms", &[]),
        ],
    ),
    (
        "TLS is rustls's, with its suites, and has no parts to choose",
        &[
            ("security.providers", &[""]),
            ("ssl.protocol", &["TLSv1.3", "TLSv1.2", "TLS"]),
            ("ssl.provider", &[""]),
            ("ssl.providers", &[""]),
            ("ssl.cipher.suites", &[""]),
            ("ssl.curves.list", &[""]),
            ("ssl.sigalgs.list", &[""]),
            ("ssl.keymanager.algorithm", &["SunX509", "PKIX"]),
            ("ssl.trustmanager.algorithm", &["PKIX"]),
            ("ssl.secure.random.implementation", &[""]),
            ("ssl.engine.factory.class", &[""]),
            ("ssl.engine.id", &[]),
            ("ssl.engine.location", &[]),
            ("ssl_engine_callback_data", &[]),
            ("ssl.ca.certificate.stores", &["Root"]),
        ],
    ),
    (
        "certificates are given as files or PEM text",
        &[("ssl_key", &[]), ("ssl_certificate", &[]), ("ssl_ca", &[]), ("ssl.certificate.verify_cb", &[])],
    ),
    (
        "Kerberos is not there",
        &[
            ("sasl.kerberos.kinit.cmd", &[]),
            ("sasl.kerberos.keytab", &[]),
            ("sasl.kerberos.principal", &[]),
            ("sasl.kerberos.min.time.before.relogin", &[]),
            ("sasl.kerberos.service.name", &[]),
            ("sasl.kerberos.ticket.renew.jitter", &[]),
            ("sasl.kerberos.ticket.renew.window.factor", &[]),
        ],
    ),
    (
        "nothing is loaded by the name of its class: `Sasl` is what a program gives",
        &[
            ("sasl.client.callback.handler.class", &[""]),
            ("sasl.login.callback.handler.class", &[""]),
            ("sasl.login.class", &[""]),
            ("oauthbearer_token_refresh_cb", &[]),
        ],
    ),
    (
        "a token is used until four fifths of its time are over",
        &[
            ("sasl.login.refresh.buffer.seconds", &[]),
            ("sasl.login.refresh.min.period.seconds", &[]),
            ("sasl.login.refresh.window.factor", &["0.8"]),
            ("sasl.login.refresh.window.jitter", &[]),
        ],
    ),
    (
        "a client does not look into the token that it gets",
        &[
            ("sasl.oauthbearer.jwt.retriever.class", &[]),
            ("sasl.oauthbearer.jwt.validator.class", &[]),
            ("sasl.oauthbearer.clock.skew.seconds", &[]),
            ("sasl.oauthbearer.expected.audience", &[""]),
            ("sasl.oauthbearer.expected.issuer", &[""]),
            ("sasl.oauthbearer.jwks.endpoint.refresh.ms", &[]),
            ("sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms", &[]),
            ("sasl.oauthbearer.jwks.endpoint.retry.backoff.ms", &[]),
            ("sasl.oauthbearer.jwks.endpoint.url", &[]),
            ("sasl.oauthbearer.scope.claim.name", &[]),
            ("sasl.oauthbearer.sub.claim.name", &[]),
        ],
    ),
];

/// The names of all that has no effect, for tests.
#[cfg(test)]
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    NO_EFFECT.iter().flat_map(|(_, settings)| settings.iter().map(|(name, _)| *name))
}

/// What there is to say about a property that is in none of the tables.
pub(super) fn judge(name: &str, value: &str) -> Foreign {
    let value = value.trim();
    if name == "ssl.crl.location" {
        return Foreign::Refused(
            "lists of revoked certificates are not there, and leaving one out would trust them",
        );
    }
    if ["sasl.oauthbearer.", "sasl.login.", "https.ca.", "enable.sasl.oauthbearer."]
        .iter()
        .any(|begin| name.starts_with(begin))
    {
        return Foreign::NoEffect("tokens come by client credentials, or from the program");
    }
    if name.starts_with("schema.registry.") {
        return judge("basic.auth.user.info", value);
    }
    for (reason, settings) in NO_EFFECT {
        if let Some((_, same)) = settings.iter().find(|(known, _)| *known == name) {
            return match same.iter().any(|same| same.eq_ignore_ascii_case(value)) {
                true => Foreign::Agrees,
                false => Foreign::NoEffect(reason),
            };
        }
    }
    Foreign::Unknown
}
