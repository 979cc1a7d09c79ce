#!/usr/bin/env python3
"""Interop scenarios of kcat (librdkafka of the distribution): its topics are created by using them."""

import itertools
import json
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from ring import librdkafka, member, printed, records, scenario  # noqa: E402
from ring.scenario import expect  # noqa: E402

KEY_END, RECORD_END = b"\x01", b"\x02"


def kcat(args, *options, stdin=b""):
    """Runs kcat and returns its output."""
    done = run(args, "-q", *options, stdin=stdin)
    if done.returncode != 0:
        raise scenario.Differs(f"kcat {' '.join(options)} ended with {done.returncode}: {done.stderr.decode()}")
    return done.stdout


def command(args):
    """The beginning of every command line: where the broker is, and what it wants to know."""
    settings = librdkafka.settings(args.security).items()
    return ["kcat", "-b", args.bootstrap, *(word for name, value in settings for word in ("-X", f"{name}={value}"))]


def run(args, *options, stdin=b""):
    return subprocess.run([*command(args), *options], input=stdin, capture_output=True,
                          timeout=scenario.DEADLINE_S)


def produce(args):
    """Writes the records in order; neighbours that kcat can send in one run go together."""
    (topic,) = args.topic
    for settings, group in itertools.groupby(records.load(args.records), _settings):
        partition, headers, nulls, alone = settings
        options = ["-P", "-t", topic, "-p", str(partition), "-X", f"compression.codec={args.codec}",
                   "-X", "enable.idempotence=true"]
        options += itertools.chain.from_iterable(("-H", header) for header in headers)
        if alone:
            for record in group:
                _produce_file(args, options, record)
        else:
            options += ["-Z"] if nulls else []
            kcat(args, *options, "-K", r"\x01", "-D", r"\x02", stdin=b"".join(map(_line, group)))


def _settings(record):
    """What is one setting for a whole run of kcat: partition, headers, empty is null, value is a file."""
    headers = tuple(name if value is None else f"{name}={value.decode()}" for name, value in record["headers"])
    alone = RECORD_END in (record["value"] or b"")
    return record["partition"], headers, record["value"] is None, alone


def _line(record):
    key, value = record["key"], record["value"] or b""
    # Without the delimiter the key is null; with -Z both are null when empty.
    return (value if key is None and value else (key or b"") + KEY_END + value) + RECORD_END


def _produce_file(args, options, record):
    with tempfile.NamedTemporaryFile() as file:
        file.write(record["value"])
        file.flush()
        kcat(args, *options, "-k", record["key"].decode(), file.name)


def consume(args):
    """Reads every partition and compares the printed bytes with the records printed the same way."""
    want = records.by_partition(records.load(args.records))
    for topic in args.topic:
        for partition, expected in want.items():
            output = kcat(args, "-C", "-t", topic, "-p", str(partition), "-o", "beginning", "-e",
                          "-X", "fetch.wait.max.ms=20", "-X", "check.crcs=true", "-X", f"isolation.level={args.isolation}",
                          "-f", r"%T %o %K %S %h %k %s\n")
            printed.expect_printed(f"{topic}-{partition}", output, expected, _printed)


def _printed(record, timestamp):
    def length(data):
        return -1 if data is None else len(data)

    # kcat prints a header's value up to its first NUL byte.
    headers = b",".join(n.encode() + b"=" + (b"NULL" if v is None else v.partition(b"\0")[0])
                        for n, v in record["headers"])
    head = f"{timestamp} {record['offset']} {length(record['key'])} {length(record['value'])} ".encode()
    return head + headers + b" " + (record["key"] or b"") + b" " + (record["value"] or b"") + b"\n"


def acks(args):
    """A thousand lines with each kind of acknowledgement."""
    lines = "".join(f"{i}\n" for i in range(1000)).encode()
    for level in ("0", "1", "all"):
        topic = f"{args.prefix}-kcat-acks-{level}"
        kcat(args, "-P", "-t", topic, "-p", "0", "-X", "enable.idempotence=false", "-X", f"acks={level}", stdin=lines)
        scenario.eventually(f"lines with acks={level}", lambda: kcat(
            args, "-C", "-t", topic, "-p", "0", "-o", "beginning", "-e", "-X", "fetch.wait.max.ms=20"), lines)


def offsets(args):
    """Start, end, by time, from a time, from the end."""
    topic = f"{args.prefix}-kcat-offsets"
    kcat(args, "-P", "-t", topic, "-p", "0", stdin=b"a\nb\nc\n")
    fetch = ("-C", "-t", topic, "-p", "0", "-e", "-X", "fetch.wait.max.ms=20")
    times = [int(line) for line in kcat(args, *fetch, "-o", "beginning", "-f", r"%T\n").split()]
    for timestamp, want in ((-2, 0), (-1, 3), (0, 0), (times[0], 0), (times[2] + 1, -1)):
        answer = kcat(args, "-Q", "-t", f"{topic}:0:{timestamp}").decode().strip()
        expect(f"offset for time {timestamp}", answer, f"{topic} [0] offset {want}")
    for start, want in (("1", b"b\nc\n"), ("-1", b"c\n"), (f"s@{times[0]}", b"a\nb\nc\n"), ("end", b"")):
        expect(f"lines from {start}", kcat(args, *fetch, "-o", start), want)


