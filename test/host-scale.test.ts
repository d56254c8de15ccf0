import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { build, hostBundle } from '../builder/index.ts'
import type { Context } from '../runtime/context.ts'
import { Membership, parsePresence } from '../runtime/membership.ts'
import type { Presence } from '../runtime/presence.ts'
import { topics } from '../schema/topics.ts'
import { brokers, type TestBroker } from './support/brokers.ts'
import { type HostProcess, startHost } from './support/host-process.ts'
import { fn, Rig, sink, source, until } from './support/rig.ts'

const Owners = suite('owners of partitions')

const presence = (host: string, generation = 1): Presence => ({
  v: 1,
  host,
  generation,
  artifact: '',
  node: 'n',
  pid: 0,
  startedAt: '',
  wiring: 1,
  partitions: [],
})
const among = (...hosts: string[]) => {
  const membership = new Membership()
  for (const host of hosts) membership.set(host, presence(host))
  return membership
}

Owners('are the same in whatever order hosts were heard of', () => {
  const hosts = ['a', 'b', 'c', 'd', 'e']
  assert.equal(among(...hosts).owners(32), among(...hosts.toReversed()).owners(32))
})

Owners('never have two more than another one', () => {
  for (let count = 1; count <= 20; count++) {
    const hosts = Array.from({ length: count }, (_, n) => `host-${n}`)
    for (const partitions of [1, 2, 4, 8, 16, 64]) {
      const owners = among(...hosts).owners(partitions)
      const loads = hosts.map(host => owners.filter(owner => owner === host).length)
      assert.ok(Math.max(...loads) - Math.min(...loads) <= 1, `${partitions} among ${count}: ${loads}`)
    }
  }
})

Owners('mostly stay when a host comes', () => {
  let moved = 0
  for (let round = 0; round < 50; round++) {
    const hosts = Array.from({ length: 4 }, (_, n) => `${round}-${n}`)
    const before = among(...hosts).owners(16)
    const after = among(...hosts, `${round}-new`).owners(16)
    moved += before.filter((owner, n) => after[n] !== owner).length
  }
  assert.ok(moved / 50 < 7, `${moved / 50} of 16 move, and 3 must`)
})

Owners('are only of the newest generation', () => {
  const membership = among('a', 'b')
  membership.set('c', presence('c', 2))
  assert.equal(new Set(membership.owners(8)), new Set(['c']))
})

Owners.run()

let run = 0
let dir: string
let host: string
let calm: string

