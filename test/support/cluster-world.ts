import { createReadStream, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { pino } from 'pino'
import { artifactPath } from '../../builder/store.ts'
import type { AccessOptions } from '../../controller/kubernetes/access.ts'
import { KubernetesClient } from '../../controller/kubernetes/client.ts'
import { resources } from '../../controller/kubernetes/resource.ts'
import { KubernetesOrchestrator } from '../../controller/orchestrator/kubernetes/kubernetes-orchestrator.ts'
import type { Pod } from '../../controller/orchestrator/kubernetes/objects.ts'
import type { KubernetesOptions } from '../../controller/orchestrator/kubernetes/options.ts'
import type { ObservedHost, Workload } from '../../controller/orchestrator/orchestrator.ts'
import { workload } from './cluster-objects.ts'

let worlds = 0

/** One namespace of a real API server, with an orchestrator that works there. */
export class ClusterWorld {
  readonly namespace: string
  /** Past whatever is between the orchestrator and the server. */
  readonly direct: KubernetesClient
  readonly orchestrators: KubernetesOrchestrator[] = []
  readonly folder = mkdtempSync(join(tmpdir(), 'dyninka-cluster-'))
  #clients: KubernetesClient[] = []

  private constructor(direct: KubernetesClient) {
    this.direct = direct
    this.namespace = `world-${process.pid}-${++worlds}`
  }

  static async make(access: AccessOptions): Promise<ClusterWorld> {
    const world = new ClusterWorld(await KubernetesClient.open(access))
    world.#clients.push(world.direct)
    await world.direct.create(resources.Namespace, {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: world.namespace },
    })
    return world
  }

  /** One more controller. */
  async open(access: AccessOptions, more: Partial<KubernetesOptions> = {}): Promise<KubernetesOrchestrator> {
    const client = await KubernetesClient.open(access)
    this.#clients.push(client)
    const orchestrator = await KubernetesOrchestrator.open({
      client,
      namespace: this.namespace,
      dataflow: 'etl',
      broker: { url: 'mqtt://broker.messaging.svc:1883' },
      image: 'registry.example/base:1',
      store: this.folder,
      log: pino({ level: process.env.DYNINKA_TEST_LOG ?? 'silent' }),
      ...more,
    })
    this.orchestrators.push(orchestrator)
    return orchestrator
  }

  /** With code that there really is. */
  workload(more: Partial<Workload> = {}): Workload {
    const made = workload(more)
    for (const [digest, name] of [
      [made.artifact, 'function.mjs'],
      [made.runtime, 'host.mjs'],
    ] as const) {
      const folder = artifactPath(this.folder, digest)
      mkdirSync(folder, { recursive: true })
      writeFileSync(join(folder, name), `// ${digest}`)
    }
    return {
      ...made,
      code: artifactPath(this.folder, made.artifact),
      host: artifactPath(this.folder, made.runtime),
    }
  }

  /** As its kubelet would say of a pod: it has taken over, or something else. */
  async report(pod: string, { ready = true, ...status }: { ready?: boolean } & Partial<Pod['status']> = {}) {
    const conditions = [
      { type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime: new Date().toISOString() },
    ]
    const startedAt = new Date().toISOString()
    const container = { name: 'host', image: '', imageID: '', ready, started: true, restartCount: 0 }
    await this.direct.merge(
      resources.Pod,
      { name: pod, namespace: this.namespace },
      {
        status: {
          phase: 'Running',
          conditions,
          containerStatuses: [{ ...container, state: { running: { startedAt } } }],
          ...status,
        },
      },
      { subresource: 'status' },
    )
  }

  async close(): Promise<void> {
    await Promise.all(this.orchestrators.splice(0).map(orchestrator => orchestrator.close()))
    await this.direct.delete(resources.Namespace, { name: this.namespace }).catch(() => {})
    for (const client of this.#clients) client.close()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** Waits for what hosts of a flow should become. */
export async function untilHosts(
  orchestrator: KubernetesOrchestrator,
  holds: (hosts: ObservedHost[]) => boolean,
  what: string,
  { flow = 'etl', timeoutMs = 20_000 } = {},
): Promise<ObservedHost[]> {
  for (const end = performance.now() + timeoutMs; ; ) {
    const hosts = await orchestrator.observe(flow)
    if (holds(hosts)) return hosts
    if (performance.now() > end) throw new Error(`waited for ${what}: ${JSON.stringify(hosts, undefined, 1)}`)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

/** What was asked of an API server that keeps an audit log, by who calls itself `dyninka`. */
export class AuditLog {
  #path: string
  readonly args: string[]

  constructor(folder: string) {
    this.#path = join(folder, 'audit.log')
    const policy = join(folder, 'audit-policy.json')
    writeFileSync(
      policy,
      JSON.stringify({
        apiVersion: 'audit.k8s.io/v1',
        kind: 'Policy',
        omitStages: ['RequestReceived'],
        rules: [{ level: 'Metadata' }],
      }),
    )
    this.args = [
      `--audit-policy-file=${policy}`,
      `--audit-log-path=${this.#path}`,
      '--audit-log-mode=blocking',
    ]
  }

  /** Requests that may change something, as `patch deployments/a`. */
  async writes(namespace: string): Promise<string[]> {
    const found: string[] = []
    for await (const line of createInterface({ input: createReadStream(this.#path) })) {
      if (!line.includes('"userAgent":"dyninka"') || !line.includes(`"namespace":"${namespace}"`)) continue
      const { verb, objectRef } = JSON.parse(line) as Audited
      if (!reading.has(verb)) found.push(`${verb} ${objectRef.resource}/${objectRef.name ?? ''}`)
    }
    return found
  }
}

interface Audited {
  verb: string
  objectRef: { resource: string; name?: string }
}

const reading = new Set(['get', 'list', 'watch'])
