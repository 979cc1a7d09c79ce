#!/usr/bin/env python3
"""Interop scenarios of kafka-python: the protocol in Python, without topic ids."""

import sys
import time
from pathlib import Path

from kafka import ConsumerRebalanceListener, KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, OffsetSpec
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.errors import KafkaConnectionError, KafkaError
from kafka.net.sasl.oauth import AbstractTokenProvider
from kafka.structs import OffsetAndMetadata

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from ring import member, records, scenario  # noqa: E402
from ring.scenario import DEADLINE_S, TIMES, expect  # noqa: E402

import transactions  # noqa: E402

CREATE_TIME, LOG_APPEND_TIME = 0, 1
KEEP = {"retention.ms": "-1"}  # the records' times are long ago


class Token(AbstractTokenProvider):
    """A token that is there already."""

    def __init__(self, token):
        super().__init__()
        self._token = token

    def token(self):
        return self._token


def connection(args):
    """The settings by which each of its clients finds the broker and is let in."""
    names = {"protocol": "security_protocol", "ca": "ssl_cafile", "mechanism": "sasl_mechanism",
             "user": "sasl_plain_username", "password": "sasl_plain_password"}
    settings = {names[name]: value for name, value in args.security.items() if name in names}
    if certificate := args.security.get("certificate"):
        settings |= {"ssl_certfile": certificate, "ssl_keyfile": certificate}
    if token := args.security.get("token"):
        settings["sasl_oauth_token_provider"] = Token(token)
    return {"bootstrap_servers": args.bootstrap, **settings}


_admins = {}


def admin_at(args):
    if args.bootstrap not in _admins:
        _admins[args.bootstrap] = KafkaAdminClient(**connection(args))
    return _admins[args.bootstrap]


def create(args, topic, partitions=1, config=KEEP, replicas=1):
    admin_at(args).create_topics(
        {topic: {"num_partitions": partitions, "replication_factor": replicas, "configs": config}},
        wait_for_metadata=True)


def error_of(action):
    """The name of the error that `action` ends with."""
    try:
        action()
    except KafkaError as e:
        return type(e).__name__
    return "no error"


def write(args, topic, written, **config):
    """Sends records and waits until each is stored; the errors of those that are not, by name."""
    producer = KafkaProducer(**connection(args), **config)
    sent = [producer.send(topic, partition=r["partition"], key=r["key"], value=r["value"],
                          headers=r["headers"], timestamp_ms=r["timestamp"]) for r in written]
    producer.flush(DEADLINE_S)
    failures = [error for error in (error_of(lambda: f.get(DEADLINE_S)) for f in sent) if error != "no error"]
    producer.close()
    return failures


def read(args, topic, counts, start=0):
    """Reads from `start` to the end of each partition: a dict from partition to records."""
    consumer = KafkaConsumer(**connection(args), group_id=None, auto_offset_reset="none",
                             check_crcs=True, fetch_max_wait_ms=20, isolation_level=args.isolation)
    partitions = [TopicPartition(topic, p) for p in counts]
    consumer.assign(partitions)
    ends = consumer.end_offsets(partitions)
    for p in partitions:
        consumer.seek(p, start)
    found = {p: [] for p in counts}
    while any(consumer.position(p) < ends[p] for p in partitions):
        batch = consumer.poll(DEADLINE_S * 1000)
        if not batch:
            raise scenario.Differs(f"reading {topic}: nothing came for {DEADLINE_S} s")
        for p, messages in batch.items():
            found[p.partition] += messages
    consumer.close()
    return found


def as_record(message):
    expect("type of time", message.timestamp_type, CREATE_TIME)
    return {"offset": message.offset, "timestamp": message.timestamp, "key": message.key, "value": message.value,
            "headers": message.headers}


def simple(timestamp, value=b"v", key=b"k"):
    return {"partition": 0, "timestamp": timestamp, "key": key, "value": value, "headers": []}


def produce(args):
    (topic,) = args.topic
    create(args, topic, records.PARTITIONS)
    codec = None if args.codec == "none" else args.codec
    failures = write(args, topic, records.load(args.records), compression_type=codec, enable_idempotence=True,
                     linger_ms=5)
    expect("failures", failures, [])


def consume(args):
    want = records.by_partition(records.load(args.records))
    for topic in args.topic:
        found = read(args, topic, want)
        scenario.expect_records(topic, {p: list(map(as_record, ms)) for p, ms in found.items()}, want)


