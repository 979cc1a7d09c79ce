#!/usr/bin/env python3
"""Interop scenarios of confluent-kafka, which is a recent librdkafka under Python."""

import sys
import time
from pathlib import Path

from confluent_kafka import (Consumer, ConsumerGroupState, ConsumerGroupTopicPartitions, KafkaError, KafkaException,
                             Producer, TopicCollection, TopicPartition)
from confluent_kafka.admin import (AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions,
                                   NewTopic, OffsetSpec, ResourceType)

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from ring import librdkafka, member, records, scenario, stamp  # noqa: E402
from ring.scenario import DEADLINE_S, TIMES, expect  # noqa: E402

import transactions  # noqa: E402
import registry_api  # noqa: E402
import typed  # noqa: E402

CREATE_TIME, LOG_APPEND_TIME = 1, 2
# How many records the writer sends to a partition in a row, how long it rests then, and how many may wait.
BURST, REST_S, MOST_WAITING = 25, 0.04, 1_000
# Batches that fit into the smallest segments.
BATCH_BYTES = 10_000
NO_ERROR = "no error"
KEEP = {"retention.ms": "-1"}  # the records' times are long ago


def connection(args):
    """The settings by which each of its clients finds the broker and is let in."""
    settings = {"bootstrap.servers": args.bootstrap, **librdkafka.settings(args.security)}
    if token := args.security.get("token"):
        settings["oauth_cb"] = lambda _: (token, time.time() + 3_600)
    return settings


_admins = {}  # a client that is dropped fails what it has not answered yet


def admin_at(args):
    if args.bootstrap not in _admins:
        _admins[args.bootstrap] = AdminClient(connection(args))
        _admins[args.bootstrap].poll(0)  # which calls oauth_cb
    return _admins[args.bootstrap]


def create(args, topic, partitions=1, config=KEEP):
    """Makes a topic; a broker may learn of it a little later than the controller that answered."""
    client = admin_at(args)
    answer(client.create_topics([NewTopic(topic, partitions, 1, config=config)]))
    scenario.eventually("the topic is listed", lambda: topic in client.list_topics(timeout=DEADLINE_S).topics, True)


def answer(futures):
    """The one answer in what the admin client returned."""
    (future,) = futures.values() if isinstance(futures, dict) else (futures,)
    return future.result(DEADLINE_S)


def error_of(action):
    """The name of the error that `action` ends with."""
    try:
        action()
    except KafkaException as e:
        return e.args[0].name()
    return NO_ERROR


def write(args, topic, written, **config):
    """Sends records and waits until each is stored; the errors of those that are not, by name."""
    failures = []
    producer = Producer({**connection(args), "message.timeout.ms": DEADLINE_S * 1000, **config})
    for r in written:
        timestamp = {} if r["timestamp"] is None else {"timestamp": r["timestamp"]}
        while True:
            try:
                producer.produce(topic, partition=r["partition"], key=r["key"], value=r["value"],
                                 headers=r["headers"], on_delivery=lambda e, _: e and failures.append(e.name()),
                                 **timestamp)
                break
            except BufferError:
                producer.poll(0.1)
    expect("records left in the producer", producer.flush(DEADLINE_S), 0)
    return failures


def read(args, topic, counts, **config):
    """Reads from the start of each partition to its end: a dict from partition to messages."""
    consumer = Consumer({**connection(args), "group.id": "unused", "enable.auto.commit": False,
                         "enable.partition.eof": True, "check.crcs": True, "fetch.wait.max.ms": 20, **config})
    consumer.assign([TopicPartition(topic, p, 0) for p in counts])
    found, at_end = {p: [] for p in counts}, set()
    while len(at_end) < len(counts):
        message = consumer.poll(DEADLINE_S)
        if message is None:
            raise scenario.Differs(f"reading {topic}: nothing came for {DEADLINE_S} s")
        if message.error() is None:
            found[message.partition()].append(message)
        elif message.error().code() == KafkaError._PARTITION_EOF:
            at_end.add(message.partition())
        else:
            raise KafkaException(message.error())
    consumer.close()
    return found


def as_record(message):
    kind, timestamp = message.timestamp()
    expect("type of time", kind, CREATE_TIME)
    return {"offset": message.offset(), "timestamp": timestamp, "key": message.key(), "value": message.value(),
            "headers": message.headers() or []}


def simple(timestamp, value=b"v", key=b"k"):
    return {"partition": 0, "timestamp": timestamp, "key": key, "value": value, "headers": []}


