#!/usr/bin/env node
// Interop scenarios of kafkajs: the old layouts of every message, none of the flexible ones.
//
// kafkajs reads only as a member of a group: what it writes here is read by others, and `member` reads in a group.
'use strict'

const fs = require('fs')
const readline = require('readline')
const { parseArgs } = require('util')
const {
  Kafka, AssignerProtocol, CompressionTypes, CompressionCodecs, ConfigResourceTypes, logLevel,
} = require('kafkajs')

CompressionCodecs[CompressionTypes.Snappy] = require('kafkajs-snappy')

const CODECS = { none: CompressionTypes.None, gzip: CompressionTypes.GZIP, snappy: CompressionTypes.Snappy }
const DEADLINE_MS = 60_000
const TIMES = [0, 1_000, 5_000, 2_000].map(t => 1_700_000_000_000 + t)
const KEEP = [{ name: 'retention.ms', value: '-1' }] // the records' times are long ago
const BATCH_RECORDS = 200
// How many records a copier takes into a transaction.
const COPIED_AT_ONCE = 10

const { values: args, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    bootstrap: { type: 'string' },
    prefix: { type: 'string', default: 'interop' },
    topic: { type: 'string', multiple: true, default: [] },
    records: { type: 'string' },
    codec: { type: 'string', default: 'none' },
    group: { type: 'string' },
    assignor: { type: 'string', default: 'range' },
    'session-ms': { type: 'string', default: '6000' },
    security: { type: 'string' },
    seconds: { type: 'string', default: '8' },
    id: { type: 'string' },
    'timeout-ms': { type: 'string', default: '60000' },
    hold: { type: 'string', default: '0' },
    writer: { type: 'string' },
    registry: { type: 'string' },
    case: { type: 'string', multiple: true, default: [] },
    form: { type: 'string', multiple: true, default: [] },
  },
})

const settings = {
  clientId: 'interop', brokers: [args.bootstrap], logLevel: logLevel.NOTHING,
  // Usually ten seconds before a session ends; a broker does not let a client do it twice in a second.
  reauthenticationThreshold: 800, ...security(),
}
const kafka = new Kafka({ ...settings, retry: { retries: 2 } })
const admin = kafka.admin()
const [topic] = args.topic

class Differs extends Error {}

/** How to connect, from the file that ring/security.py describes. */
function security() {
  if (!args.security) return {}
  const wanted = JSON.parse(fs.readFileSync(args.security, 'utf8'))
  const settings = {}
  if (wanted.ca) settings.ssl = { ca: [fs.readFileSync(wanted.ca)] }
  if (wanted.certificate) {
    const pem = fs.readFileSync(wanted.certificate)
    Object.assign(settings.ssl, { cert: pem, key: pem })
  }
  if (wanted.token) {
    settings.sasl = { mechanism: 'oauthbearer', oauthBearerProvider: async () => ({ value: wanted.token }) }
  } else if (wanted.mechanism) {
    settings.sasl = { mechanism: wanted.mechanism.toLowerCase(), username: wanted.user, password: wanted.password }
  }
  return settings
}

function expect(what, got, want) {
  const [left, right] = [JSON.stringify(got), JSON.stringify(want)]
  if (left !== right) throw new Differs(`${what}: got ${left}, want ${right}`)
}

