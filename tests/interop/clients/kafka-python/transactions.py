"""The transactor and the copier of kafka-python (see ring/transactor.py)."""

from kafka import KafkaConsumer, KafkaProducer
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.structs import OffsetAndMetadata

from ring import member, transactor
from ring.scenario import DEADLINE_S


def serve(args, connection):
    """Does with one producer what it is told."""
    producer = _producer(args, connection)

    def send(topic, written):
        sent = [producer.send(topic, partition=r["partition"], key=r["key"], value=r["value"], headers=r["headers"],
                              timestamp_ms=r["timestamp"]) for r in written]
        producer.flush(DEADLINE_S)
        for one in sent:
            one.get(DEADLINE_S)

    transactor.serve({"init": producer.init_transactions, "begin": producer.begin_transaction, "send": send,
                      "commit": producer.commit_transaction, "abort": producer.abort_transaction},
                     lambda error: type(error).__name__)


def copy(args, connection):
    """Copies what was committed, in transactions."""
    source, target = args.topic
    producer = _producer(args, connection)
    producer.init_transactions()
    consumer = KafkaConsumer(
        source, **connection, group_id=args.group, auto_offset_reset="earliest", enable_auto_commit=False,
        isolation_level="read_committed", session_timeout_ms=args.session_ms, heartbeat_interval_ms=member.HEARTBEAT_MS,
        fetch_max_wait_ms=100, partition_assignment_strategy=[RangePartitionAssignor])
    ended, number = member.input_end(), 0
    while not ended.is_set():
        # So long because kafka-python forgets a rebalance that ends after the poll in which it began.
        polled = consumer.poll(5_000, max_records=transactor.COPIED_AT_ONCE)
        if not polled:
            continue
        number += 1
        producer.begin_transaction()
        for message in (message for messages in polled.values() for message in messages):
            producer.send(target, partition=message.partition, value=message.value,
                          key=f"{message.partition}:{message.offset}".encode())
        offsets = {partition: OffsetAndMetadata(messages[-1].offset + 1, "", -1) for partition, messages in polled.items()}
        producer.send_offsets_to_transaction(offsets, consumer.group_metadata())
        if number == args.hold:
            producer.flush(DEADLINE_S)
            member.say("held")
            ended.wait()
        producer.commit_transaction()
        member.say("copied", count=sum(map(len, polled.values())))
    consumer.close(autocommit=False)
    member.say("closed")


def _producer(args, connection):
    codec = None if args.codec == "none" else args.codec
    return KafkaProducer(**connection, transactional_id=args.id, transaction_timeout_ms=args.timeout_ms,
                         compression_type=codec, linger_ms=5)