def produce(args):
    (topic,) = args.topic
    create(args, topic, records.PARTITIONS)
    failures = write(args, topic, records.load(args.records), **{
        "compression.type": args.codec, "enable.idempotence": True, "linger.ms": 5, "batch.num.messages": 100})
    expect("failures", failures, [])


def consume(args):
    want = records.by_partition(records.load(args.records))
    for topic in args.topic:
        found = read(args, topic, want, **{"isolation.level": args.isolation})
        scenario.expect_records(topic, {p: list(map(as_record, ms)) for p, ms in found.items()}, want)


def acks(args):
    for name, config in (("0", {"acks": "0"}), ("1", {"acks": "1"}), ("all", {"acks": "all"}),
                         ("idempotent", {"enable.idempotence": True, "batch.num.messages": 10})):
        topic = f"{args.prefix}-confluent-kafka-acks-{name}"
        create(args, topic)
        values = [str(i).encode() for i in range(1000)]
        expect("failures", write(args, topic, [simple(None, v) for v in values], **config), [])
        scenario.eventually(f"values with acks={name}", lambda: [m.value() for m in read(args, topic, [0])[0]], values)


def steady(args):
    """Writes and reads for a while, whatever happens to the connections: nothing fails, is lost, doubled or out of order."""
    topic, values = f"{args.prefix}-confluent-kafka-steady", []
    create(args, topic)
    failures = []
    producer = Producer({**connection(args), "enable.idempotence": True, "linger.ms": 5,
                         "message.timeout.ms": DEADLINE_S * 1000})
    until = time.monotonic() + args.seconds
    while time.monotonic() < until:
        values.append(str(len(values)).encode())
        producer.produce(topic, partition=0, value=values[-1], on_delivery=lambda e, _: e and failures.append(e.name()))
        producer.poll(0.002)
    expect("records left in the producer", producer.flush(DEADLINE_S), 0)
    expect("failures", failures, [])
    expect("values", [m.value() for m in read(args, topic, [0])[0]], values)


def refused(args):
    """Is not let in, and says why."""
    errors = []
    client = AdminClient({**connection(args), "error_cb": lambda e: errors.append(e.name()), "log_level": 0})
    expect("a list of topics", error_of(lambda: client.list_topics(timeout=5)) != NO_ERROR, True)
    client.poll(1)
    # With TLS 1.3 a broker looks at a client's certificate when the client is done.
    wanted = {"_AUTHENTICATION"} if "mechanism" in args.security else {"_SSL", "_TRANSPORT"}
    expect(f"one of {wanted} is among the errors {set(errors)}", bool(wanted & set(errors)), True)


def decisions(args):
    """Says what the broker decides when this user creates a topic (only to try), writes to one or reads one."""
    def create(topic):
        return error_of(lambda: answer(admin_at(args).create_topics([NewTopic(topic, 1, 1)], validate_only=True)))

    def written(topic):
        return next(iter(write(args, topic, [simple(None)])), NO_ERROR)

    def readable(topic):
        return error_of(lambda: read(args, topic, [0], **{"group.id": args.group}))

    asked = {"create": create, "write": written, "read": readable}
    for case in args.case:
        what, topic = case.split()
        member.say("decided", case=case, answer=asked[what](topic))


def offsets(args):
    topic = f"{args.prefix}-confluent-kafka-offsets"
    create(args, topic, 2)
    expect("failures", write(args, topic, [simple(t) for t in TIMES]), [])
    admin = admin_at(args)
    first, last = TIMES[0], max(TIMES)

    def listed(spec, partition=0):
        return answer(admin.list_offsets({TopicPartition(topic, partition): spec}))

    expect("earliest", listed(OffsetSpec.earliest()).offset, 0)
    expect("latest", listed(OffsetSpec.latest()).offset, 4)
    largest = listed(OffsetSpec.max_timestamp())
    expect("largest time", (largest.offset, largest.timestamp), (2, last))
    expect("largest time of nothing", listed(OffsetSpec.max_timestamp(), 1).offset, -1)
    expect("latest of nothing", listed(OffsetSpec.latest(), 1).offset, 0)
    for time, want in ((0, (0, first)), (first, (0, first)), (first + 1, (1, TIMES[1])), (last, (2, last)),
                       (last + 1, (-1, -1))):
        found = listed(OffsetSpec.for_timestamp(time))
        expect(f"offset for time {time - first}", (found.offset, found.timestamp), want)
    consumer = Consumer({**connection(args), "group.id": "unused"})
    expect("watermarks", consumer.get_watermark_offsets(TopicPartition(topic, 0), DEADLINE_S), (0, 4))
    (found,) = consumer.offsets_for_times([TopicPartition(topic, 0, first + 1)], DEADLINE_S)
    expect("the consumer's offset for a time", found.offset, 1)
    consumer.close()


