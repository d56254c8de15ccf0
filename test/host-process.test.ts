import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { build, hostBundle } from '../builder/index.ts'
import { parsePresence } from '../runtime/membership.ts'
import { dismissal } from '../runtime/presence.ts'
import { topics } from '../schema/topics.ts'
import { aedes, answers, freePort, type TestBroker } from './support/brokers.ts'
import { type HostProcess, startHost } from './support/host-process.ts'
import { fn, Rig, sink, source, until } from './support/rig.ts'

const retry = { attempts: 2, backoffMs: 10, timeoutMs: 300, order: 'strict' as const }
const functions = {
  calm: `export default function calm(value: unknown) { return value }`,
  misbehaved: `
    import { loop } from './loop.ts'
    export default function misbehaved(value: { n: number }): unknown {
      if (value.n === 1) process.exit(3)
      if (value.n === 2) return new Promise(() => {})
      if (value.n === 3) void Promise.reject(new Error('leaked'))
      if (value.n === 4) setTimeout(() => { throw new Error('thrown later') }, 1)
      if (value.n === 5) throw new TypeError('five is wrong')
      if (value.n === 6) loop()
      if (value.n === 7) process.kill(process.pid, 'SIGKILL')
      return value
    }`,
  unready: `export const setup = () => { throw new Error('no database') }\nexport default (value: unknown) => value`,
}

const Host = suite('host process')
let dir: string
let broker: TestBroker
let host: string
const code: Record<string, string> = {}
const running: HostProcess[] = []
const rigs: Rig[] = []

Host.before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'dyninka-host-'))
  broker = await aedes()
  const store = join(dir, 'store')
  host = join((await hostBundle(store)).path, 'host.mjs')
  await mkdir(join(dir, 'functions'))
  for (const [name, text] of Object.entries(functions))
    await writeFile(join(dir, 'functions', `${name}.ts`), text)
  await writeFile(join(dir, 'functions/loop.ts'), 'export function loop() {\n  for (;;) Math.random()\n}\n')
  const names = Object.keys(functions).map(name => ({ name, code: `functions/${name}.ts` }))
  for (const result of await build({ root: dir, dir, functions: names, store })) {
    if ('findings' in result) throw new Error(JSON.stringify(result.findings))
    code[result.function] = result.artifact.path
  }
})
Host.after.each(async () => {
  for (const { child } of running.splice(0)) child.kill('SIGKILL')
  for (const made of rigs.splice(0)) await made.close()
})
Host.after(async () => {
  await broker.close()
  await rm(dir, { recursive: true, force: true })
})

/** A dataflow whose function `f` is left out, to be run as processes. */
async function rig(topic: string) {
  const nodes = [
    source('in', { type: 'mqtt', filter: `${topic}/in`, format: 'json' }),
    fn('f', ['in'], { retry }),
    sink('out', ['f'], { type: 'mqtt', topic: `${topic}/out`, retain: false }),
  ]
  const made = new Rig(broker.url, nodes, {})
  rigs.push(made)
  await made.wire()
  for (const node of ['out', 'in']) await made.ready(await made.host(node))
  return made
}

const start = (made: Rig, name: string, generation = 1, env = {}) => {
  const one = startHost({
    host,
    flow: made.flow.name,
    node: 'f',
    broker: broker.url,
    code: code[name]!,
    generation,
    env: { GREETING: 'hi', ...env },
  })
  running.push(one)
  return one
}

/** @param wiring 1: it owns the partition; 0: another host may own it */
async function readyIn(made: Rig, id: string, wiring = 1) {
  const heard = await made.listen(topics.host(made.flow.name, 'f', id))
  const reached = () => heard.some(({ payload }) => (parsePresence(payload)?.wiring ?? -1) >= wiring)
  await until(reached, `${id} to be ready`)
}

const values = (heard: { payload: Buffer }[]) =>
  heard.map(({ payload }) => JSON.parse(payload.toString()).n as number)

if (process.platform === 'linux')
  Host('keeps little memory of its own while it has nothing to do', async () => {
    const made = await rig('idle')
    const { id, child } = start(made, 'calm')
    await readyIn(made, id)
    const status = await readFile(`/proc/${child.pid}/status`, 'utf8')
    const ownMB = (Number(/RssAnon:\s+(\d+)/.exec(status)![1]) * 1024) / 1e6
    assert.ok(ownMB < 22, `${ownMB} MB`) // it was 28 with the codec's numbers, and is 15
  })

