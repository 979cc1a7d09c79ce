"""Kafka's own tools on a guarded broker: kafka-acls, and kafka-configs for users and quotas."""

import re
import subprocess

from ring import java
from ring.clients import CLIENTS
from ring.scenario import Differs, eventually, expect
from ring.security import ACLS, CONFIGS, PASSWORD, USER, tool
from ring.transactions import Stage

TOOLS = "org.apache.kafka.tools"
TOPICS, PERFORMANCE = f"{TOOLS}.TopicCommand", f"{TOOLS}.ProducerPerformance"
CONSUMER = f"{TOOLS}.consumer.ConsoleConsumer"
BOB, SECRET = "bob", "bob-secret"
LISTENER = "SASL_PLAINTEXT"
# How a client names it when a transactional id, a topic and a group are not its own; nothing for who cannot send offsets so.
REFUSED = {"java": ("TransactionalIdAuthorizationException", "TopicAuthorizationException", "GroupAuthorizationException"),
           "confluent-kafka": ("TRANSACTIONAL_ID_AUTHORIZATION_FAILED", "TOPIC_AUTHORIZATION_FAILED", None)}
# The quota of a producer, and what it writes.
BYTE_RATE, RECORDS, RECORD_BYTES = 300_000, 5_000, 1_000


def acls(broker):
    """What kafka-acls allows is allowed and nothing else; a denial is stronger; what it removes is gone."""
    topic, bob = "acls", _user(broker, "acls-bob", BOB, SECRET)
    _add_user(broker)
    broker.tool(TOPICS, "--create", "--topic", topic, "--partitions", "1")
    who = ("--allow-principal", f"User:{BOB}", "--operation")
    denied = _write(broker, bob, topic)
    expect("the error of a topic that nobody allowed", "TopicAuthorizationException" in denied, True)
    added = broker.tool(ACLS, "--add", *who, "Write", "--topic", "ac", "--resource-pattern-type", "prefixed")
    _expect_text("what is added", added, r"resourceType=TOPIC, name=ac, patternType=PREFIXED")
    eventually("what is written then", lambda: _written(_write(broker, bob, topic)), 10)
    _expect_text("a list", broker.tool(ACLS, "--list", "--topic", "acls", "--resource-pattern-type", "match"),
                 rf"principal=User:{BOB}, host=\*, operation=WRITE, permissionType=ALLOW")
    broker.tool(ACLS, "--add", "--deny-principal", f"User:{BOB}", "--operation", "All", "--topic", topic)
    eventually("a denial is stronger", lambda: "TopicAuthorizationException" in _write(broker, bob, topic), True)
    removed = broker.tool(ACLS, "--remove", "--force", "--topic", topic)
    expect("the denial after it was removed", "DENY" in removed, False)
    eventually("what is written without the denial", lambda: _written(_write(broker, bob, topic)), 10)
    read = _read(broker, bob, topic)
    _expect_text("reading without a right", read, "TopicAuthorizationException|GroupAuthorizationException")
    broker.tool(ACLS, "--add", "--consumer", "--allow-principal", f"User:{BOB}", "--topic", topic, "--group", "readers")
    eventually("what is read with it", lambda: "Processed a total of 20 messages" in _read(broker, bob, topic), True)
    broker.tool(ACLS, "--remove", "--force", "--allow-principal", f"User:{BOB}", "--operation", "Write", "--topic", "ac",
                "--resource-pattern-type", "prefixed")
    # The topic can be seen now, and it is the producer id that nobody without a right to write gets.
    eventually("it is not allowed any more", lambda: "ClusterAuthorizationException" in _write(broker, bob, topic), True)
    expect("bob lists topics", tool(broker.address(LISTENER), TOPICS, "--list", "--command-config", bob).split(), [topic])


def transactional_acls(broker):
    """Over SASL_SSL: without a right to its transactional id, its topic and its group a producer has no transaction.

    Each client names what it is refused as its users know it.
    """
    _add_user(broker)
    for name, errors in REFUSED.items():
        (client,) = [client for client in CLIENTS if client.name == name]
        client.install()
        _transact_as_bob(broker, client, *errors)


