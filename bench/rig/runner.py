"""Runs a plan: for each case a fresh broker, the clients in turns, and one line of JSON for each run."""

import json
import sys
import threading
import time
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from rig import build, machine, peers
from rig.brokers import Broker, BrokerFailed
from rig.peers import RunFailed

MEMORY_SAMPLE_S = 0.1
WARMUP_RECORDS = 200_000
WARMUP_JVM_S = 8
WARMUP_GROUPS = 10
WARMUP_GROUPS_S = 2
# What a broker has to do after its start, or after a topic's creation, is not what it does when idle.
SETTLE_S = 5


class Runner:
    """Writes one file of results, a line for each run."""

    def __init__(self, results, scratch, port):
        self.results = Path(results)
        self.scratch = Path(scratch)
        self.port = port
        self._done = set()
        self._began = time.monotonic()

    def run(self, tables, resume):
        """Every case of every table. Returns how many runs failed."""
        self._open(tables, resume)
        work = [(table, case) for table in tables for case in table.cases]
        total = sum(table.rounds * len(self._clients(table, case)) for table, case in work)
        self._say(f"{len(work)} cases, {total} runs, into {self.results}")
        counter, failed = [0, total], 0
        for table, case in work:
            failed += self._case(table, case, counter)
        return failed

    def _open(self, tables, resume):
        """Keeps the results of other tables, and with `resume` those of these."""
        names = {table.name for table in tables}
        lines = self.results.read_text().splitlines() if self.results.exists() else []
        kept = []
        for line in map(json.loads, lines):
            if "case" not in line:
                kept += [line] if resume or not names.issuperset(line["tables"]) else []
            elif line["case"]["table"] not in names:
                kept.append(line)
            elif resume and "error" not in line:
                kept.append(line)
                self._done.add(self._identity(line["case"], line["client"], line["round"]))
        self.results.parent.mkdir(parents=True, exist_ok=True)
        self.results.write_text("".join(json.dumps(line) + "\n" for line in kept))
        self._write({"machine": machine.describe(), "commit": build.commit(), "began": time.strftime("%F %T %Z"),
                     "tables": {table.name: table.title for table in tables}})

    def _clients(self, table, case):
        return [client for client in table.clients if peers.supports(client, case)]

    def _case(self, table, case, counter):
        clients = self._clients(table, case)
        turns = [(number, client) for number in range(table.rounds) for client in _rotated(clients, number)]
        open_turns = [t for t in turns if self._identity(case.key(), t[1], t[0]) not in self._done]
        counter[0] += len(turns) - len(open_turns)
        if not open_turns:
            return 0
        if case.work == "idle":
            return self._idle(table, case, open_turns, counter)
        failed = 0
        try:
            with (Broker(case.broker, self.scratch / "broker", self.port, case.rtt_ms, case.network, case.security) as broker,
                  self._registry(case, broker) as registry):
                way = replace(broker.way(case), registry=registry.url if registry else None)
                self._warm_up(case, broker)
                filled = self._fill(case, broker, way)
                for number, client in open_turns:
                    failed += self._turn(case, broker, way, number, client, filled, counter)
                    broker.check()
        except (BrokerFailed, RunFailed) as e:
            self._say(f"  FAILED {case.label()}: {e}")
            failed += 1
        return failed

    def _registry(self, case, broker):
        """The schemas of typed data: kestrel-registry on the same broker, whoever the client is."""
        if not case.is_typed:
            return nullcontext()
        return build.registry(broker.bootstrap, self.scratch / "registry.log")

    def _warm_up(self, case, broker):
        """What a broker does for the first time is slow, on a JVM for seconds: nobody's figure should have it."""
        records = min(WARMUP_RECORDS, 100_000_000 // case.size)
        warm = replace(case, work="produce", settings="matched", records=records, acks="all", linger_ms=5, connections=1,
                       per_transaction=0, format="")
        peers.topic("create", broker.bootstrap, "warm-up", case.partitions)
        until = time.monotonic() + (WARMUP_JVM_S if case.broker.startswith("kafka") else 0)
        while True:
            peers.run("kestrel", warm, broker.way(case), "warm-up")
            peers.run("kestrel", replace(warm, work="consume"), broker.way(case), "warm-up")
            if time.monotonic() >= until:
                break
        if case.work in ("e2e", "transactions"):
            peers.run("kestrel", case, broker.way(case), "warm-up")
        if case.work == "groups":
            few = replace(case, groups=min(case.groups, WARMUP_GROUPS), seconds=WARMUP_GROUPS_S)
            peers.run("kestrel", few, broker.way(case), "warm-up")
        peers.topic("delete", broker.bootstrap, "warm-up")

    def _fill(self, case, broker, way):
        """The topic that every client reads; for other work there is none."""
        if not case.reads:
            return None
        peers.topic("create", broker.bootstrap, "filled", case.partitions)
        work = "typed-produce" if case.is_typed else "transactions" if case.per_transaction else "produce"
        writer = replace(case, work=work, settings="matched", acks="all", security="PLAINTEXT")
        peers.run("kestrel", writer, replace(broker.way(writer), registry=way.registry), "filled")
        # Once unmeasured, so that the first client does not find what the others find warm.
        peers.run("kestrel", case, way, "filled")
        return "filled"

    def _turn(self, case, broker, way, number, client, filled, counter):
        counter[0] += 1
        topic = filled or f"{client}-{number}"
        if not filled:
            peers.topic("create", broker.bootstrap, topic, case.partitions)
        try:
            with MemorySampler(broker) as sampler:
                cpu, at = broker.cpu_s(), {}
                figures = peers.run(client, case, way, topic, lambda mark: at.update({mark: broker.cpu_s()}))
                if at:
                    figures["broker_start_cpu_s"] = round(at["joined"] - cpu, 3)
                cpu = at.get("over", broker.cpu_s()) - at.get("joined", cpu)
        except RunFailed as e:
            self._write({"case": case.key(), "client": client, "round": number, "error": str(e)})
            self._progress(counter, case, client, number, f"FAILED: {e}")
            return 1
        finally:
            if not filled:
                peers.topic("delete", broker.bootstrap, topic)
        figures |= {"broker_cpu_s": round(cpu, 3), "broker_rss_mb": round(sampler.most_mb, 1)}
        self._write({"case": case.key(), "client": client, "round": number, **figures})
        self._progress(counter, case, client, number, _summary(figures))
        return 0

    def _idle(self, table, case, turns, counter):
        """How soon a broker is ready, and what it holds when nobody asks it anything."""
        for number, client in turns:
            counter[0] += 1
            with Broker(case.broker, self.scratch / "broker", self.port) as broker:
                if case.partitions:
                    peers.topic("create", broker.bootstrap, "idle", case.partitions)
                time.sleep(SETTLE_S)
                cpu, began = broker.cpu_s(), time.monotonic()
                time.sleep(case.seconds)
                idle_cpu = (broker.cpu_s() - cpu) / (time.monotonic() - began)
                figures = {"ready_ms": round(broker.ready_s * 1000, 1), "broker_rss_mb": round(broker.rss_mb(), 1),
                           "idle_cpu_percent": round(idle_cpu * 100, 2)}
            self._write({"case": case.key(), "client": client, "round": number, **figures})
            self._progress(counter, case, "-", number, str(figures))
        return 0

    def _identity(self, case, client, number):
        return json.dumps([case, client, number], sort_keys=True)

    def _write(self, line):
        with open(self.results, "a") as results:
            results.write(json.dumps(line) + "\n")

    def _progress(self, counter, case, client, number, text):
        done, total = counter
        spent = time.monotonic() - self._began
        left = spent / done * (total - done)
        self._say(f"[{done}/{total}, {left / 60:.0f} min left] {case.label()} | {client} {number + 1}: {text}")

    def _say(self, text):
        print(text, file=sys.stderr, flush=True)


class MemorySampler:
    """The most memory that a broker has while something runs."""

    def __init__(self, broker):
        self._broker, self._over, self.most_mb = broker, threading.Event(), 0.0
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def _sample(self):
        while not self._over.is_set():
            self.most_mb = max(self.most_mb, self._broker.rss_mb())
            self._over.wait(MEMORY_SAMPLE_S)


def _summary(figures):
    if "start_s" in figures:
        of_core = 100 / figures["wall_s"]
        return (f"joined after {figures['start_s']:.2f} s, for {figures['broker_start_cpu_s']:.2f} broker CPU s; then broker "
                f"{figures['broker_cpu_s'] * of_core:.1f}% {figures['broker_rss_mb']:.0f} MB, client "
                f"{figures['cpu_s'] * of_core:.1f}% {figures['max_rss_mb']:.0f} MB, {figures['msgs_per_s']:.0f} commits/s, "
                f"p50 {figures['latency_us']['p50']} p99 {figures['latency_us']['p99']} us")
    per_million = 1e6 / max(figures["acked"], 1)
    text = (f"{figures['msgs_per_s'] / 1e6:.3f} M/s, client {figures['cpu_s'] * per_million:.2f} CPU s/M "
            f"{figures['max_rss_mb']:.0f} MB, broker {figures['broker_cpu_s'] * per_million:.2f} CPU s/M "
            f"{figures['broker_rss_mb']:.0f} MB")
    if latency := figures.get("latency_us"):
        text += f", p50 {latency['p50']} p99 {latency['p99']} p999 {latency['p999']} us"
    return text


def _rotated(clients, number):
    """Another one goes first in each round: a JVM under test gets faster all the time, and a disk may get slower."""
    first = number % len(clients) if clients else 0
    return clients[first:] + clients[:first]