async function eventually(what, probe, want) {
  const until = Date.now() + DEADLINE_MS
  for (;;) {
    const got = await probe()
    if (JSON.stringify(got) === JSON.stringify(want)) return
    if (Date.now() > until) expect(what, got, want)
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}

/** The type of the error that `action` ends with. */
async function errorOf(action) {
  try {
    await action()
  } catch (error) {
    const inner = error.errors?.[0] ?? error.cause ?? error
    return inner.type ?? inner.name
  }
  return 'no error'
}

async function create(topic, numPartitions = 1, configEntries = KEEP, replicationFactor = 1) {
  const created = await admin.createTopics({
    waitForLeaders: true,
    topics: [{ topic, numPartitions, replicationFactor, configEntries }],
  })
  if (!created) throw new Differs(`${topic} is there already`)
}

async function withProducer(settings, use) {
  const producer = kafka.producer(settings)
  await producer.connect()
  try {
    return await use(producer)
  } finally {
    await producer.disconnect()
  }
}

/** One record of the file as kafkajs wants it. */
function message(record) {
  const bytes = text => (text === null ? null : Buffer.from(text, 'base64'))
  const headers = {}
  for (const [name, value] of record.headers) (headers[name] ??= []).push(bytes(value))
  return {
    partition: record.partition,
    timestamp: String(record.timestamp),
    key: bytes(record.key),
    value: bytes(record.value),
    headers,
  }
}

async function produce() {
  const records = fs.readFileSync(args.records, 'utf8').trimEnd().split('\n').map(line => JSON.parse(line))
  const partitions = 1 + Math.max(...records.map(record => record.partition))
  await create(topic, partitions)
  const ends = Array(partitions).fill(0)
  await withProducer({ idempotent: true, maxInFlightRequests: 1 }, async producer => {
    for (const messages of batches(records.map(message))) {
      const answers = await producer.send({ topic, compression: CODECS[args.codec], messages })
      for (const answer of answers) {
        expect(`base offset in partition ${answer.partition}`, answer.baseOffset, String(ends[answer.partition]))
      }
      for (const { partition } of messages) ends[partition] += 1
    }
  })
  const found = await admin.fetchTopicOffsets(topic)
  expect('ends', found.sort((a, b) => a.partition - b.partition).map(p => Number(p.offset)), ends)
}

/** A request takes so many records, and a record that is large alone. */
function* batches(messages) {
  const large = messages.filter(m => m.value?.length > 100_000)
  const small = messages.filter(m => !large.includes(m))
  for (let i = 0; i < small.length; i += BATCH_RECORDS) yield small.slice(i, i + BATCH_RECORDS)
  for (const one of large) yield [one]
}

async function acks() {
  const values = Array.from({ length: 1_000 }, (_, i) => ({ value: String(i), partition: 0 }))
  for (const [name, level, settings] of [['0', 0, {}], ['1', 1, {}], ['all', -1, {}], ['idempotent', -1, { idempotent: true }]]) {
    const topic = `${args.prefix}-kafkajs-acks-${name}`
    await create(topic)
    await withProducer(settings, async producer => {
      for (let i = 0; i < values.length; i += 100) {
        await producer.send({ topic, acks: level, messages: values.slice(i, i + 100) })
      }
    })
    await eventually(`end with acks=${name}`, async () => (await admin.fetchTopicOffsets(topic))[0].high, '1000')
  }
}

/** Writes for a while, whatever happens to the connections: nothing fails, is lost or doubled. */
async function steady() {
  const topic = `${args.prefix}-kafkajs-steady`
  await create(topic)
  let sent = 0
  await withProducer({ idempotent: true, maxInFlightRequests: 1 }, async producer => {
    const until = Date.now() + 1_000 * Number(args.seconds)
    while (Date.now() < until) {
      const messages = Array.from({ length: 10 }, (_, i) => ({ value: String(sent + i), partition: 0 }))
      const [answer] = await producer.send({ topic, messages })
      expect('base offset', answer.baseOffset, String(sent))
      sent += messages.length
    }
  })
  expect('end', (await admin.fetchTopicOffsets(topic))[0].high, String(sent))
}

/** Is not let in, and says why. */
async function refused() {
  // With a bad token kafkajs takes itself for let in, until it asks for something.
  const error = await errorOf(async () => {
    await admin.connect()
    await admin.listTopics()
  })
  const wanted = ['KafkaJSSASLAuthenticationError', 'KafkaJSConnectionError', 'KafkaJSConnectionClosedError', 'KafkaJSBrokerNotFound',
    'UNSUPPORTED_SASL_MECHANISM']
  expect(`${error} is one of ${wanted}`, wanted.includes(error), true)
}

async function offsets() {
  const topic = `${args.prefix}-kafkajs-offsets`
  await create(topic, 2)
  await withProducer({}, producer =>
    producer.send({ topic, messages: TIMES.map(t => ({ partition: 0, value: 'v', timestamp: String(t) })) }))
  const sorted = found => found.sort((a, b) => a.partition - b.partition)
  const found = sorted(await admin.fetchTopicOffsets(topic))
  expect('start and end', found.map(p => [p.low, p.high, p.offset]), [['0', '4', '4'], ['0', '0', '0']])
  const last = Math.max(...TIMES)
  // For a time after the last record kafkajs answers with the end of the partition.
  for (const [time, want] of [[0, '0'], [TIMES[0] + 1, '1'], [last, '2'], [last + 1, '4']]) {
    const [at] = sorted(await admin.fetchTopicOffsetsByTimestamp(topic, time))
    expect(`offset for time ${time - TIMES[0]}`, at.offset, want)
  }
}

async function administer() {
  const topic = `${args.prefix}-kafkajs-admin`
  const { brokers, controller, clusterId } = await admin.describeCluster()
  const nodes = brokers.map(broker => broker.nodeId)
  expect('the controller is a node', nodes.includes(controller), true)
  expect('there is a cluster id', clusterId.length > 0, true)
  await create(topic, 2, [...KEEP, { name: 'max.message.bytes', value: '2000' }])
  await checkTopic(topic, 2, nodes)
  await admin.createPartitions({ topicPartitions: [{ topic, count: 5 }] })
  await eventually('partitions', async () => (await admin.fetchTopicMetadata({ topics: [topic] })).topics[0].partitions.length, 5)
  await checkTopic(topic, 5, nodes)
  const { resources } = await admin.describeConfigs({
    includeSynonyms: true,
    resources: [{ type: ConfigResourceTypes.TOPIC, name: topic, configNames: ['max.message.bytes', 'segment.bytes'] }],
  })
  const configs = resources[0].configEntries.sort((a, b) => a.configName.localeCompare(b.configName))
  expect('configs', configs.map(c => [c.configName, c.configValue, c.isDefault]),
    [['max.message.bytes', '2000', false], ['segment.bytes', '1073741824', true]])
  await withProducer({}, producer =>
    producer.send({ topic, messages: TIMES.map(() => ({ partition: 0, value: 'v' })) }))
  await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '3' }] })
  const left = (await admin.fetchTopicOffsets(topic)).find(p => p.partition === 0)
  expect('what is left', [left.low, left.high], ['3', '4'])
  await admin.deleteTopics({ topics: [topic] })
  await eventually('the topic is gone', async () => (await admin.listTopics()).includes(topic), false)
}

