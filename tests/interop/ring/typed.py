"""Typed data: what everybody's serializers write, everybody's deserializers read, in every form that both have.

Each program is called as `PROGRAM typed-write|typed-read --bootstrap HOST:PORT --registry URL --prefix NAME --case NAME... --form
NAME...` (cases.py has the cases and forms), and the reader is told `--writer NAME`. First all write, then all read all.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Callable

from ring import clients, java, tools
from ring.cases import CASES, FORMS
from ring.report import FAILED, PASSED, SKIPPED, Result
from ring.runner import run_program

ALL = tuple(CASES)
# The registries: kestrel-registry, and one that nobody here wrote.
REGISTRIES = KESTREL, APICURIO = "kestrel-registry", "apicurio"
# Apicurio Registry 3.3.3 gives no GUIDs.
FORMS_OF = {KESTREL: FORMS, APICURIO: ("id",)}


@dataclass(frozen=True)
class Speaker:
    """A program with serializers, and which cases it has."""

    name: str
    command: Callable
    components: tuple = ()
    cases: tuple = ALL
    forms: tuple = FORMS
    # It goes through the API of a registry, too (`registry-api`).
    knows_api: bool = False
    # It sends a Protobuf schema to the registry as a descriptor in base64, and asks for it so.
    by_descriptor: bool = False

    def install(self):
        for component in self.components:
            tools.ensure(component)


def speakers(program):
    """All of them; `program` is kestrel-typed."""
    foreign = {client.name: client.command for client in clients.CLIENTS}
    return (
        Speaker("kestrel", lambda: [str(program)]),
        Speaker("confluent-kafka", foreign["confluent-kafka"], ("python", "typed-protos"), knows_api=True, by_descriptor=True),
        Speaker("kafkajs", foreign["kafkajs"], ("node", "typed-protos"), knows_api=True, by_descriptor=True),
        # Apicurio's, whose GUIDs nobody else knows. Beneath them an identifier of JSON that is relative is refused, and Protobuf with imports
        # wants a newer Kotlin than comes along.
        Speaker("java-serdes", java.typed_command, ("kafka-jars", "java-serdes", "java-typed"), ("avro", "avro-reference", "json"), ("id",)),
    )


def _both(some, others):
    return tuple(one for one in some if one in others)


class Exchange:
    """Everybody's data through one registry, on one broker."""

    def __init__(self, report, speakers, registry, jobs, allow_missing):
        self._report, self._registry, self._jobs = report, registry, jobs
        self._prefix = f"t{int(time.time())}"
        self._speakers = [speaker for speaker in speakers if self._installed(speaker, allow_missing)]

    def _installed(self, speaker, allow_missing):
        try:
            speaker.install()
            return True
        except tools.Missing as e:
            self._report.add(Result(speaker.name, "install", "install", SKIPPED if allow_missing else FAILED, why=str(e)))
            return False

    def run(self, bootstrap, url):
        places = ("--bootstrap", bootstrap, "--registry", url, "--prefix", self._prefix)
        wrote = self._in_parallel([(self._call, writer, "typed-write", "write", *places, *self._words(writer.cases, writer.forms))
                                   for writer in self._speakers])
        writers = [writer for writer, passed in zip(self._speakers, wrote) if passed]
        self._in_parallel([(self._call, reader, "typed-read", f"read-{writer.name}", *places, "--writer", writer.name,
                            *self._words(self._readable(reader, writer), _both(reader.forms, writer.forms)))
                           for reader in self._speakers for writer in writers])

        if self._registry == KESTREL:
            self._in_parallel([(self._call, speaker, "registry-api", "registry-api", *places)
                               for speaker in self._speakers if speaker.knows_api])

    def _readable(self, reader, writer):
        """The cases that both have, and that the registry gives the reader the schemas of."""
        # Asked for a descriptor, Apicurio Registry 3.3.3 answers with something else, or fails.
        lost = self._registry == APICURIO and reader.by_descriptor
        return [name for name in reader.cases
                if name in writer.cases and not (lost and CASES[name].type == "PROTOBUF")]

    def _words(self, names, forms):
        given = _both(forms, FORMS_OF[self._registry])
        pairs = [*(("--case", name) for name in names), *(("--form", form) for form in given)]
        return [word for pair in pairs for word in pair]

    def _call(self, speaker, scenario, name, *words):
        began = time.monotonic()
        outcome, why = run_program([*speaker.command(), scenario, *words])
        self._report.add(Result(speaker.name, name, self._registry, outcome, time.monotonic() - began, why))
        return outcome == PASSED

    def _in_parallel(self, tasks):
        with ThreadPoolExecutor(self._jobs) as pool:
            return [done.result() for done in [pool.submit(*task) for task in tasks]]
