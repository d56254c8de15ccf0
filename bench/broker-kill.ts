import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { readJson } from '../controller/atomic-file.ts'
import { embeddedBroker, stopEmbeddedBroker } from '../controller/broker/embedded-broker.ts'
import { isAlive, type ProcessIdentity } from '../controller/process-identity.ts'
import type { Context } from '../runtime/context.ts'
import { wireTransport } from '../runtime/wire-transport.ts'
import { hasMosquitto, type KillableBroker, mosquitto } from '../test/support/brokers.ts'
import { hasGo, nats } from '../test/support/nats.ts'
import { hasRabbitmq, rabbitmq } from '../test/support/rabbitmq.ts'
import { fn, Rig, source, until } from '../test/support/rig.ts'
import { type Bench, type Figure, median } from './figure.ts'

const records = 3_000
const keys = 5
/** Nothing has come for so long: nothing will. */
const silenceMs = 20_000

interface Place {
  name: string
  start(): Promise<KillableBroker>
  /** RabbitMQ brings no state back: without it, what it does to records can be measured. */
  stateless?: boolean
}

const places: Place[] = [{ name: 'embedded', start: embedded }]
if (hasMosquitto()) {
  const onDisk = 'persistence true\npersistence_location DIR/\n'
  places.push(
    { name: 'mosquitto as installed', start: () => mosquitto() },
    { name: 'mosquitto, autosave every s', start: () => mosquitto(`${onDisk}autosave_interval 1`) },
    {
      name: 'mosquitto, autosave on change',
      start: () => mosquitto(`${onDisk}autosave_on_changes true\nautosave_interval 1`),
    },
  )
}
if (hasGo()) places.push({ name: 'nats', start: () => nats() })
if (hasRabbitmq()) places.push({ name: 'rabbitmq, no state', start: () => rabbitmq(), stateless: true })

/** A broker killed with -9 while records flow, and started again: what it had acknowledged and then forgot, and
 *  what took effect twice. */
const brokerKill: Bench = {
  name: 'broker-kill',
  async run({ runs }) {
    const figures: Figure[] = []
    for (const place of places) {
      const outcomes = []
      for (let run = 0; run < runs; run++) outcomes.push(await killUnderLoad(place))
      for (const what of ['lost', 'twice', 'pause'] as const) {
        const unit = what === 'pause' ? 'ms' : `of ${records}`
        figures.push({
          name: `${place.name}: ${what}`,
          value: median(outcomes.map(outcome => outcome[what])),
          unit,
          better: 'lower',
        })
      }
      console.error(place.name, JSON.stringify(outcomes))
    }
    return figures
  },
}

export default brokerKill

async function killUnderLoad({ start, stateless }: Place) {
  const broker = await start()
  const counts = new Map<string, number>()
  const seen = new Map<number, number>()
  let last = performance.now()
  const topic = `kill/${randomUUID()}`
  const rig = new Rig(
    broker.url,
    [
      // What the sender repeats for want of an acknowledgment is none of the graph's doing.
      source('in', { type: 'mqtt', filter: topic, format: 'json' }, { id: 'n' }),
      fn('count', ['in'], { key: 'key', scale: { min: 1, max: 2 } }),
      fn('end', ['count']),
    ],
    {
      count(value, ctx: Context) {
        if (stateless) return value
        const count = ((ctx.state as number | undefined) ?? 0) + 1
        ctx.state = count
        return { ...(value as object), count }
      },
      end(value) {
        const { n, key, count } = value as { n: number; key: string; count?: number }
        seen.set(n, (seen.get(n) ?? 0) + 1)
        counts.set(key, Math.max(counts.get(key) ?? 0, count ?? 0))
        last = performance.now()
      },
    },
  )
  await rig.start()
  const sending = send(broker.url, topic)
  await until(() => seen.size > records / 3, 'a third of the records', 60_000)
  await broker.kill()
  const killed = performance.now()
  const before = seen.size
  await broker.restart()
  await rewire(rig)
  await until(() => seen.size > before || performance.now() - killed > 60_000, 'records again', 90_000)
  const pause = performance.now() - killed
  await sending
  while (seen.size < records && performance.now() - last < silenceMs) await sleep(50)
  await rig.close().catch(() => {})
  await broker.close()
  // A key's count says how often its records took effect; the handler alone may run again after any crash.
  const distinct = new Map<string, number>()
  for (const n of seen.keys()) distinct.set(keyOf(n), (distinct.get(keyOf(n)) ?? 0) + 1)
  let twice = 0
  for (const [key, count] of counts) twice += Math.max(0, count - distinct.get(key)!)
  if (stateless) twice = [...seen.values()].reduce((sum, times) => sum + times - 1, 0)
  if (process.env.DYNINKA_TEST_LOG)
    console.error(
      'lost',
      Array.from({ length: records }, (_, i) => i + 1)
        .filter(n => !seen.has(n))
        .join(' '),
    )
  return { lost: records - seen.size, twice, pause: Math.round(pause) }
}

const keyOf = (n: number) => `k${n % keys}`

/** As the controller would: wiring that the broker has lost is published anew. */
async function rewire(rig: Rig) {
  for (;;) {
    try {
      return await rig.wire()
    } catch {
      await rig.reconnect()
      await sleep(50)
    }
  }
}

/** Sends each record until the broker has acknowledged it: what is lost then, the broker has lost. */
async function send(url: string, topic: string) {
  const connect = async () => {
    for (;;) {
      try {
        return await wireTransport(url).connect({
          clientId: `sender-${randomUUID()}`,
          clean: true,
          onMessage() {},
          onClose() {},
        })
      } catch {
        await sleep(20)
      }
    }
  }
  let connection = await connect()
  for (let n = 1; n <= records; n++) {
    const payload = JSON.stringify({ n, key: keyOf(n) })
    while (
      !(await connection.publish(topic, payload).then(
        () => true,
        () => false,
      ))
    )
      connection = await connect()
    if (n % 2 === 0) await sleep(1)
  }
  await connection.close()
}

async function embedded(): Promise<KillableBroker> {
  const state = await mkdtemp(join(tmpdir(), 'dyninka-bench-'))
  const { url } = await embeddedBroker(state)
  return {
    url,
    async kill() {
      const broker = readJson<ProcessIdentity>(join(state, 'broker.json'))!
      process.kill(broker.pid, 'SIGKILL')
      while (isAlive(broker)) await sleep(1) // else it would be taken for one that runs
    },
    end: () => stopEmbeddedBroker(state),
    async restart() {
      await embeddedBroker(state, { samePort: true })
    },
    async close() {
      await stopEmbeddedBroker(state)
      await rm(state, { recursive: true, force: true, maxRetries: 3 })
    },
  }
}
