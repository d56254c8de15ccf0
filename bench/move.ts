import { setTimeout as sleep } from 'node:timers/promises'
import { type Bench, median, percentile } from './figure.ts'
import { inside } from './support/inside.ts'
import { mosquitto } from './support/mosquitto.ts'
import { type Programs, withPrograms } from './support/programs.ts'
import { until } from './support/until.ts'

/** As many frames as a producer leaves unfinished: of 400 a default mosquitto drops some on a busy machine. */
const rate = { recordsInFrame: 1, window: 64, perSecond: 1_000 }
const movesInRun = 8

/** A function moves from host to host, as the controller does it, while 1,000 records/s go through it. The pause
 *  of a move is the longest that one of its records took. */
export default {
  name: 'move',
  async run({ runs }) {
    const pauses: number[] = []
    const usual: number[] = []
    let lost = 0
    let sent = 0
    await withPrograms(async programs => {
      for (let run = 0; run < runs; run++) {
        const moved = await measure(programs, `move-${run}`)
        pauses.push(...moved.pauses)
        usual.push(...moved.usual)
        lost += moved.lost
        sent += moved.sent
      }
    })
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

async function measure(programs: Programs, name: string) {
  const pauses: number[] = []
  const usual: number[] = []
  const broker = await mosquitto(false)
  const { flow, load } = await inside({
    ...programs,
    ...rate,
    broker: broker.url,
    name,
    functions: ['f'],
  })
  try {
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
    return { pauses, usual, sent: load.sent, lost: load.sent - load.arrived }
  } finally {
    await flow.stop()
    await broker.close()
  }
}
