"""A plan: which tables are measured, and of which cases each is made. Read from a TOML file by `bench/run`."""

import itertools
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path

from rig import brokers, peers

WORKS = ("produce", "consume", "e2e", "transactions", "groups", "idle", "typed-produce", "typed-consume", "print")
# What records are made of, or what is written of each.
FORMATS = {"typed-produce": ("avro", "protobuf", "json"), "typed-consume": ("avro", "protobuf", "json"), "print": ("values", "json-lines")}
# What varies within a table: a list in the plan makes a case of each.
DIMENSIONS = ("broker", "size", "partitions", "codec", "acks", "settings", "rtt_ms", "rate", "linger_ms", "connections",
              "groups", "members", "security", "network", "isolation", "per_transaction", "format")


class BadPlan(Exception):
    """The plan cannot be read, or says what does not exist."""


@dataclass(frozen=True)
class Case:
    """One broker, fresh, and one work that every client does in turns."""

    table: str
    work: str
    broker: str
    size: int
    partitions: int
    codec: str
    acks: str
    settings: str
    rtt_ms: int
    rate: int
    linger_ms: int
    connections: int
    groups: int
    members: int
    security: str
    network: str
    isolation: str
    per_transaction: int
    format: str
    records: int
    seconds: int
    batch_bytes: int

    def label(self):
        """What distinguishes it from other cases, for people."""
        words = [self.broker, self.work]
        if self.work == "idle":
            return " ".join([*words, f"{self.partitions} partitions"])
        if self.work == "groups":
            return ", ".join([*words, f"{self.groups} of {self.members}", f"{self.partitions} part."])
        words += [self.format if self.is_typed else f"{self.size} B", f"{self.partitions} part."]
        words += [self.format] if self.work == "print" else []
        words += [self.codec] if self.codec != "none" else []
        words += [f"acks={self.acks}"] if not self.reads else []
        words += [f"{self.rate}/s, linger {self.linger_ms} ms"] if self.work == "e2e" else []
        words += [f"{self.connections} connections"] if self.connections > 1 else []
        words += [f"rtt {self.rtt_ms} ms"] if self.rtt_ms else []
        words += [f"{self.network} network"] if self.network != "good" else []
        words += [self.security] if self.security != "PLAINTEXT" else []
        words += [f"transactions of {self.per_transaction}"] if self.per_transaction else []
        words += [self.isolation] if self.isolation != "read_uncommitted" else []
        words += ["defaults"] if self.settings == "defaults" else []
        return ", ".join(words)

    def key(self):
        """The same in a file of results."""
        return {name.name: getattr(self, name.name) for name in fields(self)}

    @property
    def is_encrypted(self):
        return self.security == "SSL"

    @property
    def is_typed(self):
        """Whether serializers and a schema registry are part of it."""
        return self.work.startswith("typed-")

    @property
    def reads(self):
        """Whether all clients read one topic, instead of writing one each."""
        return self.work in ("consume", "typed-consume", "print")


@dataclass(frozen=True)
class Table:
    """Cases that are shown together, and the clients that are compared in them."""

    name: str
    title: str
    work: str
    clients: tuple
    rounds: int
    cases: tuple = field(repr=False)


def read(path):
    """The tables of a plan file."""
    try:
        text = tomllib.loads(Path(path).read_text())
    except (OSError, tomllib.TOMLDecodeError) as e:
        raise BadPlan(f"{path}: {e}") from e
    defaults = text.get("defaults", {})
    return [_table({**defaults, **table}) for table in text.get("table", [])]


def _table(given):
    try:
        name, work, title = given["name"], given["work"], given["title"]
    except KeyError as e:
        raise BadPlan(f"a table without {e}") from None
    if unknown := set(given) - {"name", "work", "title", "clients", "rounds", "records", "seconds", "batch_bytes", *DIMENSIONS}:
        raise BadPlan(f"{name}: no setting {', '.join(sorted(unknown))}")
    if work not in WORKS:
        raise BadPlan(f"{name}: no work {work!r}; there are {', '.join(WORKS)}")
    clients = tuple(given.get("clients", ["kestrel"]))
    if unknown := set(clients) - set(peers.NAMES):
        raise BadPlan(f"{name}: no client {', '.join(sorted(unknown))}; there are {', '.join(peers.NAMES)}")
    values = {"size": 100, "partitions": 1, "codec": "none", "acks": "all", "settings": "matched", "rtt_ms": 0,
              "rate": 1000, "linger_ms": 5, "connections": 1, "groups": 1, "members": 1, "security": "PLAINTEXT", "network": "good",
              "isolation": "read_uncommitted", "per_transaction": 0, "format": "", "broker": "kafka", **given}
    if work == "transactions" and not values["per_transaction"]:
        raise BadPlan(f"{name}: transactions have a size: per_transaction")
    if values["rtt_ms"] and values["network"] != "good":
        raise BadPlan(f"{name}: one proxy at a time: rtt_ms or network")
    lists = [values[d] if isinstance(values[d], list) else [values[d]] for d in DIMENSIONS]
    if unknown := set(lists[0]) - set(brokers.NAMES):
        raise BadPlan(f"{name}: no broker {', '.join(sorted(unknown))}; there are {', '.join(brokers.NAMES)}")
    formats = lists[DIMENSIONS.index("format")]
    if unknown := set(formats) - set(known := FORMATS.get(work, ("",))):
        raise BadPlan(f"{name}: no format {', '.join(map(repr, unknown))} for {work}; it has {', '.join(known) or 'none'}")
    cases = tuple(
        Case(table=name, work=work, records=_records(given, *(combination[-1:] if work.startswith("typed-") else combination[1:2])), seconds=given.get("seconds", 10),
             batch_bytes=given.get("batch_bytes", 262_144), **dict(zip(DIMENSIONS, combination, strict=True)))
        for combination in itertools.product(*lists))
    return Table(name, title, work, clients, given.get("rounds", 3), cases)


def _records(given, key):
    """So many that a run takes seconds: by the size or the format of the records, or what the plan says for it."""
    told = given.get("records", {})
    return int(told.get(str(key), _TYPED_RECORDS if isinstance(key, str) else 300_000_000 // (key + 50)))


_TYPED_RECORDS = 1_000_000
