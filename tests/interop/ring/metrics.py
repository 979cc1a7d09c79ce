"""Metrics of kestrel-broker, as Prometheus reads them and as others tell them: Kafka's own tools, and kafka_exporter.

`compare` raises what differs, and gives a line that says what was compared.
"""

import json
import re
import subprocess
import urllib.request
from contextlib import contextmanager

from ring import java, promtool, series, tools
from ring.broker import Broker, free_address
from ring.kept import LINES
from ring.scenario import Differs, eventually, expect

TOOLS = "org.apache.kafka.tools"
TOPIC, EMPTY = "earthquakes", "empty"
LEFT, STAYS, ONE = "left", "stays", 'one "partition"'
PARTITIONS = 3
# What a group has read before it left, and what is deleted of partition 0.
READ, DELETED = 200, 7


def compare(program, exporter, work):
    address = free_address()
    options = ("--metrics", address, "--metrics-per-partition")
    with Broker(program, work / "data", work / "broker.log", (f"num.partitions={PARTITIONS}",), options=options) as broker:
        with _state(broker, address, work):
            samples = _scrape(address)
            series.expect_as_told(samples, per_partition=True)
            text = _text(address)
            findings = promtool.lint(text)
            _parse_by_go(text)
            for what, tell in TOLD_BY_TOOLS.items():
                told = tell(broker)
                eventually(f"what is told otherwise by {what}", lambda told=told: _differences(address, told), [])
            beside = _beside(exporter, broker, address, work) if exporter else "no kafka_exporter"
    _without_partitions(program, work)
    alerts, of_client = promtool.rules()
    return (f"{len(samples)} samples, {findings} findings on names of others, {beside}; {alerts} alerts tried, {of_client} rules of "
            "the client read")


def _without_partitions(program, work):
    """How many series a broker of two listeners has as it is by default: before anybody comes, and with a topic and a group."""
    address = free_address()
    settings = (f"listeners=PLAINTEXT://{free_address()},INTERNAL://{free_address()}", "inter.broker.listener.name=PLAINTEXT",
                "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,INTERNAL:PLAINTEXT")
    with Broker(program, work / "plain", work / "plain.log", settings, listen=None, options=("--metrics", address)) as broker:
        series.expect_as_told(_scrape(address), per_partition=False)
        _kcat(broker, "-P", "-t", TOPIC, "-l", str(LINES))
        _kcat(broker, "-G", LEFT, "-c", str(READ), "-X", "auto.offset.reset=earliest", "-X", "session.timeout.ms=6000", TOPIC)
        series.expect_as_told(_scrape(address), per_partition=False)


@contextmanager
def _state(broker, address, work):
    """What there is to be told of."""
    _kcat(broker, "-P", "-t", TOPIC, "-z", "lz4", "-l", str(LINES))
    _tool(broker, "TopicCommand", "--create", "--topic", EMPTY, "--partitions", "2")
    group = ("-X", "auto.offset.reset=earliest", "-X", "session.timeout.ms=6000")
    _kcat(broker, "-G", LEFT, "-c", str(READ), *group, TOPIC)
    (work / "delete.json").write_text(json.dumps(
        {"version": 1, "partitions": [{"topic": TOPIC, "partition": 0, "offset": DELETED}]}))
    _tool(broker, "DeleteRecordsCommand", "--offset-json-file", str(work / "delete.json"))
    _tool(broker, "consumer.group.ConsumerGroupCommand", "--group", ONE, "--reset-offsets", "--to-earliest", "--execute",
          "--topic", f"{TOPIC}:1")
    with open(work / "member.log", "wb") as log:
        member = subprocess.Popen(["kcat", "-b", broker.bootstrap, "-G", STAYS, "-X", "auto.commit.interval.ms=100", *group, TOPIC],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log)
    try:
        lag = ("kafka_consumergroup_lag_sum", (("consumergroup", STAYS), ("topic", TOPIC)))
        eventually("the lag of a group that reads everything", lambda: _samples(address).get(lag), 0)
        yield
    finally:
        member.terminate()
        member.wait()


def _samples(address):
    """The samples as a dict from name and sorted labels to value, by the strict parser."""
    return {(name, tuple(sorted(labels.items()))): value for name, labels, value in _scrape(address)}


def _scrape(address, form="openmetrics"):
    folder = tools.ensure("prometheus")
    program = [str(folder / "venv/bin/python"), str(tools.CLIENTS / "prometheus/scrape.py"), form, f"http://{address}/metrics"]
    done = subprocess.run(program, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise Differs(f"Prometheus's parser for Python refuses {form}:\n{done.stderr[-2_000:]}")
    return json.loads(done.stdout)


def _text(address):
    """The older format, which everything reads."""
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=30) as answer:
        return answer.read().decode()


def _parse_by_go(text):
    """Prometheus's newest parser and linter for Go, which find nothing that promtool has not found."""
    done = subprocess.run([str(tools.ensure("prometheus") / "lint")], input=text, text=True, capture_output=True)
    if done.returncode:
        raise Differs(f"Prometheus's parser for Go refuses the text: {done.stderr}")
    promtool.expect_explained({tuple(line.split("\t", 1)) for line in done.stdout.splitlines()})


def _differences(address, told):
    """What is told otherwise, or by one side alone, of the names that somebody tells: the sample, ours, theirs."""
    names = {name for name, _ in told}
    ours = {key: value for key, value in _samples(address).items() if key[0] in names}
    return sorted((key, ours.get(key), told.get(key)) for key in ours.keys() | told.keys() if ours.get(key) != told.get(key))


