import { readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { readTelemetry } from '../controller/telemetry/file.ts'
import type { Snapshot } from '../controller/telemetry/snapshot.ts'
import { snapshotOf } from '../controller/telemetry/snapshot.ts'
import { wireTransport } from '../runtime/wire-transport.ts'
import { topics } from '../schema/topics.ts'
import { cli, temporaryFolder } from './support/cli.ts'
import { Controlled, until } from './support/controlled.ts'
import { makeRepository } from './support/repository.ts'

const Kept = suite('telemetry of a controller')

const files = {
  'dataflow.yaml': `apiVersion: dyninka.dev/v1
name: measured
sources:
  tick: { every: 50ms }
functions:
  count: { code: count.ts, from: tick }
sinks:
  out: { from: count, log: {} }
`,
  'count.ts': 'export default function count(_: unknown): { n: number } {\n  return { n: 1 }\n}\n',
}

Kept('is kept over its death, given out as a file, and tells whom it did not believe', async () => {
  const repository = await makeRepository()
  const folder = await temporaryFolder()
  await repository.publish(files)
  const controlled = await Controlled.over({
    repo: repository.bare,
    nodes: [{ name: 'shed', zone: 'edge', cpu: 2_000 }],
  })
  const records = async () => {
    const text = await (await fetch(`${controlled.url}/api/telemetry?sinceMs=600000`)).text()
    const { windows } = readTelemetry(Buffer.from(text), 'the answer')
    return windows.reduce((sum, { edges }) => sum + (edges.count?.tick?.records ?? 0), 0)
  }
  try {
    await controlled.ready(undefined, 60_000)
    const stranger = await wireTransport(controlled.brokerUrl).connect({
      clientId: 'stranger',
      clean: true,
      onMessage() {},
      onClose() {},
    })
    await stranger.publish(topics.figures('measured', 'count', 'count-9'), '{"v":1}')
    await until('a window is closed', async () => (await records()) > 0, undefined, 60_000)
    assert.equal((await controlled.status())!.telemetryRefused, { foreign: 1 })
    await stranger.close()
    const metrics = await (await fetch(`${controlled.url}/metrics`)).text()
    const latency =
      /^dyninka_edge_latency_seconds\{dataflow="measured",from="tick",to="count",quantile="0.5"\} /m
    assert.match(metrics, latency)
    const before = await records()
    await controlled.kill()
    await controlled.start()
    assert.ok((await records()) >= before, 'what was measured is still there')
    await controlled.ready(undefined, 60_000)

    const path = join(folder, 'flow.jsonl.gz')
    const exported = await cli(['telemetry', 'export', '-o', path, '--json', '--url', controlled.url])
    assert.is(exported.code, 0, exported.stderr)
    const { windows, bytes } = JSON.parse(exported.stdout)
    assert.is((await stat(path)).size, bytes)
    const file = readTelemetry(await readFile(path), path)
    assert.is(file.windows.length, windows)
    assert.is(file.header.revision.split('@')[0], 'main')
    assert.not.match(gunzipSync(await readFile(path)).toString(), /token|password/)

    const shown = await cli(['telemetry', 'show', '--from', path, '--json'])
    const snapshot = JSON.parse(shown.stdout) as Snapshot
    assert.equal(snapshot, JSON.parse(JSON.stringify(snapshotOf(file))), 'the same file, the same snapshot')
    const count = snapshot.functions.find(({ name }) => name === 'count')!
    assert.equal(count.hosts, [{ node: 'shed', zone: 'edge', hosts: 1 }])
    assert.ok(count.memoryBytes!.value > 1e7 && count.cpuMillis!.value > 0)
    assert.is(snapshot.roundTrips[0]!.broker, snapshot.broker)
    assert.equal(snapshot.nodes[0]!.capacity!.cpuMillis, 2_000)
    const [edge] = snapshot.edges
    assert.ok(edge!.latencyMs!.p50.value < 10_000, 'on one machine, with one clock')

    const text = await cli(['telemetry', 'show', 'measured', '--from', path])
    assert.match(text.stdout, 'tick → count')
    assert.match(text.stdout, '1 foreign')
    const other = await cli(['telemetry', 'show', 'other', '--from', path])
    assert.is(other.code, 2, 'of another dataflow')
    const none = await cli(['telemetry', 'show', '--from', join(folder, 'dataflow.yaml')])
    assert.is(none.code, 2, 'no such file')
  } finally {
    await controlled.remove()
    await repository.remove()
    await rm(folder, { recursive: true, force: true })
  }
})

Kept.run()