Host('hands over on SIGTERM, and leaves no presence behind', async () => {
  const made = await rig('term')
  const heard = await made.listen('term/out')
  const first = start(made, 'calm')
  await readyIn(made, first.id)
  const presences = await made.listen(topics.hosts(made.flow.name, 'f'))
  for (let n = 1; n <= 50; n++) await made.publish('term/in', JSON.stringify({ n }))
  await readyIn(made, start(made, 'calm').id, 0)
  first.child.kill('SIGTERM')
  assert.is(await first.exited, 0)
  for (let n = 51; n <= 60; n++) await made.publish('term/in', JSON.stringify({ n }))
  await until(() => heard.length >= 60, '60 records')
  assert.equal(
    values(heard),
    Array.from({ length: 60 }, (_, i) => i + 1),
  )
  assert.ok(presences.length > 0)
})

Host('hands over when it is asked to leave, where nobody can end its process', async () => {
  const made = await rig('dismissed')
  const heard = await made.listen('dismissed/out')
  const first = start(made, 'calm')
  await readyIn(made, first.id)
  for (let n = 1; n <= 50; n++) await made.publish('dismissed/in', JSON.stringify({ n }))
  const second = start(made, 'calm')
  await readyIn(made, second.id, 0)
  await made.publish(topics.host(made.flow.name, 'f', first.id), dismissal)
  assert.is(await first.exited, 0)
  await readyIn(made, second.id)
  for (let n = 51; n <= 60; n++) await made.publish('dismissed/in', JSON.stringify({ n }))
  await until(() => heard.length >= 60, '60 records')
  assert.equal(
    values(heard),
    Array.from({ length: 60 }, (_, i) => i + 1),
  )
  const left = await made.listen(topics.hosts(made.flow.name, 'f'))
  await until(() => left.some(({ topic }) => topic.endsWith(second.id)), 'what is retained')
  assert.not.ok(left.some(({ topic }) => topic.endsWith(first.id)))
})

Host('does not take over when its setup fails, and says why', async () => {
  const made = await rig('setup')
  const heard = await made.listen('setup/out')
  await readyIn(made, start(made, 'calm').id)
  const bad = start(made, 'unready', 2)
  assert.is(await bad.exited, 1)
  assert.match(String(bad.log.at(-1)!.error), 'no database')
  await made.publish('setup/in', '{"n":1}')
  await until(() => heard.length === 1, 'the old one to go on')
})

Host('opens its port once it has taken over, and not before', async () => {
  const made = await rig('port')
  const port = await freePort()
  const opens = { DYNINKA_READY_PORT: String(port) }
  const first = start(made, 'calm')
  await readyIn(made, first.id)
  const bad = start(made, 'unready', 2, opens)
  assert.is(await bad.exited, 1)
  const early = await answers(port, 100).then(
    () => true,
    () => false,
  )
  assert.not.ok(early)
  const owners: string[] = []
  await made.watch(topics.hosts(made.flow.name, 'f'), ({ topic, payload }) => {
    if (parsePresence(payload)?.partitions.length === 1) owners.push(topic.split('/').at(-1)!)
  })
  const next = start(made, 'calm', 3, opens)
  await answers(port)
  await until(() => owners.at(-1) === next.id, 'the new one to say so')
  first.child.kill('SIGKILL') // what an orchestrator does then
  const heard = await made.listen('port/out')
  await made.publish('port/in', '{"n":1}')
  await until(() => heard.length === 1, 'the new one to go on')
})

Host('runs code that was delivered compressed', async () => {
  const made = await rig('packed')
  const heard = await made.listen('packed/out')
  const folder = join(dir, 'packed')
  await mkdir(folder)
  for (const name of ['function.mjs', 'function.mjs.map'])
    await writeFile(join(folder, `${name}.gz`), gzipSync(await readFile(join(code.misbehaved!, name))))
  code.packed = folder
  const one = start(made, 'packed')
  await readyIn(made, one.id)
  const dead = await made.listen(topics.deads(made.flow.name))
  for (const n of [5, 8]) await made.publish('packed/in', JSON.stringify({ n }))
  await until(() => heard.length === 1 && dead.length === 1, 'a record and a letter')
  const { stack } = JSON.parse(dead[0]!.payload.toString())
  assert.match(stack, /functions\/misbehaved\.ts:8/)
})

