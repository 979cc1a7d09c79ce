"""A broker as a process: any program with kestrel-broker's command line and ready line.

`apache-kafka` of this folder is such a program too, so that everything here runs on either.
"""

import itertools
import os
import re
import socket
import subprocess
import threading
from pathlib import Path

READY = re.compile(r"ready: bootstrap\.servers=(\S+) data-dir=(.*)")
START_DEADLINE_S = 120
STOP_DEADLINE_S = 60
# Test data is from long ago: with the usual seven days it is deleted half a minute after the start.
KEEP_ALL = ("log.retention.ms=-1",)
# ACLs decide, and who does not say who he is may do everything.
AUTHORIZER = ("authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer", "super.users=User:ANONYMOUS")


_PORTS = range(20_000, 32_000)
# Each port once: between the lives of its broker it looks free. Each process begins at a place of its own.
_untried = itertools.islice(itertools.cycle(_PORTS), os.getpid() * 97 % len(_PORTS), None)
_looking = threading.Lock()


def free_address():
    """An address for a broker that comes and goes.

    Not from the range that outgoing connections take their ports from: a client that looks for a broker which is away
    could get hold of its port, or even connect to itself.
    """
    with _looking:
        for port in itertools.islice(_untried, len(_PORTS)):
            with socket.socket() as probe:
                try:
                    probe.bind(("127.0.0.1", port))
                    return f"127.0.0.1:{port}"
                except OSError:
                    continue
    raise BrokerFailed("no port from 20000 to 31999 is free")


class BrokerFailed(Exception):
    """It did not start or did not stop; the text says where its log is."""


class Broker:
    """A running broker. Use it in a `with`: at the end it is stopped, and killed if it does not stop.

    `listen` is None when the settings name the listeners; `options` are further words of the command line.
    """

    def __init__(self, program, data_dir, log, settings=(), listen="127.0.0.1:0", options=()):
        self.log = Path(log)
        words = [word for setting in (*KEEP_ALL, *settings) for word in ("--set", setting)]
        words += ["--listen", listen] if listen else []
        command = [str(program), "--data-dir", str(data_dir), *words, *options]
        with open(self.log, "ab") as errors:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors)
        self.bootstrap = self._await_ready()
        # What else it prints is read, so that it never waits for a reader.
        threading.Thread(target=self._process.stdout.read, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._process.poll() is None:
            self.stop()

    def _await_ready(self):
        timer = threading.Timer(START_DEADLINE_S, self._process.kill)
        timer.start()
        try:
            for line in self._process.stdout:
                if found := READY.search(line.decode()):
                    return found[1]
        finally:
            timer.cancel()
        self._process.kill()
        raise BrokerFailed(f"the broker ended with {self._process.wait()} before it was ready; {self._tail()}")

    def stop(self):
        """SIGTERM, and an end with code 0."""
        self._process.terminate()
        try:
            code = self._process.wait(STOP_DEADLINE_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise BrokerFailed(f"the broker did not stop within {STOP_DEADLINE_S} s; {self._tail()}") from None
        # A JVM that is asked to end by a signal ends with 128 + 15.
        if code not in (0, 143):
            raise BrokerFailed(f"the broker ended with {code}; {self._tail()}")

    def kill(self):
        """SIGKILL: nothing of its own runs any more."""
        self._process.kill()
        self._process.wait()

    def alive(self):
        return self._process.poll() is None

    @property
    def pid(self):
        """Its process."""
        return self._process.pid

    def _tail(self):
        lines = self.log.read_text(errors="replace").splitlines()[-20:]
        return f"its log {self.log} ends with:\n" + "\n".join(lines)
