import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { join, resolve } from 'node:path'
import { type Logger, pino } from 'pino'
import { hostBundle } from '../../builder/index.ts'
import type { AdaptationSettings } from '../adaptation/settings.ts'
import type { ScaleSettings } from '../autoscale.ts'
import { Gate } from '../gate.ts'
import type { KubernetesClient } from '../kubernetes/client.ts'
import { parseListen } from '../server/listen.ts'
import { startServer } from '../server/server.ts'
import { makeStateFolder, startProblem } from '../state-folder.ts'
import type { ManagedBrokerOptions } from './broker-access.ts'
import { Election } from './election.ts'
import { EventRecorder } from './event-recorder.ts'
import { fenced } from './fenced.ts'
import { Fleet, type FleetOptions } from './fleet.ts'
import type { OpenOrchestrator } from './follower-options.ts'
import { Lease } from './lease.ts'
import { ownSecret } from './own-secret.ts'

export interface ClusterControllerOptions {
  client: KubernetesClient
  openOrchestrator: OpenOrchestrator
  /** Without it, no brokers are run. */
  managedBroker?: ManagedBrokerOptions
  /** Where Dataflows are looked for. All namespaces when absent. */
  namespace?: string
  /** Label selector of the Dataflows to take care of; the others are left to other controllers. */
  selector?: string
  /** Of the controller itself: its Lease and its Secret. */
  ownNamespace: string
  /** Of the Lease: controllers that share one stand in for each other. Default `dyninka-controller`. */
  leaseName?: string
  /** Of the Service in front of all replicas, in the controller's own namespace. Default `dyninka`. */
  service?: string
  /** Of this process, where others reach it that listens on all of its addresses: of its pod. */
  address?: string
  /** How long a leader that says nothing is left alone. Default 9 s. */
  leaseMs?: number
  /** Folder for copies and artifacts; it may be empty at each start. */
  state: string
  /** `host:port` of the HTTP API. Default `0.0.0.0:4780`. */
  listen?: string
  /** How long a Dataflow that is being deleted may take to end in order. Default 2 min. */
  leaveMs?: number
  /** A host that was heard of and then is silent for so long is restarted. Default 15 s. */
  silentMs?: number
  /** How long new code may take to start before the function stays what it was. Default 5 min. */
  pinAfterMs?: number
  /** When something runs elsewhere since a node can't be used. */
  adapting?: Partial<AdaptationSettings>
  /** When hosts are added and taken away; see `ScaleSettings`. */
  scaling?: Partial<ScaleSettings>
  /** Shared with the forge, for the signature of webhooks. Without it, `/webhook` refuses. */
  webhookSecret?: string
  logger?: Logger
  /** Progress of each Dataflow, by namespace and name. Never throws back into the controller. */
  onEvent?: FleetOptions['onEvent']
}

export interface ClusterController {
  /** Of the HTTP API. */
  url: string
  token?: string
  readonly isLeader: boolean
  /** Lets go of what runs, and of the Lease. */
  stop(): Promise<void>
}

const secretName = 'dyninka-controller'
const defaultLeaseMs = 9_000
const maxOpens = 16
const maxBuilds = 4
const defaultLeaveMs = 120_000
const defaultSilentMs = 15_000

/** Takes care of the Dataflows of a cluster whenever it holds the Lease. What an earlier controller left running is
 *  adopted. @throws Problem when it can't start */
export async function startClusterController(options: ClusterControllerOptions): Promise<ClusterController> {
  const { client, ownNamespace, leaseMs = defaultLeaseMs } = options
  const log = options.logger ?? pino({ level: 'info' })
  const state = resolve(options.state)
  const store = join(state, 'store')
  const [address, port] = parseListen(options.listen ?? '0.0.0.0:4780')
  const identity = `${hostname()}_${randomUUID()}`
  const stopping = new AbortController()
  makeStateFolder(state)
  const runtime = await hostBundle(store).catch((error: unknown) => {
    throw startProblem(error, store)
  })
  const { salt, token } = await ownSecret(client, {
    name: secretName,
    namespace: ownNamespace,
    signal: stopping.signal,
  })
  const recorder = new EventRecorder({ client, identity, log })
  let fleet: Fleet | undefined
  let url: string | undefined
  const lease = new Lease({
    client,
    namespace: ownNamespace,
    name: options.leaseName ?? 'dyninka-controller',
    identity,
    durationMs: leaseMs,
    url: () => url,
  })

  const election = new Election({
    lease,
    durationMs: leaseMs,
    everyMs: leaseMs / 6,
    log,
    async lead(tenure) {
      const led = new Fleet({
        client: fenced(client, tenure),
        state,
        runtime,
        identity,
        salt,
        openOrchestrator: options.openOrchestrator,
        ...(options.managedBroker && { managedBroker: options.managedBroker }),
        opens: new Gate(maxOpens),
        builds: new Gate(maxBuilds),
        silentMs: options.silentMs ?? defaultSilentMs,
        ...(options.pinAfterMs !== undefined && { pinAfterMs: options.pinAfterMs }),
        ...(options.adapting && { adapting: options.adapting }),
        scaling: options.scaling ?? {},
        leaveMs: options.leaveMs ?? defaultLeaveMs,
        ...(options.namespace !== undefined && { namespace: options.namespace }),
        ...(options.selector !== undefined && { selector: options.selector }),
        recorder,
        door: { token, namespace: ownNamespace, service: options.service ?? 'dyninka' },
        ...(options.onEvent && { onEvent: options.onEvent }),
        log,
        tenure,
      })
      fleet = led
      await aborted(tenure.signal)
      fleet = undefined
      await led.close()
    },
  })
  const server = await startServer({
    members: () =>
      fleet
        ?.followed()
        .map(({ key, uid, follower }) => ({ ...follower.parts, uid, namespace: key.split('/')[0]! })) ?? [],
    // Who has just begun to lead knows of nothing yet.
    elsewhere: () => (fleet?.isSynced ? undefined : { ...(lease.urlOfOther && { url: lease.urlOfOther }) }),
    // Who waits for the Lease is as ready as can be.
    isReady: () => (fleet ? fleet.isSynced : election.isWell),
    openMetrics: true,
    address,
    port,
    token,
    log,
    ...(options.webhookSecret !== undefined && { webhookSecret: options.webhookSecret }),
  })
  url = reachable(server.url, options.address)
  election.start()
  return {
    url: server.url,
    ...(server.token !== undefined && { token: server.token }),
    get isLeader() {
      return election.isLeader
    },
    async stop() {
      await server.close()
      await election.close()
      await recorder.settled()
      stopping.abort()
    },
  }
}

/** @returns undefined where nobody said how others reach a process that listens on all of its addresses */
function reachable(url: string, address: string | undefined): string | undefined {
  const { hostname, port } = new URL(url)
  if (hostname !== '0.0.0.0' && hostname !== '[::]') return url
  return address && `http://${address.includes(':') ? `[${address}]` : address}:${port}`
}

const aborted = (signal: AbortSignal) =>
  new Promise<void>(resolve => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