async function checkTopic(topic, count, nodes) {
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
  const partitions = topics[0].partitions.sort((a, b) => a.partitionId - b.partitionId)
  expect('partitions', partitions.map(p => p.partitionId), Array.from({ length: count }, (_, i) => i))
  for (const p of partitions) {
    expect('the leader is a node', nodes.includes(p.leader), true)
    expect('replicas and in-sync replicas', [p.replicas, p.isr], [[p.leader], [p.leader]])
  }
}

async function errors() {
  const topic = `${args.prefix}-kafkajs-errors`
  const nowhere = `${topic}-unknown`
  await create(topic, 1, [...KEEP, { name: 'max.message.bytes', value: '2000' }])
  const send = (to, sent) => withProducer({}, producer => producer.send({ topic: to, messages: [sent] }))
  const compacted = `${topic}-compacted`
  await create(compacted, 1, [{ name: 'cleanup.policy', value: 'compact' }])
  for (const [what, action, want] of [
    ['create a topic with a bad name', () => create('a/b'), 'INVALID_TOPIC_EXCEPTION'],
    ['create a topic of no partitions', () => create(nowhere, 0), 'INVALID_PARTITIONS'],
    ['create a topic of too many replicas', () => create(nowhere, 1, KEEP, 3), 'INVALID_REPLICATION_FACTOR'],
    ['create a topic with an unknown config', () => create(nowhere, 1, [{ name: 'colour', value: 'red' }]), 'INVALID_CONFIG'],
    ['delete an unknown topic', () => admin.deleteTopics({ topics: [nowhere] }), 'UNKNOWN_TOPIC_OR_PARTITION'],
    ['fewer partitions', () => admin.createPartitions({ topicPartitions: [{ topic, count: 1 }] }), 'INVALID_PARTITIONS'],
    ['a record that is too large', () => send(topic, { value: 'x'.repeat(3_000) }), 'MESSAGE_TOO_LARGE'],
    ['no key in a compacted topic', () => send(compacted, { value: 'x' }), 'INVALID_RECORD'],
    ['a small one after it', () => send(topic, { value: 'x' }), 'no error'],
  ]) {
    expect(what, await errorOf(action), want)
  }
  // kafkajs answers false and does not throw.
  const again = await admin.createTopics({ topics: [{ topic, numPartitions: 1, replicationFactor: 1 }] })
  expect('create a topic that is there', again, false)
}

