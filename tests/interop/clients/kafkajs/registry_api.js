// The API of a schema registry as @confluentinc/schemaregistry's client calls it, and what Confluent's registry answers.
'use strict'

const { SchemaRegistryClient } = require('@confluentinc/schemaregistry')

const record = (...fields) => JSON.stringify({ type: 'record', name: 'Truck', fields })
const ID = { name: 'id', type: 'string' }
const NOTE = { name: 'note', type: 'string', default: '' }
const avro = schema => ({ schemaType: 'AVRO', schema })
const FIRST = avro(record(ID))
const SECOND = { ...avro(record(ID, NOTE)), metadata: { properties: { owner: 'fleet' } } }
const INCOMPATIBLE = avro(record(ID, { name: 'km', type: 'long' }))
const FOREVER = 2_000_000_000

/** Goes through the whole API, with subjects of its own. `expect(what, got, want)` compares. */
async function check(args, expect) {
  const api = { args, expect, subject: `${args.prefix}-npm-truck` }
  const full = await versions(api)
  await schemas(api, full)
  await references(api)
  await compatibility(api)
  await configs(api)
  await associations(api)
  await deletions(api)
}

/** A client without anything in its caches: what it says is what it was answered. */
function client({ args }) {
  return new SchemaRegistryClient({ baseURLs: [args.registry], cacheCapacity: 100, maxRetries: 0 })
}

async function refused({ expect }, code, what, call) {
  const got = await call().then(value => `no refusal: ${JSON.stringify(value)}`, error => error.errorCode ?? error)
  expect(`the code of ${what}`, got, code)
}

async function versions(api) {
  const { expect, subject } = api
  await refused(api, 40401, 'versions of no subject', () => client(api).getAllVersions(subject))
  const first = await client(api).register(subject, FIRST)
  expect('the id of the same schema', await client(api).register(subject, FIRST), first)
  const full = await client(api).registerFullResponse(subject, SECOND)
  expect('the second', [full.id > first, full.version, typeof full.guid], [true, 2, 'string'])
  await refused(api, 40901, 'an incompatible schema', () => client(api).register(subject, INCOMPATIBLE))
  await refused(api, 42201, 'no schema', () => client(api).register(subject, avro('{"type": "recor"}')))
  expect('versions', await client(api).getAllVersions(subject), [1, 2])
  expect('all subjects', (await client(api).getAllSubjects()).includes(subject), true)
  return full
}

async function schemas(api, full) {
  const { expect, subject } = api
  const latest = await client(api).getLatestSchemaMetadata(subject)
  expect('latest', [latest.subject, latest.version, latest.id], [subject, 2, full.id])
  expect('by id', (await client(api).getBySubjectAndId(subject, full.id)).schema, latest.schema)
  expect('by guid', (await client(api).getByGuid(full.guid)).schema, latest.schema)
  expect('by version', (await client(api).getSchemaMetadata(subject, 1)).version, 1)
  expect('by metadata', (await client(api).getLatestWithMetadata(subject, { owner: 'fleet' })).version, 2)
  expect('the version of a schema', await client(api).getVersion(subject, FIRST), 1)
  expect('the id of a schema', await client(api).getId(subject, SECOND), full.id)
  expect('all of a schema', (await client(api).getIdFullResponse(subject, SECOND)).guid, full.guid)
  await refused(api, 40401, 'latest of no subject', () => client(api).getLatestSchemaMetadata(`${subject}-none`))
  await refused(api, 40402, 'no version', () => client(api).getSchemaMetadata(subject, 9))
  await refused(api, 40403, 'no id', () => client(api).getBySubjectAndId(subject, FOREVER))
  await refused(api, 40403, 'a schema that is not there', () => client(api).getId(subject, avro('"long"')))
  await refused(api, 40403, 'no metadata', () => client(api).getLatestWithMetadata(subject, { owner: 'nobody' }))
}

async function references(api) {
  const { expect, subject } = api
  const fleet = `${subject}-fleet`
  const refers = { ...avro('{"type": "array", "items": "Truck"}'), references: [{ name: 'Truck', subject, version: 2 }] }
  await client(api).register(fleet, refers)
  expect('references', (await client(api).getLatestSchemaMetadata(fleet)).references, refers.references)
  await refused(api, 42206, 'deleting what is referred to', () => client(api).deleteSubjectVersion(subject, 2))
  expect('deleted', await client(api).deleteSubject(fleet), [1])
  await client(api).deleteSubject(fleet, true)
}

async function compatibility(api) {
  const { expect, subject } = api
  expect('compatible', await client(api).testSubjectCompatibility(subject, SECOND), true)
  expect('incompatible', await client(api).testSubjectCompatibility(subject, INCOMPATIBLE), false)
  expect('with version 1', await client(api).testCompatibility(subject, 1, INCOMPATIBLE), false)
}

async function configs(api) {
  const { expect, subject } = api
  expect('level of all', await client(api).getDefaultCompatibility(), 'BACKWARD')
  expect('config of all', (await client(api).getDefaultConfig()).compatibilityLevel, 'BACKWARD')
  await refused(api, 40408, 'no level', () => client(api).getCompatibility(subject))
  expect('set', await client(api).updateCompatibility(subject, 'FULL'), 'FULL')
  expect('level', await client(api).getCompatibility(subject), 'FULL')
  await refused(api, 42203, 'no such level', () => client(api).updateCompatibility(subject, 'FORWRD'))
  const update = { compatibility: 'NONE', compatibilityGroup: 'owner' }
  expect('set config', await client(api).updateConfig(subject, update), update)
  const config = await client(api).getConfig(subject)
  expect('config', [config.compatibilityLevel, config.compatibilityGroup], ['NONE', 'owner'])
}

/** They are not there, which is said in the way that clients know. */
async function associations(api) {
  const call = () => client(api).getAssociationsByResourceName(api.subject, 'n', null, [], null, 0, -1)
  await refused(api, 404, 'associations', call)
}

async function deletions(api) {
  const { expect, subject } = api
  await refused(api, 40407, 'erasing what is not deleted', () => client(api).deleteSubjectVersion(subject, 1, true))
  expect('deleted version', await client(api).deleteSubjectVersion(subject, 1), 1)
  expect('the other', await client(api).getAllVersions(subject), [2])
  expect('a deleted one', (await client(api).getSchemaMetadata(subject, 1, true)).version, 1)
  await refused(api, 40406, 'deleting it again', () => client(api).deleteSubjectVersion(subject, 1))
  await refused(api, 40405, 'erasing a subject', () => client(api).deleteSubject(subject, true))
  expect('deleted subject', await client(api).deleteSubject(subject), [2])
  await refused(api, 40401, 'versions of a deleted subject', () => client(api).getAllVersions(subject))
  await client(api).deleteSubject(subject, true)
  await refused(api, 40401, 'erasing it again', () => client(api).deleteSubject(subject, true))
}

module.exports = { check }