def acks(args):
    for name, config in (("0", {"acks": 0, "enable_idempotence": False}),
                         ("1", {"acks": 1, "enable_idempotence": False}),
                         ("all", {"acks": "all", "enable_idempotence": False}),
                         ("idempotent", {"enable_idempotence": True, "batch_size": 500})):
        topic = f"{args.prefix}-kafka-python-acks-{name}"
        create(args, topic)
        values = [str(i).encode() for i in range(1000)]
        expect("failures", write(args, topic, [simple(None, v) for v in values], **config), [])
        scenario.eventually(f"values with acks={name}", lambda: [m.value for m in read(args, topic, [0])[0]], values)


def steady(args):
    """Writes and reads for a while, whatever happens to the connections: nothing fails, is lost, doubled or out of order."""
    topic, values = f"{args.prefix}-kafka-python-steady", []
    create(args, topic)
    producer, sent = KafkaProducer(**connection(args), enable_idempotence=True, linger_ms=5), []
    until = time.monotonic() + args.seconds
    while time.monotonic() < until:
        values.append(str(len(values)).encode())
        sent.append(producer.send(topic, partition=0, value=values[-1]))
        time.sleep(0.002)
    producer.flush(DEADLINE_S)
    expect("offsets", [future.get(DEADLINE_S).offset for future in sent], list(range(len(values))))
    producer.close()
    expect("values", [m.value for m in read(args, topic, [0])[0]], values)


def refused(args):
    """Is not let in, and says why."""
    error = error_of(lambda: KafkaAdminClient(**connection(args), bootstrap_timeout_ms=5_000).list_topics())
    # kafka-python tries again whatever it meets, and says at the end that it met it.
    wanted = ("SaslAuthenticationFailedError", "KafkaConnectionError", "KafkaTimeoutError")
    expect(f"{error} is one of {wanted}", error in wanted, True)


def offsets(args):
    topic = f"{args.prefix}-kafka-python-offsets"
    create(args, topic, 2)
    expect("failures", write(args, topic, [simple(t) for t in TIMES]), [])
    first, last = TIMES[0], max(TIMES)
    partition, empty = TopicPartition(topic, 0), TopicPartition(topic, 1)

    def listed(spec, of=partition):
        return admin_at(args).list_partition_offsets({of: spec})[of]

    expect("earliest", listed(OffsetSpec.EARLIEST).offset, 0)
    expect("latest", listed(OffsetSpec.LATEST).offset, 4)
    largest = listed(OffsetSpec.MAX_TIMESTAMP)
    expect("largest time", (largest.offset, largest.timestamp), (2, last))
    expect("largest time of nothing", listed(OffsetSpec.MAX_TIMESTAMP, empty).offset, -1)
    consumer = KafkaConsumer(**connection(args), group_id=None)
    both = [partition, empty]
    expect("beginning", consumer.beginning_offsets(both), {partition: 0, empty: 0})
    expect("end", consumer.end_offsets(both), {partition: 4, empty: 0})
    for time, want in ((0, (0, first)), (first, (0, first)), (first + 1, (1, TIMES[1])), (last, (2, last)),
                       (last + 1, None)):
        found = consumer.offsets_for_times({partition: time})[partition]
        expect(f"offset for time {time - first}", found and (found.offset, found.timestamp), want)
    consumer.close()


def log_append_time(args):
    topic = f"{args.prefix}-kafka-python-append-time"
    create(args, topic, config={"message.timestamp.type": "LogAppendTime"})
    for codec in (None, "lz4"):
        expect("failures", write(args, topic, [simple(t) for t in TIMES], compression_type=codec), [])
    found = read(args, topic, [0])[0]
    expect("number of records", len(found), 8)
    for message in found:
        expect("type of time", message.timestamp_type, LOG_APPEND_TIME)
        scenario.expect_recent("time", message.timestamp)


def admin(args):
    client, topic = admin_at(args), f"{args.prefix}-kafka-python-admin"
    cluster = client.describe_cluster()
    nodes = {broker["broker_id"] for broker in cluster["brokers"]}
    expect("the controller is a node", cluster["controller_id"] in nodes, True)
    expect("there is a cluster id", bool(cluster["cluster_id"]), True)
    create(args, topic, 2, {**KEEP, "cleanup.policy": "compact", "max.message.bytes": "2000"})
    _check_topic(client, topic, 2, nodes)
    client.create_partitions({topic: 5})
    scenario.eventually("partitions", lambda: len(client.describe_topics([topic])[0]["partitions"]), 5)
    _check_topic(client, topic, 5, nodes)
    _check_configs(client, topic)
    expect("failures", write(args, topic, [simple(t) for t in TIMES]), [])
    partition = TopicPartition(topic, 0)
    expect("low watermark", client.delete_records({partition: 3})[partition]["low_watermark"], 3)
    expect("what is left", [m.offset for m in read(args, topic, [0], start=3)[0]], [3])
    client.delete_topics([topic])
    scenario.eventually("the topic is gone", lambda: topic in client.list_topics(), False)


