import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { hostBundle } from '../builder/index.ts'
import { wireTransport } from '../runtime/wire-transport.ts'
import { topics } from '../schema/topics.ts'
import { wiringOf } from '../schema/wiring.ts'
import { aedes } from '../test/support/brokers.ts'
import { startHost } from '../test/support/host-process.ts'
import { sink, source } from '../test/support/rig.ts'
import { type Bench, median } from './figure.ts'

const idleMs = 2_000

/** What one more host costs: memory while idle, and time from spawn until it holds its session. */
const host: Bench = {
  name: 'host',
  async run({ runs }) {
    const store = await mkdtemp(join(tmpdir(), 'dyninka-bench-'))
    const program = join((await hostBundle(store)).path, 'host.mjs')
    const broker = await aedes()
    const resident: number[] = []
    const own: number[] = []
    const connected: number[] = []
    const owning: number[] = []
    for (let run = 0; run <= runs; run++) {
      const flow = `bench-${run}`
      const nodes = [source('in', { type: 'every', intervalMs: 1e6 }), sink('out', ['in'], { type: 'log' })]
      const present = Promise.withResolvers<number>()
      const owns = Promise.withResolvers<number>()
      const connection = await wireTransport(broker.url).connect({
        clientId: `bench-${run}`,
        clean: true,
        onMessage: ({ payload, ack }) => {
          ack()
          if (payload.length > 0) present.resolve(performance.now())
          if (payload.includes('"partitions":[0]')) owns.resolve(performance.now())
        },
        onClose() {},
      })
      const wiring = { ...wiringOf({ name: flow, nodes }).get('out'), revision: 1 }
      await connection.publish(topics.wiring(flow, 'out'), JSON.stringify(wiring), { retain: true })
      await connection.subscribe([topics.hosts(flow, 'out')], 1)
      const start = performance.now()
      const { child } = startHost({
        host: program,
        flow,
        node: 'out',
        broker: broker.url,
        env: { NODE_COMPILE_CACHE: join(store, 'compiled') },
      })
      const times = [await present.promise, await owns.promise]
      await sleep(idleMs)
      const memory = memoryOf(child.pid!)
      child.kill()
      await connection.close()
      if (run === 0) continue // warms the disk cache
      connected.push(times[0]! - start)
      owning.push(times[1]! - start)
      resident.push(memory.residentMB)
      own.push(memory.ownMB)
    }
    await broker.close()
    await rm(store, { recursive: true, force: true })
    return [
      { name: 'resident memory, idle', value: median(resident), unit: 'MB', goal: 60, better: 'lower' },
      { name: 'of that not shared with other hosts', value: median(own), unit: 'MB', better: 'lower' },
      { name: 'spawn to connected', value: median(connected), unit: 'ms', goal: 150, better: 'lower' },
      {
        name: 'spawn to its first partition, never owned before',
        value: median(owning),
        unit: 'ms',
        better: 'lower',
      },
    ]
  },
}

export default host

/** From /proc: Linux only. */
function memoryOf(pid: number) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const kib = (field: string) => Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)![1])
  return { residentMB: (kib('VmRSS') * 1024) / 1e6, ownMB: (kib('RssAnon') * 1024) / 1e6 }
}
