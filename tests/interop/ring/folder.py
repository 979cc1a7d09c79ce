"""What Apache Kafka's own kafka-dump-log says of a data folder. Used by `dump-log`, and by `run` when it is done."""

import json
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from ring import java

DUMP = "org.apache.kafka.tools.DumpLogSegments"
METADATA = "__cluster_metadata-0"
OFFSETS = "__consumer_offsets"
TRANSACTIONS = "__transaction_state"
FILES_AT_ONCE = 300

# What the tool says when something is wrong; it ends with 0 all the same.
_COMPLAINT = re.compile(r"isvalid: false|invalid bytes at the end|[Mm]ismatch|out of order"
                        r"|[Cc]orrupt|Exception|Could not")
# Two offsets of a file that do not follow each other.
_GAP_FILE = re.compile(r"Non-consecutive offsets in (.*)")
_GAP = re.compile(r"\s+(-?\d+) is followed by (\d+)$")
# Two times that are not the same: the one in the index, and the latest of the records of the batch that it names.
_TIME_FILE = re.compile(r"Found timestamp mismatch in ")
_TIME = re.compile(r"\s+Index timestamp: -?\d+, log timestamp: (-?\d+)$")
_BATCH = re.compile(r"baseOffset: \d+ .*compresscodec: (\w+)")
_RECORD = re.compile(r"\| offset: \d+ ")
# A record of a coordinator, decoded: its key, and its value or nothing.
_DECODED = re.compile(r'\| offset: \d+ .*? key: (\{"type":"\d+","data":.*?\}) payload: (.*)')
_OFFSET, _GROUP = "1", "2"
# The states of a transaction by the number that is written.
_STATES = ("Empty", "Ongoing", "PrepareCommit", "PrepareAbort", "CompleteCommit", "CompleteAbort", "Dead")


class Damaged(Exception):
    """Something in the folder is not as it should be; the text says what."""


@dataclass
class Found:
    """How much was read, and with which codecs the batches of each topic are compressed; what groups have committed."""

    segments: int = 0
    batches: int = 0
    records: int = 0
    indexes: int = 0
    snapshots: int = 0
    codecs: dict = field(default_factory=dict)
    # The last value of each key: by group, topic and partition what was committed; by group its members.
    commits: dict = field(default_factory=dict)
    groups: dict = field(default_factory=dict)
    # By transactional id: the state of its transaction.
    transactions: dict = field(default_factory=dict)
    # By partition: the gaps between offsets.
    gaps: dict = field(default_factory=dict)


def check(folder, cleaned_by_kafka=False):
    """Has every file of a data folder read; raises `Damaged` for the first that is wrong.

    Apache Kafka's log cleaner indexes a batch that it has emptied by the time that its records had; the tool then misses
    them. `cleaned_by_kafka` excuses that.
    """
    folder, found = Path(folder), Found()
    partitions = [p for p in sorted(folder.iterdir()) if p.is_dir() and re.fullmatch(r".+-\d+", p.name)]
    if not any(p.name == METADATA for p in partitions):
        raise Damaged(f"{folder} is not a data folder: it has no {METADATA}")
    topics = [p for p in partitions if p.name != METADATA]
    _logs(found, _files(topics, "log"), "--deep-iteration")
    _logs(found, _files([folder / METADATA], "log"), "--deep-iteration", "--cluster-metadata-decoder")
    _dump(_files([folder / METADATA], "checkpoint"), "--cluster-metadata-decoder")
    _no_gaps(found, folder)
    _groups(found, _files([p for p in topics if p.name.startswith(f"{OFFSETS}-")], "log"))
    _transactions(found, _files([p for p in topics if p.name.startswith(f"{TRANSACTIONS}-")], "log"))
    indexes = _files(partitions, "index", "timeindex")
    found.indexes = len(indexes)
    # Indexes of segments that are empty or that nothing was indexed in have nothing to check.
    _dump(indexes, "--verify-index-only", excuse=_of_emptied_batches if cleaned_by_kafka else None)
    _dump(indexes, "--index-sanity-check")
    snapshots = _files(partitions, "snapshot")
    found.snapshots = len(snapshots)
    _dump(snapshots)
    return found


