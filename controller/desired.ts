import { createHash } from 'node:crypto'
import type { Artifact } from '../builder/artifact.ts'
import type { Flow, FunctionNode, Node, Placement } from '../schema/flow.ts'
import { type Content, wiringOf } from '../schema/wiring.ts'
import type { Carriers } from './carriers.ts'
import type { Workload } from './orchestrator/orchestrator.ts'
import type { Pins } from './pins.ts'

/** What a dataflow should be, as of its last good revision. */
export interface Desired {
  flow: string
  /** Topological order. */
  nodes: Node[]
  /** Topological order. A function that has never been built has none. */
  workloads: Workload[]
  /** Wiring by node of the graph, once everything is up. */
  contents: Record<string, Content>
  /** Functions without an artifact: nobody waits for them. */
  unbuilt: string[]
  /** What is asked for, and can't be done now, in words for people. */
  unheeded?: string[]
  /** Of nodes that stay what they were: their workloads are those of before. */
  pins?: Pins
  /** See `carriedBy`; absent where no zone has a broker. */
  carriers?: Carriers
}

export interface DesiredFrom {
  flow: Flow
  /** Of each function: its newest artifact that could be built. */
  artifacts: Record<string, Pick<Artifact, 'digest' | 'path'>>
  runtime: Pick<Artifact, 'digest' | 'path'>
  /** Digest of each secret's value; see `Secrets.digest`. */
  secretDigests: Record<string, string>
  /** By function: how many hosts it should have now; the least where nothing is said. */
  scales?: Record<string, number>
  /** Digest of what hosts are told of the brokers of zones; absent where there are none. */
  brokers?: string
}

/** Nothing of a flow: all that runs of it is to go. */
export const nothing = (flow: string): Desired => ({
  flow,
  nodes: [],
  workloads: [],
  contents: {},
  unbuilt: [],
})

export function desire({
  flow,
  artifacts,
  runtime,
  secretDigests,
  scales = {},
  brokers,
}: DesiredFrom): Desired {
  const isBuilt = (node: Node) => node.kind !== 'function' || artifacts[node.name] !== undefined
  return {
    flow: flow.name,
    nodes: flow.nodes,
    workloads: flow.nodes.filter(isBuilt).map(node => {
      const artifact = node.kind === 'function' ? artifacts[node.name]! : runtime
      const isFunction = node.kind === 'function'
      const workload: Omit<Workload, 'fingerprint'> = {
        flow: flow.name,
        node: node.name,
        kind: node.kind,
        artifact: artifact.digest,
        ...(isFunction && { code: artifact.path }),
        runtime: runtime.digest,
        host: runtime.path,
        env: isFunction ? node.env : {},
        secrets: isFunction ? node.secrets : [],
        replicas: isFunction ? replicasOf(node.scale, scales[node.name]) : 1,
        placement: placementOf(node),
        resources: isFunction ? node.resources : {},
        ...outsideOf(node),
      }
      return { ...workload, fingerprint: fingerprintOf(workload, secretDigests, brokers) }
    }),
    contents: Object.fromEntries(wiringOf(flow)),
    unbuilt: flow.nodes.filter(node => !isBuilt(node)).map(node => node.name),
  }
}

/** What is decided now, without what may come to be decided: a change of that alone needs no other process. */
function placementOf({ placement: { keep: _, when: __, ...placement } }: Node): Placement {
  return placement
}

/** A function that nobody has decided on yet runs once, whatever its least is: so its sessions come to be. */
const replicasOf = ({ min, max }: FunctionNode['scale'], decided = 1) => Math.min(max, Math.max(min, decided))

function outsideOf(node: Node): Pick<Workload, 'outside'> {
  if (node.kind === 'function') return {}
  const { spec } = node
  if (node.kind === 'source' && spec.type === 'http' && 'port' in spec)
    return { outside: { listens: spec.port } }
  const url =
    spec.type === 'mqtt' ? spec.broker : spec.type === 'http' && 'url' in spec ? spec.url : undefined
  if (url === undefined) return {}
  const { protocol, host } = new URL(url)
  return { outside: { reaches: [`${protocol}//${host}`] } }
}

/** Says whether a running process is still what is wanted; wiring, retries and scale reach it live. */
function fingerprintOf(
  workload: Omit<Workload, 'fingerprint'>,
  secretDigests: Record<string, string>,
  brokers: string | undefined,
): string {
  const { artifact, runtime, env, secrets, resources } = workload
  const sorted = Object.entries(env).toSorted(([a], [b]) => (a < b ? -1 : 1))
  const values = secrets.toSorted().map(name => [name, secretDigests[name] ?? ''])
  const content = JSON.stringify([
    artifact,
    runtime,
    sorted,
    values,
    resources,
    ...(brokers === undefined ? [] : [brokers]),
  ])
  return `sha256:${createHash('sha256').update(content).digest('hex')}`
}
