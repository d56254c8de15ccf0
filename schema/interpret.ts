import { condition } from './condition.ts'
import type {
  Budget,
  Dataflow,
  DataflowFunction,
  DataflowSink,
  DataflowSource,
  Placement,
  Retry,
} from './dataflow.generated.ts'
import { durationMs } from './duration.ts'
import type * as flow from './flow.ts'
import { parseInput } from './input.ts'
import { cpuMillis, memoryBytes } from './quantity.ts'
import { withSets } from './with-sets.ts'

/** The dataflow that a checked file describes: defaults filled in, units resolved, producers first. @throws never */
export function interpret({ name, sources, functions, sinks = {}, goal, budget }: Dataflow): flow.Flow {
  const nodes = [
    ...Object.entries(sources).map(([name, spec]) => source(name, spec)),
    ...Object.entries(functions).map(([name, spec]) => func(name, spec)),
    ...Object.entries(sinks).map(([name, spec]) => sink(name, spec)),
  ]
  return {
    name,
    nodes: producersFirst(together(nodes)),
    ...(goal && { goal }),
    ...(budget && { budget: budgeted(budget) }),
  }
}

const budgeted = ({ moves, cost, prices }: Budget): flow.Budget => ({
  ...(moves !== undefined && { movesPerDay: moves }),
  ...(cost !== undefined && { costPerDay: cost }),
  ...(prices && { prices }),
})

function source(
  name: string,
  { id, time, overflow = 'block', placement, ...spec }: DataflowSource,
): flow.SourceNode {
  return {
    kind: 'source',
    name,
    from: [],
    spec: sourceSpec(spec),
    ...(id !== undefined && { id }),
    ...(time !== undefined && { time }),
    overflow,
    placement: placed(placement),
  }
}

function sourceSpec({ mqtt, broker, format = 'json', every, http }: DataflowSource): flow.SourceSpec {
  if (mqtt !== undefined) {
    return { type: 'mqtt', filter: mqtt, format, ...(broker !== undefined && { broker }) }
  }
  if (every !== undefined) return { type: 'every', intervalMs: durationMs(every) }
  return { type: 'http', port: http!.port, path: http!.path ?? '/' }
}

function func(name: string, spec: DataflowFunction): flow.FunctionNode {
  const { cpu, memory } = spec.resources ?? {}
  return {
    kind: 'function',
    name,
    code: spec.code,
    from: inputs(spec.from),
    ...(spec.key !== undefined && { key: spec.key }),
    scale: { min: spec.scale?.min ?? 1, max: spec.scale?.max ?? 1 },
    concurrency: spec.concurrency ?? 1,
    retry: retry(spec.retry),
    env: spec.env ?? {},
    secrets: spec.secrets ?? [],
    resources: {
      ...(cpu !== undefined && { cpuMillis: cpuMillis(cpu) }),
      ...(memory !== undefined && { memoryBytes: memoryBytes(memory) }),
    },
    placement: placed(spec.placement),
  }
}

function sink(name: string, spec: DataflowSink): flow.SinkNode {
  return {
    kind: 'sink',
    name,
    from: inputs(spec.from),
    spec: sinkSpec(spec),
    retry: retry(spec.retry),
    placement: placed(spec.placement),
  }
}

function sinkSpec({ mqtt, broker, retain, log, http, file }: DataflowSink): flow.SinkSpec {
  if (mqtt !== undefined) {
    return { type: 'mqtt', topic: mqtt, ...(broker !== undefined && { broker }), retain: retain ?? false }
  }
  if (log !== undefined) return { type: 'log' }
  if (http !== undefined) return { type: 'http', url: http.url, headers: http.headers ?? {} }
  return { type: 'file', path: file! }
}

const inputs = (from: string | string[]) => [from].flat().map(parseInput)

const retry = ({
  attempts = 5,
  backoff = '200ms',
  timeout = '5s',
  order = 'strict',
}: Retry = {}): flow.Retry => ({
  attempts,
  backoffMs: durationMs(backoff),
  timeoutMs: durationMs(timeout),
  order,
})

function placed({
  require,
  prefer,
  near,
  apart,
  with: others,
  zone,
  node,
  keep,
  when,
}: Placement = {}): flow.Placement {
  return {
    ...(require && { require }),
    ...(prefer && { prefer: prefer.map(({ zone, weight = 50 }) => ({ zone, weight })) }),
    ...(near && {
      near: near.map(({ function: name, maxRtt }) => ({ function: name, maxRttMs: durationMs(maxRtt) })),
    }),
    ...(apart && { apart }),
    ...(others && { with: others }),
    ...(zone !== undefined && { zone }),
    ...(node !== undefined && { node }),
    ...(keep && { keep }),
    ...(when && {
      when: when.map(({ if: written, ...decision }) => ({ if: condition(written), ...decision })),
    }),
  }
}

/** What is decided of one of a set holds for all of it. */
function together(nodes: flow.Node[]): flow.Node[] {
  const placements = new Map(nodes.map(({ name, placement }) => [name, placement]))
  const sets = withSets(new Map(nodes.map(({ name, placement }) => [name, placement.with ?? []])))
  return nodes.map(node => {
    const set = sets.get(node.name)
    if (!set) return node
    const decided = set.map(name => {
      const { zone, node, keep, when } = placements.get(name)!
      return { ...(zone && { zone }), ...(node && { node }), ...(keep && { keep }), ...(when && { when }) }
    })
    const others = set.filter(name => name !== node.name)
    return { ...node, placement: Object.assign({}, node.placement, ...decided, { with: others }) }
  })
}

/** Kahn's order, stable: of two that could come next, the one that was written first. */
function producersFirst(nodes: flow.Node[]): flow.Node[] {
  const ordered: flow.Node[] = []
  const placedNames = new Set<string>()
  const waiting = new Map(nodes.map(node => [node.name, node]))
  while (waiting.size > 0) {
    const before = waiting.size
    for (const node of waiting.values()) {
      if (!node.from.every(input => placedNames.has(input.node))) continue
      ordered.push(node)
      placedNames.add(node.name)
      waiting.delete(node.name)
    }
    if (waiting.size === before) return [...ordered, ...waiting.values()]
  }
  return ordered
}