def _check_topic(client, topic, partitions, nodes):
    (described,) = client.describe_topics([topic])
    expect("name and error", (described["name"], described["error_code"]), (topic, 0))
    found = sorted(described["partitions"], key=lambda p: p["partition_index"])
    expect("partitions", [p["partition_index"] for p in found], list(range(partitions)))
    for p in found:
        expect("the leader is a node", p["leader_id"] in nodes, True)
        expect("replicas and in-sync replicas", (p["replica_nodes"], p["isr_nodes"]),
               ([p["leader_id"]], [p["leader_id"]]))


def _resource(topic, configs=None):
    return ConfigResource(ConfigResourceType.TOPIC, topic, configs)


def _check_configs(client, topic):
    def configs():
        return client.describe_configs([_resource(topic)], include_synonyms=True, config_filter="all")["topic"][topic]

    def alter(name, operation, value=None):
        expect("answer", client.alter_configs([_resource(topic, {name: (operation, value)})]), {"topic": {topic: "OK"}})

    def check(when, *wanted):
        """Each of `wanted` is a name, a value and its source; a broker may learn of it a little later."""
        for name, value, source in wanted:
            scenario.eventually(f"{name} {when}", lambda: configs()[name]["value"], value)
            expect(f"source of {name} {when}", configs()[name]["config_source"], source)

    own, standard = "DYNAMIC_TOPIC_CONFIG", "DEFAULT_CONFIG"
    check("at first", ("cleanup.policy", "compact", own), ("segment.bytes", "1073741824", standard))
    expect("what stands behind it", configs()["max.message.bytes"]["synonyms"], [
        {"name": "max.message.bytes", "value": "2000", "source": own},
        {"name": "message.max.bytes", "value": "1048588", "source": standard}])
    alter("max.message.bytes", "SET", "3000")
    alter("cleanup.policy", "APPEND", "delete")
    check("after SET and APPEND", ("max.message.bytes", "3000", own), ("cleanup.policy", "compact,delete", own))
    alter("cleanup.policy", "SUBTRACT", "compact")
    alter("max.message.bytes", "DELETE")
    check("after SUBTRACT and DELETE", ("cleanup.policy", "delete", own), ("max.message.bytes", "1048588", standard))


def errors(args):
    client, topic = admin_at(args), f"{args.prefix}-kafka-python-errors"
    create(args, topic, config={**KEEP, "max.message.bytes": "2000"})
    nowhere, partition = f"{topic}-unknown", TopicPartition(topic, 0)
    for what, action, want in (
            ("create a topic that is there", lambda: create(args, topic), "TopicAlreadyExistsError"),
            ("create a topic with a bad name", lambda: create(args, "a/b"), "InvalidTopicError"),
            ("create a topic of no partitions", lambda: create(args, nowhere, 0), "InvalidPartitionsError"),
            ("create a topic of too many replicas", lambda: create(args, nowhere, replicas=3),
             "InvalidReplicationFactorError"),
            ("create a topic with a bad config", lambda: create(args, nowhere, 1, {"retention.ms": "soon"}),
             "InvalidConfigurationError"),
            ("create a topic with an unknown config", lambda: create(args, nowhere, 1, {"colour": "red"}),
             "InvalidConfigurationError"),
            ("delete an unknown topic", lambda: client.delete_topics([nowhere]), "UnknownTopicOrPartitionError"),
            ("fewer partitions", lambda: client.create_partitions({topic: 1}), "InvalidPartitionsError"),
            ("delete records above the end", lambda: client.delete_records({partition: 9}), "OffsetOutOfRangeError"),
            ("read above the end", lambda: _read_from(args, partition, 9), "OffsetOutOfRangeError")):
        expect(what, error_of(action), want)
    answer = client.alter_configs([_resource(topic, {"retention.ms": "soon"})])["topic"][topic]
    expect(f"set a bad config ({answer})", "InvalidConfigurationError" in answer, True)
    expect("describe an unknown topic", client.describe_topics([nowhere])[0]["error_code"], 3)
    expect("a record that is too large", write(args, topic, [simple(None, b"x" * 3_000)]), ["MessageSizeTooLargeError"])
    expect("a small one after it", write(args, topic, [simple(None)]), [])
    compacted = f"{topic}-compacted"
    create(args, compacted, config={"cleanup.policy": "compact"})
    failures = write(args, compacted, [simple(None, key=None)])
    expect("no key in a compacted topic", failures, ["InvalidRecordError"])


def _read_from(args, partition, offset):
    consumer = KafkaConsumer(**connection(args), group_id=None, auto_offset_reset="none")
    consumer.assign([partition])
    consumer.seek(partition, offset)
    try:
        consumer.poll(DEADLINE_S * 1000)
    finally:
        consumer.close()