def log_append_time(args):
    topic = f"{args.prefix}-confluent-kafka-append-time"
    create(args, topic, config={"message.timestamp.type": "LogAppendTime"})
    for codec in ("none", "lz4"):
        expect("failures", write(args, topic, [simple(t) for t in TIMES], **{"compression.type": codec}), [])
    found = read(args, topic, [0])[0]
    expect("number of records", len(found), 8)
    for message in found:
        kind, timestamp = message.timestamp()
        expect("type of time", kind, LOG_APPEND_TIME)
        scenario.expect_recent("time", timestamp)


def admin(args):
    client, topic = admin_at(args), f"{args.prefix}-confluent-kafka-admin"
    cluster = client.describe_cluster().result(DEADLINE_S)
    nodes = {node.id for node in cluster.nodes}
    expect("the controller is a node", cluster.controller.id in nodes, True)
    expect("there is a cluster id", bool(cluster.cluster_id), True)
    create(args, topic, 2, {**KEEP, "cleanup.policy": "compact", "max.message.bytes": "2000"})
    _check_topic(client, topic, 2, nodes)
    answer(client.create_partitions([NewPartitions(topic, 5)]))
    _check_topic(client, topic, 5, nodes)
    _check_configs(client, topic)
    expect("failures", write(args, topic, [simple(t) for t in TIMES]), [])
    deleted = answer(client.delete_records([TopicPartition(topic, 0, 3)]))
    expect("low watermark", deleted.low_watermark, 3)
    expect("what is left", [m.offset() for m in read(args, topic, [0], **{"auto.offset.reset": "earliest"})[0]], [3])
    answer(client.delete_topics([topic]))
    scenario.eventually("the topic is gone", lambda: topic in client.list_topics(timeout=DEADLINE_S).topics, False)


def _check_topic(client, topic, partitions, nodes):
    def describe():
        return answer(client.describe_topics(TopicCollection([topic])))

    # A broker may learn of a change a little later than the controller that answered.
    scenario.eventually("number of partitions", lambda: len(describe().partitions), partitions)
    described = describe()
    expect("name", described.name, topic)
    expect("there is a topic id", str(described.topic_id) not in ("", "AAAAAAAAAAAAAAAAAAAAAA"), True)
    expect("partitions", [p.id for p in described.partitions], list(range(partitions)))
    for p in described.partitions:
        expect("the leader is a node", p.leader.id in nodes, True)
        expect("replicas and in-sync replicas", ([n.id for n in p.replicas], [n.id for n in p.isr]),
               ([p.leader.id], [p.leader.id]))
    listed = client.list_topics(timeout=DEADLINE_S).topics[topic]
    expect("partitions in the metadata", sorted(listed.partitions), list(range(partitions)))


def _check_configs(client, topic):
    def configs():
        return answer(client.describe_configs([ConfigResource(ResourceType.TOPIC, topic)]))

    def alter(name, value, operation):
        entry = ConfigEntry(name, value, incremental_operation=operation)
        answer(client.incremental_alter_configs([ConfigResource(ResourceType.TOPIC, topic,
                                                                incremental_configs=[entry])]))

    def check(when, *wanted):
        """Each of `wanted` is a name, a value, and whether it is the default; a broker may learn of it a little later."""
        for name, value, is_default in wanted:
            scenario.eventually(f"{name} {when}", lambda: configs()[name].value, value)
            expect(f"{name} {when} is the default", configs()[name].is_default, is_default)

    check("at first", ("cleanup.policy", "compact", False), ("segment.bytes", "1073741824", True))
    alter("max.message.bytes", "3000", AlterConfigOpType.SET)
    alter("cleanup.policy", "delete", AlterConfigOpType.APPEND)
    check("after SET and APPEND", ("max.message.bytes", "3000", False), ("cleanup.policy", "compact,delete", False))
    alter("cleanup.policy", "compact", AlterConfigOpType.SUBTRACT)
    alter("max.message.bytes", None, AlterConfigOpType.DELETE)
    check("after SUBTRACT and DELETE", ("cleanup.policy", "delete", False), ("max.message.bytes", "1048588", True))


