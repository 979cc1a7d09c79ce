#!/usr/bin/env python3
"""Interop scenarios of the command line tools that Apache Kafka ships: kafka-topics, kafka-configs and so on."""

import functools
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from ring import java, member, printed, records, scenario  # noqa: E402
from ring.scenario import expect  # noqa: E402

import operate  # noqa: E402
import transactions  # noqa: E402

TOOLS = "org.apache.kafka.tools"
TOPICS = f"{TOOLS}.TopicCommand"
CONFIGS = "kafka.admin.ConfigCommand"
GROUPS = f"{TOOLS}.consumer.group.ConsumerGroupCommand"


def run(args, tool, *options, stdin=b""):
    """Runs a tool and returns how it ended."""
    broker = ("--bootstrap-server", args.bootstrap)
    # Some want it before their command, kafka-cluster behind.
    first = (transactions.TRANSACTIONS, operate.QUORUM, operate.FEATURES)
    words = (*broker, *options) if tool in first else (*options, *broker)
    return subprocess.run(java.command(tool, *words), input=stdin, capture_output=True, timeout=scenario.DEADLINE_S)


def output(args, tool, *options, stdin=b""):
    """Runs a tool that has to succeed and returns what it printed."""
    done = run(args, tool, *options, stdin=stdin)
    if done.returncode != 0:
        raise scenario.Differs(f"{tool} {' '.join(options)} ended with {done.returncode}: "
                               f"{done.stdout.decode()}{done.stderr.decode()}")
    return done.stdout


def expect_text(what, text, pattern):
    if not re.search(pattern, text.decode()):
        raise scenario.Differs(f"{what}: {pattern!r} is not in {scenario.shorten(text.decode(), 2_000)}")


def create(args, topic, partitions=1, *options):
    output(args, TOPICS, "--create", "--topic", topic, "--partitions", str(partitions),
           "--config", "retention.ms=-1", *options)


def write(args, topic, lines, *options):
    """Writes lines of the form headers TAB key TAB value with the console producer; it prints what fails."""
    return output(args, f"{TOOLS}.ConsoleProducer", "--topic", topic, "--reader-property", "parse.key=true",
                  "--reader-property", "parse.headers=true", "--reader-property", "null.marker=NULL", *options,
                  stdin=lines)


def produce(args):
    (topic,) = args.topic
    create(args, topic)
    write(args, topic, b"".join(map(_line, records.load(args.records))), "--compression-codec", args.codec)


def _line(record):
    def text(data):
        return b"NULL" if data is None else data

    headers = b",".join(name.encode() + b":" + text(value) for name, value in record["headers"])
    return b"\t".join([headers or b"NULL", text(record["key"]), text(record["value"])]) + b"\n"


def consume(args):
    want = records.by_partition(records.load(args.records))
    show = [f"{name}=true" for name in ("print.timestamp", "print.offset", "print.headers", "print.key")]
    options = [word for setting in (*show, "null.literal=NULL") for word in ("--formatter-property", setting)]
    for topic in args.topic:
        for partition, expected in want.items():
            found = output(args, f"{TOOLS}.consumer.ConsoleConsumer", "--topic", topic, "--partition", str(partition),
                           "--offset", "earliest", "--max-messages", str(len(expected)), "--timeout-ms", "30000",
                           *options)
            printed.expect_printed(f"{topic}-{partition}", found, expected, _printed, b"CreateTime:")


def _printed(record, timestamp):
    def text(data):
        return b"NULL" if data is None else data

    headers = b",".join(name.encode() + b":" + text(value) for name, value in record["headers"])
    return b"\t".join([f"CreateTime:{timestamp}".encode(), f"Offset:{record['offset']}".encode(),
                       headers or b"NO_HEADERS", text(record["key"]), text(record["value"])]) + b"\n"


def acks(args):
    """Kafka's own load generator: every record acknowledged, every one counted at the end."""
    topic = f"{args.prefix}-console-tools-acks"
    create(args, topic, 3)
    for level in ("all", "1", "0"):
        done = output(args, f"{TOOLS}.ProducerPerformance", "--topic", topic, "--num-records", "20000",
                      "--record-size", "100", "--throughput", "-1", "--command-property", f"acks={level}")
        expect_text(f"acks={level}", done, "20000 records sent")
    scenario.eventually("records", lambda: sum(_ends(args, topic).values()), 60_000)


def _ends(args, topic, time="-1"):
    """What kafka-get-offsets prints: a dict from partition to offset."""
    text = output(args, f"{TOOLS}.GetOffsetShell", "--topic", topic, "--time", time).decode()
    return {int(partition): int(offset or -1) for partition, offset in
            (line.rsplit(":", 2)[1:] for line in text.split())}