/** The life of a group that has committed and has no member. */
async function groupAdmin() {
  const topic = `${args.prefix}-kafkajs-group-admin`
  const groupId = topic
  await create(topic, 2)
  const offsets = async () => {
    const [found] = await admin.fetchOffsets({ groupId, topics: [topic] })
    return found.partitions.sort((a, b) => a.partition - b.partition).map(p => [p.offset, p.metadata])
  }
  const listed = async () => (await admin.listGroups()).groups.filter(group => group.groupId === groupId).length
  expect('offsets of a group that is not there', (await offsets()).map(([offset]) => offset), ['-1', '-1'])
  await withProducer({}, producer => producer.send({ topic, messages: TIMES.map(() => ({ partition: 0, value: 'v' })) }))
  await admin.setOffsets({ groupId, topic, partitions: [{ partition: 0, offset: '3' }] })
  expect('offsets', (await offsets()).map(([offset]) => offset), ['3', '-1'])
  expect('listed', await listed(), 1)
  const described = (await admin.describeGroups([groupId])).groups[0]
  expect('described', [described.groupId, described.state, described.members], [groupId, 'Empty', []])
  await admin.resetOffsets({ groupId, topic, earliest: true })
  expect('offsets after a reset', (await offsets()).map(([offset]) => Number(offset) <= 0), [true, true])
  await admin.deleteGroups([groupId])
  expect('listed then', await listed(), 0)
  expect('describe it', (await admin.describeGroups([groupId])).groups[0].state, 'Dead')
}

function say(event, more = {}) {
  console.log(JSON.stringify({ event, at: Date.now(), ...more }))
}

/** The assignor that all clients know; kafkajs comes with one of its own only. */
const range = ({ cluster }) => ({
  name: 'range',
  version: 0,
  protocol: ({ topics }) => ({
    name: 'range',
    metadata: AssignerProtocol.MemberMetadata.encode({ version: 0, topics, userData: Buffer.alloc(0) }),
  }),
  async assign({ members, topics }) {
    const ids = members.map(({ memberId }) => memberId).sort()
    const shares = ids.map(() => ({}))
    for (const topic of topics) {
      const partitions = cluster.findTopicPartitionMetadata(topic).map(p => p.partitionId).sort((a, b) => a - b)
      const [each, extra] = [Math.floor(partitions.length / ids.length), partitions.length % ids.length]
      shares.forEach((share, i) => {
        const from = each * i + Math.min(i, extra)
        share[topic] = partitions.slice(from, from + each + (i < extra ? 1 : 0))
      })
    }
    return ids.map((memberId, i) => ({
      memberId,
      memberAssignment: AssignerProtocol.MemberAssignment.encode({ version: 0, assignment: shares[i], userData: Buffer.alloc(0) }),
    }))
  },
})

