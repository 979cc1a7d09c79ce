"""Runs the scenarios of the foreign clients against one bootstrap address.

First everybody writes the record set with each codec, then everybody reads what everybody wrote, then come the
scenarios that a client does alone.
"""

import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ring import groups, java, planned, records, tools, transactions
from ring.clients import CLIENTS, Client
from ring.group import Group
from ring.report import FAILED, PASSED, SKIPPED, Result
from ring.scenario import ISOLATIONS, Differs
from ring.transactions import Stage

SCENARIO_DEADLINE_S = 240
# How many partitions a client shares with its own kind, and with the others.
SHARED_PARTITIONS, MIXED_PARTITIONS = 4, 12
# Groups wait most of the time: for sessions to end, for members to come.
GROUPS_PER_JOB = 3
# The members of the mixed groups, by the assignor that all of them know.
MIXED = {
    "range": ("confluent-kafka", "franz-go", "java", "kafka-python", "kafkajs", "console-tools"),
    "cooperative-sticky": ("confluent-kafka", "franz-go", "java", "kafka-python"),
}
# The tail of what a failed program printed.
TOLD_CHARACTERS = 3_000


class Ring:
    """One run: its clients, its folder for record files, its topics' prefix."""

    def __init__(self, report, work, clients, allow_missing, jobs, members=()):
        self._report = report
        self._work = Path(work)
        self._prefix = f"i{int(time.time())}"
        self._jobs = jobs
        # Programs that take part in the groups beside the clients.
        self._members = [Client(Path(program).name, (), lambda program=program: [program]) for program in members]
        # Topics by client and codec, of those that were written.
        self.written = {}
        self._clients = [c for c in CLIENTS if not clients or c.name in clients]
        self._clients = [c for c in self._clients if self._installed(c, allow_missing)]

    def _installed(self, client, allow_missing):
        try:
            client.install()
            return True
        except tools.Missing as e:
            outcome = SKIPPED if allow_missing else FAILED
            self._report.add(Result(client.name, "install", "install", outcome, why=str(e)))
            return False

    def run(self, bootstrap, wanted):
        """Runs every scenario for which `wanted(name)` is true."""
        if wanted("produce") or wanted("consume"):
            self._produce(bootstrap)
        if wanted("consume"):
            self._in_parallel([(self._consume, reader, writer, bootstrap) for reader in self._clients
                               for writer in self._clients if reader.reads is None or writer.name in reader.reads])
        # Groups wait most of the time; the others work meanwhile.
        with ThreadPoolExecutor(1) as beside:
            groups_done = beside.submit(self._groups, bootstrap) if wanted("groups") else None
            self._in_parallel([(self._scenario, client, name, name, bootstrap, "--prefix", self._prefix)
                               for client in self._clients for name in client.scenarios if wanted(name)])
            if groups_done:
                groups_done.result()
        if wanted("transactions"):
            self._transactions(bootstrap)

    def run_guarded(self, broker):
        """Every way to be let in, and every way not to be, of every client (security.py)."""
        ways = [(scenario, name, *broker.file(name, *way)) for scenario, found in (
            ("acks", broker.ways()), ("refused", broker.wrong_ways()), ("steady", broker.short_ways())) for name, *way in found]
        self._in_parallel([(self._secure, client, *way) for client in self._clients for way in ways
                           if client.ways and way[1].startswith(client.ways)])

    def _secure(self, client, scenario, name, address, file):
        words = ("--security", file, "--prefix", f"{self._prefix}-{name}")
        self._scenario(client, name, scenario, address, *words, column="secure")

    def _groups(self, bootstrap):
        """Groups of each client's members, and of all clients' together."""
        tasks = []
        for assignor, names in MIXED.items():
            clients = [client for client in self._clients if client.name in names]
            if len(clients) == len(names):
                mixed = lambda group, a=assignor, c=(*clients, *self._members): groups.mixed(group, c, a)  # noqa: E731
                tasks.append(("all", f"mixed-{assignor}", MIXED_PARTITIONS, mixed))
        for client in (*self._clients, *self._members):
            for name in client.groups:
                scenario = lambda group, c=client, s=getattr(groups, name): s(group, c)  # noqa: E731
                tasks.append((client.name, name, SHARED_PARTITIONS, scenario))
        try:
            self._create_topics(bootstrap, [f"{self._topic(who, name)}:{count}" for who, name, count, _ in tasks])
        except Differs as e:
            self._report.add(Result("all", "groups-topics", "groups", FAILED, why=str(e)))
            return
        self._in_parallel([(self._group, bootstrap, *task) for task in tasks], self._jobs * GROUPS_PER_JOB)

    def _transactions(self, bootstrap):
        """What each client does in transactions, with another one's help; then what everybody sees of them."""
        able = [client for client in self._clients if client.fenced]
        tasks = [(self._stage(bootstrap, client, name), client, able[(i + 1) % len(able)], name)
                 for name in transactions.SCENARIOS for i, client in enumerate(able)]
        topics = {name: [topic for stage, *_, played in tasks if played == name for topic in transactions.topics_of(stage, name)]
                  for name in transactions.SCENARIOS}
        try:
            transactions.create(bootstrap, sum(topics.values(), []))
        except Differs as e:
            self._report.add(Result("all", "transactions-topics", "transactions", FAILED, why=str(e)))
            return
        self._in_parallel([(self._transact, *task) for task in tasks], self._jobs * GROUPS_PER_JOB)
        self._in_parallel([(self._see, reader, isolation, bootstrap, topics["plan"])
                           for reader in self._clients if reader.reads is None for isolation in ISOLATIONS])

    def _stage(self, bootstrap, client, name):
        # Each client plans with a codec that few others have.
        codec = client.codecs[len(client.name) % len(client.codecs)] if name == "plan" else "none"
        return Stage(bootstrap, f"{self._prefix}-{client.name}-{name}", self._work, codec)

    def _transact(self, stage, client, other, name):
        began, outcome, why = time.monotonic(), PASSED, ""
        try:
            transactions.SCENARIOS[name](stage, client, other)
        except Differs as e:
            outcome, why = FAILED, str(e)
        self._report.add(Result(client.name, f"transactions-{name}", "transactions", outcome, time.monotonic() - began, why))

    def _see(self, reader, isolation, bootstrap, topics):
        """A client reads what all clients planned."""
        everything, committed = planned.stored()
        file = self._work / f"{reader.name}-{isolation}.jsonl"
        records.save(committed if isolation == "read_committed" else everything, file)
        words = [word for topic in topics for word in ("--topic", topic.rpartition(":")[0])]
        self._scenario(reader, f"transactions-{isolation}", "consume", bootstrap, "--isolation", isolation, *words,
                       "--records", str(file), column="transactions")

    def _topic(self, who, name):
        return f"{self._prefix}-{who}-groups-{name}"

    def _create_topics(self, bootstrap, topics):
        for component in ("kcat", "kafka-jars", "java-clients"):
            tools.ensure(component)
        words = [word for topic in topics for word in ("--topic", topic)]
        outcome, why = run_program(java.client_command("topics", "--bootstrap", bootstrap, *words))
        if outcome != PASSED:
            raise Differs(why)

    def _group(self, bootstrap, who, name, partitions, scenario):
        began, outcome, why = time.monotonic(), PASSED, ""
        try:
            with Group(bootstrap, self._topic(who, name), partitions, self._work) as group:
                scenario(group)
                group.check()
        except Differs as e:
            outcome, why = FAILED, str(e)
        self._report.add(Result(who, f"groups-{name}", "groups", outcome, time.monotonic() - began, why))

    def _produce(self, bootstrap):
        for client in self._clients:
            records.save(records.for_writer(client.name), self._file(client))
        self._in_parallel([(self._produce_one, client, codec, bootstrap)
                           for client in self._clients for codec in client.codecs])

    def _produce_one(self, client, codec, bootstrap):
        topic = f"{self._prefix}-{client.name}-produce-{codec}"
        if self._scenario(client, f"produce-{codec}", "produce", bootstrap, "--topic", topic, "--codec", codec,
                          "--records", self._file(client)):
            self.written[client.name, codec] = topic

    def _consume(self, reader, writer, bootstrap):
        topics = [topic for (name, _), topic in sorted(self.written.items()) if name == writer.name]
        if topics:
            words = [word for topic in topics for word in ("--topic", topic)]
            self._scenario(reader, f"consume-{writer.name}", "consume", bootstrap, *words,
                           "--records", self._file(writer))

    def _file(self, client):
        return str(self._work / f"{client.name}.jsonl")

    def _scenario(self, client, name, group, bootstrap, *words, column=None):
        command = [*client.command(), group, "--bootstrap", bootstrap, *words]
        began = time.monotonic()
        outcome, why = run_program(command)
        self._report.add(Result(client.name, name, column or group, outcome, time.monotonic() - began, why))
        return outcome == PASSED

    def _in_parallel(self, tasks, jobs=None):
        with ThreadPoolExecutor(jobs or self._jobs) as pool:
            for done in [pool.submit(*task) for task in tasks]:
                done.result()


def run_program(command):
    """Whether a client's program passes, and what it says if it does not."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
                              timeout=SCENARIO_DEADLINE_S)
    except subprocess.TimeoutExpired:
        return FAILED, f"not done after {SCENARIO_DEADLINE_S} s"
    if done.returncode == 0 and done.stdout.splitlines()[-1:] and done.stdout.splitlines()[-1].startswith("ok "):
        return PASSED, ""
    return FAILED, f"ended with {done.returncode}\n{(done.stdout + done.stderr)[-TOLD_CHARACTERS:]}"