def offsets(args):
    topic = f"{args.prefix}-console-tools-offsets"
    create(args, topic, 2)
    expect("end of nothing", _ends(args, topic), {0: 0, 1: 0})
    # One key, so that all go to one partition.
    write(args, topic, b"NULL\tk\ta\nNULL\tk\tb\nNULL\tk\tc\n")
    ends = _ends(args, topic)
    expect("ends", sorted(ends.values()), [0, 3])
    (partition,) = [p for p, end in ends.items() if end == 3]
    for time, want in (("earliest", 0), ("-2", 0), ("latest", 3), ("0", 0)):
        expect(f"offset of {time}", _ends(args, topic, time)[partition], want)
    expect("offset of the largest time is one of theirs", _ends(args, topic, "max-timestamp")[partition] in (0, 1, 2), True)


def admin(args):
    topic = f"{args.prefix}-console-tools-admin"
    expect_text("cluster id", output(args, f"{TOOLS}.ClusterTool", "cluster-id"), r"Cluster ID: \S{10,}")
    expect_text("versions", output(args, f"{TOOLS}.BrokerApiVersionsCommand"), r"Produce\(0\): 0 to 13 \[usable: 13\]")
    create(args, topic, 2, "--config", "cleanup.policy=compact,delete")
    expect_text("list", output(args, TOPICS, "--list"), rf"(?m)^{topic}$")
    output(args, TOPICS, "--alter", "--topic", topic, "--partitions", "3")
    described = output(args, TOPICS, "--describe", "--topic", topic)
    expect_text("describe", described, rf"Topic: {topic}\tTopicId: \S{{22}}\tPartitionCount: 3\tReplicationFactor: 1")
    expect_text("describe", described, r"Configs: (\S+,)?cleanup.policy=compact,delete")
    expect_text("describe", described, r"Partition: 2\tLeader: (\d+)\tReplicas: \1\tIsr: \1")
    output(args, CONFIGS, "--alter", "--topic", topic, "--add-config", "max.message.bytes=5000")
    expect_text("configs", output(args, CONFIGS, "--describe", "--topic", topic),
                r"max.message.bytes=5000 sensitive=false synonyms=\{DYNAMIC_TOPIC_CONFIG:max.message.bytes=5000, "
                r"DEFAULT_CONFIG:message.max.bytes=1048588\}")
    output(args, CONFIGS, "--alter", "--topic", topic, "--delete-config", "max.message.bytes")
    left = output(args, CONFIGS, "--describe", "--topic", topic)
    expect("the config is gone", b"max.message.bytes" in left, False)
    _delete_records(args, topic)
    output(args, TOPICS, "--delete", "--topic", topic)
    scenario.eventually("the topic is listed", lambda: topic.encode() in output(args, TOPICS, "--list").split(), False)


def _delete_records(args, topic):
    write(args, topic, b"NULL\tk\ta\nNULL\tk\tb\nNULL\tk\tc\n")
    (partition,) = [p for p, end in _ends(args, topic).items() if end == 3]
    with tempfile.NamedTemporaryFile("w", suffix=".json") as wanted:
        json.dump({"version": 1, "partitions": [{"topic": topic, "partition": partition, "offset": 2}]}, wanted)
        wanted.flush()
        done = output(args, f"{TOOLS}.DeleteRecordsCommand", "--offset-json-file", wanted.name)
    expect_text("delete records", done, rf"partition: {topic}-{partition}\s+low_watermark: 2")
    expect("start", _ends(args, topic, "earliest")[partition], 2)


def errors(args):
    topic = f"{args.prefix}-console-tools-errors"
    create(args, topic, 1, "--config", "max.message.bytes=2000")
    for what, tool, options, pattern in (
            ("create a topic that is there", TOPICS, ("--create", "--topic", topic), "already exists"),
            ("describe an unknown topic", TOPICS, ("--describe", "--topic", f"{topic}-unknown"), "does not exist"),
            ("a bad config", CONFIGS, ("--alter", "--topic", topic, "--add-config", "retention.ms=soon"), "Invalid value"),
            ("an unknown config", CONFIGS, ("--alter", "--topic", topic, "--add-config", "colour=red"), "Unknown topic config")):
        done = run(args, tool, *options)
        expect(f"{what} fails", done.returncode != 0, True)
        expect_text(what, done.stdout + done.stderr, pattern)
    done = run(args, f"{TOOLS}.ConsoleProducer", "--topic", topic, stdin=b"x" * 3_000 + b"\n")
    expect_text("a record that is too large", done.stdout + done.stderr, "RecordTooLargeException")


