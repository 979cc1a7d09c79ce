"""kafka-transactions, and kafka-console-consumer with both isolation levels, while the java client has a transaction open."""

import re
import tempfile
from pathlib import Path

from ring import scenario
from ring.clients import CLIENTS
from ring.scenario import expect
from ring.transactions import Stage

TOOLS = "org.apache.kafka.tools"
TRANSACTIONS, CONSUMER = f"{TOOLS}.TransactionsCommand", f"{TOOLS}.consumer.ConsoleConsumer"
TIMEOUT_MS = 600_000


class Tools:
    """The tools, about one topic and one transactional id; `output` runs one and gives what it prints."""

    def __init__(self, output, topic, identity):
        self._output, self.topic, self.identity = output, topic, identity

    def rows(self, *words):
        """The lines of the table that kafka-transactions prints, by the names in its head."""
        head, *lines = [line.split() for line in self._output(TRANSACTIONS, *words).decode().splitlines() if line.strip()]
        return [dict(zip(head, line)) for line in lines]

    def state(self):
        """The state of the transactional id."""
        return self.rows("describe", "--transactional-id", self.identity)[0]["TransactionState"]

    def listed(self, *filters):
        """The state in which it is listed, or nothing."""
        return [row["TransactionState"] for row in self.rows("list", *filters) if row["TransactionalId"] == self.identity]

    def read(self, isolation, count):
        """The values of the topic, in the order of its offsets."""
        return self._output(CONSUMER, "--topic", self.topic, "--partition", "0", "--offset", "earliest", "--max-messages",
                            str(count), "--isolation-level", isolation, "--timeout-ms", "20000", "--formatter-property",
                            "print.key=true", "--formatter-property", "print.value=false").decode().split()

    def force_end(self):
        self._output(TRANSACTIONS, "forceTerminateTransaction", "--transactionalId", self.identity)


def check(args, output):
    """An open transaction as the tools show it, and its end by force."""
    (client,) = [client for client in CLIENTS if client.name == "java"]
    client.install()
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(args.bootstrap, f"{args.prefix}-console-tools-transactions", Path(folder))
        tools = Tools(output, stage.topic(), stage.name)
        output(f"{TOOLS}.TopicCommand", "--create", "--topic", tools.topic, "--partitions", "1", "--config", "retention.ms=-1")
        with stage.transactor(client, timeout_ms=TIMEOUT_MS) as producer:
            producer.do("begin")
            producer.send(tools.topic, "committed")
            producer.do("commit")
            scenario.eventually("its state", tools.state, "CompleteCommit")
            producer.do("begin")
            producer.send(tools.topic, "open")
            _open(tools)
            tools.force_end()
            # By a producer id for the next one, which has no transaction yet.
            scenario.eventually("its state when it was ended", tools.state, "Empty")
            expect("the error of its producer", producer.do("commit", fails=True) in (client.fenced, client.timed_out), True)
        with stage.transactor(client) as producer:
            producer.do("begin")
            producer.send(tools.topic, "last")
            producer.do("commit")
    expect("what is committed", tools.read("read_committed", 2), ["committed", "last"])
    expect("what is there", tools.read("read_uncommitted", 3), ["committed", "open", "last"])
    expect("the end", output(f"{TOOLS}.GetOffsetShell", "--topic", tools.topic).decode().strip(), f"{tools.topic}:0:6")


def _open(tools):
    """What the tools say of the transaction as long as it is open."""
    expect("its state", tools.state(), "Ongoing")
    (described,) = tools.rows("describe", "--transactional-id", tools.identity)
    expect("described", (described["TransactionTimeoutMs"], described["TopicPartitions"]), (str(TIMEOUT_MS), f"{tools.topic}-0"))
    expect("listed", tools.listed(), ["Ongoing"])
    pattern = re.escape(tools.identity[:-1]) + "."
    expect("listed by its pattern", tools.listed("--transactional-id-pattern", pattern), ["Ongoing"])
    expect("listed by another pattern", tools.listed("--transactional-id-pattern", "nobody.*"), [])
    expect("listed as one that has lasted for an hour", tools.listed("--duration-filter", "3600000"), [])
    (producer,) = tools.rows("describe-producers", "--topic", tools.topic, "--partition", "0")
    wanted = {"ProducerId": described["ProducerId"], "ProducerEpoch": described["ProducerEpoch"], "LastSequence": "0",
              "CurrentTransactionStartOffset": "2"}
    expect("its producer", {name: producer[name] for name in wanted}, wanted)
    hanging = tools.rows("find-hanging", "--topic", tools.topic, "--partition", "0", "--max-transaction-timeout", "1")
    expect("ones that hang", hanging, [])
    expect("what is committed while it is open", tools.read("read_committed", 1), ["committed"])
