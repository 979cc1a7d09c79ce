"""Orders through confluent-kafka's serializers, with every schema known after the first record. Prints a line of JSON.

    typed.py --messages FOLDER --schemas FOLDER typed-produce|typed-consume --format avro|protobuf|json --bootstrap HOST:PORT
             --registry URL --topic NAME --records N [--linger-ms N] [--batch-bytes N]

The clock and the CPU time are those of the work, without the start of the interpreter.
"""

import argparse
import json
import resource
import sys
import time
from pathlib import Path

from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONDeserializer, JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer, ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

DIFFERENT_ORDERS = 1_000
PATIENCE_S = 60
MESSAGES_OF_A_POLL = 1_000
FILES = {"avro": "order.avsc", "protobuf": "order.proto", "json": "order.json"}


def main():
    args = arguments()
    figures = (produce if args.work == "typed-produce" else consume)(args)
    print(json.dumps({"client": "confluent-kafka", "work": args.work, "records": args.records, "bytes": 0, "errors": 0, **figures,
                      "max_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 3), "latency_us": None}))


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("work", choices=("typed-produce", "typed-consume"))
    for name in ("messages", "schemas"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    for name in ("bootstrap", "registry", "topic"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--format", choices=tuple(FILES), required=True)
    parser.add_argument("--records", type=int, required=True)
    parser.add_argument("--linger-ms", type=int, default=5)
    parser.add_argument("--batch-bytes", type=int, default=262_144)
    return parser.parse_args()


def produce(args):
    serialize, context = serializer(args), SerializationContext(args.topic, MessageField.VALUE)
    orders = [order(index) for index in range(DIFFERENT_ORDERS)]
    if args.format == "protobuf":
        orders = [message(args)(**order) for order in orders]
    # Registers the schema.
    serialize(orders[0], context)
    producer = Producer({
        "bootstrap.servers": args.bootstrap, "acks": "all", "enable.idempotence": True, "linger.ms": args.linger_ms,
        "batch.size": args.batch_bytes, "batch.num.messages": 1_000_000, "queue.buffering.max.messages": 1_000_000,
        "queue.buffering.max.kbytes": 32_768})
    acked = 0

    def delivered(error, _):
        nonlocal acked
        if error is not None:
            sys.exit(f"a record was not delivered: {error}")
        acked += 1

    meter = Meter()
    for index in range(args.records):
        value = serialize(orders[index % DIFFERENT_ORDERS], context)
        while True:
            try:
                producer.produce(args.topic, value, on_delivery=delivered)
                break
            except BufferError:
                producer.poll(0.01)
        if index % MESSAGES_OF_A_POLL == 0:
            producer.poll(0)
    if producer.flush(PATIENCE_S):
        sys.exit("records are left in the producer")
    return meter.figures(acked)


def consume(args):
    meter = Meter()
    deserialize, context = deserializer(args), SerializationContext(args.topic, MessageField.VALUE)
    consumer = Consumer({"bootstrap.servers": args.bootstrap, "group.id": "bench", "enable.auto.commit": False,
                         "queued.min.messages": 1_000_000, "fetch.queue.backoff.ms": 10})
    found = consumer.list_topics(args.topic, PATIENCE_S).topics[args.topic].partitions
    consumer.assign([TopicPartition(args.topic, partition, OFFSET_BEGINNING) for partition in found])
    records, cents = 0, 0
    while records < args.records:
        messages = consumer.consume(MESSAGES_OF_A_POLL, PATIENCE_S)
        if not messages:
            sys.exit(f"no record came for {PATIENCE_S} s")
        for polled in messages:
            if polled.error():
                sys.exit(str(polled.error()))
            value = deserialize(polled.value(), context)
            cents += value.lines[0].cents if args.format == "protobuf" else value["lines"][0]["cents"]
        records += len(messages)
    figures = meter.figures(records)
    consumer.close()
    return figures if cents else sys.exit("the orders are empty")


class Meter:
    """Wall time and the CPU time of all threads since it was made."""

    def __init__(self):
        self._wall, self._cpu = time.monotonic(), time.process_time()

    def figures(self, acked):
        wall = time.monotonic() - self._wall
        return {"acked": acked, "wall_s": round(wall, 3), "msgs_per_s": round(acked / wall, 3), "mb_per_s": 0,
                "cpu_s": round(time.process_time() - self._cpu, 3)}


def serializer(args):
    registry = SchemaRegistryClient({"url": args.registry})
    if args.format == "avro":
        return AvroSerializer(registry, schema(args))
    if args.format == "protobuf":
        return ProtobufSerializer(message(args), registry)
    return JSONSerializer(schema(args), registry)


def deserializer(args):
    registry = SchemaRegistryClient({"url": args.registry})
    if args.format == "avro":
        return AvroDeserializer(registry)
    if args.format == "protobuf":
        return ProtobufDeserializer(message(args), schema_registry_client=registry)
    return JSONDeserializer(None, schema_registry_client=registry)


def schema(args):
    return (args.schemas / FILES[args.format]).read_text(encoding="utf-8")


def message(args):
    """The class that protoc has made of order.proto."""
    sys.path.insert(0, str(args.messages))
    import order_pb2
    return order_pb2.Order


def order(index):
    """The same orders as those of `bench/src/order.rs`."""
    return {"id": 1_000_000 + index * 7_919, "customer": f"customer-{index * 37 % 1_000:04}",
            "placed_at_ms": 1_767_254_400_000 + index * 1_013, "note": "leave it at the door" if index % 4 == 0 else None,
            "lines": [{"sku": f"sku-{(index * 31 + number * 17) % 100_000:05}", "quantity": 1 + (index + number) % 5,
                       "cents": 199 + 100 * ((index + number) % 50)} for number in range(1 + index % 3)]}


if __name__ == "__main__":
    main()
