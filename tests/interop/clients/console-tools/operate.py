"""What operators type about folders, leaders, replicas, the metadata's quorum, features and brokers that are gone."""

import json
import re
import tempfile

from ring import scenario
from ring.scenario import expect

TOOLS = "org.apache.kafka.tools"
QUORUM, REASSIGN, FEATURES = (f"{TOOLS}.{name}" for name in ("MetadataQuorumCommand", "reassign.ReassignPartitionsCommand",
                                                             "FeatureCommand"))
ELECTION, LOG_DIRS, CLUSTER = (f"{TOOLS}.{name}" for name in ("LeaderElectionCommand", "LogDirsCommand", "ClusterTool"))


class Operator:
    """The tools about one topic; `run` gives how a tool ended, `output` what one printed that had to succeed."""

    def __init__(self, run, output, topic):
        self._run, self._output, self.topic = run, output, topic

    def output(self, tool, *words):
        return self._output(tool, *words).decode()

    def says(self, what, pattern, tool, *words, fails=False):
        """Expects a tool to end so, and to print what the pattern is about."""
        done = self._run(tool, *words)
        text = (done.stdout + done.stderr).decode()
        if (done.returncode != 0) != fails or not re.search(pattern, text):
            raise scenario.Differs(f"{what}: ended with {done.returncode}, and {pattern!r} is to be in {scenario.shorten(text, 2_000)}")

    def file(self, value):
        """A file with a value as JSON."""
        file = tempfile.NamedTemporaryFile("w", suffix=".json")
        json.dump(value, file)
        file.flush()
        return file

    def assignment(self, replicas, **partition):
        return self.file({"version": 1, "partitions": [{"topic": self.topic, "partition": 0, "replicas": replicas, **partition}]})


def check(args, run, output):
    topic = f"{args.prefix}-console-tools-operate"
    operator = Operator(run, output, topic)
    operator.output(f"{TOOLS}.TopicCommand", "--create", "--topic", topic, "--partitions", "2", "--config", "retention.ms=-1")
    broker, folder = _folders(operator)
    _quorum(operator)
    _leaders(operator)
    _replicas(operator, broker, folder)
    _features(operator)
    _brokers(operator)


def _described(operator):
    """The folders of the only broker, as kafka-log-dirs tells them."""
    text = operator.output(LOG_DIRS, "--describe", "--topic-list", operator.topic)
    (broker,) = json.loads(text.splitlines()[-1])["brokers"]
    return broker["broker"], broker["logDirs"]


def _folders(operator):
    output = operator.output(f"{TOOLS}.ProducerPerformance", "--topic", operator.topic, "--num-records", "1000", "--record-size",
                             "100", "--throughput", "-1")
    expect("what was written", "1000 records sent" in output, True)
    broker, (folder,) = _described(operator)
    expect("the folder's error", folder["error"], None)
    sizes = {partition["partition"]: partition["size"] for partition in folder["partitions"]}
    expect("its partitions", sorted(sizes), [f"{operator.topic}-0", f"{operator.topic}-1"])
    expect("they have what was written", sum(sizes.values()) > 100_000, True)
    expect("nothing lags, nothing moves", {(p["offsetLag"], p["isFuture"]) for p in folder["partitions"]}, {(0, False)})
    return broker, folder["logDir"]


def _quorum(operator):
    status = operator.output(QUORUM, "describe", "--status")
    found = dict(re.findall(r"(?m)^(\w+):\s+(.*)$", status))
    leader = found["LeaderId"]
    expect("its lag", found["MaxFollowerLag"], "0")
    expect("its observers", found["CurrentObservers"], "[]")
    expect("the voters", [voter["id"] for voter in json.loads(found["CurrentVoters"])], [int(leader)])
    rows = [line.split() for line in operator.output(QUORUM, "describe", "--replication").splitlines()]
    (row,) = [row for row in rows if row and row[0] == leader]
    expect("the leader's lag and role", (row[3], row[-1]), ("0", "Leader"))
    expect("the log has not gone back", int(row[2]) >= int(found["HighWatermark"]) > 0, True)


def _leaders(operator):
    operator.says("an election of one", "Valid replica already elected for partitions", ELECTION, "--election-type", "preferred",
                  "--topic", operator.topic, "--partition", "0")
    operator.says("one of a partition that is not there", "UnknownTopicOrPartitionException", ELECTION, "--election-type", "unclean",
                  "--topic", operator.topic, "--partition", "9", fails=True)


def _replicas(operator, broker, folder):
    with operator.assignment([broker], log_dirs=[folder]) as same:
        operator.says("a partition to where it is", "Successfully started partition reassignment", REASSIGN,
                      "--reassignment-json-file", same.name, "--execute")
        operator.says("its end", f"Reassignment of partition {operator.topic}-0 is completed", REASSIGN, "--reassignment-json-file",
                      same.name, "--verify")
    operator.says("what is under way", "No partition reassignments found", REASSIGN, "--list")
    with operator.assignment([99]) as elsewhere:
        operator.says("a partition to a broker that is not there", "Unknown broker id 99", REASSIGN, "--reassignment-json-file",
                      elsewhere.name, "--execute", fails=True)


def _levels(operator):
    """The features with the levels that they have."""
    text = operator.output(FEATURES, "describe")
    return dict(re.findall(r"Feature: (\S+)\s.*FinalizedVersionLevel: (\S+)", text))


def _features(operator):
    level = _levels(operator)["transaction.version"]
    feature = f"transaction.version={level}"
    operator.says("the level that it has", f"transaction.version was upgraded to {level}", FEATURES, "upgrade", "--feature", feature)
    operator.says("a downgrade that is only checked", "can be downgraded to 1", FEATURES, "downgrade", "--feature",
                  "transaction.version=1", "--dry-run")
    operator.says("a level that nobody knows", "only supports versions 0-2", FEATURES, "upgrade", "--feature",
                  "transaction.version=9", fails=True)
    expect("the level after all that", _levels(operator)["transaction.version"], level)


def _brokers(operator):
    operator.says("a broker that nobody knows", "99 is not currently registered", CLUSTER, "unregister", "--id", "99", fails=True)
