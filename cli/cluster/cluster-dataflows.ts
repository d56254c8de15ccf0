import { accessName } from '../../controller/cluster/access.ts'
import type { DataflowResource } from '../../controller/cluster/resource.ts'
import type { KubernetesClient } from '../../controller/kubernetes/client.ts'
import { type KubernetesObject, resources } from '../../controller/kubernetes/resource.ts'
import { Problem } from '../../schema/problem.ts'
import { listed } from '../../schema/suggest.ts'
import { Api } from '../api/api.ts'
import { having } from '../api/one-controller.ts'
import type { Dataflow, Status } from '../api/status.ts'
import {
  type LogsWanted,
  type Note,
  nothingRuns,
  type Place,
  type Running,
  type Target,
  type Told,
} from '../api/target.ts'
import { Usage } from '../failure.ts'
import { type KubeOptions, openCluster } from '../kube.ts'
import type { LogLine } from '../log-text.ts'
import { dataflowNamed, dataflowsIn } from './find.ts'
import { forPeople } from './for-people.ts'
import { lastTold } from './last-told.ts'
import { podLogs } from './pod-logs.ts'
import { ServiceProxy } from './service-proxy.ts'

/** The Dataflows of one namespace of a cluster, each with the controller that takes care of it. A dataflow is named as its
 *  resource is. */
export class ClusterDataflows implements Target {
  readonly #client: KubernetesClient
  readonly #namespace: string

  /** @throws Problem when there is no usable kubeconfig */
  static async open(options: KubeOptions): Promise<ClusterDataflows> {
    const client = await openCluster(options)
    return new ClusterDataflows(client, options.namespace ?? client.namespace)
  }

  constructor(client: KubernetesClient, namespace: string) {
    this.#client = client
    this.#namespace = namespace
  }

  async status(name?: string): Promise<Told> {
    const chosen = name === undefined ? await this.#all() : [await this.#named(name)]
    const answers = await Promise.all(chosen.map(resource => this.#ask(resource)))
    const [only] = answers
    const notes = answers.flatMap(({ note }) => note ?? [])
    const isPartial = notes.length > 0
    if (answers.length === 0)
      notes.push({ message: `there is no Dataflow in ${this.#namespace}`, hint: elsewhere })
    return {
      status: {
        dataflows: answers.map(({ dataflow }) => dataflow),
        // Of several, each has one of its own.
        source: answers.length === 1 ? only!.source : { revision: null },
      },
      isPartial,
      notes: notes.filter(({ message }, i) => notes.findIndex(note => note.message === message) === i),
    }
  }

  async place(name?: string): Promise<Place> {
    return this.#placeOf(name === undefined ? await this.#only() : await this.#named(name))
  }

  async placeOf(node: string, name?: string): Promise<Place> {
    return this.#placeOf(await this.#having(node, name))
  }

  async *logs({ node, flow, ...options }: LogsWanted, signal: AbortSignal): AsyncIterable<LogLine> {
    const resource =
      node !== undefined
        ? await this.#having(node, flow)
        : flow !== undefined
          ? await this.#named(flow)
          : await this.#only()
    const place = { namespace: this.#namespace, dataflow: resource.metadata.name }
    yield* podLogs(this.#client, { ...place, ...(node !== undefined && { node }) }, { ...options, signal })
  }

  async running(flow: string): Promise<Running> {
    const found = (await this.#all()).filter(({ status }) => status?.dataflow === flow)
    if (found.length > 1)
      throw new Usage(
        `several Dataflows in ${this.#namespace} run ${flow}`,
        'There is no saying which is meant.',
      )
    if (found.length === 0) return { ...nothingRuns, schedules: true }
    const { api } = await this.#placeOf(found[0]!)
    return api.get<Running>('/api/observed', { flow })
  }

  /** Whatever keeps the controller from answering, what it wrote last is there. */
  async #ask(
    resource: DataflowResource,
  ): Promise<{ dataflow: Dataflow; source: Status['source']; note?: Note }> {
    const written = lastTold(resource)
    const source = { revision: written.revision || null }
    // Nobody looks at it, and nobody has to.
    if (resource.spec.suspend || resource.status === undefined) return { dataflow: written, source }
    try {
      const api = await this.#apiOf(resource)
      const { dataflows, source: now } = await api.status()
      const { resource: name, namespace } = written
      const [dataflow] = dataflows
      if (!dataflow) return { dataflow: written, source } // it says itself why it isn't followed
      const trouble = now.trouble && { trouble: now.trouble }
      return { dataflow: { ...dataflow, ...{ resource: name, namespace }, ...trouble }, source: now }
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      const { message, hint } = error
      return {
        dataflow: written,
        source,
        note: { message: `this is what was written last, without counts: ${message}`, ...(hint && { hint }) },
      }
    }
  }

  #all = () => dataflowsIn(this.#client, this.#namespace)

  #named = (name: string) => dataflowNamed(this.#client, this.#namespace, name)

  async #only(): Promise<DataflowResource> {
    const all = await this.#all()
    if (all.length === 1) return all[0]!
    if (all.length === 0) throw new Usage(`there is no Dataflow in ${this.#namespace}`, elsewhere)
    const names = all.map(nameOf)
    throw new Usage(
      `there are several Dataflows in ${this.#namespace}`,
      `Choose one with --flow: ${listed(names, 'or')}.`,
    )
  }

  async #having(node: string, name: string | undefined): Promise<DataflowResource> {
    const among = name === undefined ? await this.#all() : [await this.#named(name)]
    const nodes = among.map(resource => ({ resource, functions: resource.status?.functions ?? [] }))
    return having(node, nodes, ({ resource }) => nameOf(resource)).resource
  }

  async #placeOf(resource: DataflowResource): Promise<Place> {
    const flow = resource.status?.dataflow
    if (flow === undefined) {
      const name = nameOf(resource)
      throw new Usage(
        `${name} runs nothing yet`,
        `\`dyninka status ${name} -n ${this.#namespace}\` says why.`,
      )
    }
    return { api: await this.#apiOf(resource), flow }
  }

  async #apiOf(resource: DataflowResource): Promise<Api> {
    const name = nameOf(resource)
    const found = await this.#client
      .get<Secret>(resources.Secret, { name: accessName(name), namespace: this.#namespace })
      .catch(forPeople)
    if (!found) {
      throw new Problem('NoAccess', `there is no Secret ${accessName(name)} in ${this.#namespace}`, {
        hint: `A controller writes it when it takes ${name} up; \`dyninka reconcile ${name} -n ${this.#namespace}\` has it written anew.`,
      })
    }
    const { namespace = '', service = '', token = '' } = decoded(found.data)
    return new Api(new ServiceProxy(this.#client, { namespace, service, token }, name))
  }
}

interface Secret extends KubernetesObject {
  data?: Record<string, string>
}

const decoded = (data: Record<string, string> = {}) =>
  Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]),
  )

const nameOf = ({ metadata }: DataflowResource) => metadata.name

const elsewhere =
  '`kubectl get dataflows --all-namespaces` shows where there are some; name the namespace with -n.'