Host('survives what functions do wrong, and goes on with the next record', async () => {
  const made = await rig('wrong')
  const heard = await made.listen('wrong/out')
  const dead = await made.listen(topics.deads(made.flow.name))
  const one = start(made, 'misbehaved')
  await readyIn(made, one.id)
  for (const n of [1, 2, 3, 4, 5, 8]) await made.publish('wrong/in', JSON.stringify({ n }))
  await until(() => heard.length === 3 && dead.length === 3, '3 records and 3 letters')
  assert.equal(values(heard), [3, 4, 8])
  const letters = dead.map(({ payload }) => JSON.parse(payload.toString()))
  assert.equal(
    letters.map(({ reason }) => reason),
    ['threw', 'timeout', 'threw'],
  )
  assert.match(letters[0].message, 'process.exit(3)')
  for (const letter of [letters[0], letters[2]]) {
    assert.match(
      letter.stack.split('\n').at(-1),
      /functions\/misbehaved\.ts:\d+/,
      "the last frame is the user's",
    )
    assert.not.match(letter.stack, 'host.mjs')
  }
  assert.match(letters[2].stack, /functions\/misbehaved\.ts:8/)
  await until(() => one.log.some(({ error }) => error === 'thrown later'), 'the leaked error in the log')
  assert.ok(one.log.some(({ error }) => error === 'leaked'))
  assert.is(one.child.exitCode, null)
})

Host('puts a record aside that kills every host', async () => {
  const made = await rig('deadly')
  const heard = await made.listen('deadly/out')
  const dead = await made.listen(topics.deads(made.flow.name))
  let one = start(made, 'misbehaved')
  await readyIn(made, one.id)
  await made.publish('deadly/in', '{"n":7}')
  await made.publish('deadly/in', '{"n":8}')
  let deaths = 0
  for (; heard.length === 0; deaths++) {
    await Promise.race([one.exited, until(() => heard.length === 1, 'the next record')])
    if (heard.length > 0) break
    assert.is(one.child.signalCode, 'SIGKILL', JSON.stringify(one.log))
    one = start(made, 'misbehaved')
  }
  assert.is(JSON.parse(dead[0]!.payload.toString()).reason, 'crashed')
  assert.ok(deaths <= 4, `${deaths} hosts died`)
})

/** A dataflow whose function `next` handles nothing until the gate opens. @param others functions that run in this process */
async function stuckRig(topic: string, others: string[]) {
  const gate = Promise.withResolvers<void>()
  const patient = { ...retry, timeoutMs: 60_000 }
  const handler = async (value: unknown) => {
    await gate.promise
    return value
  }
  const made = new Rig(
    broker.url,
    [
      source('in', { type: 'mqtt', filter: `${topic}/in`, format: 'json' }),
      fn('f', ['in'], { retry: patient }),
      fn('next', ['f'], { retry: patient }),
      sink('out', ['next'], { type: 'mqtt', topic: `${topic}/out`, retain: false }),
    ],
    { f: handler, next: handler },
  )
  rigs.push(made)
  await made.wire()
  for (const node of ['out', 'in', ...others]) await made.ready(await made.host(node))
  return { made, open: gate.resolve }
}

Host('puts no record aside that only waits to leave, whatever kills its hosts', async () => {
  const { made, open } = await stuckRig('innocent', ['next'])
  const heard = await made.listen('innocent/out')
  const dead = await made.listen(topics.deads(made.flow.name))
  for (let n = 1; n <= 8; n++) {
    const one = start(made, 'calm')
    await readyIn(made, one.id)
    await made.publish('innocent/in', JSON.stringify({ n }))
    await sleep(150)
    one.child.kill('SIGKILL')
    await one.exited
  }
  start(made, 'calm')
  open()
  await until(() => heard.length + dead.length === 8, 'all records')
  assert.equal(values(heard), [1, 2, 3, 4, 5, 6, 7, 8])
})

Host('blames no record for the end of a host that was asked to leave', async () => {
  const { made, open } = await stuckRig('asked', [])
  const cursors = await made.listen(topics.credit(made.flow.name, 'f', '0'))
  const newest = () => JSON.parse(String(cursors.at(-1)!.payload))
  let id = await made.host('f')
  await made.ready(id)
  await made.publish('asked/in', '{"n":1}')
  for (let killed = 0; killed < 2; killed++) {
    await sleep(100)
    await made.kill(id)
    id = await made.host('f')
    await made.ready(id)
  }
  await until(() => newest().trying !== undefined, 'the record to be named')
  await made.stop(id)
  assert.is(newest().trying, undefined)
  open()
})

Host('stops a loop that never yields, once it has killed a host', async () => {
  const made = await rig('loop')
  const heard = await made.listen('loop/out')
  const dead = await made.listen(topics.deads(made.flow.name))
  const blocked = start(made, 'misbehaved')
  await readyIn(made, blocked.id)
  await made.publish('loop/in', '{"n":6}')
  await made.publish('loop/in', '{"n":8}')
  await new Promise(resolve => setTimeout(resolve, 300))
  blocked.child.kill('SIGKILL') // what the orchestrator does with a host that has gone silent
  start(made, 'misbehaved')
  await until(() => heard.length === 1, 'the next record')
  const letter = JSON.parse(dead[0]!.payload.toString())
  assert.is(letter.reason, 'timeout')
  assert.match(letter.message, 'blocked the event loop')
})

Host.run()
