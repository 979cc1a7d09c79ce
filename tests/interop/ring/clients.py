"""The foreign clients: how each one's program is started, and what it can do."""

import sys
from dataclasses import dataclass
from typing import Callable

from ring import java, tools
from ring.scenario import CODECS

_EVERY = ("acks", "offsets", "log-append-time", "admin", "errors", "group-admin")


@dataclass(frozen=True)
class Client:
    """A client's program: its command line, what has to be installed for it, and what it can do."""

    name: str
    components: tuple
    command: Callable
    codecs: tuple = CODECS
    scenarios: tuple = _EVERY
    # Whose topics it reads: None for everybody's.
    reads: tuple | None = None
    # The scenarios of groups.py that its members take part in.
    groups: tuple = ("sharing", "static", "fenced", "cooperative")
    # Its members do not say which partitions they have.
    blind: bool = False
    # Its members commit by themselves, and do not say so.
    commits: bool = True
    # The ways to connect that it has, by how their names begin (security.py).
    ways: tuple = ("tls", "mutual-tls", "plain", "scram", "oauthbearer")
    # What it says when it is fenced, and when its transaction was open for too long; None for who has no transactions.
    fenced: str | None = None
    timed_out: str | None = None
    # How late its members say what happened: they read it from what a tool prints.
    late_ms: int = 0

    def install(self):
        for component in self.components:
            tools.ensure(component)


def _script(name):
    return [sys.executable, str(tools.CLIENTS / name / "main.py")]


def _in_venv(name):
    return [str(tools.ensure("python") / "venv/bin/python"), str(tools.CLIENTS / name / "main.py")]


def _node():
    modules = tools.ensure("node") / "node_modules"
    protos = tools.ensure("typed-protos") / "typed.binpb"
    return ["env", f"NODE_PATH={modules}", f"TYPED_PROTOS={protos}", "node", str(tools.CLIENTS / "kafkajs" / "main.js")]


def _franz_go():
    return [str(tools.ensure("franz-go") / "franz-go")]


# The slowest first, so that the fast ones fill the end.
CLIENTS = (
    Client("console-tools", ("kafka-jars",), lambda: _script("console-tools"),
           scenarios=("group-admin", "transactions", "operate", "acks", "offsets", "admin", "errors"),
           # A start of the JVM for each partition: it reads what has one partition.
           reads=("console-tools", "kcat"), groups=("sharing",), blind=True, commits=False, ways=()),
    # They read what they have written themselves.
    Client("streams", ("kafka-jars", "java-clients"), java.client_command, codecs=(), scenarios=("word-count",), reads=(),
           groups=(), ways=()),
    Client("connect", ("kafka-jars", "kcat"), lambda: _script("connect"), codecs=(), scenarios=("distributed", "standalone"),
           reads=(), groups=(), ways=()),
    Client("java", ("kafka-jars", "java-clients"), java.client_command,
           fenced="ProducerFencedException", timed_out="InvalidTxnStateException"),
    # It goes on as if nothing had happened when it is fenced.
    Client("kafka-python", ("python",), lambda: _in_venv("kafka-python"), groups=("sharing", "static", "cooperative"),
           fenced="ProducerFencedError", timed_out="ProducerFencedError"),
    Client("confluent-kafka", ("python",), lambda: _in_venv("confluent-kafka"), fenced="_FENCED", timed_out="_FENCED"),
    Client("kcat", ("kcat",), lambda: _script("kcat"), scenarios=("acks", "offsets", "admin", "errors"),
           groups=("sharing", "static"), commits=False, late_ms=2_000,
           # Its SCRAM says the client's nonce twice (mended in librdkafka 2.6.1): Apache Kafka does not take it either.
           ways=("tls", "mutual-tls", "plain")),
    # Kestrel's own command line, between clients that nobody here wrote.
    Client("kestrel-cli", (), lambda: _script("kestrel-cli"), scenarios=("acks", "offsets", "errors"), groups=(), ways=()),
    # It reads only as a member of a group, and has no lz4 and zstd of its own.
    Client("kafkajs", ("node",), _node, codecs=("none", "gzip", "snappy"),
           scenarios=("acks", "offsets", "admin", "errors", "group-admin"), reads=(),
           groups=("sharing",), fenced="INVALID_PRODUCER_EPOCH", timed_out="INVALID_PRODUCER_EPOCH"),
    # It joins again when it is fenced, and fences the other.
    Client("franz-go", ("franz-go",), _franz_go, groups=("sharing", "static", "cooperative"),
           fenced="PRODUCER_FENCED", timed_out="INVALID_TXN_STATE"),
)
