"""The API of a schema registry as confluent-kafka's client calls it, and what Confluent's registry answers."""

import json

from confluent_kafka.schema_registry import Schema, SchemaReference, SchemaRegistryClient
from confluent_kafka.schema_registry.common.schema_registry_client import ConfigCompatibilityLevel, ServerConfig
from confluent_kafka.schema_registry.error import SchemaRegistryError

from ring.scenario import expect


def _record(*fields):
    return json.dumps({"type": "record", "name": "Truck", "fields": list(fields)})


ID = {"name": "id", "type": "string"}
NOTE = {"name": "note", "type": "string", "default": ""}
FIRST, WITH_DEFAULT = Schema(_record(ID), "AVRO"), Schema(_record(ID, NOTE), "AVRO")
INCOMPATIBLE = Schema(_record(ID, {"name": "km", "type": "long"}), "AVRO")
NO_SCHEMA = Schema('{"type": "recor"}', "AVRO")


def check(args):
    """Goes through the whole API, with subjects of its own; what it sets for all it sets back."""
    client = SchemaRegistryClient({"url": args.registry, "max.retries": 0})
    subject = f"{args.prefix}-truck"
    registered = _versions(client, subject)
    _schemas(client, subject, registered)
    _references(client, subject)
    _compatibility(client, subject)
    _configs(client, subject)
    _modes(client, subject)
    _contexts(args.registry, args.prefix)
    _deletions(client, subject)


def _refused(code, call, *words, **named):
    try:
        got = call(*words, **named)
    except SchemaRegistryError as e:
        return expect(f"the code of {call.__name__}{words}", e.error_code, code)
    raise AssertionError(f"{call.__name__}{words} should be refused with {code}, and gives {got}")


def _versions(client, subject):
    _refused(40401, client.get_versions, subject)
    first = client.register_schema(subject, FIRST)
    expect("the id of the same schema", client.register_schema(subject, FIRST), first)
    full = client.register_schema_full_response(subject, WITH_DEFAULT)
    expect("version of the second", (full.version, full.schema_id > first, full.guid is not None), (2, True, True))
    _refused(40901, client.register_schema, subject, INCOMPATIBLE)
    _refused(42201, client.register_schema, subject, NO_SCHEMA)
    expect("versions", client.get_versions(subject), [1, 2])
    expect("the subject in all subjects", subject in client.get_subjects(), True)
    expect("subjects by prefix", client.get_subjects(subject_prefix=subject), [subject])
    return full


def _schemas(client, subject, full):
    latest = client.get_latest_version(subject)
    expect("latest", (latest.subject, latest.version, latest.schema_id),
           (subject, 2, full.schema_id))
    expect("the text by id", client.get_schema(full.schema_id).schema_str, latest.schema.schema_str)
    expect("the text by guid", client.get_schema_by_guid(full.guid).schema_str, latest.schema.schema_str)
    expect("the first", client.get_version(subject, 1).version, 1)
    expect("look up", client.lookup_schema(subject, FIRST).version, 1)
    _refused(40402, client.get_version, subject, 9)
    _refused(40403, client.lookup_schema, subject, Schema('"long"', "AVRO"))
    _refused(40401, client.get_latest_version, f"{subject}-none")
    _refused(40403, client.get_schema, 2_000_000_000)
    expect("types", sorted(client.get_schema_types()), ["AVRO", "JSON", "PROTOBUF"])
    expect("subjects by id", subject in client.get_subjects_by_schema_id(full.schema_id), True)
    used = [(one.subject, one.version) for one in client.get_schema_versions(full.schema_id)]
    expect("versions by id", (subject, 2) in used, True)


def _references(client, subject):
    fleet, refers = f"{subject}-fleet", SchemaReference("Truck", subject, 2)
    id = client.register_schema(fleet, Schema('{"type": "array", "items": "Truck"}', "AVRO", [refers]))
    expect("referenced by", client.get_referenced_by(subject, 2), [id])
    _refused(42206, client.delete_version, subject, 2, permanent=False)
    expect("deleted", client.delete_subject(fleet), [1])
    client.delete_subject(fleet, permanent=True)


def _compatibility(client, subject):
    expect("compatible", client.test_compatibility(subject, WITH_DEFAULT), True)
    expect("incompatible", client.test_compatibility(subject, INCOMPATIBLE), False)
    expect("with version 1", client.test_compatibility(subject, INCOMPATIBLE, 1), False)
    expect("with all", client.test_compatibility_all_versions(subject, WITH_DEFAULT), True)


def _configs(client, subject):
    expect("level of all", client.get_compatibility(), "BACKWARD")
    _refused(40408, client.get_compatibility, subject)
    expect("set", client.set_compatibility(subject, "FULL"), {"compatibility": "FULL"})
    expect("level", client.get_compatibility(subject), "FULL")
    _refused(42203, client.set_compatibility, subject, "FORWRD")
    client.set_config(subject, ServerConfig(compatibility=ConfigCompatibilityLevel.NONE, compatibility_group="v"))
    expect("config", client.get_config(subject).compatibility_group, "v")
    client.delete_config(subject)
    _refused(40408, client.get_compatibility, subject)


def _modes(client, subject):
    expect("mode of all", client.get_global_mode(), "READWRITE")
    _refused(40409, client.get_mode, subject)
    client.update_mode(subject, "READONLY")
    expect("mode", client.get_mode(subject), "READONLY")
    _refused(42205, client.register_schema, subject, Schema('"string"', "AVRO"))
    _refused(42204, client.update_mode, subject, "SOMETIMES")
    client.delete_mode(subject)
    _refused(40409, client.get_mode, subject)


def _contexts(url, prefix):
    name = f".{prefix}"
    inside = SchemaRegistryClient({"url": f"{url}/contexts/{name}", "max.retries": 0})
    id = inside.register_schema("inside", FIRST)
    expect("ids of a context begin with 1", id, 1)
    expect("contexts", name in inside.get_contexts(), True)
    outside = SchemaRegistryClient({"url": url, "max.retries": 0})
    expect("from outside", outside.get_latest_version(f":{name}:inside").schema_id, 1)
    outside.delete_subject(f":{name}:inside")
    outside.delete_subject(f":{name}:inside", permanent=True)


def _deletions(client, subject):
    _refused(40407, client.delete_version, subject, 1, permanent=True)
    expect("deleted version", client.delete_version(subject, 1), 1)
    expect("the other", client.get_versions(subject), [2])
    expect("with deleted ones", client.get_versions(subject, deleted=True), [1, 2])
    _refused(40406, client.delete_version, subject, 1)
    _refused(40405, client.delete_subject, subject, permanent=True)
    expect("deleted subject", client.delete_subject(subject), [2])
    _refused(40401, client.get_versions, subject)
    expect("among the deleted", client.get_subjects(subject_prefix=subject, deleted=True), [subject])
    client.delete_subject(subject, permanent=True)
    _refused(40401, client.get_versions, subject, deleted=True)
