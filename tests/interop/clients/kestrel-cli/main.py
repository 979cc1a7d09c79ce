#!/usr/bin/env python3
"""Interop scenarios of `kestrel`, the command line: what `consume` shows of everybody's records, and everybody of what `produce` writes."""

import base64
import json
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from ring import records, scenario  # noqa: E402
from ring.scenario import TIMES, expect  # noqa: E402

ROOT = Path(__file__).resolve().parents[4]
PROGRAM = os.environ.get("KESTREL_CLI") or str(
    Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release/kestrel")


def run(args, *words, stdin=b""):
    command = [PROGRAM, *words, "--bootstrap", args.bootstrap]
    environment = {**os.environ, "KESTREL_HOME": "/nonexistent"}
    return subprocess.run(command, input=stdin, capture_output=True, timeout=scenario.DEADLINE_S, env=environment)


def kestrel(args, *words, stdin=b""):
    """Runs the program and returns its output."""
    done = run(args, *words, stdin=stdin)
    if done.returncode != 0:
        raise scenario.Differs(f"kestrel {' '.join(words)} ended with {done.returncode}: {done.stderr.decode()}")
    return done.stdout


def create(args, topic, partitions=1):
    """A topic that keeps records whose times are long ago."""
    kestrel(args, "topics", "create", topic, "-p", str(partitions), "-r", "1", "-c", "retention.ms=-1")


def consumed(args, topic, *words):
    return [json.loads(line) for line in kestrel(args, "consume", topic, *words).splitlines()]


def produce(args):
    """Writes the records as lines of JSON, partitions and times included."""
    (topic,) = args.topic
    create(args, topic, records.PARTITIONS)
    lines = "".join(json.dumps(_line(record)) + "\n" for record in records.load(args.records))
    kestrel(args, "produce", topic, "--format", "json", "--compression", args.codec, stdin=lines.encode())


def _line(record):
    line = {"partition": record["partition"], "timestamp": record["timestamp"],
            "headers": [{"key": name, **_content("value", value)} for name, value in record["headers"]]}
    return {**line, **_content("key", record["key"]), **_content("value", record["value"])}


def _content(name, data):
    """Bytes as a text if they are one, and in base64 else."""
    if data is None:
        return {name: None}
    try:
        return {name: data.decode()}
    except UnicodeDecodeError:
        return {f"{name}_base64": base64.b64encode(data).decode()}


def consume(args):
    """Reads every topic, and compares all of every record."""
    want = records.by_partition(records.load(args.records))
    for topic in args.topic:
        got = {partition: [] for partition in want}
        for line in consumed(args, topic, "--isolation", args.isolation):
            got[line["partition"]].append({
                "offset": line["offset"], "timestamp": line["timestamp"],
                "key": _bytes("key", line), "value": _bytes("value", line),
                "headers": [(header["key"], _bytes("value", header)) for header in line["headers"]]})
        scenario.expect_records(topic, got, want)


def _bytes(name, line):
    if f"{name}_base64" in line:
        return base64.b64decode(line[f"{name}_base64"])
    return None if line[name] is None else line[name].encode()


def acks(args):
    """A thousand lines with each kind of acknowledgement."""
    lines = "".join(f"{i}\n" for i in range(1000)).encode()
    for level in ("0", "1", "all"):
        topic = f"{args.prefix}-kestrel-cli-acks-{level}"
        create(args, topic)
        kestrel(args, "produce", topic, "--acks", level, stdin=lines)
        scenario.eventually(f"lines with acks={level}",
                            lambda: kestrel(args, "consume", topic, "--format", "raw"), lines)


def offsets(args):
    """Start, end, by time, from the end, and a part in the middle."""
    topic = f"{args.prefix}-kestrel-cli-offsets"
    create(args, topic)
    lines = "".join(json.dumps({"value": str(i), "timestamp": time}) + "\n" for i, time in enumerate(TIMES))
    kestrel(args, "produce", topic, "--format", "json", stdin=lines.encode())
    for words, want in (((), [0, 1, 2, 3]), (("--from", "2"), [2, 3]), (("--tail", "1"), [3]), (("--from", "end"), []),
                        (("--from", f"@{TIMES[0] + 1}"), [1, 2, 3]), (("--from", f"@{TIMES[2]}"), [2, 3]),
                        (("--from", f"@{TIMES[2] + 1}"), []), (("--to", f"@{TIMES[2]}"), [0, 1]),
                        (("--where", "value == '3'"), [3])):
        expect(f"offsets with {words}", [line["offset"] for line in consumed(args, topic, *words)], want)


def errors(args):
    """What a user meets: a topic and a partition that are not there, a record that is too large."""
    topic = f"{args.prefix}-kestrel-cli-errors"
    unknown = run(args, "consume", topic)
    expect("reading a topic that is not there fails", unknown.returncode, 1)
    expect("it says so", topic.encode() in unknown.stderr, True)
    create(args, topic)
    expect("a partition that is not there", run(args, "consume", topic, "-p", "7").returncode, 1)
    large = run(args, "produce", topic, stdin=b"small\n" + b"x" * 2_000_000 + b"\n")
    expect("one of two lines is stored", large.returncode, 3)
    expect("it says which is not", b"line 2: " in large.stderr, True)
    expect("the other one is there", kestrel(args, "consume", topic, "--format", "raw"), b"small\n")


scenario.main("kestrel-cli", {"produce": produce, "consume": consume, "acks": acks, "offsets": offsets, "errors": errors})
