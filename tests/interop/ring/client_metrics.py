"""Metrics that clients push (KIP-714): subscriptions made with kafka-client-metrics, and what the Java client and librdkafka tell then.

`metrics` runs on either broker: `apache-kafka` takes `--metrics` too, and tells there what its own classes have read.
"""

import re
import subprocess
import urllib.request
from contextlib import contextmanager

from ring import java, tools
from ring.broker import AUTHORIZER, Broker, free_address
from ring.scenario import Differs, eventually, expect

TOOL = "org.apache.kafka.tools.ClientMetricsCommand"
CONFIGS = "kafka.admin.ConfigCommand"
TOPIC = "told"
JAVA, LIBRDKAFKA, SILENT = "pushes-java", "pushes-librdkafka", "stays-silent"
PREFIX = "org.apache.kafka.producer."
INTERVAL_MS = 500
# What each client tells of itself, in any release: a gauge and a sum.
WANTED = {
    JAVA: {("kestrel_client_value", "org.apache.kafka.producer.node.request.latency.avg"),
           ("kestrel_client_sum_total", "org.apache.kafka.producer.connection.creation.total")},
    LIBRDKAFKA: {("kestrel_client_value", "org.apache.kafka.producer.node.request.latency.avg"),
                 ("kestrel_client_sum_total", "org.apache.kafka.producer.connection.creation.total")},
}
SERIES = re.compile(r'(kestrel_client_value|kestrel_client_sum_total)\{client_instance_id="([^"]+)",client_id="([^"]*)",'
                    r'metric="([^"]+)",attributes="([^"]*)"\} (\S+)')


def metrics(program, work):
    """Subscriptions are made, shown, changed and deleted, outlive a restart and the other broker, and clients push for them."""
    data_dir, address, listen = work / "told", free_address(), free_address()
    with _broker(program, work, data_dir, address, listen):
        _tool(address, "--alter", "--name", "producers", "--metrics", PREFIX, "--interval", str(INTERVAL_MS),
              "--match", "client_id=pushes-.*")
        said = _described(address)
        _listed(address, ["producers"])
        _refused(address)
        _told(address, listen)
        _tool(address, "--alter", "--name", "everything", "--metrics", "*", "--interval", "3600000")
        _listed(address, ["everything", "producers"])
    with _broker(program, work, data_dir, address, listen):
        expect("the subscription after a restart", _described(address), said)
        _listed(address, ["everything", "producers"])
        _tool(address, "--delete", "--name", "everything")
        _listed(address, ["producers"])
    # Apache Kafka goes on with it, whoever made it, and leaves one of its own.
    with _broker(tools.HERE / "apache-kafka", work, data_dir, address, listen):
        expect("the subscription under Apache Kafka", _described(address), said)
        _tool(address, "--alter", "--name", "of-kafka", "--metrics", PREFIX, "--interval", "60000")
    with _broker(program, work, data_dir, address, listen):
        _listed(address, ["of-kafka", "producers"])
        for name in ("of-kafka", "producers"):
            _tool(address, "--delete", "--name", name)
        _listed(address, [])


def _broker(program, work, data_dir, address, listen):
    return Broker(program, data_dir, work / "told.log", AUTHORIZER, listen=address, options=("--metrics", listen))


def _described(address):
    """What both tools say of the subscription; the values are those that were given."""
    printed = _tool(address, "--describe", "--name", "producers")
    for part in (f"metrics={PREFIX}", f"interval.ms={INTERVAL_MS}", "match=client_id=pushes-.*"):
        if part not in printed:
            raise Differs(f"kafka-client-metrics does not say {part}: {printed}")
    return printed + _run(address, CONFIGS, "--describe", "--entity-type", "client-metrics", "--entity-name", "producers").stdout


def _listed(address, names):
    eventually("the subscriptions that are listed", lambda: sorted(_tool(address, "--list").split()), names)


def _refused(address):
    for words, why in (
        (("--interval", "99"), "interval must be between 100 and 3600000"),
        (("--match", "client_rack=a"), "Illegal client matching pattern"),
        (("--match", "client_id=["), "Illegal client matching pattern"),
    ):
        done = _run(address, TOOL, "--alter", "--name", "wrong", *words)
        if why not in done.stdout + done.stderr:
            raise Differs(f"{words} is not refused by {why}: {done.stdout}{done.stderr}")
    _listed(address, ["producers"])


def _told(address, listen):
    """Both clients push what they are asked for, and who is not asked is silent."""
    _run(address, "org.apache.kafka.tools.TopicCommand", "--create", "--topic", TOPIC)
    with _java_producer(address, JAVA), _java_producer(address, SILENT), _librdkafka(address):
        for client, wanted in WANTED.items():
            eventually(f"what {client} has not told", lambda wanted=wanted, client=client: wanted - _names(listen, client), set())
        told = _series(listen)
    expect("who has told", {client for _, _, client, *_ in told}, set(WANTED))
    expect("what nobody asked for", [name for *_, name, _, _ in told if not name.startswith(PREFIX)], [])


@contextmanager
def _java_producer(address, client):
    command = java.command("org.apache.kafka.tools.ProducerPerformance", "--topic", TOPIC, "--num-records", "1000000",
                           "--record-size", "10", "--throughput", "20", "--bootstrap-server", address, "--command-property",
                           f"client.id={client}")
    with _running(command):
        yield


@contextmanager
def _librdkafka(address):
    program = ("import sys, time\nfrom confluent_kafka import Producer\n"
               f"producer = Producer({{'bootstrap.servers': '{address}', 'client.id': '{LIBRDKAFKA}'}})\n"
               f"while True:\n    producer.produce('{TOPIC}', b'x')\n    producer.poll(0.1)\n")
    with _running([str(tools.ensure("python") / "venv/bin/python"), "-c", program]):
        yield


@contextmanager
def _running(command):
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def _series(listen):
    with urllib.request.urlopen(f"http://{listen}/metrics", timeout=20) as answer:
        return SERIES.findall(answer.read().decode())


def _names(listen, client):
    return {(family, name) for family, _, who, name, _, _ in _series(listen) if who == client}


def _tool(address, *options):
    done = _run(address, TOOL, *options)
    if done.returncode != 0:
        raise Differs(f"kafka-client-metrics {' '.join(options)} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


def _run(address, name, *options):
    return java.run(name, *options, "--bootstrap-server", address)


SCENARIOS = {"client-metrics": metrics}
