//! Odd requests about metrics that clients push (KIP-714): subscriptions, GetTelemetrySubscriptions, PushTelemetry,
//! ListConfigResources.

use bytes::Bytes;
use kestrel_protocol::messages::alter_configs::{self, AlterConfigsRequest};
use kestrel_protocol::messages::describe_configs::{DescribeConfigsRequest, DescribeConfigsResource};
use kestrel_protocol::messages::get_telemetry_subscriptions::GetTelemetrySubscriptionsRequest;
use kestrel_protocol::messages::incremental_alter_configs::{
    AlterConfigsResource, AlterableConfig, IncrementalAlterConfigsRequest,
};
use kestrel_protocol::messages::list_config_resources::ListConfigResourcesRequest;
use kestrel_protocol::messages::push_telemetry::PushTelemetryRequest;
use kestrel_protocol::{ErrorCode, Uuid};

use crate::Run;
use crate::side::Side;

/// The kind of resources, and the one that both brokers have.
const CLIENT_METRICS: i8 = 16;
const SUBSCRIPTION: &str = "odd";

/// What is done with a key.
const SET: i8 = 0;
const DELETE: i8 = 1;
const APPEND: i8 = 2;
const SUBTRACT: i8 = 3;

pub(crate) fn run(run: &mut Run) {
    alterations(run);
    lists(run);
    subscriptions(run);
    pushes(run);
}

pub(crate) fn prepare(side: &Side) {
    let changes = [
        ("metrics", SET, Some("org.apache.kafka.producer.,org.apache.kafka.consumer.,a,b")),
        ("match", SET, Some("client_id=.*,client_source_address=127\\..*")),
    ];
    let mut request = altered(SUBSCRIPTION, &changes);
    request.validate_only = false;
    let answer = side.call(&request, 1).responses.remove(0);
    assert_eq!(answer.error_code, ErrorCode::None, "{:?}", answer.error_message);
}

type Change<'a> = (&'a str, i8, Option<&'a str>);

