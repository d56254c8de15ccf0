import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { connectAsync, type MqttClient } from 'mqtt'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { wireTransport } from '../runtime/wire-transport.ts'
import { partitionNames, sessionId } from '../schema/topics.ts'
import { cli } from './support/cli.ts'
import { Controlled, until } from './support/controlled.ts'
import { makeRepository, type Repository } from './support/repository.ts'

interface World {
  repository: Repository
  controlled: Controlled
  client: MqttClient
  heard: { key: string; n: number; count: number }[]
  sent: number
  /** While this file is there, the function waits. */
  gate: string
}

const keys = 30
const Cut = suite<World>('a push that changes the number of partitions')

const flow = (max: number) => `apiVersion: dyninka.dev/v1
name: cut
sources:
  in: { mqtt: cut/in }
functions:
  first: { code: first.ts, from: in, key: key, scale: { min: 1, max: 2 } }
  count: { code: count.ts, from: first, key: key, scale: { min: 1, max: ${max} }, env: { GATE: GATE_FILE } }
sinks:
  out: { from: count, mqtt: cut/out }
`
const first = 'export default function f(value: unknown): unknown { return value }\n'
const count = `import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

export default async function count(value: any, ctx: any): Promise<unknown> {
  while (existsSync(ctx.env.GATE)) await sleep(20)
  const count = (ctx.state?.count ?? 0) + 1
  ctx.state = { count }
  return { ...value, count }
}
`

Cut.before(async world => {
  world.repository = await makeRepository()
  world.gate = join(world.repository.root, 'gate')
  await world.repository.publish({ 'dataflow.yaml': flowOf(world, 4), 'first.ts': first, 'count.ts': count })
  world.controlled = await Controlled.over({ repo: world.repository.bare })
  world.client = await connectAsync(world.controlled.brokerUrl)
  world.heard = []
  world.sent = 0
  world.client.on('message', (_, payload) => world.heard.push(JSON.parse(payload.toString())))
  await world.client.subscribeAsync('cut/out', { qos: 1 })
})
Cut.after.each(({ gate }) => rm(gate, { force: true }))
Cut.after(async ({ controlled, repository, client }) => {
  await client.endAsync()
  await controlled.remove()
  await repository.remove()
})

const flowOf = ({ gate }: World, max: number) => flow(max).replace('GATE_FILE', gate)
const push = (world: World, max: number) => world.repository.publish({ 'dataflow.yaml': flowOf(world, max) })

const send = async ({ client }: World, n: number) =>
  client.publishAsync('cut/in', JSON.stringify({ key: `k${n % keys}`, n }), { qos: 1 })

/** Sends records while `work` goes on, and waits until each has been counted. */
async function flowing(world: World, work: () => Promise<void>) {
  let goesOn = true
  const feeding = (async () => {
    while (goesOn) {
      if (world.sent - world.heard.length < 150) await send(world, world.sent++)
      await sleep(2)
    }
  })()
  await work()
  goesOn = false
  await feeding
  await until('all records arrive', () => world.heard.length >= world.sent)
  for (let key = 0; key < keys; key++) {
    const own = world.heard.filter(record => record.key === `k${key}`)
    assert.equal(
      own.map(({ n, count }) => [n, count]),
      own.map((_, i) => [key + i * keys, i + 1]),
      `k${key}`,
    )
  }
  assert.is(world.heard.length, world.sent)
}

const message = async ({ controlled }: World) => (await controlled.functions()).count?.message ?? ''

/** What the broker has of other partitions than these. */
async function leftOf({ controlled }: World, partitions: number) {
  const topics = new Set<string>()
  const reader = await connectAsync(controlled.brokerUrl)
  reader.on('message', topic => topics.add(topic))
  await reader.subscribeAsync(['dyninka/cut/+/count/#', 'dyninka/cut/wiring/first'], { qos: 1 })
  await until('what is retained', () => topics.has('dyninka/cut/wiring/first'))
  await sleep(200)
  await reader.endAsync()
  const names = partitionNames({ partitions, key: 'key' })
  const left = [...topics].filter(topic => {
    const [, , kind, , name] = topic.split('/') as [string, string, string, string, string?]
    return ['credit', 'wiring'].includes(kind) && name !== undefined && !names.includes(name)
  })
  for (const other of [1, 2, 4, 8, 16].filter(other => other !== partitions)) {
    for (const name of partitionNames({ partitions: other, key: 'key' })) {
      const clientId = sessionId('cut', 'count', name)
      const connect = (clean: boolean) =>
        wireTransport(controlled.brokerUrl).connect({ clientId, clean, onMessage() {}, onClose() {} })
      const session = await connect(false)
      if (session.sessionPresent) left.push(clientId)
      await session.close()
      await (await connect(true)).close()
    }
  }
  return left
}

Cut('is named by diff', async world => {
  const { repository, controlled } = world
  await controlled.ready()
  await repository.write({ 'dataflow.yaml': flowOf(world, 8) })
  const { stdout } = await cli(['diff', '--url', controlled.url], { cwd: repository.work })
  assert.match(stdout, /~ repartition count 4 → 8\n/)
  assert.not.match(stdout, 'adjust')
})

Cut('restarts no host, loses nothing, and leaves nothing of the old partitions', async world => {
  const { controlled } = world
  const before = await controlled.pids()
  await flowing(world, async () => {
    for (const max of [8, 4]) await controlled.ready(await push(world, max))
  })
  assert.equal(await controlled.pids(), before)
  assert.equal(await leftOf(world, 4), [])
})

Cut('says in status what it waits for, and goes on under the next controller', async world => {
  const { controlled, gate } = world
  await writeFile(gate, '')
  // So few that the producer need not wait with what it sends to the old ones.
  for (let more = 0; more < 20; more++) await send(world, world.sent++)
  await push(world, 8)
  await until('it says so', async () => /^repartition 4 → 8: /.test(await message(world)))
  await flowing(world, async () => {
    await until('the old ones are to end', async () =>
      (await message(world)).startsWith('repartition 4 → 8: the old partitions finish what was sent to them'),
    )
    const { stdout } = await cli(['status', '--url', controlled.url])
    assert.match(stdout, 'count: repartition 4 → 8: the old partitions finish what was sent to them')
    await controlled.kill()
    await controlled.start()
    await until('the next one says so', async () =>
      (await message(world)).startsWith('repartition 4 → 8: the old partitions finish'),
    )
    await push(world, 4) // it is taken back
    await controlled.kill()
    await rm(gate)
    await sleep(200)
    await controlled.start()
    await controlled.ready()
  })
  assert.is(await message(world), '')
  assert.equal(await leftOf(world, 4), [])
})

Cut('survives a controller, and hosts, that are killed at any moment', async world => {
  const { controlled } = world
  await flowing(world, async () => {
    for (const max of [8, 2, 8, 4]) {
      const commit = await push(world, max)
      // No host more often than its restart may wait for.
      const victim = max === 8 ? 'count' : 'first'
      const { pid } = (await controlled.functions())[victim]!.hosts[0]!
      for (let kills = 0; kills < 3; kills++) {
        await sleep(Math.random() * 500)
        await controlled.kill()
        if (kills === 1 && pid !== null) process.kill(pid, 'SIGKILL')
        await controlled.start()
      }
      await controlled.ready(commit)
    }
  })
  assert.equal(await leftOf(world, 4), [])
})

Cut.run()
