"""The clients under test as commands: each run is a process of its own that ends with one line of figures."""

import json
import os
import re
import subprocess
import tempfile
import threading
import time
from dataclasses import replace

from rig import build

RUN_DEADLINE_S = 600

NAMES = ("kestrel", "rdkafka", "rdkafka-base", "krafka", "kacrab", "rskafka", "franz-go", "java", "converter", "confluent-kafka",
         "apicurio-serdes", "kcat")
TITLES = {
    "kestrel": "Kestrel",
    "rdkafka": "rdkafka (Future, Stream)",
    "rdkafka-base": "rdkafka (Threaded, Base)",
    "java": "Java (perf-test tools)",
    "converter": "schema_registry_converter, rdkafka",
    "confluent-kafka": "confluent-kafka (Python)",
    "apicurio-serdes": "Java, Apicurio's serdes",
}

# Who has serializers here. The first two are programs of ours, whose allocations can be counted.
_TYPED = ("kestrel", "converter", "confluent-kafka", "apicurio-serdes")
# Python takes ten times as long or more for each record.
_TYPED_SHARE = {"confluent-kafka": 10}
# Who has a command that prints records; Kestrel's is `kestrel consume`.
_PRINTING = ("kestrel", "kcat")


class RunFailed(Exception):
    """A client ended with an error, or in no time; the text says what it said."""


def supports(client, case):
    """Whether a client can do the work; rskafka knows no acks but all, and the tools of Java have no open loop.

    Transactions are those of clients that have them; of rdkafka its callbacks, as commits are the same for both halves.
    """
    if case.is_typed or client in _TYPED[1:]:
        return case.is_typed and client in _TYPED
    if case.work == "print" or client in _PRINTING[1:]:
        return case.work == "print" and client in _PRINTING and not case.is_encrypted
    if case.work == "transactions":
        return client in ("kestrel", "rdkafka-base", "franz-go", "java")
    if client in ("krafka", "kacrab", "rskafka") and case.isolation == "read_committed":
        return False
    if client == "rskafka" and (case.is_encrypted or case.network != "good"):
        return False
    if case.work == "groups":
        return client in ("kestrel", "franz-go")
    if case.connections > 1 and client in ("java", "franz-go"):
        return False
    if client == "java":
        return case.work in ("produce", "consume")
    if client == "rskafka":
        no_defaults = case.settings == "defaults" and case.work == "produce"
        return case.acks == "all" and not no_defaults and not (case.work == "e2e" and case.linger_ms)
    return True


def run(client, case, way, topic, on_mark=lambda name: None):
    """Does the work once, and returns its figures. `way` leads to the broker; `on_mark` hears where the client is, when it says so."""
    if case.is_typed:
        return _typed(client, case, way, topic)
    if case.work == "print":
        return _print(client, case, way, topic)
    if client == "java":
        return _java(case, way, topic)
    program = build.franz_go() if client == "franz-go" else build.kestrel_bench()
    output, _ = _finish([*program, case.work, "--client", client, *_options(case, way, topic)], on_mark)
    return _figures(client, output)


def _figures(client, output):
    """The line of JSON that a program ends with."""
    try:
        return json.loads(output.splitlines()[-1])
    except (ValueError, IndexError):
        raise RunFailed(f"{client} printed no figures: {output[-300:]!r}") from None


