"""What confluent-kafka's serializers write and its deserializers read (see ring/cases.py)."""

import io
import json

import fastavro
from confluent_kafka import Producer
from confluent_kafka.schema_registry import (RegisteredSchema, Schema, SchemaReference, SchemaRegistryClient, header_schema_id_serializer,
                                             prefix_schema_id_serializer)
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONDeserializer, JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer, ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

from ring import cases, tools
from ring.scenario import DEADLINE_S, expect

NAME = "confluent-kafka"
CAPTURED_GUID = "89791762-2336-186f-7b6d-3e1f5c0a9b42"


def _guid_prefix(payload, _, schema_id):
    """The form that has no serializer of its own in this version; the deserializers read it."""
    return schema_id.guid_to_bytes() + payload


FORMS = {"id": prefix_schema_id_serializer, "guid": _guid_prefix, "header": header_schema_id_serializer}


def write(args, connection):
    """Writes the values of each case in each form."""
    registry, failures = SchemaRegistryClient({"url": args.registry}), []
    producer = Producer({**connection, "message.timeout.ms": DEADLINE_S * 1000})
    for case in map(cases.CASES.get, args.case):
        schema = _schema(registry, case)
        for form in args.form:
            topic = cases.topic(args.prefix, NAME, case.name, form)
            serializer = _serializer(registry, case, schema, {"schema.id.serializer": FORMS[form]})
            for value in _values(case):
                headers = []
                bytes = serializer(value, SerializationContext(topic, MessageField.VALUE, headers))
                producer.produce(topic, value=bytes, headers=headers, partition=0,
                                 on_delivery=lambda e, _: e and failures.append(e.name()))
    expect("records left in the producer", producer.flush(DEADLINE_S), 0)
    expect("failures", failures, [])


def read(args, messages):
    """Reads what a writer has written of each case in each form; `messages` gives the messages of a topic."""
    registry = SchemaRegistryClient({"url": args.registry})
    for case in map(cases.CASES.get, args.case):
        deserializer, want = _deserializer(registry, case), _values(case)
        for form in args.form:
            topic = cases.topic(args.prefix, args.writer, case.name, form)
            got = [deserializer(m.value(), SerializationContext(topic, MessageField.VALUE, m.headers() or []))
                   for m in messages(topic)]
            for number, (one, other) in enumerate(zip(got, want)):
                expect(f"{topic} record {number}", one, other)
            expect(f"{topic} number of records", len(got), len(want))


def captured(args):
    """Prints what the serializers write, a JSON line for each value of each case in each form (see kestrel-serde/testdata)."""
    registry = _WithGuid({"url": args.registry})
    for case in cases.CASES.values():
        schema = _schema(registry, case)
        for form, serializer in FORMS.items():
            topic, conf = cases.topic(args.prefix, NAME, case.name, form), {"schema.id.serializer": serializer}
            serialize = _serializer(registry, case, schema, conf)
            for line, value in zip(case.lines(), _values(case)):
                headers = []
                payload = serialize(value, SerializationContext(topic, MessageField.VALUE, headers))
                registered = registry.get_latest_version(f"{topic}-value")
                print(json.dumps({"case": case.name, "form": form, "id": registered.schema_id, "value": json.loads(line),
                                  "payload": payload.hex(), "headers": {name: value.hex() for name, value in headers}}))


class _WithGuid(SchemaRegistryClient):
    """A registry that gives every schema the same GUID, for the bytes of records: Apicurio Registry has none."""

    def register_schema_full_response(self, *args, **kwargs):
        found = super().register_schema_full_response(*args, **kwargs)
        return RegisteredSchema(found.subject, found.version, found.schema_id, CAPTURED_GUID, found.schema)


def _schema(registry, case):
    """The schema of a case; what it refers to is registered first. Of Protobuf the serializer does that itself."""
    if case.type == "PROTOBUF":
        return None
    references = []
    for subject, text in case.references.items():
        schema = Schema(text, case.type)
        registry.register_schema(subject, schema)
        references.append(SchemaReference(subject, subject, registry.lookup_schema(subject, schema).version))
    return Schema(case.text, case.type, references)


def _serializer(registry, case, schema, conf):
    if case.type == "AVRO":
        return AvroSerializer(registry, schema, conf=conf)
    if case.type == "PROTOBUF":
        return ProtobufSerializer(_message(case), registry, conf)
    return JSONSerializer(schema, registry, conf=conf)


def _deserializer(registry, case):
    if case.type == "AVRO":
        return AvroDeserializer(registry)
    if case.type == "PROTOBUF":
        return ProtobufDeserializer(_message(case), schema_registry_client=registry)
    return JSONDeserializer(None, schema_registry_client=registry)


def _values(case):
    if case.type == "AVRO":
        names = {}
        for text in case.references.values():
            fastavro.parse_schema(json.loads(text), named_schemas=names)
        schema = fastavro.parse_schema(json.loads(case.text), named_schemas=names)
        return list(fastavro.json_reader(io.StringIO("\n".join(case.lines())), schema))
    if case.type == "PROTOBUF":
        return [json_format.Parse(line, _message(case)()) for line in case.lines()]
    return [json.loads(line) for line in case.lines()]


_pool = None


def _message(case):
    """The class of a message, from the descriptors that protoc has made of `kestrel-serde/testdata/typed/`."""
    global _pool
    if _pool is None:
        _pool = descriptor_pool.DescriptorPool()
        files = descriptor_pb2.FileDescriptorSet.FromString((tools.ensure("typed-protos") / "typed.binpb").read_bytes())
        for file in files.file:
            _pool.Add(file)
    return message_factory.GetMessageClass(_pool.FindMessageTypeByName(case.record))