def _transact_as_bob(broker, client, no_id, no_topic, no_group):
    how = {"ca": broker.ca, "mechanism": "SCRAM-SHA-512", "user": BOB, "password": SECRET}
    address, file = broker.file(f"bob-{client.name}", "SASL_SSL", how)
    stage = Stage(address, f"acls-{client.name}", broker.folder, words=("--security", file))
    topic, allow = stage.topic(), ("--add", "--allow-principal", f"User:{BOB}", "--operation")
    broker.tool(TOPICS, "--create", "--topic", topic, "--partitions", "2")
    with stage.transactor(client, init=False) as producer:
        expect("the error without a right to the transactional id", producer.do("init", fails=True), no_id)
    broker.tool(ACLS, *allow, "Write", "--transactional-id", stage.name)
    # A broker may learn of it a little later than the controller that answered.
    eventually("transactions with a right to the id alone", lambda: _error_of_transaction(stage, client, topic), no_topic)
    broker.tool(ACLS, *allow, "Write", "--topic", topic)
    eventually("transactions with a right to the topic, too", lambda: _error_of_transaction(stage, client, topic), None)
    if no_group:
        with stage.transactor(client) as producer:
            producer.do("begin")
            offsets = {"group": stage.name, "topic": topic, "offsets": {"0": 1}}
            expect("the error without a right to the group", producer.do("offsets", fails=True, **offsets), no_group)
    seen = Stage(broker.bootstrap, stage.name, broker.folder).read(topic, "read_committed")
    expect("what is committed", seen, [["allowed"], []])


def _error_of_transaction(stage, client, topic):
    """What a transaction of one record ends with, or nothing when it is committed."""
    with stage.transactor(client, init=False) as producer:
        for step in (lambda: producer.do("init", fails=None), lambda: producer.do("begin", fails=None),
                     lambda: producer.send(topic, "allowed", fails=None), lambda: producer.do("commit", fails=None)):
            if error := step():
                return error
    return None


def users(broker):
    """A user whom kafka-configs adds is let in, with a new password only by that one, and not any more when deleted."""
    name, first, second = "carol", "carol-secret", "carol-other"
    old, new = _user(broker, "carol-old", name, first), _user(broker, "carol-new", name, second)

    def list_as(file, **how):
        return tool(broker.address(LISTENER), TOPICS, "--list", "--command-config", file, **how)

    entity = ("--entity-type", "users", "--entity-name", name)
    _expect_text("somebody who is not there", list_as(old, fails=True), "SaslAuthenticationException")
    broker.tool(CONFIGS, "--alter", *entity, "--add-config", f"SCRAM-SHA-512=[iterations=8192,password={first}]")
    _eventually_let_in(list_as, old)
    _expect_text("described", broker.tool(CONFIGS, "--describe", *entity), r"SCRAM-SHA-512=iterations=8192")
    broker.tool(CONFIGS, "--alter", *entity, "--add-config", f"SCRAM-SHA-512=[password={second}]")
    _eventually_let_in(list_as, new)
    _expect_text("the old password", list_as(old, fails=True), "SaslAuthenticationException")
    broker.tool(CONFIGS, "--alter", *entity, "--delete-config", "SCRAM-SHA-512")
    eventually("described then", lambda: "SCRAM" in broker.tool(CONFIGS, "--describe", *entity), False)
    _expect_text("the user who is gone", list_as(new, fails=True), "SaslAuthenticationException")


def quotas(broker):
    """A quota that kafka-configs sets holds producers of that user back, and is told in what they print; nobody else waits."""
    alice, entity = _user(broker, "quotas-alice", USER, PASSWORD), ("--entity-type", "users", "--entity-name", USER)
    broker.tool(TOPICS, "--create", "--topic", "quotas", "--partitions", "1")
    expect("time held back without a quota", _producer_performance(broker, alice)[0], 0.0)
    broker.tool(CONFIGS, "--alter", *entity, "--add-config", f"producer_byte_rate={BYTE_RATE},consumer_byte_rate=600000")
    wanted = rf"producer_byte_rate={BYTE_RATE}\.0"
    eventually("described", lambda: bool(re.search(wanted, broker.tool(CONFIGS, "--describe", *entity))), True)
    held_back, seconds = _producer_performance(broker, alice)
    expect("time is held back", held_back > 0, True)
    # As long as it was told: no more gets through than the rate, and the eleven seconds of the average at once.
    expect("the quota is kept", seconds > RECORDS * RECORD_BYTES / BYTE_RATE - 11, True)
    _starves_nobody(broker, alice)
    broker.tool(CONFIGS, "--alter", "--entity-type", "clients", "--entity-default", "--add-config", "request_percentage=1000")
    _expect_text("clients by default", broker.tool(CONFIGS, "--describe", "--entity-type", "clients", "--entity-default"),
                 r"request_percentage=1000")
    broker.tool(CONFIGS, "--alter", "--entity-type", "ips", "--entity-name", "10.0.0.7", "--add-config",
                "connection_creation_rate=50")
    _expect_text("an address", broker.tool(CONFIGS, "--describe", "--entity-type", "ips", "--entity-name", "10.0.0.7"),
                 r"connection_creation_rate=50")
    broker.tool(CONFIGS, "--alter", *entity, "--delete-config", "producer_byte_rate,consumer_byte_rate")
    eventually("described then", lambda: "byte_rate" in broker.tool(CONFIGS, "--describe", *entity), False)


