"""A group whose members are other clients' processes: joining, leaving, killing, and what is true of every group.

A member is any program with the command line and the JSON lines that `member.py` describes. The scenarios are in
`groups.py`.
"""

import json
import os
import re
import signal
import subprocess
import threading
import time
from collections import defaultdict
from pathlib import Path

from ring.scenario import Differs, shorten

DEADLINE_S = 90
# Of what a member printed last, how much is told when something is wrong.
TOLD_LINES = 8


class Member:
    """A member of a group as a process, and what it has said."""

    def __init__(self, group, client, number, options):
        self.client, self.name = client, f"{client.name}-{number}"
        # Who comes back with an instance id is the same member to the group.
        self.identity = options.get("instance", self.name)
        self.events, self.ended_at, self.fenced = [], None, False
        self._group, self._printed = group, []
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        command = [*client.command(), "member", "--bootstrap", group.bootstrap, "--topic", group.topic,
                   "--group", group.id, *words]
        self._log = group.work / f"{group.id}-{self.name}.log"
        with open(self._log, "wb") as log:
            # In a group of processes, so that a kill reaches whatever it has started.
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                                             start_new_session=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self._process.stdout:
            with self._group.changed:
                try:
                    self.events.append(json.loads(line))
                except ValueError:
                    self._printed.append(line.decode(errors="replace").rstrip())
                self._group.changed.notify_all()
        with self._group.changed:
            self._group.changed.notify_all()

    def alive(self):
        return self._process.poll() is None

    def owned(self):
        """The partitions that it has now."""
        owned = set()
        for event in self.events:
            if event["event"] == "assigned":
                owned |= set(event["partitions"])
            elif event["event"] in ("revoked", "lost"):
                owned -= set(event["partitions"])
        return owned

    def said(self, *kinds):
        return [event for event in list(self.events) if event["event"] in kinds]

    def read(self):
        """The records that it has read: a list of partition and offset."""
        return [(event["partition"], event["offset"]) for event in self.said("record")]

    def end(self):
        """Tells it to leave; `ended` waits for that."""
        self._process.stdin.close()

    def ended(self):
        """Waits until it has left the group and ended well."""
        try:
            code = self._process.wait(DEADLINE_S)
        except subprocess.TimeoutExpired:
            raise Differs(f"{self.name} did not end") from None
        self._reader.join(DEADLINE_S)
        self.ended_at = int(time.time() * 1000)
        if code != 0 or not self.said("closed"):
            raise Differs(f"{self.name} ended with {code}")

    def stop(self):
        self.end()
        self.ended()

    def expect_fenced(self):
        """Waits until it has ended by itself, because another has its instance id."""
        try:
            code = self._process.wait(DEADLINE_S)
        except subprocess.TimeoutExpired:
            raise Differs(f"{self.name} was not fenced") from None
        self._reader.join(DEADLINE_S)
        self.ended_at, self.fenced = int(time.time() * 1000), True
        if code == 0 or not re.search(r"(?i)fenced", self._log.read_text(errors="replace")):
            raise Differs(f"{self.name} ended with {code}, want an error that says fenced")

    def kill(self):
        """SIGKILL: it does not leave, it is just gone."""
        if self.alive():
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._reader.join(DEADLINE_S)
        self.ended_at = self.ended_at or int(time.time() * 1000)

    def told(self):
        """What it said last, for whoever has to find out."""
        kinds = [e for e in self.events if e["event"] not in ("record", "committed")][-TOLD_LINES:]
        lines = [*map(json.dumps, kinds), *self._printed[-TOLD_LINES:],
                 *self._log.read_text(errors="replace").splitlines()[-TOLD_LINES:]]
        state = f"ended with {self._process.returncode}" if not self.alive() else f"has {sorted(self.owned())}"
        return f"{self.name} {state}, read {len(self.read())} records\n  " + "\n  ".join(lines)


