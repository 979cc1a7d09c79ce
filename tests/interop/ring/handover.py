"""One folder under two brokers in turn: the broker, Apache Kafka, the broker again, Apache Kafka again.

Producers and members of a group go on all the time, over each change, at the same address. Under each broker, all that
was ever written and committed is there, topic ids and configurations are as they were, and what retention and compaction
do is done by whoever has the folder.
"""

import re
import subprocess
from contextlib import ExitStack
from types import SimpleNamespace

from ring import folder, java, records, stamped, tools
from ring.broker import Broker, free_address
from ring.clients import CLIENTS
from ring.group import Group
from ring.scenario import Differs, eventually

APACHE_KAFKA = tools.HERE / "apache-kafka"
TOPICS = "org.apache.kafka.tools.TopicCommand"
OFFSETS = "org.apache.kafka.tools.GetOffsetShell"
# Retention and compaction in seconds instead of minutes; small logs of the groups.
EAGER = ("log.retention.check.interval.ms=1000", "log.initial.task.delay.ms=1000", "log.cleaner.backoff.ms=200",
         "log.segment.delete.delay.ms=500", "offsets.topic.num.partitions=5", "log.cleaner.min.cleanable.ratio=0.01")
SMALL = "internal.segment.bytes=20000"
# What the stampers write to: number of partitions, how much is kept, and the topic's configuration.
STAMPED = {
    "plain": (2, "all", ("retention.ms=-1",)),
    "keyed": (1, "latest", ("cleanup.policy=compact", "delete.retention.ms=1000")),
    "appended": (1, "all", ("retention.ms=-1", "message.timestamp.type=LogAppendTime")),
    "sized": (1, "tail", ("retention.ms=-1", "retention.bytes=100000")),
}
STAMPERS = (("confluent-kafka", "lz4"), ("franz-go", "zstd"))
# Who writes the record set with which codecs, and who reads it: under each broker another.
WRITTEN = (("franz-go", ("none", "gzip", "snappy", "lz4", "zstd")), ("java", ("snappy", "zstd")))
READERS = ("confluent-kafka", "java")
MEMBERS = ("java", "confluent-kafka", "kafka-python")
# How many records each producer has to get through under each broker.
MORE = 1_000
PROGRAM_DEADLINE_S = 180


def stopped(program, work):
    """The brokers change after clean stops."""
    _hand_over(program, work / "handover-stopped", Broker.stop)


def killed(program, work):
    """The brokers change after SIGKILL."""
    _hand_over(program, work / "handover-killed", Broker.kill)


def _hand_over(program, work, end):
    work.mkdir()
    at = SimpleNamespace(work=work, data_dir=work / "data", address=free_address(), stampers=[], group=None, written={})
    clients = {client.name: client for client in CLIENTS}
    for name in {name for name, *_ in (*STAMPERS, *WRITTEN)} | {*READERS, *MEMBERS}:
        clients[name].install()
    with ExitStack() as running:
        described = starts = None
        for number, broker in enumerate((program, APACHE_KAFKA, program, APACHE_KAFKA), 1):
            when = f"{number}. under {'Apache Kafka' if broker == APACHE_KAFKA else 'the broker'}"
            with Broker(broker, at.data_dir, work / f"{number}.log", EAGER, listen=at.address) as current:
                if number == 1:
                    _begin(at, clients, running)
                    described = _described(at)
                _expect_described(when, _described(at), described)
                if starts:
                    _expect_starts(when, at, starts)
                _go_on(when, at, clients, READERS[number % len(READERS)])
                # Whoever has the folder cleans it. Not everybody compacts.
                _wait_retention(when, at)
                if broker == APACHE_KAFKA:
                    _wait_compaction(when, at)
                starts = _starts(at)
                if number == 4:
                    _finish(when, at)
                else:
                    end(current)
            if end is Broker.stop and number == 2 or number == 4:
                folder.check(at.data_dir, cleaned_by_kafka=True)


