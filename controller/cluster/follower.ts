import { join } from 'node:path'
import type { Logger } from 'pino'
import { durationMs } from '../../schema/duration.ts'
import { Problem } from '../../schema/problem.ts'
import type { AdaptationSettings } from '../adaptation/settings.ts'
import type { ScaleSettings } from '../autoscale.ts'
import { BrokerClient } from '../broker/broker-client.ts'
import type { Gate } from '../gate.ts'
import type { ArtifactRef, Inventory } from '../inventory.ts'
import type { KubernetesClient } from '../kubernetes/client.ts'
import { onlookers } from '../onlookers.ts'
import { openSource } from '../open-source.ts'
import type { ControllerEvent } from '../options.ts'
import type { Orchestrator } from '../orchestrator/orchestrator.ts'
import { Reconciler } from '../reconciler.ts'
import { digestOf } from '../secrets.ts'
import type { Source } from '../source/index.ts'
import { makeStateFolder } from '../state-folder.ts'
import { openTelemetry } from '../telemetry/telemetry.ts'
import type { Tenure } from '../tenure.ts'
import { TrafficFiles } from '../traffic-files.ts'
import { type BrokerAccess, brokerOf, type ManagedBrokerOptions } from './broker-access.ts'
import type { BrokerChecks } from './broker-checks.ts'
import { type Credentials, readCredentials } from './credentials.ts'
import { inventoryName, KeptInventories } from './kept-inventories.ts'
import { brokerName } from './managed-broker/manifests.ts'
import { proposingOf } from './proposing.ts'
import type { DataflowResource } from './resource.ts'
import type { Findings } from './resource-status.ts'

/** What all followers of a process share. */
export interface Surroundings {
  client: KubernetesClient
  /** Folder for copies of repositories and artifacts; may be empty after each start. */
  state: string
  /** The bundle of the host. */
  runtime: ArtifactRef
  /** Of this process. */
  identity: string
  /** With which secrets are digested. */
  salt: Uint8Array
  openOrchestrator: OpenOrchestrator
  /** Without it, no brokers are run. */
  managedBroker?: ManagedBrokerOptions
  /** How many revisions are checked and built at once. */
  builds: Gate
  silentMs: number
  pinAfterMs?: number
  adapting?: Partial<AdaptationSettings>
  scaling: Partial<ScaleSettings>
  log: Logger
}

export type OpenOrchestrator = (options: {
  client: KubernetesClient
  resource: DataflowResource
  broker: Pick<BrokerAccess, 'url' | 'secretOf'>
  credentials: Credentials
  /** The revision that is worked for; undefined while none is known. */
  revision(): string | undefined
  /** Folder of the artifacts. */
  store: string
  /** Aborts when nothing may be changed any more, and when nobody waits for it any more. */
  signal: AbortSignal
  log: Logger
}) => Promise<Orchestrator>

export interface FollowerOptions extends Surroundings {
  resource: DataflowResource
  checks: BrokerChecks
  tenure: Tenure
  /** It is being deleted: all of it is to go. @param known what an earlier follower of this process knew */
  leaving?: { known: Inventory[] }
  emit(event: ControllerEvent): void
  /** `findings` may say something new. */
  onPass(): void
}

/** Folder of what is kept of one Dataflow on the disk of this process. */
export const stateOf = ({ state }: Pick<Surroundings, 'state'>, { metadata }: DataflowResource) =>
  join(state, 'dataflows', metadata.uid!)

/** Follows the repository of one Dataflow. */
export class Follower {
  /** The one that it was opened for. */
  readonly generation: number
  readonly parts: { reconciler: Reconciler; broker: BrokerClient; orchestrator: Orchestrator }
  readonly credentials: Credentials
  #access: BrokerAccess
  #inventories: KeptInventories
  #closers: (() => unknown)[]

  /** What an earlier one left running is adopted. @throws Problem when it can't be followed now; then nothing of it is open */
  static async open(options: FollowerOptions): Promise<Follower> {
    const closers: (() => unknown)[] = []
    try {
      return await openWith(options, closers)
    } catch (error) {
      await closeAll(closers) // the first error says it
      throw error
    }
  }

  constructor(
    generation: number,
    parts: Follower['parts'],
    known: { credentials: Credentials; access: BrokerAccess; inventories: KeptInventories },
    closers: (() => unknown)[],
  ) {
    this.generation = generation
    this.parts = parts
    this.credentials = known.credentials
    this.#access = known.access
    this.#inventories = known.inventories
    this.#closers = closers
  }

  /** All that is known of what may be left of it. */
  get inventories(): Inventory[] {
    return this.#inventories.all()
  }

  /** Looks at everything now. */
  look(): void {
    this.parts.reconciler.lookAtSource()
    this.parts.reconciler.lookAtAll()
  }

