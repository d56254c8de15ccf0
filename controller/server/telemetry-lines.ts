import type { BrokerClient } from '../broker/broker-client.ts'
import type { Dataflow } from '../dataflow.ts'
import type { Orchestrator } from '../orchestrator/orchestrator.ts'
import type { Reconciler } from '../reconciler.ts'
import { headerOf } from '../telemetry/export.ts'

interface Place {
  dataflow: Dataflow
  reconciler: Pick<Reconciler, 'telemetry'>
  broker: Pick<BrokerClient, 'url'>
  orchestrator: Pick<Orchestrator, 'nodeStates'>
}

/** The lines of a file of telemetry. @param since ms since the epoch */
export async function telemetryLines({ dataflow, reconciler, broker, orchestrator }: Place, since: number) {
  const header = await headerOf(dataflow, broker.url, orchestrator, since)
  const windows = reconciler.telemetry.walk(dataflow.name, since)
  return (async function* () {
    yield header
    yield* windows
  })()
}
