#!/usr/bin/env python3
"""Interop scenarios of Kafka Connect: a worker that copies a file into a topic, and the topic into another file."""

import json
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from ring import java, scenario  # noqa: E402
from ring.scenario import expect  # noqa: E402

CLI = "org.apache.kafka.connect.cli"
LINES = 5_000


class Worker:
    """A worker as a process, with its files in a folder. Use it in a `with`: at the end it is killed."""

    def __init__(self, args, folder, mode, *connectors, **settings):
        self._port, self._log = _free_port(), folder / "worker.log"
        settings = {"bootstrap.servers": args.bootstrap, "listeners": f"http://127.0.0.1:{self._port}",
                    "key.converter": "org.apache.kafka.connect.storage.StringConverter",
                    "value.converter": "org.apache.kafka.connect.storage.StringConverter",
                    "offset.flush.interval.ms": 500, "plugin.discovery": "service_load", **settings}
        files = [_properties(folder / "worker.properties", settings)]
        files += [_properties(folder / f"{one['name']}.properties", one) for one in connectors]
        with open(self._log, "ab") as log:
            command = java.command(f"{CLI}.{mode}", *files, options=(*java.QUICK, "-Dinterop.level=INFO"))
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    def kill(self):
        self._process.kill()
        self._process.wait()

    def stop(self):
        """SIGTERM; a JVM ends with 128 + 15 then."""
        self._process.terminate()
        expect("how the worker ends", self._process.wait(scenario.DEADLINE_S), 143)

    def wait(self, what, probe, want):
        """Waits for something as long as the worker runs."""
        def alive_and():
            if self._process.poll() is not None:
                raise scenario.Differs(f"the worker ended with {self._process.returncode}:\n{self.said()}")
            return probe()
        try:
            scenario.eventually(what, alive_and, want)
        except scenario.Differs as e:
            raise scenario.Differs(f"{e}; the worker says:\n{self.said()}") from None

    def put(self, connector):
        """Makes a connector; a worker that has just begun may not take one yet."""
        path = f"http://127.0.0.1:{self._port}/connectors/{connector['name']}/config"

        def answer():
            request = urllib.request.Request(path, json.dumps(connector).encode(), {"Content-Type": "application/json"},
                                             method="PUT")
            try:
                return urllib.request.urlopen(request, timeout=scenario.DEADLINE_S).status
            except urllib.error.HTTPError as e:
                return f"{e.code} {e.read().decode()}"
            except OSError as e:
                return str(e)
        self.wait(f"{connector['name']} is made", lambda: answer() in (200, 201), True)

    def said(self):
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-20:])


def standalone(args):
    """A worker whose connectors come from files; what is written later follows."""
    topic, folder = f"{args.prefix}-connect-standalone", args.folder
    read, written = folder / "read.txt", folder / "written.txt"
    _write(read, 0, LINES)
    with Worker(args, folder, "ConnectStandalone", _source(topic, read), _sink(topic, written),
                **{"offset.storage.file.filename": folder / "offsets"}) as worker:
        worker.wait("lines", lambda: _lines(written), LINES)
        _write(read, LINES, 10)
        worker.wait("lines with those written later", lambda: _lines(written), LINES + 10)
        worker.stop()
    expect("the file", written.read_bytes(), read.read_bytes())


def distributed(args):
    """A worker whose connectors come by HTTP, and which has all it knows in topics; killed, and another goes on.

    Its source writes in transactions, exactly once.
    """
    topic, folder = f"{args.prefix}-connect-distributed", args.folder
    read, written = folder / "read.txt", folder / "written.txt"
    settings = {"group.id": topic, "exactly.once.source.support": "enabled", "session.timeout.ms": 6_000,
                "heartbeat.interval.ms": 500, "scheduled.rebalance.max.delay.ms": 0,
                "consumer.session.timeout.ms": 6_000, "consumer.heartbeat.interval.ms": 500,
                # Until then nobody reads behind what the first one left open.
                "producer.transaction.timeout.ms": 3_000}
    for what in ("offset", "config", "status"):
        settings |= {f"{what}.storage.topic": f"{topic}-{what}", f"{what}.storage.replication.factor": 1}
    settings |= {"offset.storage.partitions": 3, "status.storage.partitions": 3}
    _write(read, 0, LINES)
    with Worker(args, folder, "ConnectDistributed", **settings) as first:
        first.put({**_source(topic, read), "exactly.once.support": "required"})
        first.put(_sink(topic, written))
        first.wait("lines", lambda: _lines(written), LINES)
        _write(read, LINES, LINES)
        first.wait("some more lines", lambda: _lines(written) > LINES, True)
        first.kill()
    _write(read, 2 * LINES, 10)
    with Worker(args, folder, "ConnectDistributed", **settings) as second:
        # The sink may write some of them twice.
        second.wait("the last line", lambda: written.read_bytes().endswith(read.read_bytes()[-100:]), True)
        second.stop()
    expect("the topic", _committed(args, topic), read.read_bytes())


def _in_folder(run):
    """A scenario with a folder of its own."""
    def with_folder(args):
        with tempfile.TemporaryDirectory(prefix="interop-connect-") as folder:
            args.folder = Path(folder)
            run(args)
    return with_folder


def _source(topic, file):
    return {"name": f"{topic}-source", "connector.class": "FileStreamSource", "tasks.max": "1", "file": str(file),
            "topic": topic, "batch.size": "500"}


def _sink(topic, file):
    return {"name": f"{topic}-sink", "connector.class": "FileStreamSink", "tasks.max": "1", "file": str(file),
            "topics": topic}


def _write(file, start, count):
    with open(file, "a", encoding="utf-8") as out:
        out.writelines(f"line {number}\n" for number in range(start, start + count))


def _lines(file):
    return file.read_bytes().count(b"\n") if file.exists() else 0


def _committed(args, topic):
    done = subprocess.run(["kcat", "-q", "-b", args.bootstrap, "-C", "-t", topic, "-e", "-o", "beginning", "-X",
                           "isolation.level=read_committed"], capture_output=True, timeout=scenario.DEADLINE_S)
    expect("how kcat ends", (done.returncode, done.stderr), (0, b""))
    return done.stdout


def _properties(path, settings):
    path.write_text("".join(f"{name}={value}\n" for name, value in settings.items()), encoding="utf-8")
    return str(path)


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


scenario.main("connect", {"standalone": _in_folder(standalone), "distributed": _in_folder(distributed)})
