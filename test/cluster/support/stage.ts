import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DataflowResource, DataflowSpec } from '../../../controller/cluster/resource.ts'
import { KubernetesClient } from '../../../controller/kubernetes/client.ts'
import { type KubernetesObject, resources } from '../../../controller/kubernetes/resource.ts'
import { hostProcesses } from '../../../controller/orchestrator/local/processes.ts'
import { aedes, type TestBroker } from '../../support/brokers.ts'
import { until } from '../../support/controlled.ts'
import { type GitServer, startGitServer } from '../../support/git-server.ts'
import { type Files, makeRepository, type Repository } from '../../support/repository.ts'
import { type ApiServer, startApiServer } from '../api-server.ts'
import { type ProcessOptions, Replica } from './replica.ts'

export const definition = new URL('../../../charts/dyninka/files/dataflows.yaml', import.meta.url).pathname

export const flow = (name: string, more = '') => `apiVersion: dyninka.dev/v1
name: ${name}
sources:
  tick: { every: 1s }
functions:
  first: { code: first.ts, from: tick${more} }
sinks:
  out: { from: first, log: {} }
`
export const code = (value: number) =>
  `export default function f(): { value: number } { return { value: ${value} } }\n`
export const files = (name: string): Files => ({ 'dataflow.yaml': flow(name), 'first.ts': code(1) })

/** Makes an API server know Dataflows. Returns once it takes them and can explain them: it comes to both a while after it
 *  calls the definition established. */
export async function define(api: ApiServer): Promise<void> {
  await api.kubectl('apply', '--server-side', '-f', definition)
  await api.kubectl('wait', '--for=condition=Established', 'crd/dataflows.dyninka.dev', '--timeout=60s')
  const goesWell = (...args: string[]) =>
    api.kubectl(...args).then(
      () => true,
      () => false,
    )
  await until(
    'Dataflows are served',
    async () => (await goesWell('get', 'dataflows')) && (await goesWell('explain', 'dataflow.spec.source')),
    undefined,
    60_000,
  )
}

interface Event extends KubernetesObject {
  type: string
  reason: string
  note: string
  series?: { count: number }
}

/** An API server with the Dataflow resource, a Git server, a broker, and replicas of the controller. */
export class Stage {
  readonly api: ApiServer
  readonly client: KubernetesClient
  readonly broker: Pick<TestBroker, 'url' | 'close'>
  readonly git: GitServer
  readonly repository: Repository
  /** Stands for what pods leave on nodes. */
  readonly hosts: string
  replicas: Replica[] = []

  /** @param options.controllers also the cluster's own: they end namespaces and collect garbage */
  static async open(options: { controllers?: boolean; args?: string[] } = {}): Promise<Stage> {
    const [api, broker] = await Promise.all([startApiServer(options), aedes()])
    return Stage.over(api, broker)
  }

  /** @param api of a whole cluster, too; it is stopped with the stage, as the broker is */
  static async over(
    api: ApiServer,
    broker: Pick<TestBroker, 'url' | 'close'>,
    from?: Repository,
  ): Promise<Stage> {
    const repository = from ?? (await makeRepository())
    const hosts = await mkdtemp(join(tmpdir(), 'dyninka-hosts-'))
    await define(api)
    const client = await KubernetesClient.open({ kubeconfig: api.kubeconfig })
    return new Stage({ api, client, broker, repository, hosts, git: await startGitServer(repository.root) })
  }

  private constructor(parts: Pick<Stage, 'api' | 'client' | 'broker' | 'git' | 'repository' | 'hosts'>) {
    this.api = parts.api
    this.client = parts.client
    this.broker = parts.broker
    this.git = parts.git
    this.repository = parts.repository
    this.hosts = parts.hosts
  }

  get url(): string {
    return `${this.git.url}/repository.git`
  }

  async replica(options: Partial<ProcessOptions> = {}): Promise<Replica> {
    const replica = await Replica.start({ kubeconfig: this.api.kubeconfig, hosts: this.hosts, ...options })
    this.replicas.push(replica)
    return replica
  }

