"""Writes protobuf_vectors.json: records as confluent-kafka's ProtobufSerializer writes them.

    python3 -m venv /tmp/vectors && /tmp/vectors/bin/pip install 'confluent-kafka[protobuf,schemaregistry]' grpcio-tools
    /tmp/vectors/bin/python make_protobuf_vectors.py
"""

import importlib
import json
import pathlib
import sys
import tempfile

from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.protobuf import ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from grpc_tools import protoc

HERE = pathlib.Path(__file__).parent


def compiled(folder):
    include = pathlib.Path(protoc.__file__).parent / "_proto"
    arguments = ["protoc", f"-I{HERE}", f"-I{include}", f"--python_out={folder}", "protobuf_cases.proto"]
    assert protoc.main(arguments) == 0
    sys.path.insert(0, folder)
    return importlib.import_module("protobuf_cases_pb2")


def messages(pb):
    order = pb.Order(id=7, note="gift", status=pb.Order.SHIPPED, cash=True, signature=b"\x00\xff", weight=1.5)
    order.lines.add(sku=1 << 40, change=-3).discounts.add(percent=12.5)
    order.lines.add()
    order.counts["a"] = 300
    order.at.seconds, order.at.nanos = 1_700_000_000, 5
    order.stamps.extend([1, 2])
    yield "an order", order
    yield "an empty order", pb.Order()
    yield "an empty note", pb.Order(note="", card="")
    yield "a nested message", pb.Order.Line(sku=5, change=-1)
    yield "a message in a nested message", pb.Order.Line.Discount(percent=0.25)
    yield "the second message", pb.Refund(order=-1, reason=pb.Refund.Reason(text="late"))
    yield "a message in the second one", pb.Refund.Reason(text="è")


def main():
    with tempfile.TemporaryDirectory() as folder:
        pb = compiled(folder)
        vectors = []
        for name, message in messages(pb):
            registry = SchemaRegistryClient.new_client({"url": "mock://vectors"})
            serializer = ProtobufSerializer(type(message), registry, {"use.deprecated.format": False})
            record = serializer(message, SerializationContext("orders", MessageField.VALUE))
            vectors.append({
                "name": name,
                "message": message.DESCRIPTOR.full_name,
                "indexes_and_payload": record[5:].hex(),
                "payload": message.SerializeToString(deterministic=True).hex(),
            })
        (HERE / "protobuf_vectors.json").write_text(json.dumps(vectors, indent=2) + "\n")


main()
