import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { readJson, writeJson } from '../controller/atomic-file.ts'
import { backoffMs, jitterMs } from '../controller/backoff.ts'
import { Dataflow } from '../controller/dataflow.ts'
import { FolderSource } from '../controller/folder-source.ts'
import { recordHistory } from '../controller/history.ts'
import type { Inventory } from '../controller/inventory.ts'
import { readLines, rotate, tail } from '../controller/orchestrator/local/host-log.ts'
import { launch } from '../controller/orchestrator/local/host-process.ts'
import { parseLine } from '../controller/orchestrator/log-line.ts'
import { mayRunOn, place } from '../controller/place.ts'
import { identify, isAlive, signal } from '../controller/process-identity.ts'
import { Secrets } from '../controller/secrets.ts'
import type { Revision } from '../controller/source/source.ts'
import { WorkQueue } from '../controller/work-queue.ts'
import type { DeclaredNode } from '../schema/declared-node.ts'
import { until } from './support/controlled.ts'

const Parts = suite<{ folder: string }>('parts of the controller')

Parts.before.each(context => {
  context.folder = mkdtempSync(join(tmpdir(), 'dyninka-'))
})
Parts.after.each(({ folder }) => rmSync(folder, { recursive: true, force: true }))

Parts('one pass at a time for a key, and events during it make one more', async () => {
  let running = 0
  let most = 0
  let passes = 0
  const queue = new WorkQueue(
    async () => {
      most = Math.max(most, ++running)
      await sleep(20)
      running -= 1
      passes += 1
      return undefined
    },
    () => {},
  )
  for (let i = 0; i < 10; i++) queue.add('a')
  await until('the first pass is under way', () => running === 1)
  for (let i = 0; i < 10; i++) queue.add('a')
  await until('it is looked at once more', () => passes === 2)
  await sleep(50) // a third pass would show by then
  await queue.close()
  assert.equal([most, passes], [1, 2])
})

Parts('a key that fails comes back later, and holds up no other', async () => {
  const seen: string[] = []
  let retryMs = 0
  const queue = new WorkQueue(
    async key => {
      seen.push(key)
      if (key === 'bad') throw new Error('no')
      return undefined
    },
    (_key, _error, ms) => {
      retryMs = ms
    },
  )
  queue.add('bad')
  queue.add('good')
  await until('it was tried twice', () => seen.filter(key => key === 'bad').length === 2)
  assert.ok(seen.includes('good') && retryMs >= 150)
  await queue.close()
})

Parts('what is cancelled because the queue ends is not told as a failure', async () => {
  const ending = Promise.withResolvers<undefined>()
  const told: string[] = []
  let isUnderWay = false
  const queue = new WorkQueue(
    () => {
      isUnderWay = true
      return ending.promise
    },
    key => told.push(key),
  )
  queue.add('a')
  await until('it is under way', () => isUnderWay)
  const closed = queue.close()
  ending.reject(new Error('what it needs is closed'))
  await closed
  assert.equal(told, [])
})

Parts('backs off with jitter, and within bounds', () => {
  assert.is(backoffMs(0), 0)
  assert.equal(
    [1, 2, 3, 30].map(failures => backoffMs(failures, { random: () => 0.5 })),
    [200, 400, 800, 60_000],
  )
  assert.equal(
    [0, 1].map(value => backoffMs(1, { random: () => value })),
    [150, 250],
  )
})

Parts('polls at its interval, give or take a tenth', () => {
  assert.equal(
    [0, 0.5, 1].map(value => jitterMs(30_000, () => value)),
    [27_000, 30_000, 33_000],
  )
})

Parts('a newer revision cancels what is done for an older one; the same one again does not', () => {
  const dataflow = new Dataflow('')
  const revision = (id: string) => ({ id, branch: 'main', message: '', tree: `/trees/${id}` }) as Revision
  dataflow.offer(revision('1'))
  dataflow.accepting = new AbortController()
  const { signal } = dataflow.accepting
  dataflow.offer(revision('1'))
  assert.not.ok(signal.aborted)
  dataflow.offer(revision('2'))
  assert.ok(signal.aborted)
})

Parts('a file is written whole or not at all', ({ folder }) => {
  const path = join(folder, 'deep', 'x.json')
  writeJson(path, { a: 1 })
  writeJson(path, { a: 2 }, 0o600)
  assert.equal(readJson(path), { a: 2 })
  assert.is(statSync(path).mode & 0o777, 0o600)
  assert.equal(readdirSync(join(folder, 'deep')), ['x.json'])
  assert.is(readJson(join(folder, 'none.json')), undefined)
})

Parts('a process is known by more than its ID', async () => {
  const child = spawn('sleep', ['60'])
  await once(child, 'spawn')
  const identity = identify(child.pid!)!
  assert.ok(isAlive(identity))
  const recycled = { ...identity, started: '1' }
  assert.not.ok(isAlive(recycled))
  signal(recycled, 'SIGKILL')
  assert.ok(isAlive(identity), 'another process that got the ID is left alone')
  signal(identity, 'SIGKILL')
  await once(child, 'exit')
  assert.not.ok(isAlive(identity))
  assert.is(identify(child.pid!), undefined)
})

Parts('a log that a host holds open is bounded, and goes on', ({ folder }) => {
  const path = join(folder, 'x.log')
  const line = `${JSON.stringify({ level: 30, time: 1, msg: 'm'.repeat(1000) })}\n`
  appendFileSync(path, line.repeat(3000))
  const before = tail(path, 5)
  assert.is(before.lines.length, 5)
  rotate(path)
  assert.is(statSync(path).size, 0)
  assert.ok(existsSync(`${path}.1`))
  appendFileSync(path, line)
  assert.is(readLines(path, before.offset).lines.length, 1, 'who follows it starts over')
  rotate(path)
  assert.ok(statSync(path).size > 0, 'a short one stays')
})

