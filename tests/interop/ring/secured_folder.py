"""Users, ACLs and quotas of a folder under the broker, Apache Kafka, the broker and Apache Kafka again.

kafka-acls and kafka-configs make, change and describe them; under each broker they say of the folder what they said under
the one before. The metadata log is snapshotted and cut all the time, so that everything is also read from snapshots.
"""

import re

from ring import folder, tools
from ring.broker import Broker
from ring.scenario import Differs, expect
from ring.security import ACLS, CONFIGS, tool

APACHE_KAFKA = tools.HERE / "apache-kafka"
SETTINGS = ("authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer", "super.users=User:ANONYMOUS",
            "metadata.log.max.record.bytes.between.snapshots=1", "metadata.max.retention.bytes=0")
# What is done under each broker, in turn: the words of the tools.
ROUNDS = (
    (
        (ACLS, "--add", "--allow-principal", "User:alice", "--operation", "Read", "--topic", "orders"),
        (ACLS, "--add", "--allow-principal", "User:alice", "--operation", "All", "--topic", "pre-",
         "--resource-pattern-type", "prefixed"),
        (ACLS, "--add", "--deny-principal", "User:*", "--deny-host", "10.0.0.1", "--operation", "Write", "--topic", "*"),
        (ACLS, "--add", "--allow-principal", "User:bob", "--producer", "--topic", "orders", "--transactional-id", "tx"),
        (ACLS, "--add", "--allow-principal", "User:bob", "--operation", "Alter", "--cluster"),
        (CONFIGS, "--alter", "--entity-type", "users", "--entity-name", "alice", "--add-config",
         "SCRAM-SHA-256=[iterations=8192,password=alice-secret]"),
        (CONFIGS, "--alter", "--entity-type", "users", "--entity-name", "alice", "--add-config",
         "SCRAM-SHA-512=[password=alice-secret]"),
        (CONFIGS, "--alter", "--entity-type", "users", "--entity-name", "bob", "--add-config",
         "SCRAM-SHA-512=[password=bob-secret]"),
        (CONFIGS, "--alter", "--entity-type", "users", "--entity-name", "alice", "--add-config",
         "producer_byte_rate=100000,request_percentage=150.5"),
        (CONFIGS, "--alter", "--entity-type", "users", "--entity-default", "--entity-type", "clients", "--entity-name",
         "c", "--add-config", "consumer_byte_rate=200000"),
        (CONFIGS, "--alter", "--entity-type", "clients", "--entity-default", "--add-config", "controller_mutation_rate=3.5"),
        (CONFIGS, "--alter", "--entity-type", "ips", "--entity-name", "127.0.0.1", "--add-config",
         "connection_creation_rate=50"),
    ),
    (
        (ACLS, "--remove", "--force", "--deny-principal", "User:*", "--deny-host", "10.0.0.1", "--operation", "Write",
         "--topic", "*"),
        (ACLS, "--add", "--allow-principal", "User:carol", "--consumer", "--topic", "orders", "--group", "g"),
        (CONFIGS, "--alter", "--entity-type", "users", "--entity-name", "bob", "--delete-config", "SCRAM-SHA-512"),
        (CONFIGS, "--alter", "--entity-type", "users", "--entity-name", "carol", "--add-config",
         "SCRAM-SHA-256=[password=carol-secret]"),
        (CONFIGS, "--alter", "--entity-type", "ips", "--entity-name", "127.0.0.1", "--delete-config",
         "connection_creation_rate"),
    ),
    (
        (ACLS, "--remove", "--force", "--allow-principal", "User:bob", "--operation", "Alter", "--cluster"),
        (CONFIGS, "--alter", "--entity-type", "users", "--entity-name", "carol", "--add-config",
         "SCRAM-SHA-256=[password=another]"),
        (CONFIGS, "--alter", "--entity-type", "users", "--entity-name", "alice", "--delete-config", "request_percentage"),
    ),
    (),
)
# What is asked at the end of each round.
QUESTIONS = (
    (ACLS, "--list"),
    (CONFIGS, "--describe", "--entity-type", "users"),
    (CONFIGS, "--describe", "--entity-type", "clients"),
    (CONFIGS, "--describe", "--entity-type", "users", "--entity-type", "clients"),
    (CONFIGS, "--describe", "--entity-type", "ips"),
)


def security(program, work):
    """Users, ACLs and quotas are the same under the broker and under Apache Kafka, four times in turn."""
    work = work / "security"
    work.mkdir()
    data_dir, described = work / "data", None
    for number, changes in enumerate(ROUNDS, 1):
        broker = program if number % 2 else APACHE_KAFKA
        with Broker(broker, data_dir, work / f"{number}.log", SETTINGS) as current:
            if described:
                expect(f"what the tools say in round {number}", _describe(current), described)
            for name, *words in changes:
                tool(current.bootstrap, name, *words)
            described = _describe(current)
        folder.check(data_dir)
    if not any("carol" in line for line in described):
        raise Differs(f"the user of the second round is not there at the end: {described}")
    if broker != APACHE_KAFKA:
        raise Differs("the last round was not Apache Kafka's")


def _describe(broker):
    """What the tools say, in an order that is not theirs: each ACL with its resource, each entity with its configs."""
    said, resource = [], ""
    for name, *words in QUESTIONS:
        for line in tool(broker.bootstrap, name, *words).splitlines():
            if found := re.search(r"Current ACLs for resource `(.*)`", line):
                resource = found[1]
            elif "principal=" in line:
                said.append(f"{resource}: {line.strip()}")
            elif found := re.match(r"(.* configs for .*?) are (.*)", line):
                said.append(f"{found[1]}: {sorted(found[2].split(', '))}")
    return sorted(said)


SCENARIOS = {"folder-security": security}