def _begin(at, clients, running):
    """Makes the topics, writes the record sets, and lets producers and members begin."""
    for topic, (partitions, _, configs) in STAMPED.items():
        words = [word for config in (SMALL, *configs) for word in ("--config", config)]
        _tool(at, TOPICS, "--create", "--topic", topic, "--partitions", str(partitions), *words)
    _tool(at, TOPICS, "--create", "--topic", "members", "--partitions", str(len(MEMBERS)), "--config", "retention.ms=-1")
    for number, (name, codec) in enumerate(STAMPERS, 1):
        topics = {topic: partitions for topic, (partitions, *_) in STAMPED.items()}
        stamper = stamped.Stamper(clients[name], number, at.address, topics, codec, at.work)
        at.stampers.append(running.enter_context(stamper))
    at.group = running.enter_context(Group(at.address, "members", len(MEMBERS), at.work))
    for name in MEMBERS:
        # Long enough that a broker can be away.
        at.group.join(clients[name], **{"session-ms": 60_000})
    at.group.wait_shared(*at.group.members)
    for name, codecs in WRITTEN:
        file = at.work / f"{name}.jsonl"
        records.save(records.for_writer(name), str(file))
        at.written[name] = [f"set-{name}-{codec}" for codec in codecs]
        for codec in codecs:
            _program(at, clients[name], "produce", "--topic", f"set-{name}-{codec}", "--codec", codec, "--records", str(file))


def _go_on(when, at, clients, reader):
    """Everything that was written is there, and everybody writes, reads and commits more."""
    at.group.write(60)
    for stamper in at.stampers:
        stamper.wait_more(MORE, when)
    at.group.wait_read()
    for topic, (partitions, keeps, _) in STAMPED.items():
        stamped.expect(when, at.address, at.stampers, topic, partitions, keeps)
    for writer, topics in at.written.items():
        words = [word for topic in topics for word in ("--topic", topic)]
        _program(at, clients[reader], "consume", *words, "--records", str(at.work / f"{writer}.jsonl"))


def _finish(when, at):
    for stamper in at.stampers:
        stamper.stop()
    at.group.stop()
    at.group.check()
    for topic, (partitions, keeps, _) in STAMPED.items():
        stamped.expect(f"{when}, at the end", at.address, at.stampers, topic, partitions, keeps)


def _described(at):
    """What kafka-topics says of all topics: ids, partitions, configurations."""
    text = re.sub(r"\tElr:.*", "", _tool(at, TOPICS, "--describe"))
    # Not everybody tells configurations in the same order.
    text = re.sub(r"(?<=Configs: )\S+", lambda configs: ",".join(sorted(configs[0].split(","))), text)
    return sorted(line for line in text.splitlines() if line.strip())


def _expect_described(when, got, want):
    if got != want:
        raise Differs(f"{when}: kafka-topics says {sorted(set(got) - set(want))} instead of {sorted(set(want) - set(got))}")


def _starts(at):
    """Where each log begins, as kafka-get-offsets says."""
    text = _tool(at, OFFSETS, "--time", "earliest", "--exclude-internal-topics")
    return {name: int(offset) for name, offset in (line.rsplit(":", 1) for line in text.split())}


def _expect_starts(when, at, before):
    """No log begins earlier than it did; one without retention begins where it did."""
    for name, start in _starts(at).items():
        if start < before[name] or start > before[name] and not name.startswith("sized:"):
            raise Differs(f"{when}: {name} began at {before[name]} and begins at {start}")


def _first_segment(at, partition):
    return min((at.data_dir / partition).glob("*.log"), default=None)


def _wait_retention(when, at):
    """Waits until the first segment of now is deleted."""
    first = _first_segment(at, "sized-0")
    eventually(f"{when}: {first} is there", lambda: first.exists(), False)


def _wait_compaction(when, at):
    """Waits until the log is cleaned up to what was its end."""
    def cleaned():
        checkpoint = at.data_dir / "cleaner-offset-checkpoint"
        found = re.search(r"(?m)^keyed 0 (\d+)$", checkpoint.read_text()) if checkpoint.exists() else None
        return int(found[1]) if found else -1

    active = max((at.data_dir / "keyed-0").glob("*.log")).stem
    eventually(f"{when}: keyed is compacted up to {active}", lambda: cleaned() >= int(active), True)


def _tool(at, name, *options):
    return _run(java.command(name, *options, "--bootstrap-server", at.address))


def _program(at, client, *words):
    return _run([*client.command(), words[0], "--bootstrap", at.address, *words[1:]])


def _run(command):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
                          timeout=PROGRAM_DEADLINE_S)
    if done.returncode != 0:
        raise Differs(f"{' '.join(command[-8:])} ended with {done.returncode}\n{(done.stdout + done.stderr)[-3_000:]}")
    return done.stdout


SCENARIOS = {"handover-stopped": stopped, "handover-killed": killed}
