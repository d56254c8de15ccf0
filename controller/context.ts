import type { Logger } from 'pino'
import type { Finding } from '../schema/finding.ts'
import type { ReckoningOptions } from './adaptation/reckoning.ts'
import type { AdaptationSettings } from './adaptation/settings.ts'
import type { BrokerAccounts } from './broker/accounts/accounts.ts'
import type { BrokerClient } from './broker/broker-client.ts'
import type { ZoneBrokers } from './broker/zone-brokers.ts'
import type { Dataflow } from './dataflow.ts'
import type { Gate } from './gate.ts'
import type { ArtifactRef, HistoryEntry, Inventories } from './inventory.ts'
import type { ControllerEvent } from './options.ts'
import type { Orchestrator } from './orchestrator/orchestrator.ts'
import type { Secrets } from './secrets.ts'
import type { Tenure } from './tenure.ts'

/** What the steps of a pass work with. */
export interface Context {
  broker: Pick<
    BrokerClient,
    | 'watch'
    | 'connected'
    | 'publishWiring'
    | 'discard'
    | 'dismiss'
    | 'clear'
    | 'prepare'
    | 'ended'
    | 'begin'
    | 'forget'
    | 'leave'
  >
  /** See `Observed.unordered`. */
  unordered?: true
  /** Brokers of zones; absent where there are none. */
  zoneBrokers?: Pick<ZoneBrokers, 'offered' | 'digest'>
  /** Where each node has an account of its own on the broker. */
  accounts?: Pick<BrokerAccounts, 'grant'>
  orchestrator: Orchestrator
  secrets: Pick<Secrets, 'read' | 'digests'>
  inventories: Inventories
  /** Folder of the artifacts. */
  store: string
  /** The bundle of the host. */
  runtime: ArtifactRef
  /** How many revisions are checked and built at once, where many share a process. */
  builds?: Gate
  silentMs: number
  /** How long new code may take to start before what it is to replace is pinned. Default: `defaultPinAfterMs`. */
  pinAfterMs?: number
  /** When something runs elsewhere since a node can't be used. */
  adapting?: Partial<AdaptationSettings>
  /** From which is reckoned whether what fled goes back; absent: by time alone. */
  reckoning?: ReckoningOptions
  /** Where another controller may take over. */
  tenure?: Tenure
  log: Logger
  emit(event: ControllerEvent): void
  /** Makes a flow name this dataflow's own. @returns a finding when another one has it */
  claim(dataflow: Dataflow, name: string): Finding | undefined
  /** Writes the outcome of a revision into the history. */
  record(
    dataflow: Dataflow,
    revision: string,
    result: HistoryEntry['result'],
    message: string,
    built?: string[],
  ): void
}