def _typed(client, case, way, topic):
    """Orders through serializers; then how much a serializer allocates, in a process of its own."""
    case = replace(case, records=case.records // _TYPED_SHARE.get(client, 1))
    words = ["--format", case.format, "--registry", way.registry]
    if client in ("kestrel", "converter"):
        name = {"converter": "rdkafka-base"}.get(client, client)
        output, _ = _finish([*build.kestrel_bench(), case.work, "--client", name, *words, *_options(case, way, topic)])
        work = "read" if case.reads else "write"
        counted, _ = _finish([*build.allocations(), work, "--client", client, *words, "--topic", topic])
        return _figures(client, output) | {"client": client} | _figures(client, counted)
    words += ["--bootstrap", way.bootstrap, "--topic", topic, "--records", str(case.records)]
    if not case.reads:
        words += ["--linger-ms", str(case.linger_ms), "--batch-bytes", str(case.batch_bytes)]
    program = build.confluent_kafka() if client == "confluent-kafka" else build.apicurio_serdes()
    output, _ = _finish([*program, case.work, *words])
    return _figures(client, output)


def _print(client, case, way, topic):
    """A command line prints all of a topic into a pipe, at whose end bytes and lines are counted. All of its process counts, its start too."""
    command = _PRINTERS[client, case.format](way.bootstrap, topic)
    with tempfile.TemporaryFile() as errors, subprocess.Popen(["wc", "-lc"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as counter:
        began = time.monotonic()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=counter.stdin, stderr=errors,
                                   env={**os.environ, "KESTREL_HOME": "/nonexistent"})
        counter.stdin.close()
        used = _wait(process, command, errors)
        wall_s = time.monotonic() - began
        lines, size_bytes = map(int, counter.stdout.read().split())
    # A value may have lines in it, and of JSON only the lines are known.
    want, got = (case.records, lines) if case.format == "json-lines" else (case.records * (case.size + 1), size_bytes)
    if got != want:
        raise RunFailed(f"{' '.join(command[:4])} printed {got} {'lines' if case.format == 'json-lines' else 'bytes'} and not {want}")
    return {"client": client, "work": case.work, "records": case.records, "bytes": size_bytes, "acked": case.records, "errors": 0,
            "wall_s": round(wall_s, 3), "msgs_per_s": round(case.records / wall_s, 1), "mb_per_s": round(size_bytes / wall_s / 1e6, 3),
            "cpu_s": round(used.ru_utime + used.ru_stime, 3), "max_rss_mb": round(used.ru_maxrss / 1024, 3), "latency_us": None}


def _kestrel_consume(*options):
    return lambda bootstrap, topic: [*build.kestrel(), "consume", topic, "--bootstrap", bootstrap, *options]


def _kcat(*options):
    return lambda bootstrap, topic: ["kcat", "-C", "-q", "-e", "-b", bootstrap, "-t", topic, "-o", "beginning", *options]


_PRINTERS = {
    ("kestrel", "values"): _kestrel_consume("--format", "raw"),
    ("kestrel", "json-lines"): _kestrel_consume("--format", "json"),
    ("kcat", "values"): _kcat(),
    ("kcat", "json-lines"): _kcat("-J"),
}


def topic(verb, bootstrap, name, partitions=1):
    """Creates or deletes a topic."""
    _finish([*build.kestrel_bench(), "topic", verb, "--bootstrap", bootstrap, "--topic", name,
             "--partitions", str(partitions)])


def _options(case, way, topic):
    words = ["--bootstrap", way.bootstrap, "--topic", topic, "--settings", case.settings]
    words += ["--tls-ca", way.ca] if way.ca else []
    if case.work == "groups":
        words += ["--partitions", case.partitions, "--groups", case.groups, "--members", case.members,
                  "--seconds", case.seconds]
        return [str(word) for word in words]
    if not case.reads:
        words += ["--partitions", "0", "--size", case.size, "--acks", case.acks, "--compression", case.codec,
                  "--idempotent", "true" if case.acks == "all" else "false", "--linger-ms", case.linger_ms,
                  "--batch-bytes", case.batch_bytes]
    if case.connections > 1:
        words += ["--connections", case.connections]
    if case.work == "e2e":
        words += ["--rate", case.rate, "--seconds", case.seconds]
    else:
        words += ["--records", case.records]
    if case.reads:
        words += ["--isolation", case.isolation.replace("_", "-")]
    if case.work == "transactions":
        words += ["--per-transaction", case.per_transaction]
    return [str(word) for word in words]


def _java(case, way, topic):
    """Its tools print a summary; CPU time and memory are those of the whole process, the start of the JVM among them."""
    if case.work in ("produce", "transactions"):
        command, figures = ((_java_produce, r"(\d+) records sent, ([\d.]+) records/sec") if case.work == "produce" else
                            (_java_transactions, r"(\d+) records acknowledged, 0 failed, ([\d.]+) records/sec"))
        with tempfile.NamedTemporaryFile("wb", prefix="bench-payload-") as payload:
            payload.write(_DELIMITER.join(_values(case.size)))
            payload.flush()
            output, used = _finish(command(case, way, topic, payload.name))
        found = re.findall(figures, output)
        if not found or int(found[-1][0]) != case.records:
            raise RunFailed(f"java did not send {case.records} records: {output[-300:]!r}")
        records, per_s = case.records, float(found[-1][1])
    else:
        output, used = _finish(_java_consume(case, way, topic))
        # A line of headings, then one of figures: the fifth is how many, the last how many per second of fetching.
        figures = [w.strip() for w in output.strip().splitlines()[-1].split(",")]
        if len(figures) != 10:
            raise RunFailed(f"java printed no figures: {output[-300:]!r}")
        records, per_s = int(figures[4]), float(figures[9])
    return {"client": "java", "work": case.work, "records": records, "bytes": records * case.size, "acked": records,
            "errors": 0, "wall_s": round(records / per_s, 3), "msgs_per_s": per_s,
            "mb_per_s": round(per_s * case.size / 1e6, 3), "cpu_s": round(used.ru_utime + used.ru_stime, 3),
            "max_rss_mb": round(used.ru_maxrss / 1024, 3), "latency_us": None}


def _java_produce(case, way, topic, payload):
    words = ["--bootstrap-server", way.bootstrap, "--topic", topic, "--num-records", str(case.records),
             "--throughput", "-1", "--payload-file", payload, "--payload-delimiter", _DELIMITER.decode(),
             "--reporting-interval", "3600000"]
    settings = [*_java_tuning(case), *_java_encryption(way)]
    return build.java_tool("org.apache.kafka.tools.ProducerPerformance", *words,
                           *(["--command-property", *settings] if settings else []))


def _java_transactions(case, way, topic, payload):
    settings = [f"bootstrap.servers={way.bootstrap}", f"transactional.id={topic}", *_java_tuning(case), *_java_encryption(way)]
    return build.java_peer("Transactions", topic, str(case.records), str(case.per_transaction), payload, _DELIMITER.decode(),
                           *settings)


def _java_consume(case, way, topic):
    # This tool takes one setting an option, unlike the producer's.
    settings = [word for setting in [*_java_encryption(way), f"isolation.level={case.isolation}"]
                for word in ("--command-property", setting)]
    return build.java_tool("org.apache.kafka.tools.ConsumerPerformance", "--bootstrap-server", way.bootstrap,
                           "--topic", topic, "--num-records", str(case.records), "--timeout", "60000",
                           "--reporting-interval", "3600000", *settings)


def _java_tuning(case):
    if case.settings != "matched":
        return []
    return [f"acks={case.acks}", f"enable.idempotence={'true' if case.acks == 'all' else 'false'}",
            f"compression.type={case.codec}", f"linger.ms={case.linger_ms}", f"batch.size={case.batch_bytes}",
            "max.in.flight.requests.per.connection=5", "buffer.memory=33554432"]


def _java_encryption(way):
    return ["security.protocol=SSL", "ssl.truststore.type=PEM", f"ssl.truststore.location={way.ca}"] if way.ca else []


_DELIMITER = b"~~~~"


def _values(size, count=1_000):
    """Values as kestrel-bench sends: windows into text that compresses about as well as log lines."""
    words = [b"order", b"user", b"click", b"status=200", b"latency_ms=", b"region=eu-west", b"cart", b"\n"]
    pool, state, pool_bytes = bytearray(), 0x2545F4914F6CDD1D, 1 << 20
    while len(pool) < pool_bytes + size:
        state ^= state << 13 & (1 << 64) - 1
        state ^= state >> 7
        state ^= state << 17 & (1 << 64) - 1
        pool += words[state % 8] + b" %x " % (state >> 40)
    starts = (index * 7919 % pool_bytes for index in range(count))
    return [bytes(pool[start:start + size]) for start in starts]


def _finish(command, on_mark=lambda name: None):
    """Runs a command to its end: what it printed, and what it used."""
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors)
        output = []
        used = _wait(process, command, errors, lambda: output.append(_read(process.stdout, on_mark)))
    return output[0], used


def _wait(process, command, errors, meanwhile=lambda: None):
    """Waits for the end of a process, and gives what it used; it is not left running, whatever happens."""
    timer = threading.Timer(RUN_DEADLINE_S, process.kill)
    timer.start()
    try:
        meanwhile()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    except BaseException:
        process.kill()
        process.wait()
        raise
    finally:
        timer.cancel()
        if process.stdout:
            process.stdout.close()
    if process.returncode != 0:
        errors.seek(0)
        said = errors.read().decode(errors="replace").strip()
        late = f" after {RUN_DEADLINE_S} s" if process.returncode == -9 else ""
        raise RunFailed(f"{' '.join(command[:4])} ended with {process.returncode}{late}: {said[-500:]}")
    return used


def _read(stream, on_mark):
    """All that comes; a line that is only a mark is handed on as soon as it is there."""
    lines = []
    for line in stream:
        lines.append(line.decode(errors="replace"))
        if found := _MARK.match(lines[-1]):
            on_mark(found[1])
    return "".join(lines)


_MARK = re.compile(r'\{"mark":"(\w+)"\}')