class Group:
    """A group over one topic. Use it in a `with`: at the end every member that is left is killed."""

    def __init__(self, bootstrap, topic, partitions, work):
        self.bootstrap, self.topic, self.id = bootstrap, topic, topic
        self.partitions, self.work = partitions, Path(work)
        self.changed = threading.Condition()
        self.members = []
        self._written = 0

    def __enter__(self):
        return self

    def __exit__(self, kind, error, _):
        for member in self.members:
            member.kill()
        if kind is Differs:
            told = "\n".join(member.told() for member in self.members)
            raise Differs(f"{error}\n{told}") from None

    def join(self, client, **options):
        member = Member(self, client, len(self.members) + 1, options)
        self.members.append(member)
        return member

    def stop(self, *members):
        """Has these members leave, or all that are there, at the same time."""
        members = members or [member for member in self.members if not member.ended_at]
        for member in members:
            member.end()
        for member in members:
            member.ended()

    def wait(self, what, condition):
        """Waits until the condition holds; it is looked at whenever a member has said something."""
        until = time.monotonic() + DEADLINE_S
        with self.changed:
            while not condition():
                if time.monotonic() > until:
                    raise Differs(f"not within {DEADLINE_S} s: {what}")
                # A member that ends says nothing more.
                if gone := [m.name for m in self.members if not m.alive() and not m.ended_at and not m.said("closed")]:
                    raise Differs(f"{gone[0]} ended by itself; waited for: {what}")
                self.changed.wait(0.2)

    def wait_shared(self, *members):
        """Waits until these and no others have the partitions, as evenly as can be."""
        if any(member.client.blind for member in members):
            return self._wait_shared_by_reading(members)
        fewest, more = divmod(self.partitions, len(members))

        def shared():
            owned = [member.owned() for member in members]
            return (set().union(*owned) == set(range(self.partitions)) and sum(map(len, owned)) == self.partitions
                    and all(fewest <= len(some) <= fewest + (more > 0) for some in owned))
        self.wait(f"{[m.name for m in members]} share {self.partitions} partitions", shared)

    def _wait_shared_by_reading(self, members):
        """The same, for members that do not say what they have: all of these read of what is written now."""
        until = time.monotonic() + DEADLINE_S
        while True:
            before = {member: len(member.read()) for member in members}
            self.write(4 * self.partitions)
            self.wait_read()
            if all(len(member.read()) > count for member, count in before.items()):
                return
            if time.monotonic() > until:
                raise Differs(f"not within {DEADLINE_S} s: {[m.name for m in members]} all read")

    def write(self, count):
        """Writes so many records with different keys and waits until they are stored."""
        lines = "".join(f"{n}:{self.topic} {n}\n" for n in range(self._written, self._written + count))
        self._written += count
        done = subprocess.run(["kcat", "-b", self.bootstrap, "-P", "-t", self.topic, "-K:"], input=lines.encode(),
                              capture_output=True, timeout=DEADLINE_S)
        if done.returncode != 0:
            raise Differs(f"kcat could not write: {done.stderr.decode()}")

    def stored(self):
        """All records of the topic: a set of partition and offset."""
        wanted = [word for p in range(self.partitions) for word in ("-t", f"{self.topic}:{p}:-1")]
        done = subprocess.run(["kcat", "-b", self.bootstrap, "-Q", *wanted], capture_output=True, text=True,
                              timeout=DEADLINE_S)
        ends = {int(p): int(end) for p, end in re.findall(r"\[(\d+)\] offset (\d+)", done.stdout)}
        if len(ends) != self.partitions:
            raise Differs(f"kcat could not ask for the ends: {done.stdout}{done.stderr}")
        return {(partition, offset) for partition, end in ends.items() for offset in range(end)}

    def wait_read(self):
        """Waits until every record that is stored now was read by someone."""
        stored = self.stored()
        self.wait("every record is read", lambda: stored <= {one for m in self.members for one in m.read()})

    def check(self):
        """What is true of every group at every time."""
        self._check_owners_in_time()
        self._check_owners_of_generations()
        self._check_order()
        self._check_commits()
        self._check_metadata()
        missing = self.stored() - {one for member in self.members for one in member.read()}
        if missing:
            raise Differs(f"records that nobody read: {shorten(sorted(missing))}")

    def _check_owners_in_time(self):
        """No partition is two members' at a time."""
        stretches = defaultdict(list)
        for member in self.members:
            since = {}
            for event in member.said("assigned", "revoked", "lost"):
                for partition in event["partitions"]:
                    if event["event"] == "assigned":
                        since.setdefault(partition, event["at"])
                    elif partition in since:
                        # Whoever lost one did not know since when.
                        end = event["at"] if event["event"] == "revoked" else since[partition]
                        stretches[partition].append((since.pop(partition), end, member))
            for partition, start in since.items():
                stretches[partition].append((start, start if member.fenced else member.ended_at, member))
        for partition, found in stretches.items():
            found.sort(key=lambda stretch: stretch[0])
            for (_, end, one), (start, _, other) in zip(found, found[1:]):
                if start + one.client.late_ms < end:
                    raise Differs(f"partition {partition} came to {other.name} at {start} and went from {one.name} at {end}")

    def _check_owners_of_generations(self):
        """No partition is two members' in a generation; and a member's generations grow."""
        owners = {}
        for member in self.members:
            owned, last = set(), -1
            for event in member.said("assigned", "revoked", "lost"):
                if event["event"] != "assigned":
                    owned -= set(event["partitions"])
                    continue
                owned |= set(event["partitions"])
                generation = event.get("generation")
                if generation is None:
                    continue
                if generation < last:
                    raise Differs(f"{member.name} was in generation {last} and then in {generation}")
                last = generation
                for partition in owned:
                    owner = owners.setdefault((generation, partition), member.identity)
                    if owner != member.identity:
                        raise Differs(f"partition {partition} is {owner}'s and {member.name}'s in generation {generation}")

    def _check_order(self):
        """As long as a member has a partition its records come in order, each once."""
        for member in self.members:
            last = {}
            for event in member.said("assigned", "record"):
                if event["event"] == "assigned":
                    last.clear()
                elif event["offset"] <= last.get(event["partition"], -1) and not member.client.late_ms:
                    raise Differs(f"{member.name} read offset {event['offset']} of partition {event['partition']} after "
                                  f"{last[event['partition']]}")
                else:
                    last[event["partition"]] = event["offset"]

    def _commits(self):
        """Every commit: time, partition, offset, member."""
        return sorted(((event["at"], int(partition), offset, member.name) for member in self.members
                       for event in member.said("committed") for partition, offset in event["offsets"].items()))

    def _check_commits(self):
        """What was committed never goes back."""
        last = {}
        for _, partition, offset, name in self._commits():
            before, whose = last.get(partition, (-1, ""))
            if offset < before:
                raise Differs(f"{whose} committed {before} of partition {partition}, and then {name} {offset}")
            last[partition] = (offset, name)

    def _check_metadata(self):
        """What a member finds has the text of one who has read up to that offset.

        Not only of those who said that they committed it: one may be killed between the answer and the word.
        """
        texts = defaultdict(set)
        for member in self.members:
            for partition, offset in member.read():
                texts[partition, offset + 1].add(f"{member.client.name} at {offset + 1}")
        # Some commit without a text, and do not say when.
        silent = any(not member.client.commits for member in self.members)
        for member in self.members:
            for event in member.said("found"):
                wanted, text = texts[event["partition"], event["offset"]], event["metadata"] or ""
                # confluent-kafka commits the end of its C string too, and reads on behind the end of others'.
                beyond = member.client.name == "confluent-kafka" and any(map(text.startswith, wanted))
                if text.rstrip("\0") not in wanted and not beyond and not (silent and not text):
                    raise Differs(f"{member.name} found {event}, and the texts of that offset are {wanted}")


class Writer:
    """Someone who writes all the time, in a `with`; what was written is counted at the end."""

    def __init__(self, group):
        self._process = subprocess.Popen(["kcat", "-b", group.bootstrap, "-P", "-t", group.topic, "-K:"],
                                         stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._write, daemon=True)
        self._thread.start()

    def _write(self):
        number = 0
        # A pace and not a wait: what the members do decides how long it goes on.
        while not self._stopping.wait(0.05):
            self._process.stdin.write("".join(f"w{n}:{n}\n" for n in range(number, number + 5)).encode())
            self._process.stdin.flush()
            number += 5
        self._process.stdin.close()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self._stopping.set()
        self._thread.join()
        errors = self._process.stderr.read().decode()
        if self._process.wait() != 0 and kind is None:
            raise Differs(f"kcat could not write: {errors}")
