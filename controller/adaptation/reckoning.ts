import { Problem } from '../../schema/problem.ts'
import type { BrokerClient } from '../broker/broker-client.ts'
import type { Dataflow } from '../dataflow.ts'
import type { Proposing } from '../options.ts'
import type { NodeState, ObservedHost, Orchestrator } from '../orchestrator/orchestrator.ts'
import { defaultRules, lookBackMs } from '../placement/decision.ts'
import { situationOf } from '../placement/situation/situation.ts'
import { placesOf } from '../placement/situation/traffic.ts'
import { headerWith } from '../telemetry/export.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import { type Exile, type Verdicts, verdictsOn } from './homecoming.ts'
import { spansOf } from './spans.ts'

/** What a reckoning rests on, beside the dataflow. */
export interface ReckoningOptions {
  telemetry: Pick<Telemetry, 'windows'>
  /** The dataflow's own. */
  broker: Pick<BrokerClient, 'url' | 'zones'>
  /** As for suggestions. */
  proposing?: Pick<Proposing, 'brokerZones' | 'horizonHours' | 'rules'>
}

/** Whether what fled goes back, from what was measured of late: by the same model as suggestions.
 *  @param world as this pass has seen it @throws what is no Problem */
export function reckonWith(
  { telemetry, broker, proposing = {} }: ReckoningOptions,
  dataflow: Dataflow,
  world: { hosts: readonly ObservedHost[]; states: NodeState[]; orchestrator: Pick<Orchestrator, 'network'> },
  exiles: readonly Exile[],
): Verdicts {
  const startMs = performance.now()
  const since = Date.now() - lookBackMs
  const { hosts, states, orchestrator } = world
  try {
    const { network } = orchestrator
    const header = headerWith(dataflow, { brokerUrl: broker.url, network, hosts, states, since })
    const file = { header, windows: spansOf(telemetry.windows(dataflow.name, since)) }
    if (file.windows.length === 0) return { verdicts: new Map(), unknown: 'nothing was measured' }
    const { flow } = dataflow.inventory!
    const places = placesOf(flow, header.broker, broker.zones, proposing.brokerZones ?? {})
    const situation = situationOf(file, flow, places, proposing)
    const verdicts = verdictsOn(situation, exiles, { ...defaultRules, ...proposing.rules })
    return { ...verdicts, tookMs: performance.now() - startMs }
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    return { verdicts: new Map(), unknown: error.message }
  }
}
