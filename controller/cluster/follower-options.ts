import { join } from 'node:path'
import type { Logger } from 'pino'
import type { AdaptationSettings } from '../adaptation/settings.ts'
import type { ScaleSettings } from '../autoscale.ts'
import type { Gate } from '../gate.ts'
import type { ArtifactRef, Inventory } from '../inventory.ts'
import type { KubernetesClient } from '../kubernetes/client.ts'
import type { ControllerEvent } from '../options.ts'
import type { BrokerAccess } from '../orchestrator/kubernetes/options.ts'
import type { Orchestrator } from '../orchestrator/orchestrator.ts'
import type { Tenure } from '../tenure.ts'
import type { ManagedBrokerOptions } from './broker-access.ts'
import type { BrokerChecks } from './broker-checks.ts'
import type { Credentials } from './credentials.ts'
import type { DataflowResource } from './resource.ts'

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
  broker: BrokerAccess
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
