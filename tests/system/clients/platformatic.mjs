// @platformatic/kafka as a program. Records are read with the consumer's fetch, which needs no group.
import zlib from 'node:zlib'
import { Consumer, Producer } from '@platformatic/kafka'
import transfer from './transfer.js'

const { bytes, exportRecord, main } = transfer

async function produce ({ broker, topic, partition, codec, acks, records }) {
  const producer = new Producer({ clientId: 'platformatic', bootstrapBrokers: [broker], retries: 2 })
  await producer.send({
    acks,
    autocreateTopics: true,
    compression: codec,
    messages: records.map(record => ({
      topic,
      partition,
      key: bytes(record.key) ?? undefined,
      value: bytes(record.value) ?? undefined,
      timestamp: BigInt(record.timestamp),
      headers: new Map(record.headers.map(([name, content]) => [Buffer.from(name), bytes(content)]))
    }))
  })
  await producer.close()
}

async function consume ({ broker, topic, partition, count }) {
  const consumer = new Consumer({ clientId: 'platformatic', groupId: 'none', bootstrapBrokers: [broker], retries: 2 })
  const metadata = await consumer.metadata({ topics: [topic] })
  const { id, partitions } = metadata.topics.get(topic)
  const records = []
  while (records.length < count) {
    records.push(...await fetch(consumer, id, partitions[partition].leader, partition, records.length))
  }
  await consumer.close(true)
  return records.map(exportRecord)
}

async function fetch (consumer, topicId, node, partition, fetchOffset) {
  const response = await consumer.fetch({
    node,
    maxWaitTime: 1000,
    minBytes: 1,
    maxBytes: 50_000_000,
    topics: [{ topicId, partitions: [{ ...at(partition, fetchOffset), partitionMaxBytes: 20_000_000 }] }]
  })
  const batches = response.responses[0]?.partitions[0].records ?? []
  return batches.flatMap(batch => batch.records.map(record => ({
    offset: batch.firstOffset + BigInt(record.offsetDelta),
    timestamp: batch.firstTimestamp + record.timestampDelta,
    key: record.key,
    value: record.value,
    headers: [...record.headers]
  }))).filter(record => record.offset >= fetchOffset)
}

const at = (partition, offset) =>
  ({ partition, currentLeaderEpoch: -1, fetchOffset: BigInt(offset), lastFetchedEpoch: -1 })

if (process.argv[2] === 'codecs') {
  console.log(['none', 'gzip', 'snappy', 'lz4', ...(zlib.zstdCompressSync ? ['zstd'] : [])].join(' '))
} else {
  await main({ produce, consume })
}
