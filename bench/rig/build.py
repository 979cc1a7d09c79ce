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

sys.path.append(str(INTEROP))
from ring import java, tools  # noqa: E402
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
    peers = ["--features", "peers"] if set(clients) - {"kestrel", "franz-go", "java"} else []
    _run(["cargo", "build", "--release", "-p", "kestrel-bench", *peers])
    if any(kind.startswith("kestrel") for kind in kinds):
        _run(["cargo", "build", "--release", "-p", "kestrel-broker", "--bin", "kestrel-broker"])
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


def kestrel_bench():
    return [str(target() / "kestrel-bench")]


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