fn altered(name: &str, changes: &[Change<'_>]) -> IncrementalAlterConfigsRequest {
    let configs = changes.iter().map(|(name, config_operation, value)| AlterableConfig {
        name: (*name).into(),
        config_operation: *config_operation,
        value: value.map(Into::into),
    });
    let (resource_type, resource_name, configs) = (CLIENT_METRICS, name.into(), configs.collect());
    let resource = AlterConfigsResource { resource_type, resource_name, configs };
    IncrementalAlterConfigsRequest { resources: vec![resource], validate_only: true }
}

fn alterations(run: &mut Run) {
    for (name, change) in [
        ("client metrics", ("metrics", SET, Some("*"))),
        ("client metrics: an unknown key", ("nope", SET, Some("1"))),
        ("client metrics: a value of null", ("metrics", SET, None)),
        ("client metrics: no metrics", ("metrics", SET, Some(""))),
        ("client metrics: a metric twice", ("metrics", SET, Some("a,a"))),
        ("client metrics: a metric more", ("metrics", APPEND, Some("c"))),
        ("client metrics: a metric that is there more", ("metrics", APPEND, Some("a"))),
        ("client metrics: a metric less", ("metrics", SUBTRACT, Some("a"))),
        ("client metrics: no metrics any more", ("metrics", DELETE, None)),
        ("client metrics: the shortest interval", ("interval.ms", SET, Some("100"))),
        ("client metrics: the longest interval", ("interval.ms", SET, Some(" 3600000 "))),
        ("client metrics: a shorter interval", ("interval.ms", SET, Some("99"))),
        ("client metrics: a longer interval", ("interval.ms", SET, Some("3600001"))),
        ("client metrics: interval -1", ("interval.ms", SET, Some("-1"))),
        ("client metrics: an interval that is none", ("interval.ms", SET, Some("soon"))),
        ("client metrics: an interval more", ("interval.ms", APPEND, Some("1"))),
        ("client metrics: a match without a pattern", ("match", SET, Some("client_id"))),
        ("client metrics: a match with an empty pattern", ("match", SET, Some("client_id="))),
        ("client metrics: a match with two patterns", ("match", SET, Some("client_id=a=b"))),
        ("client metrics: a match with an end", ("match", SET, Some("client_id=a="))),
        ("client metrics: a match with spaces", ("match", SET, Some(" client_id = a "))),
        ("client metrics: a match of nothing known", ("match", SET, Some("client_rack=a"))),
        ("client metrics: a match that is no expression", ("match", SET, Some("client_id=["))),
        ("client metrics: a match twice", ("match", SET, Some("client_id=a,client_id=a"))),
        ("client metrics: two matches of one name", ("match", SET, Some("client_id=a,client_id=b"))),
    ] {
        run.case(name, |_, _| altered(SUBSCRIPTION, &[change]));
    }
    run.case("client metrics of no name", |_, _| altered("", &[("metrics", SET, Some("*"))]));
    run.case("client metrics without a change", |_, _| altered(SUBSCRIPTION, &[]));
    run.case("client metrics", |_, _| {
        let config = alter_configs::AlterableConfig { name: "metrics".into(), value: Some("a.".into()) };
        let resource = alter_configs::AlterConfigsResource {
            resource_type: CLIENT_METRICS,
            resource_name: SUBSCRIPTION.into(),
            configs: vec![config],
        };
        AlterConfigsRequest { resources: vec![resource], validate_only: true }
    });
    for (name, subscription) in
        [("client metrics that are there", SUBSCRIPTION), ("client metrics of no name", "")]
    {
        run.case(name, |_, _| {
            let resource = DescribeConfigsResource {
                resource_type: CLIENT_METRICS,
                resource_name: subscription.into(),
                configuration_keys: None,
            };
            DescribeConfigsRequest { resources: vec![resource], include_synonyms: true, ..Default::default() }
        });
    }
}

fn lists(run: &mut Run) {
    let of = |version: i16, types: &[i8]| ListConfigResourcesRequest {
        resource_types: if version == 0 { Vec::new() } else { types.to_vec() },
    };
    run.case("client metrics", |_, version| of(version, &[CLIENT_METRICS]));
    run.case("client metrics twice", |_, version| of(version, &[CLIENT_METRICS, CLIENT_METRICS]));
    run.case("brokers", |_, version| of(version, &[4]));
    run.case("groups", |_, version| of(version, &[32]));
    run.case("loggers", |_, version| of(version, &[8]));
    for (name, kind) in [("kind 0", 0), ("kind 1", 1), ("kind 64", 64), ("kind -1", -1)] {
        run.case(name, |_, version| of(version, &[4, kind]));
    }
}

fn get(id: u128) -> GetTelemetrySubscriptionsRequest {
    GetTelemetrySubscriptionsRequest { client_instance_id: Uuid::from_u128(id) }
}

/// An id of an instance that nobody has had.
const fn new(number: u128) -> u128 {
    (0x6f64_6421 << 96) + number
}

fn subscriptions(run: &mut Run) {
    run.case("a new instance", |_, _| get(new(1)));
    run.case("a reserved id", |_, _| get(1));
    run.case("the largest id", |_, _| get(u128::MAX));
}

/// A push of an instance that has asked before. By another connection, as each request here: whatever depends on what came before on the
/// same one is not asked.
fn push(side: &Side, id: u128) -> PushTelemetryRequest {
    let granted = side.call(&get(id), 0);
    PushTelemetryRequest {
        client_instance_id: Uuid::from_u128(id),
        subscription_id: granted.subscription_id,
        ..Default::default()
    }
}

fn pushes(run: &mut Run) {
    run.case("no metrics", |side, _| push(side, new(20)));
    run.case("metrics that are none", |side, _| PushTelemetryRequest {
        metrics: Bytes::from_static(&[0x0a, 5, 1]),
        ..push(side, new(21))
    });
    run.case("metrics that are not compressed", |side, _| PushTelemetryRequest {
        metrics: Bytes::from_static(b"no zstd"),
        compression_type: 4,
        ..push(side, new(22))
    });
    for (name, number, compression_type) in
        [("compression 5", 23, 5), ("compression -1", 24, -1), ("compression 127", 25, 127)]
    {
        run.case(name, |side, _| PushTelemetryRequest { compression_type, ..push(side, new(number)) });
    }
    run.case("another subscription", |side, _| {
        let right = push(side, new(26));
        PushTelemetryRequest { subscription_id: right.subscription_id ^ 1, ..right }
    });
    run.case("a new instance", |_, _| PushTelemetryRequest {
        client_instance_id: Uuid::from_u128(new(27)),
        ..Default::default()
    });
    run.case("no id", |_, _| PushTelemetryRequest::default());
    run.case("a reserved id", |_, _| PushTelemetryRequest {
        client_instance_id: Uuid::from_u128(1),
        ..Default::default()
    });
    run.case("more than there may be", |side, _| PushTelemetryRequest {
        metrics: Bytes::from(vec![0; 1_048_577]),
        ..push(side, new(28))
    });
    run.case("the last one", |side, _| PushTelemetryRequest { terminating: true, ..push(side, new(29)) });
}
