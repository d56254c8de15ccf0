import { join } from 'node:path'
import { durationMs } from '../../schema/duration.ts'
import { Problem } from '../../schema/problem.ts'
import { BrokerClient, type BrokerListener } from '../broker/broker-client.ts'
import type { Inventory } from '../inventory.ts'
import { openSource } from '../open-source.ts'
import type { Orchestrator } from '../orchestrator/orchestrator.ts'
import { Reconciler } from '../reconciler.ts'
import { digestOf } from '../secrets.ts'
import type { Source } from '../source/index.ts'
import { makeStateFolder } from '../state-folder.ts'
import { openTelemetry } from '../telemetry/telemetry.ts'
import { TrafficFiles } from '../traffic-files.ts'
import { type BrokerAccess, brokerOf } from './broker-access.ts'
import { BrokerPlace } from './broker-place.ts'
import { closeAll, once } from './closers.ts'
import { type Credentials, readCredentials } from './credentials.ts'
import { type FollowerOptions, stateOf } from './follower-options.ts'
import { inventoryName, KeptInventories } from './kept-inventories.ts'
import { ClusterAccounts } from './managed-broker/cluster-accounts.ts'
import { brokerName } from './managed-broker/manifests.ts'
import { forgeOnlookers, proposingOf } from './proposing.ts'
import type { DataflowResource } from './resource.ts'
import type { Findings } from './resource-status.ts'
import { FollowedZones, zonesInUse } from './zone-brokers/followed-zones.ts'
import { starting } from './zone-brokers/zone-access.ts'

/** Follows the repository of one Dataflow. */
export class Follower {
  /** The one that it was opened for. */
  readonly generation: number
  readonly parts: { reconciler: Reconciler; broker: BrokerClient; orchestrator: Orchestrator }
  readonly credentials: Credentials
  #access: BrokerAccess
  #inventories: KeptInventories
  #zones: FollowedZones | undefined
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
    known: {
      credentials: Credentials
      access: BrokerAccess
      inventories: KeptInventories
      zones: FollowedZones | undefined
    },
    closers: (() => unknown)[],
  ) {
    this.generation = generation
    this.parts = parts
    this.credentials = known.credentials
    this.#access = known.access
    this.#inventories = known.inventories
    this.#zones = known.zones
    this.#closers = closers
  }

  /** All that is known of what may be left of it. */
  get inventories(): Inventory[] {
    return this.#inventories.all()
  }

  /** Nothing goes any more by the broker of a zone that is to be given up: it is to be followed anew. */
  get hasLeftBroker(): boolean {
    return this.#zones?.hasLeft(this.inventories) ?? false
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
      ...(await this.#zones?.findings()),
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
  /** What is opened below has nothing to do with it before. */
  let heard: (zone: string) => void = () => {}
  const zones = await FollowedZones.open({
    ...options,
    credentials,
    inUse: zonesInUse(inventories.all()),
    signal,
    isLeaving: leaving !== undefined,
    onChange: zone => heard(zone),
  })
  closers.push(() => zones?.close())
  const place = new BrokerPlace(access.zone)
  closers.push(() => place.close())
  const store = join(state, 'store')
  const closing = new AbortController()
  const orchestrator = await openOrchestrator({
    client,
    resource,
    broker: {
      url,
      secretOf: access.secretOf,
      zone: () => place.zone,
      ...(zones && { zones: zones.forPods }),
    },
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
  const listener: BrokerListener = {
    onChange: flow => reconciler.flowChanged(flow),
    onConnection(connected) {
      if (connected) reconciler.lookAtAll()
      onPass()
    },
  }
  const broker = await BrokerClient.connect(url, listener, zones?.urls).catch(async (error: unknown) => {
    const isYoung = access.accounts !== undefined
    throw (await access.trouble?.()) ?? (isYoung ? starting(brokerName(metadata.name), error) : error)
  })
  closers.push(() => broker.close())
  // One that it ran on already takes no time from a controller that takes over.
  const hasRun = status?.revision !== undefined && status.observedGeneration === metadata.generation
  const mayTry = !leaving && !hasRun
  const checked = mayTry ? await options.checks.check(url, { withZones: zones !== undefined }) : {}
  const accounts =
    access.accounts || zones
      ? new ClusterAccounts({
          ...options,
          ...(access.accounts && { accounts: access.accounts(broker) }),
          zones: zones?.ways(broker) ?? {},
          ...(zones && { watch: zones.watch }),
          dataflow: metadata.name,
          namespace: metadata.namespace!,
          signal,
          log,
        })
      : undefined
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
    ...(accounts && { accounts }),
    ...checked,
    ...(zones && { zoneBrokers: zones }),
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
    ...forgeOnlookers(resource, credentials.forge, {
      source,
      telemetry,
      broker,
      orchestrator,
      log,
      emit,
      onChange: onPass,
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
  heard = zone => {
    accounts?.forget(zone)
    reconciler.lookAtAll()
    onPass()
  }
  reconciler.start()
  const parts = { reconciler, broker, orchestrator }
  return new Follower(metadata.generation ?? 0, parts, { credentials, access, inventories, zones }, closers)
}

const brokerLost = new Problem('BrokerUnreachable', 'the connection to the broker is lost')

/** Of what is being deleted nothing is read any more. */
const none: Source = {
  fetch: () => Promise.reject(new Error('nothing is read')),
  close: async () => {},
}
