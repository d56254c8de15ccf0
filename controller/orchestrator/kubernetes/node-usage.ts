import { ApiProblem } from '../../kubernetes/api-problem.ts'
import type { KubernetesClient } from '../../kubernetes/client.ts'
import type { NodeUse } from '../orchestrator.ts'

/** A `NodeMetrics` of `metrics.k8s.io/v1beta1`, as metrics-server has it from the kubelets. */
interface NodeMetrics {
  metadata: { name: string }
  timestamp: string
  /** That processor time was measured over, such as `20.042s`. */
  window: string
  usage: { cpu?: string; memory?: string }
}

/** Figures change every 15 s at most. */
const freshMs = 15_000
/** Where nobody serves them, or we may not read them. */
const absentMs = 5 * 60_000
const timeoutMs = 5_000
/** Of a node that is told of no more. */
const keptMs = 24 * 3_600_000

/** What is known of what nodes take. */
export interface NodeUses {
  /** By node, as last told: of a node, or of all, that may be some time ago. */
  byNode: ReadonlyMap<string, NodeUse>
  /** Of which nodes the last answer told. */
  told: ReadonlySet<string>
  /** Why there was no answer. */
  problem?: string
}

const nothing: NodeUses = { byNode: new Map(), told: new Set() }
const known = new WeakMap<Pick<KubernetesClient, 'raw'>, NodeUsage>()

/** What all programs of each node take, from `metrics.k8s.io` where a cluster has that. */
export class NodeUsage {
  readonly #client: Pick<KubernetesClient, 'raw'>
  #known: Promise<NodeUses> | undefined
  #askAt = Number.NEGATIVE_INFINITY

  /** The same for all dataflows that a client serves: however many there are, it is asked for once. */
  static of(client: Pick<KubernetesClient, 'raw'>): NodeUsage {
    const usage = known.get(client) ?? new NodeUsage(client)
    known.set(client, usage)
    return usage
  }

  private constructor(client: Pick<KubernetesClient, 'raw'>) {
    this.#client = client
  }

  /** Waits for the first answer alone: a later one is known once it is there. @throws never
   *  @param now by a clock that only grows, ms */
  read(now = performance.now()): Promise<NodeUses> {
    if (this.#known && now < this.#askAt) return this.#known
    this.#askAt = now + freshMs
    const before = this.#known
    const asked = this.#next(before, now)
    if (!before) this.#known = asked
    else
      void asked.then(uses => {
        this.#known = Promise.resolve(uses)
      })
    return this.#known!
  }

  async #next(before: Promise<NodeUses> | undefined, now: number): Promise<NodeUses> {
    const { byNode } = (await before) ?? nothing
    try {
      const told = await this.#ask()
      const kept = [...byNode].filter(([, { at }]) => Date.now() - Date.parse(at) < keptMs)
      return { byNode: new Map([...kept, ...told]), told: new Set(told.keys()) }
    } catch (error) {
      const { status, message } = error instanceof ApiProblem ? error : new ApiProblem(0, '', `${error}`)
      if (status === 404 || status === 403) this.#askAt = now + absentMs
      return { byNode, told: new Set(), problem: status === 404 ? unserved : message }
    }
  }

  async #ask(): Promise<Map<string, NodeUse>> {
    const { items } = await this.#client.raw<{ items?: NodeMetrics[] }>({
      method: 'GET',
      path: '/apis/metrics.k8s.io/v1beta1/nodes',
      what: 'list nodes of metrics.k8s.io',
      timeoutMs,
    })
    return new Map(
      (items ?? []).flatMap(({ metadata, timestamp, window, usage }) => {
        const [cpuMillis, memoryBytes] = [scaled(usage?.cpu, 1_000), scaled(usage?.memory, 1)]
        const [at, windowMs] = [Date.parse(timestamp), msOf(window)]
        if (cpuMillis === undefined || memoryBytes === undefined || !Number.isFinite(at)) return []
        const use = { cpuMillis, memoryBytes, at: new Date(at).toISOString() }
        return [[metadata.name, { ...use, ...(windowMs !== undefined && { windowMs }) }]]
      }),
    )
  }
}

const unserved = 'the cluster serves no metrics.k8s.io: metrics-server is what does'

/** Why nothing is known of a node, or nothing of now. @returns undefined where it is known */
export function unmeasuredOf(node: string, { told, problem }: NodeUses): string | undefined {
  if (told.has(node)) return undefined
  return problem ?? `metrics.k8s.io tells nothing of ${node}`
}

const units: Record<string, number> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
}

/** A quantity as metrics have it, `156340189n` or `3480636Ki`. @returns undefined where it is none, or no figure of a node */
function scaled(quantity: string | undefined, factor: number): number | undefined {
  const [, number, unit] = /^(\d+(?:\.\d+)?)([A-Za-z]*)$/.exec(quantity ?? '') ?? []
  const value = Number(number) * (units[unit ?? ''] ?? Number.NaN) * factor
  return value <= 2 ** 50 ? Math.round(value) : undefined
}

/** A duration as Go writes it, `1m0.5s`. @returns undefined where it is none, or longer than a day */
function msOf(duration: string | undefined): number | undefined {
  const [all, hours = 0, minutes = 0, seconds = 0] =
    /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?$/.exec(duration ?? '') ?? []
  const ms = Math.round(Number(hours) * 3_600_000 + Number(minutes) * 60_000 + Number(seconds) * 1_000)
  return all && ms > 0 && ms <= 86_400_000 ? ms : undefined
}
