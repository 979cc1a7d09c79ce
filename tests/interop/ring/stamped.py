"""Topics that foreign producers write to while their broker is stopped, killed and changed: what they were promised is there.

A `Stamper` is a client's program in its scenario `writer`: one idempotent producer for as long as it runs. `expect` reads a
topic with kcat and holds it against what all stampers were told.
"""

import json
import subprocess
import threading
from collections import defaultdict

from ring import stamp
from ring.scenario import Differs, eventually, shorten

END_DEADLINE_S = 120
READ_DEADLINE_S = 120
# A compacted topic is read again when the last record of a key is not in it: a newer one may have come meanwhile.
ATTEMPTS = 3


class Stamper:
    """A producer as a process. Use it in a `with`; `stop` lets it end well."""

    def __init__(self, client, number, bootstrap, topics, codec, work):
        self.client, self.number, self.sent = client, number, 0
        # By topic and partition: the sequence at each offset that was acknowledged.
        self.acked = defaultdict(dict)
        self._failed = []
        self._log = work / f"{client.name}-writer-{number}.log"
        words = [word for topic, partitions in topics.items() for word in ("--topic", f"{topic}:{partitions}")]
        command = [*client.command(), "writer", "--bootstrap", bootstrap, "--writer", str(number), "--codec", codec, *words]
        with open(self._log, "wb") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()

    def _read(self):
        for line in self._process.stdout:
            if not line.startswith(b"{"):
                continue
            said = json.loads(line)
            if said["event"] == "sending":
                self.sent = said["end"]
            elif said["event"] == "acked":
                self.acked[said["topic"], said["partition"]][said["offset"]] = said["sequence"]
            else:
                self._failed.append(said["why"])

    def count(self):
        return sum(map(len, list(self.acked.values())))

    def wait_more(self, count, when):
        """Waits until so many more records are acknowledged."""
        wanted = self.count() + count
        eventually(f"{when}: {self.client.name} writes on", lambda: self.count() >= wanted or self._process.poll() is not None,
                   True)
        self.expect_well()

    def expect_well(self):
        if self._process.poll() is not None or self._failed:
            raise Differs(f"{self.client.name} ended with {self._process.poll()}, and failed: {self._failed[:3]}\n"
                          f"{self._log.read_text(errors='replace')[-2_000:]}")

    def stop(self):
        """Lets it wait for the last acknowledgement and end."""
        self.expect_well()
        self._process.stdin.close()
        code = self._process.wait(END_DEADLINE_S)
        self._reader.join()
        if code != 0 or self._failed:
            raise Differs(f"{self.client.name} ended with {code}: {self._failed[:3]}")


def expect(when, bootstrap, stampers, topic, partitions, keeps="all"):
    """What was acknowledged is in the topic, once and in order; `keeps` is all, latest, or tail."""
    for attempt in range(1, ATTEMPTS + 1):
        promised = {(p, offset): (s.number, sequence) for s in stampers for p in range(partitions)
                    for offset, sequence in list(s.acked[topic, p].items())}
        found = _read(bootstrap, topic)
        sent = {s.number: s.sent for s in stampers}
        wrong = [*_other(found, promised, sent), *_LOST[keeps](found, promised)]
        if not wrong:
            return
        if keeps != "latest" or attempt == ATTEMPTS:
            raise Differs(f"{when}: {topic}: " + "; ".join(wrong[:5]))


def _read(bootstrap, topic):
    """By partition, a list of offset, stamp, key, value; a tombstone's value is nothing."""
    done = subprocess.run(["kcat", "-q", "-b", bootstrap, "-C", "-t", topic, "-o", "beginning", "-e", "-Z",
                           "-X", "fetch.wait.max.ms=20", "-f", r"%p\t%o\t%h\t%k\t%s\n"],
                          capture_output=True, text=True, timeout=READ_DEADLINE_S)
    if done.returncode != 0:
        raise Differs(f"kcat could not read {topic}: {done.stderr}")
    found = defaultdict(list)
    for line in done.stdout.splitlines():
        partition, offset, header, key, value = line.split("\t")
        writer, _, sequence = header.removeprefix(f"{stamp.HEADER}=").partition(":")
        found[int(partition)].append((int(offset), (int(writer), int(sequence)), key, None if value == "NULL" else value))
    return found


def _other(found, promised, sent):
    """What is there is what was sent, in the order of each writer, and what was acknowledged at that offset."""
    for partition, records in found.items():
        last, last_offset = {}, -1
        for offset, (writer, sequence), key, value in records:
            at = f"{writer}:{sequence} at offset {offset} of partition {partition}"
            if offset <= last_offset:
                yield f"{at} comes after {last_offset}"
            if (key, value) != (stamp.key(sequence), stamp.value(writer, sequence)):
                yield f"{at} has key {key} and value {shorten(value)}"
            if sequence <= last.get(writer, -1):
                yield f"{at} comes after {last[writer]}"
            if sequence >= sent.get(writer, 0):
                yield f"{at} was never sent"
            if promised.get((partition, offset), (writer, sequence)) != (writer, sequence):
                yield f"{at} is where {promised[partition, offset]} was acknowledged"
            last[writer], last_offset = sequence, offset


def _lost(found, promised, begins=lambda records: 0):
    for partition, records in found.items():
        first, last = begins(records), max(offset for offset, *_ in records)
        there = {offset for offset, *_ in records}
        gaps = [offset for offset in range(first, last) if offset not in there]
        if gaps:
            yield f"LOST: offsets {gaps[:5]} of partition {partition}"
        lost = [(o, who) for (p, o), who in promised.items() if p == partition and o >= first and o not in there]
        if lost:
            yield f"LOST: {lost[:5]} of partition {partition}"
    nothing = {p for p, _ in promised} - set(found)
    if nothing:
        yield f"LOST: everything of partitions {sorted(nothing)}"


def _lost_latest(found, promised):
    last = {}
    for (partition, offset), (_, sequence) in sorted(promised.items()):
        last[partition, stamp.key(sequence)] = (offset, sequence)
    there = {(p, key): offset for p, records in found.items() for offset, _, key, _ in records}
    for (partition, key), (offset, sequence) in last.items():
        newest = there.get((partition, key))
        if newest is None and sequence % stamp.TOMBSTONES != 0 or newest is not None and newest < offset:
            yield f"LOST: {key} of partition {partition} was acknowledged at {offset} last, and is at {newest}"


_LOST = {
    "all": _lost,
    "latest": _lost_latest,
    "tail": lambda found, promised: _lost(found, promised, lambda records: records[0][0]),
}