for (const [name, start] of brokers) {
  const Scale = suite(`hosts that come and go on ${name}`)
  let broker: TestBroker
  const rigs: Rig[] = []
  const running: HostProcess[] = []

  Scale.before(async () => {
    broker = await start()
    dir = await mkdtemp(join(tmpdir(), 'dyninka-scale-'))
    const store = join(dir, 'store')
    host = join((await hostBundle(store)).path, 'host.mjs')
    await mkdir(join(dir, 'functions'))
    await writeFile(
      join(dir, 'functions/calm.ts'),
      'export default function calm(value: unknown) { return value }\n',
    )
    const [built] = await build({
      root: dir,
      dir,
      functions: [{ name: 'calm', code: 'functions/calm.ts' }],
      store,
    })
    if (!built || 'findings' in built) throw new Error(JSON.stringify(built))
    calm = built.artifact.path
  })
  Scale.after.each(async () => {
    for (const { child } of running.splice(0)) child.kill('SIGKILL')
    for (const rig of rigs.splice(0)) await rig.close()
  })
  Scale.after(async () => {
    await broker.close()
    await rm(dir, { recursive: true, force: true })
  })

  const flowOf = (max: number) => [
    source('in', { type: 'mqtt', filter: `s/${++run}/in`, format: 'json' }),
    fn('f', ['in'], { key: 'key', scale: { min: 1, max } }),
    sink('out', ['f'], { type: 'mqtt', topic: `s/${run}/out`, retain: false }),
  ]

  Scale(
    'share 8 partitions: 1, 8, then 2 hosts while records flow, in order per key, each once',
    async () => {
      const count = (value: unknown, ctx: Context) => {
        const state = (ctx.state as { count: number } | undefined) ?? { count: 0 }
        ctx.state = { count: state.count + 1 }
        return { ...(value as { key: string; n: number }), count: state.count + 1 }
      }
      const rig = new Rig(broker.url, flowOf(8), { f: count })
      rigs.push(rig)
      await rig.start()
      const topic = `s/${run}`
      const heard = await rig.listen(`${topic}/out`)
      const keys = 40
      let n = 0
      let flowing = true
      const feeding = (async () => {
        for (; flowing; n++) {
          // A default mosquitto drops what waits in an external topic beyond 1,000.
          while (flowing && n - heard.length > 300) await sleep(1)
          await rig.publish(`${topic}/in`, JSON.stringify({ key: `k${n % keys}`, n }))
          if (n % 4 === 0) await sleep(1)
        }
      })()
      const flowOn = async () => {
        const before = heard.length
        await until(() => heard.length > before + 100, 'records to flow')
      }
      await flowOn()
      const first = rig.hosts('f')[0]!
      const more = await Promise.all(Array.from({ length: 7 }, () => rig.host('f')))
      for (const id of [first, ...more]) await rig.ready(id)
      await flowOn()
      // One after the other, as the controller does, and one that dies.
      for (const id of more.slice(1, 4)) await rig.stop(id)
      await rig.kill(more[4]!)
      for (const id of more.slice(5)) await rig.stop(id)
      assert.is(rig.hosts('f').length, 2)
      for (const id of rig.hosts('f')) await rig.ready(id)
      await flowOn()
      flowing = false
      await feeding
      await until(() => heard.length >= n, `${n} records`)
      const records = heard.map(
        ({ payload }) => JSON.parse(payload.toString()) as { key: string; n: number; count: number },
      )
      assert.is(records.length, n)
      for (let key = 0; key < keys; key++) {
        const own = records.filter(record => record.key === `k${key}`)
        assert.equal(
          own.map(record => record.n),
          own.map((_, i) => key + i * keys),
          `order of k${key}`,
        )
        assert.is(own.at(-1)!.count, own.length, `state of k${key}`)
      }
    },
  )

  Scale('take over from a killed one within 3 s, with no controller', async () => {
    const rig = new Rig(broker.url, flowOf(4), {})
    rigs.push(rig)
    await rig.wire()
    for (const node of ['out', 'in']) await rig.ready(await rig.host(node))
    const topic = `s/${run}`
    const heard = await rig.listen(`${topic}/out`)
    const held = new Map<string, number[]>()
    const connection = await rig.watch(topics.hosts(rig.flow.name, 'f'), ({ topic, payload }) => {
      const id = topic.slice(topic.lastIndexOf('/') + 1)
      const own = parsePresence(payload)
      if (own) held.set(id, own.partitions)
      else held.delete(id)
    })
    const all = () => [...held.values()].flat().toSorted().join() === '0,1,2,3'
    const hosts = Array.from({ length: 3 }, () =>
      startHost({ host, flow: rig.flow.name, node: 'f', broker: broker.url, code: calm }),
    )
    running.push(...hosts)
    await until(() => held.size === 3 && all() && [...held.values()].every(own => own.length > 0), '3 hosts')
    let n = 0
    const send = async (count: number) => {
      for (const end = n + count; n < end; n++)
        await rig.publish(`${topic}/in`, JSON.stringify({ key: `k${n % 16}`, n }))
    }
    await send(100)
    const victim = hosts.find(({ id }) => held.get(id)!.length === 2)!
    victim.child.kill('SIGKILL')
    await until(() => !held.has(victim.id), 'the broker to notice')
    const noticed = performance.now()
    await send(100)
    await until(all, 'survivors to hold all partitions', 3_000)
    await until(() => heard.length >= 200, '200 records', 3_000 - (performance.now() - noticed))
    const records = heard.map(({ payload }) => JSON.parse(payload.toString()) as { key: string; n: number })
    for (let key = 0; key < 16; key++) {
      const own = records.filter(record => record.key === `k${key}`).map(record => record.n)
      assert.equal(
        own,
        own.toSorted((a, b) => a - b),
      )
    }
    assert.is(new Set(records.map(record => record.n)).size, 200)
    await connection.close()
  })

  Scale.run()
}
