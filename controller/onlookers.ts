import type { Logger } from 'pino'
import type { BrokerClient } from './broker/broker-client.ts'
import type { Dataflow } from './dataflow.ts'
import { CommitReports } from './forge/commit-reports.ts'
import type { ForgeOptions } from './forge/forge.ts'
import { OctokitForge } from './forge/octokit-forge.ts'
import type { ControllerEvent, Proposing } from './options.ts'
import type { Orchestrator } from './orchestrator/orchestrator.ts'
import { Advisor } from './placement/advisor.ts'
import { lookBackMs } from './placement/decision.ts'
import type { Source } from './source/index.ts'
import { headerOf } from './telemetry/export.ts'
import { askPrometheus } from './telemetry/prometheus.ts'
import type { Telemetry } from './telemetry/telemetry.ts'

/** Looks at a dataflow after each pass, and does in its own time what passes do not wait for. */
export interface Onlooker {
  after(dataflow: Dataflow): void
  close(): Promise<void>
}

export interface OnlookerOptions {
  /** URL of the repository, as Git has it. */
  repository: string
  forge: ForgeOptions
  /** Absent: functions are where they are. */
  proposing?: Proposing
  source: Source
  telemetry: Telemetry
  /** Of the Dataflow, in a cluster. */
  namespace?: string
  broker: Pick<BrokerClient, 'url' | 'zones'>
  orchestrator: Pick<Orchestrator, 'nodeStates' | 'network'>
  log: Logger
  emit(event: ControllerEvent): void
  /** The status of a dataflow may say something new. */
  onChange(): void
}

const defaultEveryMs = 10 * 60_000

/** Those that speak to a forge. @throws Problem where the repository is on none */
export function onlookers({
  repository,
  proposing,
  source,
  telemetry,
  broker,
  orchestrator,
  namespace,
  ...options
}: OnlookerOptions): Onlooker[] {
  const forge = new OctokitForge(repository, options.forge)
  const reports = new CommitReports(forge, { ...options, onTrouble: options.onChange })
  if (!proposing) return [reports]
  const advisor = new Advisor({
    ...options,
    source,
    forge,
    proposing,
    brokerZones: proposing.brokerZones ?? {},
    zoneUrls: broker.zones,
    everyMs: proposing.everyMs ?? defaultEveryMs,
    async telemetry(dataflow) {
      const now = Date.now()
      const since = now - lookBackMs
      const { name } = dataflow
      const { prometheus: url } = proposing
      const label = namespace === undefined ? name : `${namespace}/${name}`
      return {
        header: await headerOf(dataflow, broker.url, orchestrator, since),
        windows:
          url === undefined
            ? telemetry.windows(name, since)
            : await askPrometheus({ url, dataflow: label, since, now }),
      }
    },
  })
  return [reports, advisor]
}