def group_admin(args):
    """All that kafka-consumer-groups does, to a group with a member and to one without."""
    topic = group = f"{args.prefix}-console-tools-group-admin"
    create(args, topic, 2)
    write(args, topic, b"".join(b"NULL\tk%d\tv\n" % i for i in range(10)))
    ends = _ends(args, topic)
    expect("there are records in both partitions", all(ends.values()), True)
    consumer = subprocess.Popen(
        java.command(f"{TOOLS}.consumer.ConsoleConsumer", "--bootstrap-server", args.bootstrap, "--topic", topic,
                     "--group", group, "--from-beginning", "--command-property", "auto.commit.interval.ms=100"),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    try:
        expect("what the member reads", [consumer.stdout.readline() for _ in range(10)], [b"v\n"] * 10)
        _with_member(args, group, topic, ends)
    finally:
        consumer.terminate()
        consumer.wait()
    _without_member(args, group, topic, ends)


def _lags(args, group):
    """What --describe says: a dict from partition to offset, end and lag; and who has it."""
    text = output(args, GROUPS, "--describe", "--group", group).decode()
    rows = [line.split() for line in text.splitlines() if line.startswith(group)]
    return {int(row[2]): tuple(map(int, row[3:6])) for row in rows}, {row[6] for row in rows}


def _with_member(args, group, topic, ends):
    at_end = {partition: (end, end, 0) for partition, end in ends.items()}
    scenario.eventually("offsets and lags", lambda: _lags(args, group)[0], at_end)
    expect_text("list", output(args, GROUPS, "--list", "--state"), rf"(?m)^{group}\s+Stable")
    expect_text("members", output(args, GROUPS, "--describe", "--group", group, "--members", "--verbose"),
                rf"{group}\s+console-consumer\S*\s+/127.0.0.1\s+console-consumer\s+2\s+-\s+{topic}:0,1")
    expect_text("state", output(args, GROUPS, "--describe", "--group", group, "--state"),
                rf"{group}\s+{args.bootstrap}\s+\(\d+\)\s+range\s+Stable\s+1")
    for what, pattern, *options in (
            ("reset", "is inactive, but the current state is Stable", "--reset-offsets", "--topic", topic,
             "--to-earliest", "--execute"),
            ("delete offsets", "GroupSubscribedToTopicException", "--delete-offsets", "--topic", topic),
            ("delete", "GroupNotEmptyException", "--delete")):
        done = run(args, GROUPS, "--group", group, *options)
        expect_text(f"{what} with a member", done.stdout + done.stderr, pattern)


def _without_member(args, group, topic, ends):
    def reset(what, how, want):
        done = output(args, GROUPS, "--reset-offsets", "--group", group, *how, "--execute").decode()
        rows = [line.split() for line in done.splitlines() if line.startswith(group)]
        expect(what, {int(row[2]): int(row[3]) for row in rows}, want)

    reset("reset to the start", ("--topic", topic, "--to-earliest"), {0: 0, 1: 0})
    reset("reset by one", ("--topic", f"{topic}:0", "--shift-by", "1"), {0: 1})
    reset("reset to a time", ("--topic", f"{topic}:1", "--to-datetime", "2001-01-01T00:00:00.000"), {1: 0})
    expect("lags after it", _lags(args, group), ({0: (1, ends[0], ends[0] - 1), 1: (0, ends[1], ends[1])}, {"-"}))
    deleted = output(args, GROUPS, "--delete-offsets", "--group", group, "--topic", f"{topic}:1")
    expect_text("delete offsets", deleted, rf"{topic}\s+1\s+Successful")
    expect("lags after that", _lags(args, group)[0], {0: (1, ends[0], ends[0] - 1)})
    expect_text("delete", output(args, GROUPS, "--delete", "--group", group), "was successful")
    gone = run(args, GROUPS, "--describe", "--group", group)
    expect_text("describe a group that is not there", gone.stdout + gone.stderr, f"Group {group} not found")


def join(args):
    """A member of a group (see ring/member.py); kafka-console-consumer tells nobody what it is assigned and commits."""
    (topic,) = args.topic
    settings = {"session.timeout.ms": args.session_ms, "heartbeat.interval.ms": member.HEARTBEAT_MS,
                "auto.commit.interval.ms": 200, "fetch.max.wait.ms": 100}
    if args.instance:
        settings["group.instance.id"] = args.instance
    options = [word for name, value in settings.items() for word in ("--command-property", f"{name}={value}")]
    show = [f"print.{name}" for name in ("partition", "offset")]
    options += [word for name in show for word in ("--formatter-property", f"{name}=true")]
    process = subprocess.Popen(
        java.command(f"{TOOLS}.consumer.ConsoleConsumer", "--bootstrap-server", args.bootstrap, "--topic", topic,
                     "--group", args.group, "--from-beginning", *options),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    member.input_end(process.terminate)
    for line in process.stdout:
        found = re.match(r"Partition:(\d+)\tOffset:(\d+)", line)
        if found:
            member.say("record", partition=int(found[1]), offset=int(found[2]))
    # A JVM that is asked to end by a signal ends with 128 + 15.
    expect("the console consumer ends", process.wait() in (0, 143), True)
    member.say("closed")


scenario.main("console-tools", {"produce": produce, "consume": consume, "acks": acks, "offsets": offsets,
                                "admin": admin, "errors": errors, "group-admin": group_admin,
                                "transactions": lambda args: transactions.check(args, functools.partial(output, args)),
                                "operate": lambda args: operate.check(args, functools.partial(run, args),
                                                                         functools.partial(output, args)),
                                "member": join})
