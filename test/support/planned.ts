import { describe } from '../../controller/change.ts'
import { type Desired, desire } from '../../controller/desired.ts'
import { endedOf } from '../../controller/observe.ts'
import { MemoryOrchestrator } from '../../controller/orchestrator/memory-orchestrator.ts'
import { type Observed, plan } from '../../controller/plan.ts'
import { settle } from '../../controller/settle.ts'
import type { Flow, FunctionNode } from '../../schema/flow.ts'
import { partitionNames } from '../../schema/topics.ts'
import { fn, sink, source } from './rig.ts'

const runtime = { digest: 'sha256:host', path: '/host' }
const every = { type: 'every' as const, intervalMs: 1000 }

export function flowOf(...functions: FunctionNode[]): Flow {
  const last = functions.at(-1)!.name
  return { name: 'f', nodes: [source('tick', every), ...functions, sink('out', [last], { type: 'log' })] }
}

export function desired(
  flow: Flow,
  digests: Record<string, string> = {},
  missing: string[] = [],
  scales: Record<string, number> = {},
): Desired {
  const names = flow.nodes
    .filter(({ kind, name }) => kind === 'function' && !missing.includes(name))
    .map(({ name }) => name)
  const artifacts = Object.fromEntries(
    names.map(name => [name, { digest: digests[name] ?? `sha256:${name}`, path: `/${name}` }]),
  )
  return desire({ flow, artifacts, runtime, secretDigests: {}, scales })
}

export const chain = flowOf(fn('a', ['tick']), fn('b', ['a']), fn('c', ['b']))

/** A dataflow in which each pass applies its plan. */
export class PlannedWorld {
  orchestrator = new MemoryOrchestrator([
    { name: 'n1', zone: 'z1', arch: 'amd64' },
    { name: 'n2', zone: 'z2', arch: 'amd64' },
  ])
  sessions: Record<string, string[]> = {}
  resting: Record<string, number> = {}
  /** Functions whose hosts have crashed, and will be back. */
  crashed = new Set<string>()
  /** The broker was found to keep no order among topics. */
  unordered = false

  async observed(): Promise<Observed> {
    const view = await this.orchestrator.broker.watch('f')
    const hosts = await this.orchestrator.observe('f')
    const nodeOf = new Map(hosts.map(({ id, node }) => [id, node]))
    return {
      hosts: hosts.map(host => ({ ...host })),
      nodes: await this.orchestrator.nodes(),
      wirings: Object.fromEntries(view.wirings),
      presences: [...view.presences.values()]
        .map(presence => ({ ...presence, function: nodeOf.get(presence.host)! }))
        .filter(presence => !this.crashed.has(presence.function)),
      sessions: { ...this.sessions },
      resting: { ...this.resting },
      ended: await endedOf('f', view, this.orchestrator.broker),
      silent: [],
      ...(this.unordered && { unordered: true as const }),
    }
  }

  async pass(wanted: Desired): Promise<string[]> {
    const observed = await this.observed()
    const changes = plan(settle(wanted, observed), observed)
    for (const change of changes) {
      if (change.action === 'publish') {
        const known = this.sessions[change.node] ?? []
        this.sessions[change.node] = [...new Set([...known, ...partitionNames(change.wiring)])]
        if (change.node in this.resting) this.resting[change.node] = 0
        await this.orchestrator.broker.publishWiring('f', change.node, change.wiring)
      } else if (change.action === 'discard') {
        await this.orchestrator.broker.discard('f', change.node, change)
        if (change.everything) delete this.sessions[change.node]
        else
          this.sessions[change.node] = this.sessions[change.node]!.filter(
            name => !change.partitions.includes(name),
          )
      } else if (change.action === 'repartition') {
        const known = this.sessions[change.node] ?? []
        this.sessions[change.node] = [...new Set([...known, ...partitionNames(change.to)])]
      } else if (change.action === 'dismiss') {
        await this.orchestrator.broker.dismiss('f', change.node, change.host)
      } else if (change.action === 'clear') {
        await this.orchestrator.broker.clear('f', change.node, change.host)
      } else if (change.action !== 'begin' && change.action !== 'leave') await this.orchestrator.apply(change)
    }
    return changes.map(describe)
  }

  /** @returns every change until none is left */
  async settle(wanted: Desired): Promise<string[]> {
    const all: string[] = []
    for (let passes = 0; passes < 50; passes++) {
      const changes = await this.pass(wanted)
      if (changes.length === 0) return all
      all.push(...changes)
    }
    throw new Error(`does not come to rest: ${all.slice(-5).join(' | ')}`)
  }

  async consumersOf(node: string, output = 'default'): Promise<string[]> {
    const { wirings } = await this.observed()
    return (wirings[node]?.outputs[output] ?? []).flatMap(stream => stream.consumers)
  }
}

export const started = (changes: string[]) =>
  changes.filter(line => line.startsWith('start ')).map(line => line.split(' ')[1])
export const position = (changes: string[], text: string) => changes.findIndex(line => line.startsWith(text))