  async findings(resource: DataflowResource): Promise<Omit<Findings, 'isSuspended' | 'handledReconcile'>> {
    // What the broker retains is part of all that is said of a dataflow.
    const { reconciler, broker } = this.parts
    if (!broker.connected)
      return { generation: this.generation, trouble: (await this.#access.trouble?.()) ?? brokerLost }
    const [dataflow] = (await reconciler.status()).filter(
      ({ revision, conditions }) => revision !== '' || conditions.length > 0,
    )
    const { trouble } = reconciler.repository
    const sessions = this.inventories.flatMap(({ sessions }) => Object.values(sessions).flat()).length
    return {
      generation: this.generation,
      ...(trouble && { sourceTrouble: trouble }),
      ...(dataflow && { dataflow }),
      inventory: { configMap: inventoryName(resource.metadata.name), sessions },
    }
  }

  /** Lets go of what runs: it keeps running. */
  async close(): Promise<void> {
    await closeAll(this.#closers)
  }
}

async function openWith(options: FollowerOptions, closers: (() => unknown)[]): Promise<Follower> {
  const { client, resource, tenure, leaving, identity, emit, onPass, openOrchestrator, salt, runtime } =
    options
  const { signal } = tenure
  const { spec, metadata, status } = resource
  const log = options.log.child({ dataflow: `${metadata.namespace}/${metadata.name}` })
  const state = stateOf(options, resource)
  makeStateFolder(state)
  const credentials = await readCredentials(client, resource, {
    folder: join(state, 'credentials'),
    signal,
    isLeaving: leaving !== undefined,
  })
  const access = await brokerOf(resource, credentials, { ...options, signal })
  const { url } = access
  const inventories = await KeptInventories.open({
    client,
    resource,
    identity,
    signal,
    ...(leaving && { leaving }),
  })
  const store = join(state, 'store')
  const closing = new AbortController()
  const orchestrator = await openOrchestrator({
    client,
    resource,
    broker: access,
    credentials,
    revision: () => reconciler.repository.revision?.id,
    store,
    signal: AbortSignal.any([signal, closing.signal]),
    log,
  })
  // It mends on its own: whoever may change nothing any more must not wait for passes to end.
  const closed = once(() => orchestrator.close())
  signal.addEventListener('abort', closed, { once: true })
  closers.push(() => {
    signal.removeEventListener('abort', closed)
    return closed()
  })
  const broker = await BrokerClient.connect(url, {
    onChange: flow => reconciler.flowChanged(flow),
    onConnection(connected) {
      if (connected) reconciler.lookAtAll()
      onPass()
    },
  }).catch(async (error: unknown) => {
    throw (await access.trouble?.()) ?? (access.accounts ? notYet(metadata.name, error) : error)
  })
  closers.push(() => broker.close())
  // One that it ran on already takes no time from a controller that takes over.
  const hasRun = status?.revision !== undefined && status.observedGeneration === metadata.generation
  if (!leaving && !hasRun) await options.checks.check(url)
  const { source: from } = spec
  const source = leaving
    ? none
    : openSource(
        {
          repo: from.url,
          git: credentials.git,
          ...(from.branch !== undefined && { branch: from.branch }),
          state,
        },
        state,
        () => reconciler.lookAtSource(),
      )
  const { secrets } = credentials
  const telemetry = openTelemetry(state, log)
  const proposing = spec.forge?.pullRequests && proposingOf(spec.forge.pullRequests)
  const reconciler: Reconciler = new Reconciler({
    source,
    path: from.path ?? '',
    intervalMs: durationMs(from.interval ?? '30s'),
    broker,
    ...(access.accounts && { accounts: access.accounts(broker) }),
    orchestrator,
    secrets: {
      read: () => new Map(secrets),
      digests: () => Object.fromEntries([...secrets].map(([name, value]) => [name, digestOf(salt, value)])),
    },
    inventories,
    store,
    runtime,
    builds: options.builds,
    silentMs: options.silentMs,
    ...(options.pinAfterMs !== undefined && { pinAfterMs: options.pinAfterMs }),
    ...(options.adapting && { adapting: options.adapting }),
    scaling: options.scaling,
    trafficFiles: new TrafficFiles(state),
    telemetry,
    reckoning: { telemetry, broker, ...(proposing && { proposing }) },
    ...(spec.forge &&
      credentials.forge && {
        onlookers: onlookers({
          repository: from.url,
          forge: { ...spec.forge, auth: credentials.forge },
          ...(proposing && { proposing }),
          source,
          telemetry,
          ...(metadata.namespace !== undefined && { namespace: metadata.namespace }),
          broker,
          orchestrator,
          log,
          emit,
          onChange: onPass,
        }),
      }),
    log,
    emit,
    tenure,
    single: true,
    ...(leaving && { removing: true as const }),
    onPass,
  })
  closers.push(
    () => reconciler.close(),
    () => closing.abort(), // first: a pass that waits for something far away must not be waited for
  )
  reconciler.start()
  const parts = { reconciler, broker, orchestrator }
  return new Follower(metadata.generation ?? 0, parts, { credentials, access, inventories }, closers)
}

const notYet = (dataflow: string, cause: unknown) =>
  new Problem('BrokerStarting', `its broker does not answer yet: ${(cause as Error).message}`, {
    hint: `If it takes long, see \`kubectl describe pod ${brokerName(dataflow)}-0\`: it may have no volume, or no image.`,
    cause,
  })

const brokerLost = new Problem('BrokerUnreachable', 'the connection to the broker is lost')

function once<T>(work: () => Promise<T>): () => Promise<T> {
  let done: Promise<T> | undefined
  return () => (done ??= work())
}

/** Of what is being deleted nothing is read any more. */
const none: Source = {
  fetch: () => Promise.reject(new Error('nothing is read')),
  close: async () => {},
}

async function closeAll(closers: (() => unknown)[]): Promise<void> {
  for (const close of closers.splice(0).reverse()) await (async () => close())().catch(() => {})
}