def group_admin(args):
    """The life of a group that has committed and has no member."""
    client = admin_at(args)
    topic = group = f"{args.prefix}-kafka-python-group-admin"
    create(args, topic, 2)
    first, second = TopicPartition(topic, 0), TopicPartition(topic, 1)
    consumer = KafkaConsumer(**connection(args), group_id=group, enable_auto_commit=False)
    consumer.assign([first, second])
    consumer.commit({first: OffsetAndMetadata(7, "a text", -1)})
    expect("committed", consumer.committed(first, metadata=True)[:2], (7, "a text"))
    expect("what nobody committed", consumer.committed(second), None)
    consumer.close(autocommit=False)

    def offsets_of():
        found = client.list_group_offsets([group])[group]
        return {p.partition: (o.offset, o.metadata) for p, o in found.items()}

    def listed():
        return [g["group_id"] for g in client.list_groups() if g["group_id"] == group]

    expect("listed", listed(), [group])
    described = client.describe_groups([group])[group]
    expect("described", (described["group_state"], described["members"]), ("Empty", []))
    client.alter_group_offsets(group, {second: OffsetAndMetadata(3, "", -1)})
    expect("all offsets", offsets_of(), {0: (7, "a text"), 1: (3, "")})
    client.delete_group_offsets(group, [first])
    expect("what is left", offsets_of(), {1: (3, "")})
    client.delete_groups([group])
    expect("listed then", listed(), [])


ASSIGNORS = {"range": RangePartitionAssignor, "cooperative-sticky": CooperativeStickyAssignor}


class Listener(ConsumerRebalanceListener):
    """Says what comes and goes, and keeps what came for the next look at its offsets."""

    def __init__(self, consumer):
        self.consumer = consumer
        self.unseen = set()

    def on_partitions_assigned(self, assigned):
        self.unseen |= set(assigned)
        metadata = self.consumer.group_metadata()
        member.say("assigned", partitions=[p.partition for p in assigned], member=metadata.member_id,
                   generation=metadata.generation_id)

    def on_partitions_revoked(self, revoked):
        self._gone("revoked", revoked)

    def on_partitions_lost(self, lost):
        self._gone("lost", lost)

    def _gone(self, event, partitions):
        self.unseen -= set(partitions)
        member.say(event, partitions=[p.partition for p in partitions])


def join(args):
    """A member of a group (see ring/member.py)."""
    settings = {"group_instance_id": args.instance} if args.instance else {}
    consumer = KafkaConsumer(
        **connection(args), group_id=args.group, auto_offset_reset="earliest", enable_auto_commit=False,
        session_timeout_ms=args.session_ms, heartbeat_interval_ms=member.HEARTBEAT_MS, fetch_max_wait_ms=100,
        partition_assignment_strategy=[ASSIGNORS[args.assignor]], **settings)
    ended, listener = member.input_end(), Listener(consumer)
    consumer.subscribe(args.topic, listener=listener)
    while not ended.is_set():
        # So long because kafka-python forgets a rebalance that ends after the poll in which it began; a stop waits as long at most.
        try:
            polled = consumer.poll(10_000)
            _find(consumer, listener)
        except KafkaConnectionError:  # the broker is away: it is told to whoever polls, who may go on
            continue
        read = {}
        for partition, messages in polled.items():
            for message in messages:
                member.say("record", partition=message.partition, offset=message.offset)
                read[partition] = OffsetAndMetadata(message.offset + 1, f"kafka-python at {message.offset + 1}", -1)
        if read:
            _commit(consumer, read)
    consumer.close(autocommit=False)
    member.say("closed")


def _find(consumer, listener):
    """Says what was committed for partitions that were assigned since the last call."""
    for partition in list(listener.unseen):
        found = consumer.committed(partition, metadata=True)
        if found is not None:
            member.say("found", partition=partition.partition, offset=found.offset, metadata=found.metadata)
        listener.unseen.discard(partition)


def _commit(consumer, read):
    try:
        consumer.commit(read)
    except KafkaError as e:
        member.say("commit-failed", why=type(e).__name__)
    else:
        member.say("committed", offsets={p.partition: o.offset for p, o in read.items()})


scenario.main("kafka-python", {"produce": produce, "consume": consume, "acks": acks, "offsets": offsets,
                               "log-append-time": log_append_time, "admin": admin, "errors": errors,
                               "group-admin": group_admin, "steady": steady, "refused": refused, "member": join,
                               "transactor": lambda args: transactions.serve(args, connection(args)),
                               "copier": lambda args: transactions.copy(args, connection(args))})
