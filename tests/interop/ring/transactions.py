"""Transactions of the foreign clients: what each of them does with its producer, and what all others see of it.

Each function is one scenario; it gets a Stage, the client that it is about, and another one that takes part.
"""

import json
import subprocess
import threading
from contextlib import contextmanager

from ring import java, planned, records
from ring.scenario import DEADLINE_S, Differs, eventually, expect, shorten

PARTITIONS = 2
# The shortest that every client takes.
SHORT_MS = 2_000
# The transaction that a copier leaves open.
HELD = 3
COPIED = 60


class Stage:
    """Where one scenario plays: a broker, and names that nobody else has."""

    def __init__(self, bootstrap, name, work, codec="none", words=()):
        self.bootstrap, self.name, self._work, self._codec, self._words = bootstrap, name, work, codec, words

    def topic(self, number=1):
        return f"{self.name}-{number}"

    @contextmanager
    def transactor(self, client, init=True, **options):
        """A transactor of a client, which has taken its producer id."""
        with self._run(client, "transactor", **{"id": self.name, "codec": self._codec, **options}) as program:
            if init:
                program.do("init")
            yield program

    def copier(self, client, **options):
        return self._run(client, "copier", id=self.name, group=self.name, topic=[self.topic(1), self.topic(2)], **options)

    @contextmanager
    def _run(self, client, role, **options):
        words = [*client.command(), role, "--bootstrap", self.bootstrap, *self._words]
        for name, value in options.items():
            for one in value if isinstance(value, list) else [value]:
                words += [f"--{name.replace('_', '-')}", str(one)]
        log = self._work / f"{options['id']}-{role}-{client.name}.log"
        program = Program(client.name, words, log)
        try:
            yield program
        finally:
            program.kill()

    def read(self, topic, isolation):
        """The keys in each partition, as kcat reads them."""
        return [_kcat(self.bootstrap, "-C", "-t", topic, "-p", str(p), "-o", "beginning", "-e", "-f", r"%k\n",
                      "-X", f"isolation.level={isolation}", "-X", "fetch.wait.max.ms=20").splitlines() for p in range(PARTITIONS)]

    def write(self, topic, key):
        """A record that belongs to no transaction."""
        _kcat(self.bootstrap, "-P", "-t", topic, "-p", "0", "-K:", stdin=f"{key}:v\n")

    def expect(self, when, committed, everything):
        """What readers see of the first topic; keys by partition."""
        for isolation, want in (("read_committed", committed), ("read_uncommitted", everything)):
            expect(f"{when}, {isolation}", self.read(self.topic(), isolation), want)


class Program:
    """A transactor or a copier that runs: what it is told, and what it says."""

    def __init__(self, name, command, log):
        self._name, self._log = name, log
        with open(log, "ab") as errors:
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True)

    def do(self, what, fails=False, **details):
        """One command, and the name of its error, or nothing. It has to fail or not as `fails` says; None leaves it open."""
        try:
            self._process.stdin.write(json.dumps({"do": what, **details}) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise Differs(f"{self._name} has ended; its log is {self._log}:\n{self._tail()}") from None
        event = self.next()
        if fails is not None and (event["event"] == "failed") != fails:
            raise Differs(f"{self._name}: {what} ended with {event}; its log is {self._log}:\n{self._tail()}")
        return event.get("why")

    def send(self, topic, *keys, partition=0, **how):
        """Writes a record for each key."""
        written = [{"partition": partition, "timestamp": planned.BASE_TIMESTAMP, "key": key.encode(), "value": b"v",
                    "headers": []} for key in keys]
        return self.do("send", topic=topic, records=list(map(records.encoded, written)), **how)

    def next(self):
        """What it says next."""
        timer = threading.Timer(2 * DEADLINE_S, self.kill)
        timer.start()
        try:
            line = self._process.stdout.readline()
        finally:
            timer.cancel()
        if not line:
            raise Differs(f"{self._name} says no more; its log is {self._log}:\n{self._tail()}")
        return json.loads(line)

    def kill(self):
        self._process.kill()
        self._process.wait()

    def leave(self):
        """The end of its input, after which a copier leaves its group."""
        self._process.stdin.close()
        while self.next()["event"] != "closed":
            pass

    def _tail(self):
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-30:])


def create(bootstrap, topics):
    """Makes topics, each NAME:PARTITIONS."""
    words = [word for topic in topics for word in ("--topic", topic)]
    done = subprocess.run(java.client_command("topics", "--bootstrap", bootstrap, *words), capture_output=True, text=True,
                          timeout=2 * DEADLINE_S)
    if done.returncode != 0:
        raise Differs(f"topics could not be made: {done.stderr}")