/** The settings of a consumer that is a member as the command line says. */
function membership() {
  return {
    groupId: args.group,
    sessionTimeout: Number(args['session-ms']),
    heartbeatInterval: 300,
    maxWaitTimeInMs: 100,
    partitionAssigners: [range],
    retry: { retries: 20 },
  }
}

/** A member of a group (see ring/member.py). */
async function member() {
  const consumer = kafka.consumer(membership())
  let owned = []
  const { GROUP_JOIN, REBALANCING, CRASH } = consumer.events
  const gone = event => {
    if (owned.length > 0) say(event, { partitions: owned })
    owned = []
  }
  consumer.on(REBALANCING, () => gone('revoked'))
  consumer.on(CRASH, ({ payload }) => console.error(payload.error))
  consumer.on(GROUP_JOIN, ({ payload }) => {
    gone('lost')
    owned = payload.memberAssignment[topic] ?? []
    say('assigned', { partitions: owned, member: payload.memberId })
  })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({ autoCommit: false, eachBatch: batch => processBatch(consumer, batch) })
  for await (const _ of process.stdin); // until it ends
  await consumer.disconnect()
  gone('revoked')
  say('closed')
}

async function processBatch(consumer, { batch, heartbeat, isRunning, isStale }) {
  const [first] = batch.messages
  const [found] = await admin.fetchOffsets({ groupId: args.group, topics: [batch.topic] })
  const before = found.partitions.find(p => p.partition === batch.partition)
  if (before && Number(before.offset) === Number(first.offset)) {
    say('found', { partition: batch.partition, offset: Number(before.offset), metadata: before.metadata })
  }
  if (!isRunning() || isStale()) return
  for (const { offset } of batch.messages) say('record', { partition: batch.partition, offset: Number(offset) })
  const next = Number(batch.lastOffset()) + 1
  try {
    await consumer.commitOffsets([
      { topic: batch.topic, partition: batch.partition, offset: String(next), metadata: `kafkajs at ${next}` },
    ])
    say('committed', { offsets: { [batch.partition]: next } })
  } catch (error) {
    say('commit-failed', { why: error.type ?? error.name })
    throw error
  }
  await heartbeat()
}

/** A producer that has a transactional id. */
async function transactional() {
  // A transaction begins when the one before it has ended for good, and the first when there is a coordinator.
  const patient = new Kafka({ ...settings, retry: { retries: 50, initialRetryTime: 20, maxRetryTime: 200 } })
  const producer = patient.producer({
    transactionalId: args.id, transactionTimeout: Number(args['timeout-ms']), idempotent: true, maxInFlightRequests: 1,
  })
  await producer.connect()
  return producer
}

/** It takes its producer id with its first transaction. */
const initialize = async producer => (await producer.transaction()).abort()

/** Does with one transactional producer what it is told on standard input (see ring/transactor.py). */
async function transactor() {
  const producer = await transactional()
  let transaction
  const steps = {
    init: () => initialize(producer),
    begin: async () => { transaction = await producer.transaction() },
    send: async told => {
      const compression = CODECS[args.codec]
      for (const messages of batches(told.records.map(message))) await transaction.send({ topic: told.topic, compression, messages })
    },
    commit: () => transaction.commit(),
    abort: () => transaction.abort(),
  }
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const told = JSON.parse(line)
    try {
      await steps[told.do](told)
      say('done')
    } catch (error) {
      console.error(error)
      const inner = error.cause ?? error
      say('failed', { why: inner.type ?? inner.name })
    }
  }
  process.exit(0) // as if it were killed: nothing is closed
}

