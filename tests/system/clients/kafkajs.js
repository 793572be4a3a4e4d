// KafkaJS as a program. Its consumer works in groups only, so records are read with the broker class beneath it.
'use strict'

const { Kafka, CompressionCodecs, CompressionTypes, logLevel } = require('kafkajs')
const createCluster = require('kafkajs/src/cluster')
const { createLogger } = require('kafkajs/src/loggers')
const consoleLogger = require('kafkajs/src/loggers/console')
const snappy = require('kafkajs-snappy')
const lz4 = require('lz4js')
const { bytes, exportRecord, main } = require('./transfer')

CompressionCodecs[CompressionTypes.Snappy] = snappy
CompressionCodecs[CompressionTypes.LZ4] = () => ({
  compress: async encoder => Buffer.from(lz4.compress(encoder.buffer)),
  decompress: async buffer => Buffer.from(lz4.decompress(buffer))
})
const codecs = { none: 0, gzip: 1, snappy: 2, lz4: 3 }

const headersOf = headers => Object.fromEntries(headers.map(([name, content]) => [name, bytes(content)]))

async function produce ({ broker, topic, partition, codec, acks, idempotent = false, records }) {
  const kafka = new Kafka({ clientId: 'kafkajs', brokers: [broker], logLevel: logLevel.ERROR })
  const producer = kafka.producer({ idempotent, maxInFlightRequests: idempotent ? 1 : null, retry: { retries: 2 } })
  await producer.connect()
  await producer.send({
    topic,
    acks,
    compression: codecs[codec],
    messages: records.map(record => ({
      partition,
      key: bytes(record.key),
      value: bytes(record.value),
      timestamp: String(record.timestamp),
      headers: headersOf(record.headers)
    }))
  })
  await producer.disconnect()
}

async function consume ({ broker, topic, partition, count }) {
  const cluster = newCluster(broker)
  await cluster.connect()
  await cluster.addTargetTopic(topic)
  const leader = await cluster.findBroker({ nodeId: cluster.findTopicPartitionMetadata(topic)[0].leader })
  const records = []
  while (records.length < count) {
    const fetchOffset = records.length === 0 ? 0 : Number(records.at(-1).offset) + 1
    records.push(...await fetch(leader, topic, partition, fetchOffset))
  }
  await cluster.disconnect()
  return records.map(record => exportRecord({ ...record, headers: Object.entries(record.headers) }))
}

function newCluster (broker) {
  const logger = createLogger({ level: logLevel.ERROR, logCreator: consoleLogger })
  // The cluster takes its sockets from the Kafka object, which keeps the way they are made to itself.
  const socketFactory = require('kafkajs/src/network/socketFactory')()
  return new (createCluster)({
    logger,
    socketFactory,
    brokers: [broker],
    clientId: 'kafkajs',
    retry: { retries: 2 },
    connectionTimeout: 5000,
    authenticationTimeout: 5000,
    requestTimeout: 30000,
    metadataMaxAge: 60000,
    allowAutoTopicCreation: false,
    offsets: new Map()
  })
}

async function fetch (leader, topic, partition, fetchOffset) {
  const { responses } = await leader.fetch({
    maxWaitTime: 1000,
    minBytes: 1,
    maxBytes: 50_000_000,
    topics: [{ topic, partitions: [{ partition, fetchOffset, maxBytes: 20_000_000 }] }]
  })
  return responses[0].partitions[0].messages.filter(message => Number(message.offset) >= fetchOffset)
}

main({ produce, consume })