def _user(broker, file, name, password):
    return broker.java_file(file, LISTENER, {"mechanism": "SCRAM-SHA-512", "user": name, "password": password})


def _add_user(broker):
    broker.tool(CONFIGS, "--alter", "--entity-type", "users", "--entity-name", BOB, "--add-config",
                f"SCRAM-SHA-512=[password={SECRET}]")


def _eventually_let_in(list_as, file):
    """A broker may learn of a user a little later than the controller that answered."""
    def is_let_in():
        try:
            list_as(file)
            return True
        except Differs:
            return False
    eventually("the user is let in", is_let_in, True)


def _write(broker, file, topic):
    """Writes ten records and gives what the program said."""
    return _printed(broker, PERFORMANCE, "--topic", topic, "--num-records", "10", "--record-size", "100", "--throughput",
                    "-1", "--command-config", file, "--command-property", "max.block.ms=10000")


def _written(printed):
    found = re.search(r"(\d+) records sent, .* ms 99.9th", printed)
    return int(found[1]) if found and "Exception" not in printed else 0


def _read(broker, file, topic):
    return _printed(broker, CONSUMER, "--topic", topic, "--group", "readers", "--from-beginning", "--timeout-ms", "8000",
                    "--max-messages", "20", "--command-config", file)


def _starves_nobody(broker, file):
    """While a producer is held back, another user's writes as if it was alone."""
    words = java.command(PERFORMANCE, *_writing(20 * RECORDS, file), "--bootstrap-server", broker.address(LISTENER))
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as slow:
        try:
            before, burst = _end_of_topic(broker), 11 * BYTE_RATE // RECORD_BYTES
            eventually("the burst is over", lambda: _end_of_topic(broker) > before + burst, True)
            done = java.run(PERFORMANCE, *_writing(RECORDS), "--bootstrap-server", broker.bootstrap)
            expect("time held back of somebody else", _throttle_time(done.stdout), 0.0)
            expect("how the slow one ended meanwhile", slow.poll(), None)
        finally:
            slow.kill()


def _end_of_topic(broker):
    found = re.search(r"quotas:0:(\d+)", broker.tool(f"{TOOLS}.GetOffsetShell", "--topic", "quotas"))
    return int(found[1]) if found else 0


def _producer_performance(broker, file):
    """Writes five megabytes; gives the average time in milliseconds that the producer was told to wait, and how long it took in
    seconds."""
    printed = _printed(broker, PERFORMANCE, *_writing(RECORDS, file))
    rate = re.search(rf"{RECORDS} records sent, ([\d.]+) records/sec", printed)
    if not rate:
        raise Differs(f"no rate in {printed}")
    return _throttle_time(printed), RECORDS / float(rate[1])


def _writing(records, file=None):
    words = ("--topic", "quotas", "--num-records", str(records), "--record-size", str(RECORD_BYTES), "--throughput", "-1",
             "--print-metrics", "--command-property", "linger.ms=0", "--command-property", "batch.size=16384")
    return (*words, "--command-config", file) if file else words


def _throttle_time(printed):
    found = re.search(r"producer-metrics:produce-throttle-time-avg:\{\S+\}\s*:\s*([\d.]+)", printed)
    if not found:
        raise Differs(f"no produce-throttle-time-avg in {printed}")
    return float(found[1])


def _printed(broker, name, *options):
    done = java.run(name, *options, "--bootstrap-server", broker.address(LISTENER))
    return done.stdout + done.stderr


def _expect_text(what, text, pattern):
    if not re.search(pattern, text):
        raise Differs(f"{what}: {pattern!r} is not in {text}")


SCENARIOS = {"acls": acls, "transactional-acls": transactional_acls, "users": users, "quotas": quotas}
