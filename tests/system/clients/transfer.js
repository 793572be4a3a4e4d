// What both JavaScript programs share: a job comes on stdin as JSON, its answer goes to stdout. Bytes are base64.
'use strict'

const bytes = text => (text === null ? null : Buffer.from(text, 'base64'))
const text = buffer => (buffer === null || buffer === undefined ? null : Buffer.from(buffer).toString('base64'))

async function readJob () {
  const chunks = []
  for await (const chunk of process.stdin) chunks.push(chunk)
  return JSON.parse(Buffer.concat(chunks).toString())
}

// Runs produce(job) or consume(job); consume returns records whose bytes are buffers.
async function main ({ produce, consume }) {
  const job = await readJob()
  const answer = job.consume ? await consume(job) : await produce(job)
  process.stdout.write(JSON.stringify(answer ?? null))
}

const exportRecord = ({ offset, timestamp, key, value, headers }) => ({
  offset: Number(offset),
  timestamp: Number(timestamp),
  key: text(key),
  value: text(value),
  headers: headers.map(([name, content]) => [name.toString(), text(content)])
})

module.exports = { bytes, exportRecord, main }
