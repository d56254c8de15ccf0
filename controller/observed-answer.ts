import type { Context } from './context.ts'
import type { Dataflow } from './dataflow.ts'
import type { DesiredFrom } from './desired.ts'
import type { Inventory } from './inventory.ts'
import { observe } from './observe.ts'
import type { Observed } from './plan.ts'

/** The answer of `/api/observed`. */
export interface ObservedAnswer
  extends Observed,
    Pick<DesiredFrom, 'secretDigests' | 'scales'>,
    Pick<Inventory, 'pins' | 'switches' | 'refuges'> {
  artifacts: Record<string, string>
  /** Of what hosts are told of the brokers of zones. */
  brokersDigest?: string
}

export async function observedAnswer(dataflow: Dataflow, context: Context): Promise<ObservedAnswer> {
  const { artifacts, pins, switches, refuges } = dataflow.inventory!
  return {
    ...(await observe(dataflow, context)),
    ...(pins && { pins }),
    ...(switches && { switches }),
    ...(refuges && { refuges }),
    secretDigests: context.secrets.digests(),
    ...(context.zoneBrokers && { brokersDigest: context.zoneBrokers.digest }),
    scales: dataflow.scaler.hosts,
    artifacts: Object.fromEntries(Object.entries(artifacts).map(([name, { digest }]) => [name, digest])),
  }
}
