"""Runs the scenarios of the foreign clients against one bootstrap address.

First everybody writes the record set with each codec, then everybody reads what everybody wrote, then come the
scenarios that a client does alone.
"""

import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ring import records, tools
from ring.clients import CLIENTS
from ring.report import FAILED, PASSED, SKIPPED, Result

SCENARIO_DEADLINE_S = 240
# The tail of what a failed program printed.
TOLD_CHARACTERS = 3_000


class Ring:
    """One run: its clients, its folder for record files, its topics' prefix."""

    def __init__(self, report, work, clients, allow_missing, jobs):
        self._report = report
        self._work = Path(work)
        self._prefix = f"i{int(time.time())}"
        self._jobs = jobs
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
        self._in_parallel([(self._scenario, client, name, name, bootstrap, "--prefix", self._prefix)
                           for client in self._clients for name in client.scenarios if wanted(name)])

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

    def _scenario(self, client, name, group, bootstrap, *words):
        command = [*client.command(), group, "--bootstrap", bootstrap, *words]
        began = time.monotonic()
        outcome, why = _run(command)
        self._report.add(Result(client.name, name, group, outcome, time.monotonic() - began, why))
        return outcome == PASSED

    def _in_parallel(self, tasks):
        with ThreadPoolExecutor(self._jobs) as pool:
            for done in [pool.submit(*task) for task in tasks]:
                done.result()


def _run(command):
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
                              timeout=SCENARIO_DEADLINE_S)
    except subprocess.TimeoutExpired:
        return FAILED, f"not done after {SCENARIO_DEADLINE_S} s"
    if done.returncode == 0 and done.stdout.splitlines()[-1:] and done.stdout.splitlines()[-1].startswith("ok "):
        return PASSED, ""
    return FAILED, f"ended with {done.returncode}\n{(done.stdout + done.stderr)[-TOLD_CHARACTERS:]}"