def _files(partitions, *endings):
    return [file for partition in partitions for ending in endings for file in sorted(partition.glob(f"*.{ending}"))]


def _logs(found, files, *options):
    found.segments += len(files)
    topic = partition = None
    for line in _dump(files, *options):
        if line.startswith("Dumping "):
            topic = Path(line.removeprefix("Dumping ")).parent.name.rpartition("-")[0]
        elif batch := _BATCH.match(line):
            found.batches += 1
            found.codecs.setdefault(topic, set()).add(batch[1].lower())
        elif _RECORD.match(line):
            found.records += 1
        elif in_file := _GAP_FILE.match(line):
            partition = Path(in_file[1]).parent.name
        # The tool takes the first offset of a file for one after -1.
        elif (gap := _GAP.match(line)) and gap[1] != "-1":
            found.gaps.setdefault(partition, []).append(f"{gap[1]} is followed by {gap[2]}")


def _no_gaps(found, folder):
    """Only where the cleaner was, offsets may be missing."""
    checkpoint = folder / "cleaner-offset-checkpoint"
    lines = checkpoint.read_text().splitlines()[2:] if checkpoint.exists() else []
    cleaned = {"-".join(line.split()[:2]) for line in lines}
    wrong = [f"{partition}: {gaps[:5]}" for partition, gaps in found.gaps.items() if partition not in cleaned]
    if wrong:
        raise Damaged("offsets that do not follow each other: " + "\n".join(wrong))


def _groups(found, files):
    """What coordinators of groups have written."""
    for kind, key, value in _decoded(OFFSETS, _dump(files, "--offsets-decoder")):
        if kind == _OFFSET:
            _keep(found.commits, (key["group"], key["topic"], key["partition"]), value)
        elif kind == _GROUP:
            _keep(found.groups, key["group"], value)


def _transactions(found, files):
    """What coordinators of transactions have written."""
    for _, key, value in _decoded(TRANSACTIONS, _dump(files, "--transaction-log-decoder")):
        _keep(found.transactions, key["transactionalId"], value and _STATES[value["transactionStatus"]])


def _decoded(topic, lines):
    """The records that the tool has decoded: type, key and value."""
    for line in lines:
        # Markers of transactions have keys of their own.
        if not _RECORD.match(line) or " endTxnMarker: " in line:
            continue
        decoded = _DECODED.match(line)
        if not decoded:
            raise Damaged(f"a record of {topic} could not be decoded: {line}")
        key = json.loads(decoded[1])
        yield key["type"], key["data"], None if decoded[2] in ("null", "<DELETE>") else json.loads(decoded[2])["data"]


def _keep(values, key, value):
    values[key] = value
    if value is None:
        del values[key]


def _of_emptied_batches(complaints):
    """The complaints without those of times for which the batch has no records."""
    left, file = [], None
    for line in complaints:
        if _TIME_FILE.match(line):
            file = line
        elif (time := _TIME.match(line)) and time[1] == "-1":
            continue
        else:
            left += [line] if file is None else [file, line]
            file = None
    return left


def _dump(files, *options, excuse=None):
    """The lines that the tool prints of some files; complaints raise `Damaged`, but for those that `excuse` takes out."""
    lines = []
    for start in range(0, len(files), FILES_AT_ONCE):
        some = ",".join(map(str, files[start:start + FILES_AT_ONCE]))
        done = subprocess.run(java.command(DUMP, *options, "--files", some), capture_output=True, text=True)
        printed, complaints = done.stdout.splitlines(), []
        for line in done.stderr.splitlines():
            (printed if _GAP_FILE.match(line) or _GAP.match(line) else complaints).append(line)
        complaints = excuse(complaints) if excuse else complaints
        # Keys and payloads are the user's, and names of files are names of topics: neither is a complaint.
        wrong = [line for line in printed if _COMPLAINT.search(re.split(" key: | payload: ", line)[0])
                 and not line.startswith("Dumping ") and not line.endswith((" is empty.", " passed sanity check."))]
        if done.returncode != 0 or wrong or any(complaints):
            told = "\n".join([*wrong[:20], *complaints[-20:]])
            raise Damaged(f"kafka-dump-log {' '.join(options)} ended with {done.returncode} and says:\n{told}")
        lines += printed
    return lines
