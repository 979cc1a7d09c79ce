// What @confluentinc/schemaregistry's serializers write and its deserializers read, over kafkajs (see ring/cases.py).
'use strict'

const fs = require('fs')
const path = require('path')
const avro = require('avsc')
const { createFileRegistry, createMutableRegistry, fromBinary, fromJsonString, toJson } = require('@bufbuild/protobuf')
const { FileDescriptorSetSchema } = require('@bufbuild/protobuf/wkt')
const {
  SchemaRegistryClient, SerdeType, HeaderSchemaIdSerializer, PrefixSchemaIdSerializer,
  AvroSerializer, AvroDeserializer, JsonSerializer, JsonDeserializer, ProtobufSerializer, ProtobufDeserializer,
} = require('@confluentinc/schemaregistry')

const NAME = 'kafkajs'
const FOLDER = path.join(__dirname, '..', '..', '..', '..', 'kestrel-serde', 'testdata', 'typed')
const CASES = JSON.parse(fs.readFileSync(path.join(FOLDER, 'cases.json'), 'utf8'))
const FORMS = {
  id: PrefixSchemaIdSerializer,
  // It has no serializer of its own in this version; the deserializers read it.
  guid: (topic, serdeType, payload, schemaId) => Buffer.concat([schemaId.guidToBytes(), payload]),
  header: HeaderSchemaIdSerializer,
}

// Its validator of JSON refuses schemas with a format that it does not know.
const LENIENT = { validateFormats: false }

const text = file => fs.readFileSync(path.join(FOLDER, file), 'utf8')
const lines = name => text(`${name}.jsonl`).trimEnd().split('\n')
const topicOf = (prefix, writer, name, form) => `${prefix}-${writer}-${name}-${form}`
const clientOf = args => new SchemaRegistryClient({ baseURLs: [args.registry], cacheCapacity: 1000 })

/** Writes the values of each case in each form: `send(topic, messages)`. */
async function write(args, send) {
  const client = clientOf(args)
  for (const name of args.case) {
    for (const form of args.form) {
      const topic = topicOf(args.prefix, NAME, name, form)
      const serialize = await serializer(client, name, form, topic)
      const messages = []
      for (const value of values(name)) {
        const headers = {}
        messages.push({ partition: 0, value: await serialize(value, headers), headers })
      }
      await send(topic, messages)
    }
  }
}

/** Reads what a writer has written of each case in each form: `receive(counts)` gives so many messages of each topic. */
async function read(args, receive, expect) {
  const client = clientOf(args)
  const topics = args.case.flatMap(name => args.form.map(form => [topicOf(args.prefix, args.writer, name, form), name]))
  const received = await receive(Object.fromEntries(topics.map(([topic, name]) => [topic, lines(name).length])))
  for (const [topic, name] of topics) {
    const [own, want] = [deserializer(client, name), values(name)]
    for (const [number, { value, headers }] of received[topic].entries()) {
      const got = await own.deserialize(topic, value, headers ?? {})
      // A message with nothing in it is no bytes behind a header, and its deserializers take no bytes for null.
      const wanted = value.length === 0 ? null : plain(name, want[number])
      expect(`${topic} record ${number}`, got === null ? null : plain(name, got), wanted)
    }
  }
}

async function serializer(client, name, form, topic) {
  const { type } = CASES[name]
  const settings = { schemaIdSerializer: FORMS[form], ...LENIENT }
  if (type === 'PROTOBUF') {
    const registry = createMutableRegistry(messageOf(name))
    const own = new ProtobufSerializer(client, SerdeType.VALUE, { ...settings, autoRegisterSchemas: true, registry })
    return (value, headers) => own.serialize(topic, value, headers)
  }
  // These two derive schemas from values: who has a schema registers it, and has the latest used.
  await register(client, name, `${topic}-value`)
  const Serializer = type === 'AVRO' ? AvroSerializer : JsonSerializer
  const own = new Serializer(client, SerdeType.VALUE, { ...settings, useLatestVersion: true, validate: true })
  return (value, headers) => own.serialize(topic, value, headers)
}

async function register(client, name, subject) {
  const { type, schema, references } = CASES[name]
  const found = []
  for (const [referred, file] of Object.entries(references)) {
    const info = { schemaType: type, schema: text(file) }
    await client.register(referred, info)
    found.push({ name: referred, subject: referred, version: await client.getVersion(referred, info) })
  }
  await client.register(subject, { schemaType: type, schema: text(schema), references: found })
}

function deserializer(client, name) {
  const Deserializer = { AVRO: AvroDeserializer, JSON: JsonDeserializer, PROTOBUF: ProtobufDeserializer }[CASES[name].type]
  return new Deserializer(client, SerdeType.VALUE, { validate: true, ...LENIENT })
}

function values(name) {
  switch (CASES[name].type) {
    case 'AVRO': return lines(name).map(line => avroType(name).fromString(line))
    case 'PROTOBUF': return lines(name).map(line => fromJsonString(messageOf(name), line))
    default: return lines(name).map(line => JSON.parse(line))
  }
}

/** A value as something that can be compared. */
function plain(name, value) {
  switch (CASES[name].type) {
    case 'AVRO': return JSON.parse(avroType(name).toString(value))
    case 'PROTOBUF': return toJson(messageOf(name), value)
    default: return sorted(value)
  }
}

/** With the members of objects in one order: of that JSON says nothing. */
function sorted(value) {
  if (Array.isArray(value)) return value.map(sorted)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(Object.keys(value).sort().map(key => [key, sorted(value[key])]))
}

const avroTypes = {}

function avroType(name) {
  if (!(name in avroTypes)) {
    const registry = {}
    for (const file of Object.values(CASES[name].references)) avro.Type.forSchema(JSON.parse(text(file)), { registry })
    avroTypes[name] = avro.Type.forSchema(JSON.parse(text(CASES[name].schema)), { registry })
  }
  return avroTypes[name]
}

let files

/** The descriptor of a message, from the descriptors that protoc has made of its folder. */
function messageOf(name) {
  files ??= createFileRegistry(fromBinary(FileDescriptorSetSchema, fs.readFileSync(process.env.TYPED_PROTOS)))
  return files.getMessage(CASES[name].name)
}

module.exports = { write, read }
