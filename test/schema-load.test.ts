import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { discover, load } from '../schema/index.ts'
import { makeFolder } from './support/dataflow-folder.ts'

const Load = suite('schema: load')
const climate = fileURLToPath(new URL('fixtures/schema/climate', import.meta.url))

Load('reads the whole language, with defaults filled in and units resolved', async () => {
  const { flow, findings } = await load(climate)
  assert.equal(findings, [])
  assert.is(flow!.name, 'room-climate')
  const [thermometers, heartbeat, posted, parse, average, alarm, beat, alarms, console, archive, hook] =
    flow!.nodes
  const retry = { attempts: 5, backoffMs: 200, timeoutMs: 5000, order: 'strict' }
  assert.equal(thermometers, {
    kind: 'source',
    name: 'thermometers',
    from: [],
    spec: { type: 'mqtt', filter: 'sensors/+/temperature', format: 'json' },
    id: 'messageId',
    overflow: 'drop-oldest',
    placement: {},
  })
  assert.equal(heartbeat, {
    kind: 'source',
    name: 'heartbeat',
    from: [],
    spec: { type: 'every', intervalMs: 10_000 },
    overflow: 'block',
    placement: {},
  })
  assert.equal(posted, {
    kind: 'source',
    name: 'posted',
    from: [],
    spec: { type: 'http', port: 8080, path: '/readings' },
    overflow: 'block',
    placement: {},
  })
  assert.equal(parse, {
    kind: 'function',
    name: 'parse',
    code: 'functions/parse.ts',
    from: [
      { node: 'thermometers', output: 'default' },
      { node: 'posted', output: 'default' },
    ],
    scale: { min: 1, max: 1 },
    concurrency: 1,
    retry,
    env: {},
    secrets: [],
    resources: {},
    placement: {},
  })
  assert.equal(average, {
    kind: 'function',
    name: 'average',
    code: 'functions/average.ts',
    from: [{ node: 'parse', output: 'default' }],
    key: 'room',
    scale: { min: 1, max: 4 },
    concurrency: 8,
    retry,
    env: {},
    secrets: [],
    resources: { cpuMillis: 100, memoryBytes: 64 * 1024 * 1024 },
    placement: {
      require: { arch: ['arm64', 'amd64'], labels: { camera: 'exists' } },
      prefer: [{ zone: 'edge-lyon', weight: 50 }],
      near: [{ function: 'parse', maxRttMs: 10 }],
      zone: 'edge-lyon',
    },
  })
  assert.equal(alarm!.from, [{ node: 'average', output: 'hot' }])
  assert.is(alarm!.kind === 'function' && alarm!.env.THRESHOLD, '30')
  assert.equal(alarm!.kind === 'function' && alarm!.secrets, ['SMTP_PASSWORD'])
  assert.is(beat!.name, 'beat')
  assert.equal(alarms, {
    kind: 'sink',
    name: 'alarms',
    from: [{ node: 'alarm', output: 'default' }],
    spec: { type: 'mqtt', topic: 'building/alarms', retain: true },
    retry,
    placement: {},
  })
  assert.equal(console!.kind === 'sink' && console!.spec, { type: 'log' })
  assert.equal(archive!.kind === 'sink' && archive!.spec, { type: 'file', path: 'readings.ndjson' })
  assert.equal(hook!.kind === 'sink' && hook!.spec, {
    type: 'http',
    url: 'https://hooks.example.com/alarms',
    headers: { 'x-building': 'north' },
  })
})

Load('puts a node after everything that it reads, in whatever order it is written', async () => {
  const { dir, remove } = await makeFolder({
    'dataflow.yaml': `
apiVersion: dyninka.dev/v1
name: order
sources: { s: { every: 1s } }
functions:
  c: { code: f.js, from: [b, a] }
  b: { code: f.js, from: a.side }
  a: { code: f.js, from: s }
`,
    'f.js': 'export default x => x',
  })
  const { flow } = await load(dir, { types: false })
  assert.equal(
    flow!.nodes.map(node => node.name),
    ['s', 'a', 'b', 'c'],
  )
  await remove()
})

Load('writes nothing into the folder', async () => {
  const before = await readdir(climate, { recursive: true })
  await load(climate)
  assert.equal(await readdir(climate, { recursive: true }), before)
})

Load('says what to do where there is no dataflow', async () => {
  const { dir, remove } = await makeFolder({})
  const [finding] = (await load(dir)).findings
  assert.is(finding!.code, 'missing')
  assert.match(finding!.hint, 'dyninka init')
  assert.is((await load(join(dir, 'nowhere'))).findings[0]!.code, 'missing')
  await remove()
})

Load('reads a file of another name', async () => {
  const { dir, remove } = await makeFolder({ 'other.yaml': 'a: 1\n' })
  const { findings } = await load(dir, { file: 'other.yaml' })
  assert.is(findings[0]!.file, 'other.yaml')
  assert.is.not(findings[0]!.code, 'missing')
  await remove()
})

const Discover = suite('schema: discover')

Discover('finds every folder with a dataflow, sorted', async () => {
  const { dir, remove } = await makeFolder({
    'dataflow.yaml': '',
    'b/dataflow.yaml': '',
    'a/deep/dataflow.yaml': '',
    'node_modules/x/dataflow.yaml': '',
    '.hidden/dataflow.yaml': '',
    'not/dataflow.yml': '',
  })
  assert.equal(await discover(dir), ['.', 'a/deep', 'b'])
  await remove()
})

Discover('does not follow links out of the root, or in circles', async () => {
  const outside = await makeFolder({ 'dataflow.yaml': '' })
  const { dir, remove } = await makeFolder({ 'a/dataflow.yaml': '' })
  await symlink(outside.dir, join(dir, 'away'))
  await symlink('..', join(dir, 'a/up'))
  await symlink('nowhere', join(dir, 'broken'))
  await mkdir(join(dir, 'dataflow.yaml'))
  await writeFile(join(dir, 'dataflow.yaml/x'), '')
  assert.equal(await discover(dir), ['a'])
  await remove()
  await outside.remove()
})

Load.run()
Discover.run()
