import { accept } from './accept.ts'
import { apply } from './apply.ts'
import type { Context } from './context.ts'
import type { Dataflow } from './dataflow.ts'
import { type Desired, desire, nothing } from './desired.ts'
import { health } from './health.ts'
import { observe } from './observe.ts'
import { plan } from './plan.ts'
import { report } from './report.ts'

/** One pass over one dataflow: from what its source offers to what runs. Every step reads state and trusts no
 *  event; a pass with nothing to do writes nothing. */
export async function reconcile(dataflow: Dataflow, context: Context): Promise<void> {
  // load + check → build(changed) → inventory. Where that can't be done now, what runs is looked after all the same.
  const failure = await accept(dataflow, context).catch((error: unknown) => ({ error }))
  const desired = desiredOf(dataflow, context)
  if (!desired) {
    if (failure) throw failure.error
    return
  }
  const observed = await observe(dataflow, context)
  const changes = plan(desired, observed)
  await apply(dataflow, changes, context)
  const { revision } = dataflow.inventory!
  const state = {
    revision,
    desired,
    observed,
    changes,
    health: health(desired, observed, changes, dataflow.buildFailures),
  }
  report(dataflow, state, context)
  if (failure) throw failure.error
}

function desiredOf({ inventory, removed }: Dataflow, { secrets }: Context): Desired | undefined {
  if (!inventory) return undefined
  if (removed) return nothing(inventory.name)
  const { flow, artifacts, runtime } = inventory
  return desire({ flow, artifacts, runtime, secretDigests: secrets.digests() })
}