def errors(args):
    client, topic = admin_at(args), f"{args.prefix}-confluent-kafka-errors"
    create(args, topic, config={**KEEP, "max.message.bytes": "2000"})
    nowhere = f"{topic}-unknown"

    def new(name, partitions=1, replicas=1, **config):
        return lambda: answer(client.create_topics([NewTopic(name, partitions, replicas, config=config)]))

    def set_config(name, key, value):
        entry = ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET)
        return lambda: answer(client.incremental_alter_configs(
            [ConfigResource(ResourceType.TOPIC, name, incremental_configs=[entry])]))

    for what, action, want in (
            ("create a topic that is there", new(topic), "TOPIC_ALREADY_EXISTS"),
            ("create a topic with a bad name", new("a/b"), "TOPIC_EXCEPTION"),
            ("create a topic of too many replicas", new(nowhere, 1, 3), "INVALID_REPLICATION_FACTOR"),
            ("create a topic with a bad config", new(nowhere, 1, 1, **{"retention.ms": "soon"}), "INVALID_CONFIG"),
            ("create a topic with an unknown config", new(nowhere, 1, 1, **{"colour": "red"}), "INVALID_CONFIG"),
            ("delete an unknown topic", lambda: answer(client.delete_topics([nowhere])), "UNKNOWN_TOPIC_OR_PART"),
            ("describe an unknown topic", lambda: answer(client.describe_topics(TopicCollection([nowhere]))),
             "UNKNOWN_TOPIC_OR_PART"),
            ("describe configs of an unknown topic",
             lambda: answer(client.describe_configs([ConfigResource(ResourceType.TOPIC, nowhere)])),
             "UNKNOWN_TOPIC_OR_PART"),
            ("set a bad config", set_config(topic, "retention.ms", "soon"), "INVALID_CONFIG"),
            ("fewer partitions", lambda: answer(client.create_partitions([NewPartitions(topic, 1)])),
             "INVALID_PARTITIONS"),
            ("delete records above the end", lambda: answer(client.delete_records([TopicPartition(topic, 0, 9)])),
             "OFFSET_OUT_OF_RANGE"),
            ("read above the end", lambda: _read_from(args, topic, 9), "_AUTO_OFFSET_RESET")):
        expect(what, error_of(action), want)
    expect("a record that is too large", write(args, topic, [simple(None, b"x" * 3_000)]), ["MSG_SIZE_TOO_LARGE"])
    expect("a small one after it", write(args, topic, [simple(None)]), [])
    compacted = f"{topic}-compacted"
    create(args, compacted, config={"cleanup.policy": "compact"})
    expect("no key in a compacted topic", write(args, compacted, [simple(None, key=None)]), ["INVALID_RECORD"])


def _read_from(args, topic, offset):
    consumer = Consumer({**connection(args), "group.id": "unused", "auto.offset.reset": "error"})
    consumer.assign([TopicPartition(topic, 0, offset)])
    message = consumer.poll(DEADLINE_S)
    consumer.close()
    if message is not None and message.error():
        raise KafkaException(message.error())


def group_admin(args):
    """The life of a group that has committed and has no member."""
    client = admin_at(args)
    topic = group = f"{args.prefix}-confluent-kafka-group-admin"
    create(args, topic, 2)
    consumer = Consumer({**connection(args), "group.id": group, "enable.auto.commit": False})
    consumer.commit(offsets=[TopicPartition(topic, 0, 7, metadata="a text")], asynchronous=False)
    first, second = consumer.committed([TopicPartition(topic, 0), TopicPartition(topic, 1)], DEADLINE_S)
    expect("committed", (first.offset, first.metadata), (7, "a text"))
    expect("what nobody committed", second.offset < 0, True)
    consumer.close()

    def offsets_of(group, *partitions):
        wanted = [TopicPartition(topic, p) for p in partitions] or None
        found = answer(client.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group, wanted)]))
        return {p.partition: p.offset for p in found.topic_partitions}

    def listed():
        return [g.state for g in client.list_consumer_groups().result(DEADLINE_S).valid if g.group_id == group]

    expect("states in which it is listed", listed(), [ConsumerGroupState.EMPTY])
    described = answer(client.describe_consumer_groups([group]))
    expect("described", (described.group_id, described.state, described.members), (group, ConsumerGroupState.EMPTY, []))
    changed = ConsumerGroupTopicPartitions(group, [TopicPartition(topic, 1, 3)])
    answer(client.alter_consumer_group_offsets([changed]))
    expect("all offsets", offsets_of(group), {0: 7, 1: 3})
    expect("offsets of one", offsets_of(group, 1), {1: 3})
    answer(client.delete_consumer_groups([group]))
    expect("states in which it is listed then", listed(), [])
    expect("delete it again", error_of(lambda: answer(client.delete_consumer_groups([group]))), "GROUP_ID_NOT_FOUND")


