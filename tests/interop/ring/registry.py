"""A schema registry as a process: kestrel-registry, or Apicurio Registry, whose API is Confluent's too."""

import json
import subprocess
import time
import urllib.request
from pathlib import Path

from ring import tools
from ring.broker import BrokerFailed, free_address

START_DEADLINE_S = 120
STOP_DEADLINE_S = 20
_TYPE = {"Content-Type": "application/vnd.schemaregistry.v1+json"}


class Registry:
    """A running registry, at `url`. Use it in a `with`: at the end it is stopped, and killed if it does not stop."""

    def __init__(self, command, url, log):
        self.url, self._log = url, Path(log)
        with open(self._log, "ab") as out:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)

    def __enter__(self):
        try:
            self._await_answer()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self._process.terminate()
        try:
            self._process.wait(STOP_DEADLINE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _await_answer(self):
        until = time.monotonic() + START_DEADLINE_S
        while True:
            try:
                return self.ask("GET", "/subjects")
            except OSError as e:
                failed = e
            if self._process.poll() is not None or time.monotonic() > until:
                raise BrokerFailed(f"the registry does not answer ({failed}); its log {self._log} ends with:\n{self._tail()}")
            time.sleep(0.1)

    def ask(self, method, path, body=None):
        """The answer to a request."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, _TYPE, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def _tail(self):
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-20:])


def kestrel(program, bootstrap, log):
    """kestrel-registry on a cluster."""
    address = free_address()
    return Registry([str(program), "--bootstrap", bootstrap, "--listen", address], f"http://{address}", log)


class Apicurio(Registry):
    """Apicurio Registry, with its schemas in memory."""

    def __init__(self, log):
        (port, management), home = (free_address().rpartition(":")[2] for _ in range(2)), tools.ensure("apicurio")
        jar = next(path for path in (home / "quarkus-run.jar", *home.glob("*-runner.jar")) if path.exists())
        settings = {"http.host": "127.0.0.1", "http.port": port, "management.host": "127.0.0.1", "management.port": management}
        command = [tools.newest_java()[1], "-Xmx512m", "-XX:+UseSerialGC", *(f"-Dquarkus.{k}={v}" for k, v in settings.items()),
                   "-jar", str(jar)]
        self.home = f"http://127.0.0.1:{port}"
        super().__init__(command, f"{self.home}/apis/ccompat/v7", log)

    def __enter__(self):
        super().__enter__()
        # Confluent's registry begins with it, this one with NONE.
        self.ask("PUT", "/config", {"compatibility": "BACKWARD"})
        return self
