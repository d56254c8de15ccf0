import type { NodeState } from '../orchestrator/orchestrator.ts'
import type { Figure } from './figure.ts'
import { atOf, type TelemetryFile } from './file.ts'
import { Gathered } from './gathered.ts'
import { momentsOf } from './moments.ts'
import type { FunctionFigures } from './snapshot.ts'
import type { Window } from './window.ts'

/** A node, and what programs take of it, where that is measured. */
export interface NodeFigures extends Omit<NodeState, 'used'> {
  usage?: {
    /** Of all programs. */
    all: UseFigures
    /** Of those that are none of this dataflow's hosts. */
    others: UseFigures
  }
}

export interface UseFigures {
  /** Thousandths of a core. */
  cpuMillis: Figure
  memoryBytes: Figure
}

/** What others take of a node changes as it likes: what they took a day ago says nothing of now. */
const recentMs = 10 * 60_000
/** metrics-server asks kubelets once a minute where nobody says otherwise. */
const staleAfterMs = 120_000
const keys = ['cpuMillis', 'memoryBytes'] as const

/** Nodes as they were when this was exported, with what was taken of them in the ten minutes until it was measured last. */
export function nodesOf(file: TelemetryFile, functions: readonly FunctionFigures[]): NodeFigures[] {
  return file.header.nodes.map(({ used, ...node }) => {
    const usage = usageIn(file, node.name) ?? (used && usageAt(used, node.name, file, functions))
    if (!usage) return node
    // Who was asked has not told it: it is known as it was.
    return { ...node, usage: node.unmeasured === undefined ? usage : staleOf(usage) }
  })
}

const staleOf = ({ all, others }: NonNullable<NodeFigures['usage']>) => {
  const stale = ({ cpuMillis, memoryBytes }: UseFigures): UseFigures => ({
    cpuMillis: { ...cpuMillis, isStale: true },
    memoryBytes: { ...memoryBytes, isStale: true },
  })
  return { all: stale(all), others: stale(others) }
}

function usageIn({ header, windows }: TelemetryFile, node: string): NodeFigures['usage'] {
  const told = windows.filter(({ nodes }) => nodes?.[node])
  const newest = told.at(-1)
  if (!newest) return undefined
  const recent = told.filter(({ start }) => start > newest.start - recentMs)
  const figuresOf = (of: (window: Window, key: (typeof keys)[number]) => Parameters<Gathered['add']>[1]) => {
    const [cpuMillis, memoryBytes] = keys.map(key => {
      const gathered = new Gathered(atOf(header), staleAfterMs)
      for (const window of recent) gathered.add(window, of(window, key))
      return gathered.figure!
    })
    return { cpuMillis: cpuMillis!, memoryBytes: memoryBytes! }
  }
  return {
    all: figuresOf((window, key) => window.nodes![node]![key]),
    others: figuresOf((window, key) =>
      momentsOf(Math.max(0, window.nodes![node]![key].mean - ours(window, node, key))),
    ),
  }
}

/** Of hosts on a node, all together. */
const ours = ({ functions }: Window, node: string, key: (typeof keys)[number]) =>
  Object.values(functions).reduce((sum, { [node]: here }) => {
    const one = key === 'cpuMillis' ? here?.cpuMillis : here?.residentBytes
    return sum + (one?.mean ?? 0) * (here?.hosts.mean ?? 0)
  }, 0)

/** From the last sample alone, as where Prometheus has kept the windows. */
function usageAt(
  used: NonNullable<NodeState['used']>,
  name: string,
  { header }: TelemetryFile,
  functions: readonly FunctionFigures[],
): NodeFigures['usage'] {
  const end = Date.parse(used.at)
  const figuresOf = (of: (key: (typeof keys)[number]) => number): UseFigures => {
    const figure = (key: (typeof keys)[number]): Figure => ({
      value: of(key),
      window: { start: end - (used.windowMs ?? 0), end },
      windows: 1,
      samples: 1,
      source: 'measured',
      isStale: atOf(header) - end > staleAfterMs,
    })
    return { cpuMillis: figure('cpuMillis'), memoryBytes: figure('memoryBytes') }
  }
  const own = (key: (typeof keys)[number]) =>
    functions.reduce((sum, { hosts, byNode }) => {
      const here = hosts.find(({ node }) => node === name)
      return sum + (here?.hosts ?? 0) * (byNode[name]?.[key]?.value ?? 0)
    }, 0)
  return { all: figuresOf(key => used[key]), others: figuresOf(key => Math.max(0, used[key] - own(key))) }
}
