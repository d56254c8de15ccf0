import { ApiProblem } from '../../kubernetes/api-problem.ts'
import type { KubernetesClient } from '../../kubernetes/client.ts'
import type { NodeUse } from '../orchestrator.ts'

/** A `NodeMetrics` of `metrics.k8s.io/v1beta1`, as metrics-server has it from the kubelets. */
interface NodeMetrics {
  metadata: { name: string }
  timestamp: string
  /** Of the sample, such as `20.042s`. */
  window: string
  usage: { cpu?: string; memory?: string }
}

/** Figures change every 15 s at most. */
const freshMs = 15_000
/** Where nobody serves them, or we may not read them. */
const absentMs = 5 * 60_000
const timeoutMs = 5_000

/** What all programs of each node take, from `metrics.k8s.io` where a cluster has that. */
export class NodeUsage {
  readonly #client: Pick<KubernetesClient, 'raw'>
  #known: Promise<ReadonlyMap<string, NodeUse>> = Promise.resolve(new Map())
  #askAt = Number.NEGATIVE_INFINITY

  constructor(client: Pick<KubernetesClient, 'raw'>) {
    this.#client = client
  }

  /** By node; empty where it can't be told. @throws never @param now by a clock that only grows, ms */
  read(now = performance.now()): Promise<ReadonlyMap<string, NodeUse>> {
    if (now < this.#askAt) return this.#known
    this.#askAt = now + freshMs
    this.#known = this.#ask().catch((error: unknown) => {
      const status = error instanceof ApiProblem ? error.status : 0
      if (status === 404 || status === 403) this.#askAt = now + absentMs
      return new Map()
    })
    return this.#known
  }

  async #ask(): Promise<ReadonlyMap<string, NodeUse>> {
    const { items } = await this.#client.raw<{ items?: NodeMetrics[] }>({
      method: 'GET',
      path: '/apis/metrics.k8s.io/v1beta1/nodes',
      what: 'list what nodes take',
      timeoutMs,
    })
    return new Map(
      (items ?? []).flatMap(({ metadata, timestamp, usage }) => {
        const [cpuMillis, memoryBytes] = [scaled(usage?.cpu, 1_000), scaled(usage?.memory, 1)]
        const at = Date.parse(timestamp)
        if (cpuMillis === undefined || memoryBytes === undefined || !Number.isFinite(at)) return []
        return [[metadata.name, { cpuMillis, memoryBytes, at: new Date(at).toISOString() }]]
      }),
    )
  }
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
