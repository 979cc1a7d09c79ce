"""The transactor and the copier of confluent-kafka (see ring/transactor.py)."""

from confluent_kafka import Consumer, KafkaException, Producer

from ring import member, transactor
from ring.scenario import DEADLINE_S


def serve(args, connection):
    """Does with one producer what it is told."""
    producer = _producer(args, connection)

    def send(topic, written):
        failures = []
        for r in written:
            _produce(producer, topic, partition=r["partition"], key=r["key"], value=r["value"], headers=r["headers"],
                     timestamp=r["timestamp"], on_delivery=lambda e, _: e and failures.append(e.name()))
        producer.flush(DEADLINE_S)
        if failures:
            raise transactor.Failed(failures[0])

    transactor.serve({"init": lambda: producer.init_transactions(DEADLINE_S), "begin": producer.begin_transaction,
                      "send": send, "commit": lambda: producer.commit_transaction(DEADLINE_S),
                      "abort": lambda: producer.abort_transaction(DEADLINE_S)}, _name)


def copy(args, connection):
    """Copies what was committed, in transactions."""
    source, target = args.topic
    producer = _producer(args, connection)
    producer.init_transactions(DEADLINE_S)
    consumer = Consumer({**connection, "group.id": args.group, "auto.offset.reset": "earliest", "enable.auto.commit": False,
                         "isolation.level": "read_committed", "session.timeout.ms": args.session_ms,
                         "heartbeat.interval.ms": member.HEARTBEAT_MS, "fetch.wait.max.ms": 100,
                         "partition.assignment.strategy": args.assignor})
    consumer.subscribe([source])
    ended, number = member.input_end(), 0
    while not ended.is_set():
        messages = consumer.consume(transactor.COPIED_AT_ONCE, 0.1)
        if not messages:
            continue
        number += 1
        producer.begin_transaction()
        for message in messages:
            if message.error():
                raise KafkaException(message.error())
            _produce(producer, target, partition=message.partition(), value=message.value(),
                     key=f"{message.partition()}:{message.offset()}")
        producer.send_offsets_to_transaction(consumer.position(consumer.assignment()), consumer.consumer_group_metadata(),
                                             DEADLINE_S)
        if number == args.hold:
            producer.flush(DEADLINE_S)
            member.say("held")
            ended.wait()
        producer.commit_transaction(DEADLINE_S)
        member.say("copied", count=len(messages))
    consumer.close()
    member.say("closed")


def _producer(args, connection):
    return Producer({**connection, "transactional.id": args.id, "transaction.timeout.ms": args.timeout_ms,
                     "compression.type": args.codec, "linger.ms": 5})


def _produce(producer, topic, **record):
    while True:
        try:
            return producer.produce(topic, **record)
        except BufferError:
            producer.poll(0.1)


def _name(error):
    return error.args[0].name() if isinstance(error, KafkaException) else type(error).__name__