Parts('a line of a log that is not ours becomes a message', () => {
  const { msg, function: name, host } = parseLine('Segmentation fault', 'f', 'f-1-0')
  assert.equal([msg, name, host], ['Segmentation fault', 'f', 'f-1-0'])
  assert.is(parseLine('{"level":50,"time":1,"msg":"x","function":"forged"}', 'f', 'f-1-0').function, 'f')
})

Parts('a host sees its own secrets and nothing else of the controller', async ({ folder }) => {
  writeFileSync(join(folder, 'host.mjs'), 'console.log(JSON.stringify(process.env))')
  process.env.DYNINKA_SECRET_OTHER = 'hidden'
  process.env.FORGE_TOKEN = 'hidden'
  const workload = {
    flow: 'f',
    node: 'n',
    kind: 'function',
    artifact: 'sha256:x',
    code: folder,
    runtime: 'sha256:h',
    host: folder,
    env: { A: '1' },
    secrets: ['KEY', 'UNSET'],
    replicas: 1,
    placement: {},
    resources: {},
    fingerprint: '',
  } as const
  const log = join(folder, 'n.log')
  const child = launch({
    spec: {
      workload: { ...workload, secrets: [...workload.secrets] },
      generation: 3,
      replica: 0,
      place: 'here',
    },
    id: 'n-3-0-x',
    record: join(folder, 'n.json'),
    log,
    ways: { home: 'mqtt://127.0.0.1:1', zones: {} },
    secrets: new Map([
      ['KEY', 'value'],
      ['OTHER', 'hidden'],
    ]),
    folder: join(folder, 'files'),
    compileCache: join(folder, 'cache'),
  })
  child.ref()
  await once(child, 'exit')
  const text = readFileSync(log, 'utf8')
  const env = JSON.parse(text)
  assert.equal(
    [env.A, env.KEY, env.DYNINKA_ENV, env.DYNINKA_GENERATION, env.DYNINKA_NODE],
    ['1', 'value', 'A,KEY,UNSET', '3', 'here'],
  )
  assert.not.ok(text.includes('hidden'))
  delete process.env.DYNINKA_SECRET_OTHER
  delete process.env.FORGE_TOKEN
})

Parts('secrets come from the file and the environment, and their digests give nothing away', ({ folder }) => {
  const file = join(folder, 'secrets.env')
  writeFileSync(file, 'A=from-file\nB="two words"\n')
  const secrets = new Secrets({ file, state: folder, env: { DYNINKA_SECRET_A: 'from-env', OTHER: 'x' } })
  assert.equal(
    [...secrets.read()],
    [
      ['A', 'from-env'],
      ['B', 'two words'],
    ],
  )
  const elsewhere = new Secrets({ state: mkdtempSync(join(folder, 's-')), env: {} })
  assert.is(secrets.digest('a'), new Secrets({ state: folder, env: {} }).digest('a'))
  assert.is.not(secrets.digest('a'), elsewhere.digest('a'))
  assert.throws(
    () => new Secrets({ file: join(folder, 'none'), state: folder }).read(),
    /cannot read the secrets file/,
  )
})

Parts('places by constraint, preference and load, in that order', () => {
  const nodes: DeclaredNode[] = [
    { name: 'cloud', zone: 'cloud', arch: 'amd64', labels: {} },
    { name: 'edge1', zone: 'edge', arch: 'arm64', labels: { camera: 'yes' } },
    { name: 'edge2', zone: 'edge', arch: 'arm64', labels: {} },
  ]
  const load = new Map([['cloud', 1]])
  const at = (placement: object) => place({ placement }, nodes, load)
  assert.is(at({}), 'edge1')
  assert.is(at({ prefer: [{ zone: 'cloud', weight: 1 }] }), 'cloud')
  assert.is(at({ zone: 'edge', require: { labels: { camera: 'exists' } } }), 'edge1')
  assert.is(at({ node: 'edge2' }), 'edge2')
  assert.is(at({ require: { arch: ['riscv64'] } }), undefined)
  assert.not.ok(mayRunOn({ placement: { require: { labels: { camera: 'no' } } } }, nodes[1]!))
})

Parts('the history keeps one entry for a revision, and ten in all', () => {
  const inventory = { history: [] } as unknown as Inventory
  const record = (revision: string, result: 'Progressing' | 'Succeeded', built: string[] = []) =>
    recordHistory(inventory, { revision, result, message: '', built }, new Date(0))
  record('1', 'Progressing', ['a'])
  record('1', 'Succeeded')
  record('1', 'Progressing')
  assert.equal(
    inventory.history.map(({ result, built }) => [result, built]),
    [['Succeeded', ['a']]],
  )
  record('2', 'Progressing')
  record('3', 'Progressing')
  assert.is(inventory.history[1]!.result, 'Superseded')
  for (let i = 4; i < 30; i++) record(String(i), 'Succeeded')
  assert.is(inventory.history.length, 10)
})

Parts('a working folder has a revision for each state of its files', async ({ folder }) => {
  writeFileSync(join(folder, 'a.ts'), '1')
  let changes = 0
  const source = new FolderSource(folder, () => {
    changes += 1
  })
  const id = async () => (await source.fetch(new AbortController().signal)).id
  await sleep(200)
  const first = await id()
  writeFileSync(join(folder, '.hidden'), 'x')
  assert.is(await id(), first)
  writeFileSync(join(folder, 'a.ts'), '2')
  await until('the change is noticed', () => changes > 0)
  assert.is.not(await id(), first)
  writeFileSync(join(folder, 'a.ts'), '1')
  assert.is(await id(), first)
  await source.close()
})

Parts.run()