def topics_of(stage, name):
    """The topics that a scenario needs, as `create` wants them."""
    count, partitions = TOPICS[name]
    return [f"{stage.topic(number)}:{partitions}" for number in range(1, count + 1)]


def plan(stage, client, _):
    """It does all transactions that are planned; what is in the topics then, every client has to read (runner.py)."""
    with stage.transactor(client) as producer:
        for commits, written in planned.transactions():
            producer.do("begin")
            for number in range(1, planned.TOPICS + 1):
                producer.do("send", topic=stage.topic(number), records=list(map(records.encoded, written)))
            producer.do("commit" if commits else "abort")


def fencing(stage, client, other):
    """Another producer with its transactional id aborts what it has open, and it is told that it is fenced."""
    topic = stage.topic()
    with stage.transactor(client) as first:
        first.do("begin")
        first.send(topic, "before")
        first.do("commit")
        first.do("begin")
        first.send(topic, "open")
        first.send(topic, "open", partition=1)
        stage.expect("while it is open", [["before"], []], [["before", "open"], ["open"]])
        with stage.transactor(other) as second:
            second.do("begin")
            second.send(topic, "second")
            expect(f"the error of {client.name} when {other.name} has come", first.do("commit", fails=True), client.fenced)
            second.do("commit")
            stage.expect("then", [["before", "second"], []], [["before", "open", "second"], ["open"]])
            second.do("begin")
            second.send(topic, "gone")
    # The second is killed with an open transaction.
    with stage.transactor(client) as third:
        third.do("begin")
        third.send(topic, "third")
        third.do("abort")
        third.do("begin")
        third.send(topic, "last")
        third.do("commit")
    stage.expect("at the end", [["before", "second", "last"], []],
                 [["before", "open", "second", "gone", "third", "last"], ["open"]])


def timeout(stage, client, _):
    """The broker aborts what is open for too long, and its producer is told."""
    topic = stage.topic()
    with stage.transactor(client, timeout_ms=SHORT_MS) as producer:
        producer.do("begin")
        producer.send(topic, "late")
        stage.write(topic, "plain")
        expect("what is committed before its time", stage.read(topic, "read_committed"), [[], []])
        eventually("what is committed after its time", lambda: stage.read(topic, "read_committed"), [["plain"], []])
        expect(f"the error of {client.name} after its time", producer.do("commit", fails=True), client.timed_out)
    with stage.transactor(client) as again:
        again.do("begin")
        again.send(topic, "again")
        again.do("commit")
    stage.expect("at the end", [["plain", "again"], []], [["late", "plain", "again"], []])


def exactly_once(stage, client, other):
    """Consume, transform, produce: one is killed in the middle, another goes on, and each record is copied once."""
    source, target = stage.topic(1), stage.topic(2)
    want = [[], []]
    with stage.transactor(other) as writer:
        for n in range(COPIED):
            writer.do("begin")
            writer.send(source, f"{n}", partition=n % 2)
            writer.do("abort" if n % 3 == 1 else "commit")
            # Each has its record and its marker.
            if n % 3 != 1:
                want[n % 2].append(f"{n % 2}:{n // 2 * 2}")
    with stage.copier(client, hold=HELD) as first:
        copied = 0
        while (event := first.next())["event"] != "held":
            copied += event["count"]
    with stage.copier(other) as second:
        while copied < sum(map(len, want)):
            copied += second.next()["count"]
        second.leave()
    expect(f"copies of {source}", stage.read(target, "read_committed"), want)
    expect("what was aborted is there", sum(map(len, stage.read(target, "read_uncommitted"))) > copied, True)


# The longest first.
SCENARIOS = {"plan": plan, "exactly-once": exactly_once, "timeout": timeout, "fencing": fencing}
# How many topics each of them needs, and with how many partitions.
TOPICS = {"plan": (planned.TOPICS, planned.PARTITIONS), "exactly-once": (2, PARTITIONS), "timeout": (1, PARTITIONS),
          "fencing": (1, PARTITIONS)}


def _kcat(bootstrap, *options, stdin=""):
    done = subprocess.run(["kcat", "-q", "-b", bootstrap, *options], input=stdin, capture_output=True, text=True,
                          timeout=DEADLINE_S)
    if done.returncode != 0:
        raise Differs(f"kcat {shorten(options)} ended with {done.returncode}: {done.stderr}")
    return done.stdout
