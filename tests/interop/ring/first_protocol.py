"""The first protocol of transactions, on a folder whose cluster has not finalized the second (KIP-890).

The clients that know both say then which partitions they write to before they do, and keep their epoch from one
transaction to the next.
"""

import base64
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from ring import java, planned, transactions
from ring.broker import Broker
from ring.clients import CLIENTS
from ring.scenario import Differs, expect
from ring.transactions import Stage

FEATURES = "org.apache.kafka.tools.FeatureCommand"
# What a client says when its transaction was open for too long: the epoch is another one since, and so in this protocol.
TIMED_OUT = {"java": "ProducerFencedException", "franz-go": "PRODUCER_FENCED"}
AT_ONCE = 4


def first_protocol(program, work):
    """What transactions.py does, with the clients that would use the second protocol."""
    work = work / "first-protocol"
    work.mkdir()
    data_dir = work / "data"
    _format(data_dir, work / "format.properties")
    with Broker(program, data_dir, work / "broker.log") as broker:
        described = _features(broker.bootstrap)
        levels = [line.split("FinalizedVersionLevel: ")[1].split()[0] for line in described.splitlines()
                  if line.startswith("Feature: transaction.version")]
        expect("the finalized transaction.version", levels, ["1"])
        clients = [replace(client, timed_out=TIMED_OUT[client.name]) for client in CLIENTS if client.name in TIMED_OUT]
        for client in clients:
            client.install()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for done in [pool.submit(_play, broker.bootstrap, name, client, other, work) for name in transactions.SCENARIOS
                         for client, other in (clients, clients[::-1])]:
                done.result()


def _play(bootstrap, name, client, other, work):
    stage = Stage(bootstrap, f"{client.name}-{name}", work)
    transactions.create(bootstrap, transactions.topics_of(stage, name))
    try:
        transactions.SCENARIOS[name](stage, client, other)
    except Differs as e:
        raise Differs(f"{client.name} {name}: {e}") from None
    if name == "plan":
        for isolation, want in zip(("read_uncommitted", "read_committed"), planned.stored()):
            keys = [[record["key"].decode() for record in want if record["partition"] == p] for p in range(transactions.PARTITIONS)]
            expect(f"{client.name} {name}, {isolation}", stage.read(stage.topic(), isolation), keys)


def _format(data_dir, settings):
    """An empty folder of Apache Kafka's in which `transaction.version` is 1."""
    settings.write_text(f"process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@localhost:9093\n"
                        f"listeners=PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093\n"
                        f"controller.listener.names=CONTROLLER\nlog.dirs={data_dir}\n")
    cluster_id = "K" + base64.urlsafe_b64encode(os.urandom(16)).decode()[1:22]
    done = java.run("kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", str(settings), "--feature",
                    "transaction.version=1")
    if done.returncode != 0:
        raise Differs(f"the folder could not be formatted: {done.stdout}{done.stderr}")


def _features(address):
    """What kafka-features describes."""
    done = java.run(FEATURES, "--bootstrap-server", address, "describe")
    if done.returncode != 0:
        raise Differs(f"kafka-features ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


SCENARIOS = {"first-protocol": first_protocol}