/** Copies what was committed from one topic to another, in transactions (see ring/transactor.py). */
async function copier() {
  const producer = await transactional()
  await initialize(producer)
  const consumer = kafka.consumer(membership())
  let number = 0
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({
    autoCommit: false,
    eachBatch: async ({ batch, heartbeat, isRunning, isStale }) => {
      for (let i = 0; i < batch.messages.length && isRunning() && !isStale(); i += COPIED_AT_ONCE) {
        const messages = batch.messages.slice(i, i + COPIED_AT_ONCE)
        await copy(producer, batch.partition, messages, ++number === Number(args.hold))
        await heartbeat()
      }
    },
  })
  for await (const _ of process.stdin); // until it ends
  await consumer.disconnect()
  say('closed')
}

async function copy(producer, partition, messages, holds) {
  const transaction = await producer.transaction()
  await transaction.send({
    topic: args.topic[1],
    messages: messages.map(({ offset, value }) => ({ partition, key: `${partition}:${offset}`, value })),
  })
  const next = String(Number(messages.at(-1).offset) + 1)
  await transaction.sendOffsets({
    consumerGroupId: args.group, topics: [{ topic, partitions: [{ partition, offset: next }] }],
  })
  if (holds) {
    say('held')
    await new Promise(() => {})
  }
  await transaction.commit()
  say('copied', { count: messages.length })
}

/** What its serializers write: typed.js. */
async function typedWrite() {
  await withProducer({}, producer => require('./typed').write(args, (topic, messages) => producer.send({ topic, messages })))
}

/** The whole API of a registry: registry_api.js. */
async function registryApi() {
  await require('./registry_api').check(args, expect)
}

/** What its deserializers read: typed.js. */
async function typedRead() {
  await require('./typed').read(args, received, expect)
}

/** The first so many messages of each topic, in a group of its own. */
async function received(counts) {
  const consumer = kafka.consumer({ groupId: `typed-${process.pid}-${Date.now()}`, maxWaitTimeInMs: 100 })
  await consumer.connect()
  try {
    await consumer.subscribe({ topics: Object.keys(counts), fromBeginning: true })
    const messages = Object.fromEntries(Object.keys(counts).map(topic => [topic, []]))
    let missing = Object.values(counts).reduce((sum, count) => sum + count, 0)
    await new Promise((resolve, reject) => {
      setTimeout(() => reject(new Differs(`${missing} messages have not come`)), DEADLINE_MS).unref()
      consumer.on(consumer.events.CRASH, event => reject(event.payload.error))
      const eachMessage = async ({ topic, message }) => {
        if (messages[topic].push(message) > counts[topic]) reject(new Differs(`${topic} has more than ${counts[topic]} messages`))
        missing -= 1
        if (missing === 0) resolve()
      }
      consumer.run({ eachMessage }).catch(reject)
    })
    return messages
  } finally {
    await consumer.disconnect()
  }
}

const SCENARIOS = {
  produce, acks, offsets, admin: administer, errors, 'group-admin': groupAdmin, steady, refused, member, transactor, copier,
  'typed-write': typedWrite, 'typed-read': typedRead,
  'registry-api': registryApi,
}

async function main() {
  const [name] = positionals
  if (!(name in SCENARIOS) || !args.bootstrap) {
    throw new Differs(`usage: main.js ${Object.keys(SCENARIOS).join('|')} --bootstrap HOST:PORT`)
  }
  if (name !== 'refused') await admin.connect()
  try {
    await SCENARIOS[name]()
  } finally {
    await admin.disconnect()
  }
  console.log(`ok kafkajs ${name}`)
}

main().catch(error => {
  if (!(error instanceof Differs)) console.error(error)
  console.error(`FAILED kafkajs ${positionals[0]}: ${error.message}`)
  process.exit(1)
})
