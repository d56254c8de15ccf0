import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Aedes } from 'aedes'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Context } from '../runtime/context.ts'
import { fileSink } from '../runtime/sinks/file-sink.ts'
import { httpSink } from '../runtime/sinks/http-sink.ts'
import { intakeSessionId, topics } from '../schema/topics.ts'
import { fn, Rig, sink as sinkNode, source, until } from './support/rig.ts'

const ctx = {
  record: { id: 'in.0:1', time: 0, source: 'in' },
  signal: AbortSignal.timeout(5_000),
} as unknown as Context

/** Bytes that the outside has taken over, by record. */
const taken: number[] = []
const sent = (bytes: number) => taken.push(bytes)

const Sinks = suite<{ dir: string }>('sinks')
Sinks.before.each(async context => {
  taken.length = 0
  context.dir = await mkdtemp(join(tmpdir(), 'dyninka-sink-'))
})
Sinks.after.each(({ dir }) => rm(dir, { recursive: true, force: true }))

Sinks('file: appends a line for each record, in order', async ({ dir }) => {
  const sink = fileSink(join(dir, 'deep/out.ndjson'), sent)
  await Promise.all([1, 2, 3].map(n => sink.handler({ n }, ctx)))
  await sink.close()
  assert.is(await readFile(join(dir, 'deep/out.ndjson'), 'utf8'), '{"n":1}\n{"n":2}\n{"n":3}\n')
  assert.equal(taken, [8, 8, 8])
})

Sinks('file: ends a line that a crash has torn', async ({ dir }) => {
  const path = join(dir, 'out.ndjson')
  await writeFile(path, '{"n":1}\n{"n"')
  const sink = fileSink(path, sent)
  await sink.handler({ n: 2 }, ctx)
  await sink.close()
  assert.is(await readFile(path, 'utf8'), '{"n":1}\n{"n"\n{"n":2}\n')
})

Sinks('file: goes on once the place can be written', async ({ dir }) => {
  const path = join(dir, 'out.ndjson')
  await mkdir(path) // a folder where the file should be
  const sink = fileSink(path, sent)
  let error: unknown
  await Promise.resolve(sink.handler({ n: 1 }, ctx)).catch(reason => {
    error = reason
  })
  assert.is((error as { code?: string }).code, 'EISDIR')
  await rm(path, { recursive: true })
  await sink.handler({ n: 1 }, ctx)
  await sink.close()
  assert.is(await readFile(path, 'utf8'), '{"n":1}\n')
})

Sinks('http: posts JSON with the id of the record, and fails where the answer does', async () => {
  const seen: { body: string; key: unknown }[] = []
  let status = 200
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    seen.push({ body, key: request.headers['idempotency-key'] })
    response.writeHead(status).end()
  }).listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/x`
  const { handler } = httpSink({ url, headers: {} }, sent)
  await handler({ n: 1 }, ctx)
  assert.equal(seen, [{ body: '{"n":1}', key: 'in.0:1' }])
  status = 503
  const error = await (handler({ n: 2 }, ctx) as Promise<void>).catch((reason: Error) => reason)
  assert.match((error as Error).message, 'answered 503')
  assert.equal(taken, [7], 'what was refused is not counted')
  server.closeAllConnections()
  server.close()
})

// A default mosquitto holds back small packets until TCP has acknowledged the one before: 125 records/s left an `mqtt`
// sink, whose connection had nothing to send before the next acknowledgment came.
Sinks('mqtt, and mqtt sources, acknowledge at once what the broker sends', async () => {
  const broker = await Aedes.createBroker()
  const nudged = new Set<string>()
  const server = createTcpServer(broker.handle).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const spec = { filter: 't/in', format: 'json' as const }
  const rig = new Rig(
    `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [
      source('in', { type: 'mqtt', ...spec }),
      sinkNode('out', ['in'], { type: 'mqtt', topic: 't/out', retain: false }),
    ],
    {},
  )
  const { name } = rig.flow
  broker.on('publish', ({ topic }, client) => {
    if (client && topic === topics.nudge(name)) nudged.add(client.id)
  })
  try {
    await rig.start()
    await rig.publish('t/in', '{}')
    const hasNudged = (id: string) => [...nudged].some(client => client.startsWith(id))
    await until(() => hasNudged(intakeSessionId(name, 'in')), 'a nudge of the source')
    await until(() => hasNudged(`dyninka_${name}_out_out_`), 'a nudge of the sink')
  } finally {
    await rig.close()
    server.close()
    await new Promise<void>(resolve => broker.close(resolve))
  }
})

// Order is that of the connection. One record of a key at a time was one acknowledgment of the broker at a time.
Sinks('mqtt: does not wait with one record of a key for the one before', async () => {
  const held: (() => void)[] = []
  const broker = await Aedes.createBroker({
    authorizePublish(_client, { topic }, allow) {
      if (topic !== 't/out' || held.length >= 10) return allow(null)
      held.push(() => allow(null))
      if (held.length === 10) for (const release of held) release()
    },
  })
  const server = createTcpServer(broker.handle).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const rig = new Rig(
    `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [
      source('in', { type: 'mqtt', filter: 't/in', format: 'json' }),
      fn('keyed', ['in'], { key: 'k' }),
      sinkNode('out', ['keyed'], { type: 'mqtt', topic: 't/out', retain: false }),
    ],
    { keyed: value => value },
  )
  const out: number[] = []
  broker.on('publish', ({ topic, payload }) => {
    if (topic === 't/out') out.push(JSON.parse(String(payload)).n)
  })
  try {
    await rig.start()
    const numbers = Array.from({ length: 20 }, (_, n) => n)
    for (const n of numbers) await rig.publish('t/in', JSON.stringify({ k: 'same', n }))
    await until(() => out.length >= numbers.length, 'all records')
    assert.equal(out, numbers)
  } finally {
    await rig.close()
    server.close()
    await new Promise<void>(resolve => broker.close(resolve))
  }
})

Sinks.run()
