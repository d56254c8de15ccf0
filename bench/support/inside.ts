import { fn, sink, source } from '../../test/support/rig.ts'
import { readingOf } from '../peers/step.ts'
import { type EdgeLoadOptions, edgeLoad } from './edge-load.ts'
import type { Load } from './load.ts'
import type { Programs } from './programs.ts'
import { RunningFlow } from './running-flow.ts'

interface Inside extends Programs, Pick<EdgeLoadOptions, 'recordsInFrame' | 'window' | 'perSecond'> {
  broker: string
  name: string
  functions: string[]
}

/** Functions in a row; the load stands for what is before and behind them in the graph. */
export async function inside(options: Inside): Promise<{ flow: RunningFlow; load: Load }> {
  const { broker, name, functions, program, step } = options
  const nodes = [
    source('in', { type: 'every', intervalMs: 1e6 }),
    ...functions.map((own, i) => fn(own, [functions[i - 1] ?? 'in'])),
    sink('out', [functions.at(-1)!], { type: 'log' }),
  ]
  const code = Object.fromEntries(functions.map(own => [own, step]))
  const flow = await RunningFlow.start({ name, nodes }, { broker, program, code, hosts: { in: 0, out: 0 } })
  const ends = { flow: name, from: 'in', to: 'out', last: functions.at(-1)! }
  const { load, start } = edgeLoad({ ...options, ...ends, recordOf: n => ({ ...readingOf(n) }) })
  await start()
  return { flow, load }
}
