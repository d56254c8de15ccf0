import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hostBundle } from '../builder/index.ts'
import { fn, sink, source } from '../test/support/rig.ts'
import { type Bench, type Figure, median } from './figure.ts'
import { codeOf } from './support/function-code.ts'
import { Load, throughput } from './support/load.ts'
import { mosquitto } from './support/mosquitto.ts'
import { RunningFlow } from './support/running-flow.ts'

const counts = [1, 2, 4, 8]
const works = {
  burn: { what: 'burns 1 ms of CPU', limit: 'the cores of the machine' },
  wait: { what: 'waits 10 ms', limit: 'its partitions' },
} as const

/** How throughput grows with the partitions of a function, each in a host of its own, and with several in one. */
export default {
  name: 'scale',
  async run({ runs }) {
    const folder = await mkdtemp(join(tmpdir(), 'dyninka-bench-'))
    const program = join((await hostBundle(folder)).path, 'host.mjs')
    const rates = new Map<string, number[]>()
    try {
      for (let run = 0; run < runs; run++) {
        for (const work of Object.keys(works) as (keyof typeof works)[]) {
          const code = await codeOf(join(folder, work), new URL('./support/work.ts', import.meta.url), work)
          for (const partitions of counts) {
            for (const hosts of partitions === 1 ? [1] : [1, partitions]) {
              const key = `${work}/${partitions}/${hosts}`
              const rate = await measure({ program, code, name: `scale-${run}`, partitions, hosts })
              rates.set(key, [...(rates.get(key) ?? []), rate])
            }
          }
        }
      }
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
    return figuresOf(rates)
  },
} satisfies Bench

function figuresOf(rates: Map<string, number[]>): Figure[] {
  return [...rates].map(([key, values]) => {
    const [work, partitions, hosts] = key.split('/') as [keyof typeof works, string, string]
    const single = rates.get(`${work}/1/1`)!
    const where = hosts === '1' ? 'one host' : `${hosts} hosts`
    return {
      name: `${works[work].what}, ${partitions} ${partitions === '1' ? 'partition' : 'partitions'}, ${where}`,
      value: median(values),
      unit: 'records/s',
      better: 'higher',
      peer: 'one partition',
      ratio: median(values.map((value, run) => value / single[run]!)),
    }
  })
}

interface Place {
  program: string
  code: string
  name: string
  partitions: number
  hosts: number
}

async function measure({ program, code, name, partitions, hosts }: Place): Promise<number> {
  const broker = await mosquitto(false)
  const nodes = [
    source('in', { type: 'mqtt', filter: 'bench/in', format: 'json' }),
    fn('f', ['in'], { key: 'key', scale: { min: hosts, max: partitions } }),
    sink('out', ['f'], { type: 'mqtt', topic: 'bench/out', retain: false }),
  ]
  const options = { broker: broker.url, program, code: { f: code }, hosts: { f: hosts } }
  const flow = await RunningFlow.start({ name, nodes }, options)
  try {
    let n = 0
    const load = new Load({
      broker: broker.url,
      outOf: 'bench/out',
      next: () => ({ topic: 'bench/in', payload: JSON.stringify({ key: `key-${n++ % 1_000}` }), records: 1 }),
      count: () => 1,
      window: 400,
    })
    await load.start()
    const { perSecond } = await throughput(load, {}, { ms: 2_500 })
    await load.stop()
    return perSecond
  } finally {
    await flow.stop()
    await broker.close()
  }
}
