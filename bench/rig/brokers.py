"""The broker under test: a fresh process in a fresh folder, and what it costs. Used by the runner, one at a time."""

import re
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from rig import build, processes
from rig.build import Authority

READY = re.compile(rb"ready: bootstrap\.servers=(\S+)")
START_DEADLINE_S = 120
STOP_DEADLINE_S = 30

# Program, and what is said to it. Deleted topics give their space back soon, on either broker.
_SETTINGS = ("log.retention.ms=-1", "log.segment.delete.delay.ms=1000")
_KINDS = {
    "kestrel-os": (build.kestrel_broker, ["--durability", "os"], ()),
    "kestrel-group": (build.kestrel_broker, ["--durability", "group"], ()),
    "kestrel-os-scraped": (build.kestrel_broker, ["--durability", "os"], ()),
    "kafka": (build.apache_kafka, [], ("log.initial.task.delay.ms=2000",)),
    "kafka-flush": (build.apache_kafka, [], ("log.initial.task.delay.ms=2000", "log.flush.interval.messages=1")),
}
# Those that serve metrics, which are read as Prometheus does.
_SCRAPED = ("kestrel-os-scraped",)
SCRAPE_INTERVAL_S = 5
NAMES = tuple(_KINDS)
TITLES = {
    "kestrel-os": "kestrel-broker, `os`",
    "kestrel-group": "kestrel-broker, `group`",
    "kestrel-os-scraped": "kestrel-broker, `os`, its metrics read every 5 s",
    "kafka": "Apache Kafka 4.3",
    "kafka-flush": "Apache Kafka 4.3, `log.flush.interval.messages=1`",
}


class BrokerFailed(Exception):
    """It did not start, or ended; the text has the end of its log."""


@dataclass(frozen=True)
class Way:
    """An address, for one that is encrypted the file of the authority that has signed its certificate, and a registry's address."""

    bootstrap: str
    ca: str | None = None
    registry: str | None = None


class Broker:
    """A running broker. Use it in a `with`: at the end it is stopped and its folder is gone."""

    def __init__(self, kind, folder, port, rtt_ms=0, network="good", security="PLAINTEXT", program=None, tool=()):
        """`program` stands for the one that is built, and `tool` is what runs it, as valgrind does."""
        built, options, settings = _KINDS[kind]
        port = _free_port(port)
        self.metrics = None
        if kind in _SCRAPED:
            self.metrics = f"127.0.0.1:{_free_port(port + 2)}"
            options = [*options, "--metrics", self.metrics]
        proxied = ["--rtt-ms", str(rtt_ms)] if rtt_ms else ["--cut-seed", "7"] if network == "cut" else []
        outside = _free_port(port + 1) if proxied or security == "SSL" else port
        self.folder = Path(folder)
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.log = self.folder / "broker.log"
        self._proxy = None
        self._scraper = None
        self._encrypted = None
        listen = ["--listen", f"127.0.0.1:{port}"]
        if proxied:
            # Clients are told the proxy's address, so that nothing has to be rewritten on the way.
            settings = (*settings, f"advertised.listeners=PLAINTEXT://127.0.0.1:{outside}")
        if security == "SSL":
            authority = Authority(self.folder / "authority")
            self._encrypted = Way(f"127.0.0.1:{outside}", authority.ca)
            settings = (*settings, *_encryption(authority, port, outside))
            # kestrel-broker takes one of the two; Apache Kafka's script adds its controller to these.
            listen = [] if kind.startswith("kestrel") else listen
        command = [*tool, *([program] if program else built()), *listen, "--data-dir", str(self.folder / "data"), *options]
        for setting in (*_SETTINGS, *settings):
            command += ["--set", setting]
        started = time.monotonic()
        with open(self.log, "wb") as errors:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors)
        try:
            self.bootstrap = self._await_ready()
            self.ready_s = time.monotonic() - started
            threading.Thread(target=self._process.stdout.read, daemon=True).start()
            if self.metrics and not tool:
                self._scraper = Scraper(self.metrics)
            if proxied:
                self._proxy = Proxy(outside, f"127.0.0.1:{port}", proxied)
                self.bootstrap = self._proxy.address
        except BaseException:
            self.stop()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def way(self, case):
        """How the client of a case comes to it."""
        return self._encrypted if case.is_encrypted else Way(self.bootstrap)

    def cpu_s(self):
        """CPU seconds of its process and that one's children, so far."""
        return processes.cpu_s(self._process.pid)

    def rss_mb(self):
        """Resident memory now."""
        return processes.rss_mb(self._process.pid)

    def check(self):
        if self._process.poll() is not None:
            raise BrokerFailed(f"the broker ended with {self._process.returncode}; {self._tail()}")

    def stop(self):
        if self._scraper:
            self._scraper.stop()
        if self._proxy:
            self._proxy.stop()
        processes.end(self._process, STOP_DEADLINE_S)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _await_ready(self):
        timer = threading.Timer(START_DEADLINE_S, self._process.kill)
        timer.start()
        try:
            for line in self._process.stdout:
                if found := READY.search(line):
                    return found[1].decode()
        finally:
            timer.cancel()
        self._process.wait()
        raise BrokerFailed(f"the broker ended with {self._process.returncode} before it was ready; {self._tail()}")

    def _tail(self):
        lines = self.log.read_text(errors="replace").splitlines()[-15:]
        return "its log ends with:\n" + "\n".join(lines)


def _encryption(authority, port, encrypted_port):
    """The settings of a second listener that encrypts: who prepares a case comes in by the first."""
    yield f"listeners=PLAINTEXT://127.0.0.1:{port},SSL://127.0.0.1:{encrypted_port}"
    yield "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SSL:SSL"
    yield "inter.broker.listener.name=PLAINTEXT"
    yield "ssl.keystore.type=PEM"
    yield f"ssl.keystore.location={authority.certificate('broker')}"


def _free_port(first):
    """The first free port from this one on."""
    for port in range(first, first + 100):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise BrokerFailed(f"no free port from {first} on")


def scrape(address):
    """Reads a broker's metrics once, in the format that Prometheus asks for."""
    asked = urllib.request.Request(f"http://{address}/metrics", headers={"Accept": "application/openmetrics-text;version=1.0.0"})
    with urllib.request.urlopen(asked, timeout=60) as answer:
        return answer.read()


class Scraper:
    """Reads a broker's metrics as Prometheus does, more often than most."""

    def __init__(self, address):
        self._address, self._over = address, threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._over.wait(SCRAPE_INTERVAL_S):
            try:
                scrape(self._address)
            except OSError:  # it is on its way down
                return

    def stop(self):
        self._over.set()
        self._thread.join()


class Proxy:
    """`kestrel-bench proxy` in front of a broker."""

    def __init__(self, port, to, options):
        command = [*build.kestrel_bench(), "proxy", "--listen", f"127.0.0.1:{port}", "--to", to, *options]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=sys.stderr)
        line = self._process.stdout.readline().decode()
        if not line.startswith("proxy ready: "):
            raise BrokerFailed("the proxy did not start")
        self.address = line.split(": ")[1].strip()

    def stop(self):
        processes.end(self._process, STOP_DEADLINE_S)
