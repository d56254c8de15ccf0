import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { hostBundle } from '../builder/index.ts'
import { fn, sink, source } from '../test/support/rig.ts'
import { type Bench, median, percentile } from './figure.ts'
import { readingOf } from './peers/step.ts'
import { edgeLoad } from './support/edge-load.ts'
import { codeOf } from './support/function-code.ts'
import { mosquitto } from './support/mosquitto.ts'
import { RunningFlow } from './support/running-flow.ts'
import { until } from './support/until.ts'

const perSecond = 1_000
const movesInRun = 8

/** A function moves from host to host, as the controller does it, while 1,000 records/s go through it. The pause
 *  of a move is the longest that one of its records took. */
export default {
  name: 'move',
  async run({ runs }) {
    const folder = await mkdtemp(join(tmpdir(), 'dyninka-bench-'))
    const program = join((await hostBundle(folder)).path, 'host.mjs')
    const step = await codeOf(join(folder, 'step'), new URL('./peers/step.ts', import.meta.url), 'step')
    const pauses: number[] = []
    const usual: number[] = []
    let lost = 0
    let sent = 0
    try {
      for (let run = 0; run < runs; run++) {
        const broker = await mosquitto(false)
        const name = `move-${run}`
        const nodes = [
          source('in', { type: 'every', intervalMs: 1e6 }),
          fn('f', ['in']),
          sink('out', ['f'], { type: 'log' }),
        ]
        const flow = await RunningFlow.start(
          { name, nodes },
          { broker: broker.url, program, code: { f: step }, hosts: { in: 0, out: 0 } },
        )
        try {
          const { load, start } = edgeLoad({
            broker: broker.url,
            flow: name,
            from: 'in',
            to: 'out',
            last: 'f',
            json: JSON.stringify(readingOf(0)),
            recordsInFrame: 1,
            window: 400,
            perSecond,
          })
          await start()
          await sleep(2_000)
          let old = flow.processes[0]!
          for (let move = 0; move < movesInRun; move++) {
            usual.push(percentile(load.latencies.slice(-500), 0.99))
            const first = load.arrived
            const next = await flow.host('f', move + 2)
            await until('the new host owns it', () => flow.presenceOf(next)?.partitions.length === 1)
            old.child.kill()
            await old.exited
            old = next
            await sleep(500)
            pauses.push(Math.max(...load.latencies.slice(first)))
          }
          await load.stop()
          lost += load.sent - load.arrived
          sent += load.sent
        } finally {
          await flow.stop()
          await broker.close()
        }
      }
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
    return [
      {
        name: `pause of a move, median of ${pauses.length}`,
        value: median(pauses),
        unit: 'ms',
        better: 'lower',
      },
      {
        name: 'pause of a move, p99',
        value: percentile(pauses, 0.99),
        unit: 'ms',
        goal: 100,
        better: 'lower',
      },
      { name: 'p99 of records while nothing moves', value: median(usual), unit: 'ms', better: 'lower' },
      { name: `records lost or out of order, of ${sent}`, value: lost, unit: '', goal: 0, better: 'lower' },
    ]
  },
} satisfies Bench
