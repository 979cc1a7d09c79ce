"""Users, ACLs and quotas of a folder under the broker, Apache Kafka, the broker and Apache Kafka again.

kafka-acls and kafka-configs make, change and describe them; under each broker they say of the folder what they said under
the one before. The users log in then, and each is let in or not, and allowed and denied what it was under the one before.
The metadata log is snapshotted and cut all the time, so that everything is also read from snapshots.
"""

import json
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

from ring import folder, tools
from ring.broker import AUTHORIZER, Broker, free_address
from ring.clients import CLIENTS
from ring.scenario import Differs, eventually, expect
from ring.security import ACLS, CONFIGS, MECHANISMS, logins, tool

APACHE_KAFKA = tools.HERE / "apache-kafka"
# For a client that asks all that it is to ask.
DEADLINE_S = 240
TOPICS = "org.apache.kafka.tools.TopicCommand"
SETTINGS = (*AUTHORIZER, "metadata.log.max.record.bytes.between.snapshots=1", "metadata.max.retention.bytes=0",
            "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,USERS:SASL_PLAINTEXT", *logins("users", *MECHANISMS[1:]))
# What is done under each broker, in turn: the words of the tools.
ROUNDS = (
    (
        (TOPICS, "--create", "--topic", "orders"),
        (TOPICS, "--create", "--topic", "pre-orders"),
        (ACLS, "--add", "--allow-principal", "User:alice", "--operation", "Read", "--topic", "orders", "--group", "g"),
        (ACLS, "--add", "--allow-principal", "User:alice", "--operation", "All", "--topic", "pre-",
         "--resource-pattern-type", "prefixed"),
        (ACLS, "--add", "--deny-principal", "User:alice", "--operation", "Create", "--topic", "pre-closed"),
        (ACLS, "--add", "--deny-principal", "User:*", "--deny-host", "10.0.0.1", "--operation", "Write", "--topic", "*"),
        (ACLS, "--add", "--allow-principal", "User:bob", "--producer", "--topic", "orders", "--transactional-id", "tx"),
        (ACLS, "--add", "--allow-principal", "User:bob", "--operation", "Read", "--group", "g"),
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
# Who logs in: user, mechanism and password.
ALICE, ALICE_512 = (("alice", mechanism, "alice-secret") for mechanism in MECHANISMS[1:])
BOB = ("bob", "SCRAM-SHA-512", "bob-secret")
CAROL, CAROL_AGAIN = (("carol", "SCRAM-SHA-256", password) for password in ("carol-secret", "another"))
ALLOWED, DENIED = "no error", "TOPIC_AUTHORIZATION_FAILED"
OF_ALICE = {"create pre-new": ALLOWED, "create pre-closed": DENIED, "create new": DENIED, "write pre-orders": ALLOWED,
            "write orders": DENIED, "read orders": ALLOWED}
OF_BOB = {"write orders": ALLOWED, "read orders": DENIED, "create new": DENIED}
OF_CAROL = {"read orders": ALLOWED, "write orders": DENIED}
# What each is told when a round's changes are made; nothing for who is not let in.
DECISIONS = (
    {ALICE: OF_ALICE, ALICE_512: OF_ALICE, BOB: OF_BOB, CAROL: None},
    {ALICE: OF_ALICE, ALICE_512: OF_ALICE, BOB: None, CAROL: OF_CAROL, CAROL_AGAIN: None},
    {ALICE: OF_ALICE, ALICE_512: OF_ALICE, BOB: None, CAROL: None, CAROL_AGAIN: OF_CAROL},
    {ALICE: OF_ALICE, ALICE_512: OF_ALICE, BOB: None, CAROL: None, CAROL_AGAIN: OF_CAROL},
)
# What the tools are asked at the end of each round.
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
    (client,) = [client for client in CLIENTS if client.name == "confluent-kafka"]
    client.install()
    data_dir, described = work / "data", None
    for number, changes in enumerate(ROUNDS, 1):
        broker = program if number % 2 else APACHE_KAFKA
        open_to_all, with_login = free_address(), free_address()
        settings = (*SETTINGS, f"listeners=PLAINTEXT://{open_to_all},USERS://{with_login}")
        asking = _Asking(client, with_login, work)
        with Broker(broker, data_dir, work / f"{number}.log", settings, listen=None):
            if described:
                expect(f"what the tools say in round {number}", _describe(open_to_all), described)
                expect(f"what is decided in round {number}", asking.all(DECISIONS[number - 2]), DECISIONS[number - 2])
            for name, *words in changes:
                tool(open_to_all, name, *words)
            described, decided = _describe(open_to_all), DECISIONS[number - 1]
            if changes:
                eventually(f"what is decided after round {number}", lambda: asking.all(decided), decided)
        folder.check(data_dir)
    if not any("carol" in line for line in described):
        raise Differs(f"the user of the second round is not there at the end: {described}")
    if broker != APACHE_KAFKA:
        raise Differs("the last round was not Apache Kafka's")


class _Asking:
    """Users who log in on a broker with a client's program, and what they are told."""

    def __init__(self, client, address, work):
        self._client, self._address, self._work = client, address, work

    def all(self, wanted):
        """What each of those users is told, asked what is wanted of them."""
        with ThreadPoolExecutor(len(wanted)) as pool:
            return dict(zip(wanted, pool.map(self._one, wanted, wanted.values())))

    def _one(self, login, wanted):
        """The answer to each case; nothing for who is not let in, and what the program said if it does not end well."""
        user, mechanism, password = login
        file = self._work / f"{user}-{mechanism}-{password}.json"
        file.write_text(json.dumps({"protocol": "SASL_PLAINTEXT", "mechanism": mechanism, "user": user, "password": password}))
        cases = [word for case in wanted or () for word in ("--case", case)]
        scenario = ("decisions", "--group", "g", *cases) if wanted else ("refused",)
        done = subprocess.run([*self._client.command(), *scenario, "--bootstrap", self._address, "--security", str(file)],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=DEADLINE_S)
        if done.returncode != 0:
            return done.stdout + done.stderr
        events = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        return {event["case"]: event["answer"] for event in events} or None


def _describe(address):
    """What the tools say, in an order that is not theirs: each ACL with its resource, each entity with its configs."""
    said, resource = [], ""
    for name, *words in QUESTIONS:
        for line in tool(address, name, *words).splitlines():
            if found := re.search(r"Current ACLs for resource `(.*)`", line):
                resource = found[1]
            elif "principal=" in line:
                said.append(f"{resource}: {line.strip()}")
            elif found := re.match(r"(.* configs for .*?) are (.*)", line):
                said.append(f"{found[1]}: {sorted(found[2].split(', '))}")
    return sorted(said)


SCENARIOS = {"folder-security": security}
