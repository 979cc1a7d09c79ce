"""Transactions that are open while the broker under them goes: another one has the folder then, or has lost its coordinator's log.

Each function is one scenario of `run --broker`; it raises what is wrong.
"""

import re

from ring import folder, java, tools
from ring.broker import Broker, free_address
from ring.clients import CLIENTS
from ring.scenario import Differs, eventually, expect
from ring.transactions import PARTITIONS, Stage

APACHE_KAFKA = tools.HERE / "apache-kafka"
TOOLS = "org.apache.kafka.tools"
TOPICS, TRANSACTIONS, GROUPS = f"{TOOLS}.TopicCommand", f"{TOOLS}.TransactionsCommand", f"{TOOLS}.consumer.group.ConsumerGroupCommand"
# Longer than all of this takes; the longest that a broker allows by default.
LONG_MS = 900_000
SETTINGS = ("offsets.topic.num.partitions=5", "transaction.state.log.num.partitions=5")


def handed_over(program, work):
    """Transactions that are open under the broker are committed and aborted under Apache Kafka, and the other way round."""
    work = work / "open-transactions"
    work.mkdir()
    data_dir, address = work / "data", free_address()
    stage = Stage(address, "open", work)
    topic, group = stage.topic(), "open"
    first, second, third = (stage.transactor(client, id=f"open-{number}", timeout_ms=LONG_MS, init=False)
                            for number, client in enumerate(_installed("java", "confluent-kafka", "java"), 1))
    with first as java_one, second as other, third as reader:
        with Broker(program, data_dir, work / "1.log", SETTINGS, listen=address) as broker:
            _tool(address, TOPICS, "--create", "--topic", topic, "--partitions", str(PARTITIONS), "--config", "retention.ms=-1")
            for one in (java_one, other, reader):
                one.do("init")
            _whole(java_one, "commit", lambda: java_one.send(topic, "1_committed"))
            _whole(java_one, "abort", lambda: java_one.send(topic, "1_aborted"))
            java_one.do("begin")
            java_one.send(topic, "1_open")
            other.do("begin")
            other.send(topic, "1_other", partition=1)
            _whole(reader, "commit", lambda: _offset(reader, group, topic, 1))
            reader.do("begin")
            _offset(reader, group, topic, 2)
            broker.stop()
        folder.check(data_dir)
        with Broker(APACHE_KAFKA, data_dir, work / "2.log", SETTINGS, listen=address) as broker:
            stage.expect("under Apache Kafka", [["1_committed"], []], [["1_committed", "1_aborted", "1_open"], ["1_other"]])
            expect("transactions that are open", _listed(address), {"open-1": "Ongoing", "open-2": "Ongoing", "open-3": "Ongoing"})
            reader.do("commit")
            expect("the group's offset", _committed(address, group), 2)
            java_one.send(topic, "2_more")
            java_one.do("commit")
            java_one.do("begin")
            java_one.send(topic, "2_open", partition=1)
            reader.do("begin")
            _offset(reader, group, topic, 3)
            broker.kill()
        with Broker(program, data_dir, work / "3.log", SETTINGS, listen=address) as broker:
            first_seen = ["1_committed", "1_open", "2_more"]
            stage.expect("under the broker again", [first_seen, []],
                         [["1_committed", "1_aborted", "1_open", "2_more"], ["1_other", "2_open"]])
            other.do("abort")
            java_one.do("commit")
            stage.expect("at the end", [first_seen, ["2_open"]],
                         [["1_committed", "1_aborted", "1_open", "2_more"], ["1_other", "2_open"]])
            reader.do("abort")
            expect("the group's offset at the end", _committed(address, group), 2)
            broker.stop()
    found = folder.check(data_dir)
    expect("transactions in the folder", found.transactions,
           {"open-1": "CompleteCommit", "open-2": "CompleteAbort", "open-3": "CompleteAbort"})


def hanging(program, work):
    """Nobody knows any more of a transaction that is open in a partition: kafka-transactions finds and aborts it."""
    work = work / "hanging-transactions"
    work.mkdir()
    data_dir, address = work / "data", free_address()
    stage = Stage(address, "hanging", work)
    topic, (client,) = stage.topic(), _installed("confluent-kafka")
    with Broker(program, data_dir, work / "1.log", SETTINGS, listen=address) as broker:
        _tool(address, TOPICS, "--create", "--topic", topic, "--partitions", str(PARTITIONS), "--config", "retention.ms=-1")
        with stage.transactor(client, timeout_ms=LONG_MS) as producer:
            _whole(producer, "commit", lambda: producer.send(topic, "before"))
            producer.do("begin")
            producer.send(topic, "hanging")
            expect("hanging ones as long as it is known", _hanging(address), [])
        broker.stop()
    # Nor may the folder say that there was anything: a broker that keeps its word serves no log that has lost what was flushed.
    lost = [file for file in data_dir.glob(f"{folder.TRANSACTIONS}-*/*") if file.name != "partition.metadata"]
    for file in [*lost, *data_dir.glob("*-checkpoint"), *data_dir.glob(".kafka_cleanshutdown")]:
        file.unlink()
    with Broker(program, data_dir, work / "2.log", SETTINGS, listen=address):
        stage.write(topic, "behind")
        stage.expect("while it hangs", [["before"], []], [["before", "hanging", "behind"], []])
        expect("transactions that are known", _listed(address), {})
        (found,) = _hanging(address)
        expect("what hangs", found[:2], [topic, "0"])
        described = _rows(_transactions(address, "describe-producers", "--topic", topic, "--partition", "0"))
        expect("producer, its epoch and where its transaction begins", [described[0][0], described[0][1], described[0][5]],
               [found[2], found[3], "2"])
        _transactions(address, "abort", "--topic", topic, "--partition", "0", "--start-offset", "2")
        eventually("what hangs then", lambda: _hanging(address), [])
        stage.expect("when it is aborted", [["before", "behind"], []], [["before", "hanging", "behind"], []])
    folder.check(data_dir)


def _installed(*names):
    clients = {client.name: client for client in CLIENTS}
    for name in names:
        clients[name].install()
    return [clients[name] for name in names]


def _whole(producer, end, step):
    producer.do("begin")
    step()
    producer.do(end)


def _offset(producer, group, topic, offset):
    producer.do("offsets", group=group, topic=topic, offsets={"0": offset})


def _committed(address, group):
    (row,) = [row for row in _rows(_tool(address, GROUPS, "--describe", "--group", group)) if row[0] == group]
    return int(row[3])


def _listed(address):
    """The state of each transactional id that kafka-transactions lists."""
    return {row[0]: row[3] for row in _rows(_transactions(address, "list"))}


def _hanging(address):
    """What it says of transactions that nobody knows: topic, partition, producer, its epoch and more."""
    return _rows(_transactions(address, "find-hanging", "--broker-id", "1"))


def _transactions(address, *words):
    done = java.run(TRANSACTIONS, "--bootstrap-server", address, *words)
    if done.returncode != 0:
        raise Differs(f"kafka-transactions {' '.join(words)} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


def _rows(text):
    """The lines of a table, without its head."""
    lines = [line.split() for line in text.splitlines() if re.search(r"\S\s+\S+\s+\S", line)]
    return lines[1:]


def _tool(address, name, *options):
    done = java.run(name, *options, "--bootstrap-server", address)
    if done.returncode != 0:
        raise Differs(f"{name} {' '.join(options)} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


SCENARIOS = {"open-transactions": handed_over, "hanging-transactions": hanging}