def _offsets(broker):
    """What kafka-get-offsets says."""
    told = {}
    for name, time in (("kafka_topic_partition_oldest_offset", "earliest"), ("kafka_topic_partition_current_offset", "latest")):
        for line in _tool(broker, "GetOffsetShell", "--time", time).splitlines():
            topic, partition, offset = line.rsplit(":", 2)
            told[_of(name, topic=topic, partition=partition)] = int(offset)
    return told


def _topics(broker):
    """What kafka-topics says."""
    told = {}
    for line in _tool(broker, "TopicCommand", "--describe").splitlines():
        said = dict(part.split(": ", 1) for part in line.strip().split("\t") if ": " in part)
        if "PartitionCount" in said:
            told[_of("kafka_topic_partitions", topic=said["Topic"])] = int(said["PartitionCount"])
            continue
        where = {"topic": said["Topic"], "partition": said["Partition"]}
        replicas, in_sync = said["Replicas"].split(","), said["Isr"].split(",")
        told[_of("kafka_topic_partition_leader", **where)] = int(said["Leader"])
        told[_of("kafka_topic_partition_replicas", **where)] = len(replicas)
        told[_of("kafka_topic_partition_in_sync_replica", **where)] = len(in_sync)
        told[_of("kafka_topic_partition_leader_is_preferred", **where)] = int(said["Leader"] == replicas[0])
        told[_of("kafka_topic_partition_under_replicated_partition", **where)] = int(len(in_sync) < len(replicas))
    return told


def _groups(broker):
    """What kafka-consumer-groups says: offsets and lags, and their sums as kafka_exporter makes them; and the members."""
    told, columns = {}, []
    for line in _tool(broker, "consumer.group.ConsumerGroupCommand", "--describe", "--all-groups").splitlines():
        if line.startswith("GROUP "):
            columns = [(word.group(), word.start()) for word in re.finditer(r"\S+", line)]
            continue
        # Names of groups have spaces: the rest is counted from the right.
        found = re.match(r"(?P<group>.+?)\s+(?P<topic>\S+)\s+(?P<partition>\d+)\s+(?P<offset>-|\d+)\s+\d+\s+(?P<lag>-|\d+)\s", line)
        if columns and found:
            where = {"consumergroup": found["group"], "topic": found["topic"], "partition": found["partition"]}
            told[_of("kafka_consumergroup_current_offset", **where)] = _number(found["offset"])
            told[_of("kafka_consumergroup_lag", **where)] = _number(found["lag"])
    # A group without members is described with what it has committed alone.
    for group in {dict(labels)["consumergroup"] for _, labels in told}:
        for partition in range(PARTITIONS):
            where = {"consumergroup": group, "topic": TOPIC, "partition": str(partition)}
            for name in ("kafka_consumergroup_current_offset", "kafka_consumergroup_lag"):
                told.setdefault(_of(name, **where), -1)
    expect("groups that kafka-consumer-groups describes", {dict(labels)["consumergroup"] for _, labels in told}, {LEFT, STAYS, ONE})
    return told


def _members(broker):
    """What kafka-consumer-groups says of the states of groups."""
    text = _tool(broker, "consumer.group.ConsumerGroupCommand", "--describe", "--all-groups", "--state")
    found = re.findall(r"^(.+?)\s+\S+:\d+ \(\d+\)\s.*?(\d+)\s*$", text, re.MULTILINE)
    return {_of("kafka_consumergroup_members", consumergroup=group): int(members) for group, members in found}


TOLD_BY_TOOLS = {"kafka-get-offsets": _offsets, "kafka-topics": _topics, "kafka-consumer-groups": _groups,
                 "kafka-consumer-groups --state": _members}


def _beside(exporter, broker, address, work):
    """Everything that kafka_exporter tells of the broker, we tell too, and alike."""
    at = free_address()
    with open(work / "exporter.log", "wb") as log:
        process = subprocess.Popen([exporter, f"--kafka.server={broker.bootstrap}", f"--web.listen-address={at}"],
                                   stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        def told():
            try:
                scraped = _scrape(at, "text")
            except Differs:
                return {}
            return {(name, tuple(sorted(labels.items()))): value for name, labels, value in scraped
                    if name.startswith("kafka_") and not name.startswith("kafka_exporter_")}
        eventually("kafka_exporter tells of groups", lambda: any("lag" in name for name, _ in told()), True)
        theirs = {}

        def differences():
            # Together with what it told before: it gives an answer without waiting for the last sample of it.
            theirs.update(told())
            return _differences(address, theirs)
        eventually("what is told otherwise by kafka_exporter", differences, [])
        return f"{len(theirs)} samples of {len({name for name, _ in theirs})} names as kafka_exporter tells them"
    finally:
        process.terminate()
        process.wait()


def _of(name, **labels):
    return name, tuple(sorted(labels.items()))


def _number(text):
    return -1 if text == "-" else int(text)


def _kcat(broker, *words):
    done = subprocess.run(["kcat", "-b", broker.bootstrap, *words], stdin=subprocess.DEVNULL, capture_output=True, timeout=120)
    if done.returncode:
        raise Differs(f"kcat {words[0]} ended with {done.returncode}: {done.stderr.decode(errors='replace')[-500:]}")


def _tool(broker, main_class, *words):
    done = java.run(f"{TOOLS}.{main_class}", "--bootstrap-server", broker.bootstrap, *words)
    if done.returncode:
        raise Differs(f"{main_class} {' '.join(words)} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout
