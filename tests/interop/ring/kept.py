"""What a broker keeps: real lines through kcat, a kill, a new start, and the same folder under Apache Kafka.

Each function is one scenario of `run --broker`; it raises what is wrong.
"""

import subprocess

from ring import folder, java, tools
from ring.broker import Broker
from ring.clients import CLIENTS
from ring.group import Group
from ring.scenario import Differs, expect, shorten

LINES = tools.HERE.parent.parent / "examples" / "data" / "earthquakes.jsonl"
APACHE_KAFKA = tools.HERE / "apache-kafka"
TOPIC = "earthquakes"
GROUP = "readers"
# The metadata log is snapshotted and cut all the time.
SNAPSHOTS = ("metadata.log.max.record.bytes.between.snapshots=1", "metadata.max.retention.bytes=0")
# Whose members see their broker go and come back. Not franz-go's: it gives its membership up when nobody answers.
RESTARTED = ("java", "confluent-kafka", "kafka-python")
# How many lines a member reads before it leaves.
SHARE = 200


def kill(program, work):
    """Every acknowledged line is there after SIGKILL, and kafka-dump-log finds no error in the folder."""
    data_dir, log = work / "kill", work / "kill.log"
    with Broker(program, data_dir, log) as broker:
        _kcat(broker, "-P", "-t", TOPIC, "-l", str(LINES))
        _expect_lines(broker, "before the kill")
        broker.kill()
    with Broker(program, data_dir, log) as broker:
        _expect_lines(broker, "after the kill")
    found = folder.check(data_dir)
    if found.codecs.get(TOPIC) != {"none"}:
        raise Differs(f"codecs of the batches: {found.codecs.get(TOPIC)}")


def to_kafka(program, work):
    """Apache Kafka goes on with the folder: what was written is there, and it can write more."""
    data_dir = work / "to-kafka"
    with Broker(program, data_dir, work / "to-kafka.log", SNAPSHOTS) as broker:
        _kcat(broker, "-P", "-t", TOPIC, "-l", str(LINES))
    folder.check(data_dir)
    if not list((data_dir / folder.METADATA).glob("*[1-9]-*.checkpoint")):
        raise Differs("the metadata was not snapshotted")
    with Broker(APACHE_KAFKA, data_dir, work / "to-kafka.apache-kafka.log") as broker:
        _expect_lines(broker, "under Apache Kafka")
        _kcat(broker, "-P", "-t", TOPIC, "-p", "0", stdin=b"one more\n")
    folder.check(data_dir)


def from_kafka(program, work):
    """The broker goes on with a folder that Apache Kafka made: the same, the other way round."""
    data_dir = work / "from-kafka"
    with Broker(APACHE_KAFKA, data_dir, work / "from-kafka.apache-kafka.log") as broker:
        _kcat(broker, "-P", "-t", TOPIC, "-l", str(LINES))
    with Broker(program, data_dir, work / "from-kafka.log") as broker:
        _expect_lines(broker, "after Apache Kafka")
        _kcat(broker, "-P", "-t", TOPIC, "-p", "0", stdin=b"one more\n")
    folder.check(data_dir)


def groups(program, work):
    """A group goes on where it stopped: after a stop, after SIGKILL, under Apache Kafka, and back."""
    data_dir, log = work / "groups", work / "groups.log"
    lines = LINES.read_bytes().splitlines(keepends=True)
    read = iter(range(0, len(lines), SHARE))

    def expect_next(broker, when):
        first = next(read)
        # A member that reads so many lines, commits and leaves.
        got = _kcat(broker, "-G", GROUP, "-c", str(SHARE), "-X", "auto.offset.reset=earliest",
                    "-X", "session.timeout.ms=6000", "-X", "fetch.wait.max.ms=20", TOPIC)
        if got != b"".join(lines[first:first + SHARE]):
            raise Differs(f"{when}: {_lines(got)} lines that begin with {shorten(got[:200])}, want those from {first} on")

    with Broker(program, data_dir, log) as broker:
        _kcat(broker, "-P", "-t", TOPIC, "-l", str(LINES))
        expect_next(broker, "at first")
    with Broker(program, data_dir, log) as broker:
        expect_next(broker, "after a stop")
        broker.kill()
    with Broker(program, data_dir, log) as broker:
        expect_next(broker, "after SIGKILL")
    _expect_committed(data_dir, 3 * SHARE)
    with Broker(APACHE_KAFKA, data_dir, work / "groups.apache-kafka.log") as broker:
        expect_next(broker, "under Apache Kafka")
    with Broker(program, data_dir, log) as broker:
        expect_next(broker, "after Apache Kafka")
    _expect_committed(data_dir, 5 * SHARE)


def _expect_committed(data_dir, offset):
    found = folder.check(data_dir)
    committed = found.commits.get((GROUP, TOPIC, 0), {}).get("offset")
    if committed != offset or GROUP not in found.groups:
        raise Differs(f"kafka-dump-log finds offset {committed}, want {offset}, and the groups {sorted(found.groups)}")


def restart(program, work):
    """Members go on while their broker is stopped, killed and started again; none of them is rebalanced."""
    data_dir, log = work / "restart", work / "restart.log"
    clients = [client for client in CLIENTS if client.name in RESTARTED]
    for client in clients:
        client.install()
    with Broker(program, data_dir, log) as broker:
        listen = broker.bootstrap
        # Not both kinds in one group: kafka-python as its leader forgets some of the members then.
        topics = {"dynamic": False, "static": True}
        _create(listen, *(f"{topic}:{len(clients)}" for topic in topics))
        groups = [Group(listen, topic, len(clients), work) for topic in topics]
        with groups[0], groups[1]:
            for group, static in zip(groups, topics.values()):
                _join(group, clients, static)
            for group in groups:
                group.wait_shared(*group.members)
            _write_and_read(groups)
            rebalances = _rebalances(groups)
            broker.stop()
            with Broker(program, data_dir, log, listen=listen) as again:
                _write_and_read(groups)
                again.kill()
            with Broker(program, data_dir, log, listen=listen):
                _write_and_read(groups)
                expect("rebalances that members saw", _rebalances(groups), rebalances)
                for group in groups:
                    group.stop()
                    group.check()


def _create(bootstrap, *topics):
    words = [word for topic in topics for word in ("--topic", topic)]
    done = subprocess.run(java.client_command("topics", "--bootstrap", bootstrap, *words), capture_output=True,
                          text=True, timeout=120)
    if done.returncode != 0:
        raise Differs(f"topics could not be made: {done.stderr}")


def _join(group, clients, static):
    """One member of each client; the sessions are long enough that a broker can be away."""
    for client in clients:
        instance = {"instance": client.name} if static else {}
        group.join(client, **{"session-ms": 60_000}, **instance)


def _write_and_read(groups):
    for group in groups:
        group.write(60)
    for group in groups:
        group.wait_read()


def _rebalances(groups):
    return {f"{group.id}/{member.name}": len(member.said("assigned", "revoked", "lost"))
            for group in groups for member in group.members}


# The longest first.
SCENARIOS = {"folder-groups": groups, "folder-to-kafka": to_kafka, "folder-from-kafka": from_kafka,
             "groups-restart": restart, "kill": kill}


def _expect_lines(broker, when):
    got = _kcat(broker, "-C", "-t", TOPIC, "-p", "0", "-o", "beginning", "-e", "-X", "fetch.wait.max.ms=20")
    want = LINES.read_bytes()
    if got != want:
        first = next((i for i, (g, w) in enumerate(zip(got, want)) if g != w), min(len(got), len(want)))
        raise Differs(f"{when}: {_lines(got)} lines of {_lines(want)}, and the first difference "
                      f"is at byte {first}: got {shorten(got[first:first + 200])}")


def _kcat(broker, *options, stdin=b""):
    done = subprocess.run(["kcat", "-q", "-b", broker.bootstrap, *options], input=stdin, capture_output=True, timeout=120)
    if done.returncode != 0:
        raise Differs(f"kcat {' '.join(options)} ended with {done.returncode}: {done.stderr.decode()}")
    return done.stdout


def _lines(data):
    return data.count(b"\n")
