"""The programs that are measured, built once before the first run. Apache Kafka's jars come as the interop ring gets them."""

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
INTEROP = ROOT / "tests/interop"
GO = ROOT / "bench/peers/go"
JAVA = ROOT / "bench/peers/java"
TYPED_JAVA = ROOT / "bench/peers/typed-java"
TYPED_PYTHON = ROOT / "bench/peers/python/typed.py"
SCHEMAS = ROOT / "bench/schemas"

sys.path.append(str(INTEROP))
from ring import java, tools  # noqa: E402
from ring import registry as registries  # noqa: E402
from ring.authority import Authority  # noqa: E402, F401

# What the shell scripts of Apache Kafka's tools run Java with.
_PERF_JVM = ("-Xmx512m", "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20",
             "-XX:InitiatingHeapOccupancyPercent=35", "-XX:+ExplicitGCInvokesConcurrent")


class BuildFailed(Exception):
    """A program could not be built; what the compiler said is on standard error."""


def target():
    return Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target") / "release"


def everything(clients, kinds):
    """Builds what a plan needs, with progress on standard error."""
    peers = ["--features", "peers"] if set(clients) - {"kestrel", "franz-go", "java", "kcat", *_OTHER_SERIALIZERS} else []
    _run(["cargo", "build", "--release", "-p", "kestrel-bench", *peers])
    if any(kind.startswith("kestrel") for kind in kinds):
        broker()
    if "franz-go" in clients:
        _run(["go", "build", "-mod=readonly", "-o", str(target() / "franz-go-bench"), "."], cwd=GO)
    if "java" in clients or any(kind.startswith("kafka") for kind in kinds):
        try:
            tools.ensure("kafka-jars")
        except tools.Missing as e:
            raise BuildFailed(f"Apache Kafka: {e}") from e
    if "java" in clients:
        libs = f"{tools.ensure('kafka-jars')}/libs/*"
        _run(["javac", "-cp", libs, "-d", str(_java_classes()), *map(str, JAVA.glob("*.java"))])


def command_lines():
    """Builds what a plan needs that prints records: `kestrel`, and kcat of the distribution."""
    _run(["cargo", "build", "--release", "-p", "kestrel-cli", "--bin", "kestrel"])
    try:
        tools.ensure("kcat")
    except tools.Missing as e:
        raise BuildFailed(f"kcat: {e}") from e


def broker():
    """Builds kestrel-broker."""
    _run(["cargo", "build", "--release", "-p", "kestrel-broker", "--bin", "kestrel-broker"])


def serializers(clients):
    """Builds what a plan with typed data needs besides: the registry, and the messages of other languages."""
    _run(["cargo", "build", "--release", "-p", "kestrel-registry", "--bin", "kestrel-registry"])
    made = target() / "typed-bench"
    made.mkdir(parents=True, exist_ok=True)
    try:
        if "confluent-kafka" in clients:
            _run([str(_python()), "-m", "grpc_tools.protoc", f"--proto_path={SCHEMAS}", f"--python_out={made}", "order.proto"])
        if "apicurio-serdes" in clients:
            tools.java_messages(SCHEMAS, ["order.proto"], made)
            sources = [*TYPED_JAVA.glob("*.java"), *made.glob("bench/*.java"), *tools.java_serde_sources()]
            _run(["javac", "-nowarn", "-cp", tools.java_serde_path(), "-d", str(made / "classes"), *map(str, sources)])
    except tools.Missing as e:
        raise BuildFailed(f"serializers: {e}") from e


_OTHER_SERIALIZERS = ("confluent-kafka", "apicurio-serdes")


def registry(bootstrap, log):
    """kestrel-registry on a cluster, as a process that a `with` stops."""
    return registries.kestrel(target() / "kestrel-registry", bootstrap, log)


def allocations():
    return [str(target() / "kestrel-allocations")]


def confluent_kafka():
    """Python's clients, with the messages that protoc has made and the orders' schemas."""
    return [str(_python()), str(TYPED_PYTHON), "--messages", str(target() / "typed-bench"), "--schemas", str(SCHEMAS)]


def apicurio_serdes(*args):
    """A class of bench/peers/typed-java, with Apicurio's serializers."""
    path = f"{target() / 'typed-bench/classes'}:{tools.java_serde_path()}"
    return java.class_path_command(path, "Typed", str(SCHEMAS), *args, options=_PERF_JVM)


def _python():
    return tools.ensure("python") / "venv/bin/python"


def kestrel_bench():
    return [str(target() / "kestrel-bench")]


def kestrel():
    """The command line."""
    return [str(target() / "kestrel")]


def kestrel_broker():
    return [str(target() / "kestrel-broker")]


def apache_kafka():
    return [str(INTEROP / "apache-kafka")]


def franz_go():
    return [str(target() / "franz-go-bench")]


def java_tool(main_class, *args):
    return java.command(main_class, *args, options=_PERF_JVM)


def java_peer(main_class, *args):
    """A class of bench/peers/java, on Apache Kafka's."""
    path = f"{_java_classes()}:{tools.ensure('kafka-jars')}/libs/*"
    return java.class_path_command(path, main_class, *args, options=_PERF_JVM)


def _java_classes():
    return target() / "java-bench"


@cache
def commit():
    """The commit that is measured, with a plus when the tree has changes."""
    said = subprocess.run(["git", "describe", "--always", "--dirty=+"], cwd=ROOT, capture_output=True, text=True)
    return said.stdout.strip() or "unknown"


def _run(command, cwd=ROOT):
    print("bench: " + " ".join(command), file=sys.stderr, flush=True)
    try:
        code = subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=sys.stderr).returncode
    except OSError as e:
        raise BuildFailed(f"{command[0]}: {e}") from e
    if code != 0:
        raise BuildFailed(f"{' '.join(command[:3])} ended with {code}")
