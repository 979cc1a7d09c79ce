"""Topics that change while they are used, with Kafka's own tools: configurations, deleted records, a deleted topic."""

import subprocess

from ring import java
from ring.broker import Broker, free_address
from ring.scenario import Differs, eventually, expect

TOOLS = "org.apache.kafka.tools"
TOPICS, CONFIGS = f"{TOOLS}.TopicCommand", "kafka.admin.ConfigCommand"
# Retention in a second instead of minutes.
EAGER = ("log.retention.check.interval.ms=500", "log.initial.task.delay.ms=500", "log.segment.delete.delay.ms=200")
SMALLEST_SEGMENT = 1_048_576
RECORD_BYTES, RECORDS = 1_000, 3_500
TOPIC = "live"


def configs(program, work):
    """What kafka-configs, kafka-delete-records and kafka-topics change on a running broker takes effect at once."""
    data_dir, address = work / "live", free_address()
    with Broker(program, data_dir, work / "live.log", EAGER, listen=address):
        _tool(address, TOPICS, "--create", "--topic", TOPIC, "--partitions", "1", "--config", "retention.ms=-1")
        folder = data_dir / f"{TOPIC}-0"
        _write(address)
        expect("segments of the default size", len(list(folder.glob("*.log"))), 1)
        _alter(address, f"segment.bytes={SMALLEST_SEGMENT}")
        _write(address)
        # The first is larger than it may be, and the rest needs as many as its bytes do.
        expect("segments after segment.bytes", len(list(folder.glob("*.log"))) >= 4, True)
        _alter(address, f"retention.bytes={2 * SMALLEST_SEGMENT}")
        eventually("retention.bytes deletes the first segment", lambda: _offset(address, "earliest") >= RECORDS, True)
        _delete_records(address, work, data_dir)
        _change_policy(address, work)
        _alter(address, "retention.ms=1")
        eventually("retention.ms deletes everything", lambda: _offset(address, "earliest"), 2 * RECORDS)
        expect("the end stays", _offset(address, "latest"), 2 * RECORDS)
        eventually("files are unlinked", lambda: len(list(folder.glob("*.deleted"))), 0)
        _delete_while_written(address, data_dir)


def _delete_records(address, work, data_dir):
    start, end = _offset(address, "earliest"), 2 * RECORDS
    middle = (start + end) // 2
    printed = _tool(address, f"{TOOLS}.DeleteRecordsCommand", "--offset-json-file", _request(work, middle))
    if f"{TOPIC}-0\tlow_watermark: {middle}" not in printed:
        raise Differs(f"kafka-delete-records to {middle} says {printed}")
    for time, want in (("earliest", middle), ("-2", middle), ("earliest-local", middle), ("latest", end), ("-1", end),
                       ("latest-tiered", -1), ("0", middle)):
        expect(f"the offset of {time} after records were deleted", _offset(address, time), want)
    expect("the offset of the largest time is within", middle <= _offset(address, "max-timestamp") < end, True)


def _change_policy(address, work):
    """A topic that is only compacted deletes no records; one that is not does."""
    _alter(address, "cleanup.policy=compact")
    done = _run(address, f"{TOOLS}.DeleteRecordsCommand", "--offset-json-file", _request(work, 2 * RECORDS - 10))
    if "PolicyViolation" not in done.stdout + done.stderr:
        raise Differs(f"kafka-delete-records on a compacted topic says {done.stdout}{done.stderr}")
    _alter(address, "cleanup.policy=delete")
    _tool(address, f"{TOOLS}.DeleteRecordsCommand", "--offset-json-file", _request(work, 2 * RECORDS - 5))
    expect("records are deleted again", _offset(address, "earliest"), 2 * RECORDS - 5)


def _delete_while_written(address, data_dir):
    """The topic goes while a producer writes, which says so; a new one of the name begins at 0."""
    with subprocess.Popen(["kcat", "-b", address, "-P", "-t", TOPIC, "-p", "0", "-X", "message.timeout.ms=5000"],
                          stdin=subprocess.PIPE, stderr=subprocess.PIPE) as writer:
        writer.stdin.write(b"before\n" * 1_000)
        writer.stdin.flush()
        _tool(address, TOPICS, "--delete", "--topic", TOPIC)
        writer.stdin.write(b"after\n" * 1_000)
        writer.stdin.close()
        writer.stderr.read()
    eventually("the folders are gone", lambda: [p.name for p in data_dir.glob(f"{TOPIC}-0*") if p.name != f"{TOPIC}-0"], [])
    if TOPIC in _tool(address, TOPICS, "--list").split():  # the producer had it made anew
        _tool(address, TOPICS, "--delete", "--topic", TOPIC)
    _tool(address, TOPICS, "--create", "--topic", TOPIC, "--partitions", "1")
    eventually("a new topic is empty", lambda: _offset(address, "latest"), 0)
    _write(address)
    expect("the end of the new topic", _offset(address, "latest"), RECORDS)


def _write(address):
    _tool(address, f"{TOOLS}.ProducerPerformance", "--topic", TOPIC, "--num-records", str(RECORDS), "--record-size",
          str(RECORD_BYTES), "--throughput", "-1")


def _alter(address, config):
    _tool(address, CONFIGS, "--alter", "--topic", TOPIC, "--add-config", config)


def _offset(address, time):
    """What kafka-get-offsets prints; nothing is -1."""
    printed = _tool(address, f"{TOOLS}.GetOffsetShell", "--topic", TOPIC, "--time", time).strip()
    return int(printed.rpartition(":")[2] or -1)


def _request(work, offset):
    file = work / "delete-records.json"
    file.write_text(f'{{"partitions":[{{"topic":"{TOPIC}","partition":0,"offset":{offset}}}],"version":1}}')
    return str(file)


def _tool(address, name, *options):
    done = _run(address, name, *options)
    if done.returncode != 0:
        raise Differs(f"{name} {' '.join(options)} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


def _run(address, name, *options):
    return java.run(name, *options, "--bootstrap-server", address)


SCENARIOS = {"live-configs": configs}