def join(args):
    """A member of a group (see ring/member.py)."""
    (topic,) = args.topic
    settings = {**connection(args), "group.id": args.group, "auto.offset.reset": "earliest",
                "enable.auto.commit": False, "session.timeout.ms": args.session_ms, "fetch.wait.max.ms": 100,
                "heartbeat.interval.ms": member.HEARTBEAT_MS, "partition.assignment.strategy": args.assignor}
    if args.instance:
        settings["group.instance.id"] = args.instance
    consumer, ended, unseen = Consumer(settings), member.input_end(), []

    def assigned(_, partitions):
        unseen.extend(p.partition for p in partitions)
        member.say("assigned", partitions=[p.partition for p in partitions], member=consumer.memberid())

    def left(event):
        return lambda _, partitions: member.say(event, partitions=[p.partition for p in partitions])

    consumer.subscribe([topic], on_assign=assigned, on_revoke=left("revoked"), on_lost=left("lost"))
    while not ended.is_set():
        messages = consumer.consume(500, 0.1)
        _find(consumer, topic, unseen)
        read = {}
        for message in messages:
            if message.error():
                raise KafkaException(message.error())
            member.say("record", partition=message.partition(), offset=message.offset())
            read[message.partition()] = message.offset() + 1
        if read:
            _commit(consumer, topic, read)
    consumer.close()
    member.say("closed")


def _find(consumer, topic, unseen):
    """Says what was committed for partitions that were assigned since the last call."""
    if unseen:
        for found in consumer.committed([TopicPartition(topic, p) for p in unseen], DEADLINE_S):
            if found.offset >= 0:
                member.say("found", partition=found.partition, offset=found.offset, metadata=found.metadata)
        unseen.clear()


def _commit(consumer, topic, read):
    offsets = [TopicPartition(topic, p, offset, metadata=f"confluent-kafka at {offset}") for p, offset in read.items()]
    try:
        answers = consumer.commit(offsets=offsets, asynchronous=False)
        failed = [answer.error.name() for answer in answers if answer.error]
    except KafkaException as e:
        failed = [e.args[0].name()]
    if failed:
        member.say("commit-failed", why=failed[0])
    else:
        member.say("committed", offsets=read)


def writer(args):
    """Writes for the kill loop until its input ends, and says what was acknowledged (tests/kill/foreign.rs)."""
    partitions = [(topic, p) for topic, count in (t.split(":") for t in args.topic) for p in range(int(count))]
    ended, sequence = member.input_end(), 0
    producer = Producer({**connection(args), "enable.idempotence": True, "compression.type": args.codec,
                         "linger.ms": 5, "message.timeout.ms": 120_000, "batch.size": BATCH_BYTES, "reconnect.backoff.ms": 10,
                         "reconnect.backoff.max.ms": 100, "retry.backoff.ms": 10, "log_level": 2})

    def delivered(sequence):
        def say(error, message):
            if error is None:
                member.say("acked", topic=message.topic(), partition=message.partition(), sequence=sequence,
                           offset=message.offset())
            else:
                member.say("failed", why=error.str())
        return say

    while not ended.is_set():
        topic, partition = partitions[sequence // BURST % len(partitions)]
        member.say("sending", end=sequence + BURST)
        for number in range(sequence, sequence + BURST):
            producer.produce(topic, partition=partition, key=stamp.key(number), value=stamp.value(args.writer, number),
                             headers=[(stamp.HEADER, stamp.header(args.writer, number))], on_delivery=delivered(number))
        sequence += BURST
        producer.poll(REST_S)
        # While the broker is away nothing is answered: what waits is bounded.
        while len(producer) > MOST_WAITING and not ended.is_set():
            producer.poll(REST_S)
    expect("records left in the producer", producer.flush(DEADLINE_S), 0)


scenario.main("confluent-kafka", {"produce": produce, "consume": consume, "acks": acks, "offsets": offsets,
                                  "log-append-time": log_append_time, "admin": admin, "errors": errors,
                                  "group-admin": group_admin, "steady": steady, "refused": refused, "decisions": decisions,
                                  "member": join, "writer": writer,
                                  "transactor": lambda args: transactions.serve(args, connection(args)),
                                  "copier": lambda args: transactions.copy(args, connection(args)),
                                  "typed-write": lambda args: typed.write(args, connection(args)),
                                  "registry-api": registry_api.check,
                                  "typed-captured": typed.captured,
                                  "typed-read": lambda args: typed.read(args, lambda topic: read(args, topic, [0])[0])})