def admin(args):
    """All that kcat can ask: metadata of the cluster and of one topic."""
    topic = f"{args.prefix}-kcat-admin"
    kcat(args, "-P", "-t", topic, "-p", "0", stdin=b"a\n")
    cluster = json.loads(kcat(args, "-L", "-J", "-t", topic))
    brokers = {broker["id"] for broker in cluster["brokers"]}
    expect("the controller is a broker", cluster["controllerid"] in brokers, True)
    (found,) = cluster["topics"]
    expect("topic", found["topic"], topic)
    first = found["partitions"][0]
    expect("partition", first["partition"], 0)
    expect("the leader is a broker", first["leader"] in brokers, True)
    expect("replicas", first["replicas"], [{"id": first["leader"]}])
    expect("in sync", first["isrs"], [{"id": first["leader"]}])
    every = {t["topic"] for t in json.loads(kcat(args, "-L", "-J"))["topics"]}
    expect("the topic is listed", topic in every, True)


def errors(args):
    """What a user of kcat sees when something is wrong."""
    topic = f"{args.prefix}-kcat-errors"
    unknown = run(args, "-C", "-t", topic, "-e", "-m", "5")
    expect("reading a topic that is not there fails", unknown.returncode != 0, True)
    expect("it says so", b"Unknown topic" in unknown.stderr, True)
    kcat(args, "-P", "-t", topic, "-p", "0", stdin=b"a\n")
    no_partition = run(args, "-P", "-t", topic, "-p", "1000", "-X", "message.timeout.ms=10000", stdin=b"a\n")
    expect("it says that the partition is not there", b"Unknown partition" in no_partition.stderr, True)
    large = run(args, "-P", "-t", topic, "-p", "0", "-X", "message.max.bytes=3000000", stdin=b"x" * 2_000_000)
    expect("it says that the message is too large", b"Message size too large" in large.stderr, True)
    beyond = run(args, "-C", "-t", topic, "-p", "0", "-o", "5", "-e", "-X", "topic.auto.offset.reset=error")
    expect("it says that the offset is out of range", b"out of range" in beyond.stderr, True)


def steady(args):
    """Writes and reads for a while, whatever happens to the connections: nothing is lost, doubled or out of order."""
    topic, lines = f"{args.prefix}-kcat-steady", []
    until = time.monotonic() + args.seconds
    with subprocess.Popen([*command(args), "-q", "-E", "-P", "-t", topic, "-p", "0", "-X", "enable.idempotence=true"],
                          stdin=subprocess.PIPE) as writer:
        while time.monotonic() < until:
            lines.append(b"%d\n" % len(lines))
            writer.stdin.write(lines[-1])
            writer.stdin.flush()
            time.sleep(0.002)
        writer.stdin.close()
        expect("kcat ends", writer.wait(scenario.DEADLINE_S), 0)
    expect("lines", kcat(args, "-C", "-t", topic, "-p", "0", "-e", "-o", "beginning"), b"".join(lines))


def refused(args):
    """Is not let in, and says why."""
    done = run(args, "-L", "-m", "5")
    expect("it ends well", done.returncode == 0, False)
    errors = ("SSL handshake failed", "Disconnected", "alert bad certificate", "alert certificate required",
              "alert certificate expired")
    wanted = "SASL authentication error|Unsupported SASL mechanism" if "mechanism" in args.security else "|".join(errors)
    expect(f"{wanted} is in {scenario.shorten(done.stderr, 500)}", bool(re.search(wanted, done.stderr.decode())), True)


def join(args):
    """A member of a group (see ring/member.py); kcat commits by itself, and says so to nobody."""
    (topic,) = args.topic
    settings = {"session.timeout.ms": args.session_ms, "heartbeat.interval.ms": member.HEARTBEAT_MS,
                "auto.commit.interval.ms": 200, "auto.offset.reset": "earliest", "fetch.wait.max.ms": 100,
                "partition.assignment.strategy": args.assignor}
    if args.instance:
        settings["group.instance.id"] = args.instance
    options = [word for name, value in settings.items() for word in ("-X", f"{name}={value}")]
    process = subprocess.Popen([*command(args), "-G", args.group, "-u", "-f", r"%p %o\n", *options, topic],
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    member.input_end(process.terminate)
    rebalances = threading.Thread(target=_tell_rebalances, args=(process.stderr,))
    rebalances.start()
    for line in process.stdout:
        partition, offset = map(int, line.split())
        member.say("record", partition=partition, offset=offset)
    expect("kcat ends", process.wait(), 0)
    rebalances.join()
    member.say("closed")


def _tell_rebalances(lines):
    for line in lines:
        found = re.search(r"rebalanced \(memberid (.*?)\): (assigned|revoked)(.*)", line)
        if found:
            partitions = [int(p) for p in re.findall(r"\[(\d+)\]", found[3])]
            member.say(found[2], partitions=partitions, member=found[1])
        else:
            print(line, end="", file=sys.stderr)


scenario.main("kcat", {"produce": produce, "consume": consume, "acks": acks, "offsets": offsets,
                       "admin": admin, "errors": errors, "steady": steady, "refused": refused, "member": join})