  /** Stops the replicas that there are, as pods are asked to. */
  async leave(): Promise<void> {
    await Promise.all(this.replicas.splice(0).map(replica => replica.stop()))
  }

  /** @param spec over what follows the repository of this stage every second */
  async apply(
    name: string,
    spec: Omit<Partial<DataflowSpec>, 'source'> & { source?: Partial<DataflowSpec['source']> } = {},
    { namespace = 'default', labels = {} }: { namespace?: string; labels?: Record<string, string> } = {},
  ): Promise<void> {
    const source = { url: this.url, interval: '1s', ...spec.source }
    await this.client.apply(resources.Dataflow, {
      apiVersion: 'dyninka.dev/v1',
      kind: 'Dataflow',
      metadata: { name, namespace, labels },
      spec: { broker: { url: this.broker.url }, ...spec, source },
    } as DataflowResource)
  }

  get(name: string, namespace = 'default'): Promise<DataflowResource | undefined> {
    return this.client.get<DataflowResource>(resources.Dataflow, { name, namespace })
  }

  /** `True Running`, by type of condition. */
  async conditions(name: string, namespace = 'default'): Promise<Record<string, string>> {
    const conditions = (await this.get(name, namespace))?.status?.conditions ?? []
    return Object.fromEntries(conditions.map(({ type, status, reason }) => [type, `${status} ${reason}`]))
  }

  async message(name: string, type: string): Promise<string> {
    const conditions = (await this.get(name))?.status?.conditions ?? []
    return conditions.find(condition => condition.type === type)?.message ?? ''
  }

  /** Waits until a condition is as told. @param told `True Running`, or the first word of it */
  async until(name: string, type: string, told: string, timeoutMs = 60_000): Promise<void> {
    let last: unknown
    await until(
      `${name} has ${type} ${told}`,
      async () => {
        const resource = await this.get(name)
        last = resource?.status
        const condition = resource?.status?.conditions?.find(condition => condition.type === type)
        const now = `${condition?.status} ${condition?.reason}`
        return now === told || condition?.status === told
      },
      () => JSON.stringify(last, null, 1),
      timeoutMs,
    )
  }

  /** Waits until it runs this commit. */
  async ready(name: string, commit: string, timeoutMs = 60_000): Promise<void> {
    let last: unknown
    await until(
      `${name} runs ${commit}`,
      async () => {
        const resource = await this.get(name)
        last = resource?.status
        const ready = resource?.status?.conditions?.find(({ type }) => type === 'Ready')
        return ready?.status === 'True' && resource?.status?.revision?.includes(commit) === true
      },
      () => JSON.stringify(last, null, 1),
      timeoutMs,
    )
  }

  async events(name: string, namespace = 'default'): Promise<Event[]> {
    const { items } = await this.client.list<Event & { regarding: { name: string } }>(resources.Event, {
      namespace,
    })
    return items.filter(({ regarding }) => regarding.name === name)
  }

  /** Of hosts, whoever started them. */
  pids(): number[] {
    return hostProcesses(`--record=${this.hosts}/`)
      .map(({ pid }) => pid)
      .toSorted((a, b) => a - b)
  }

  /** Waits until what was replaced has ended: a host finishes what it has in hand after the next one has taken over.
   *  @param before pids @param kept how many of them are to be left @param count how many there are then */
  async swapped(before: number[], kept: number, count = before.length): Promise<void> {
    await until(
      `${kept} of ${before.length} hosts are left, of ${count}`,
      () => {
        const now = this.pids()
        return now.length === count && now.filter(pid => before.includes(pid)).length === kept
      },
      () => `${before} ${this.pids()}`,
      60_000,
    )
  }

  /** Waits until a Dataflow that is deleted is gone. */
  remove(name: string): Promise<string> {
    return this.api.kubectl('delete', `dataflow/${name}`, '--timeout=120s')
  }

  async close(): Promise<void> {
    await this.leave()
    for (const pid of this.pids()) process.kill(pid, 'SIGKILL')
    await this.broker.close()
    await this.git.stop()
    await this.repository.remove()
    await this.api.stop()
    await rm(this.hosts, { recursive: true, force: true, maxRetries: 5 })
  }
}
