import { accept } from './accept.ts'
import { apply } from './apply.ts'
import type { Context } from './context.ts'
import type { Dataflow } from './dataflow.ts'
import { type Desired, desire, nothing } from './desired.ts'
import { health } from './health.ts'
import type { Inventory } from './inventory.ts'
import { observe } from './observe.ts'
import { pin } from './pin.ts'
import { plan } from './plan.ts'
import { report } from './report.ts'

/** One pass over one dataflow: from what its source offers to what runs. Every step reads state and trusts no
 *  event; a pass with nothing to do writes nothing. */
export async function reconcile(dataflow: Dataflow, context: Context): Promise<void> {
  // load + check → build(changed) → inventory. Where that can't be done now, what runs is looked after all the same.
  const failure = await accept(dataflow, context).catch((error: unknown) => ({ error }))
  if (!dataflow.inventory) {
    if (failure) throw failure.error
    return
  }
  const observed = await observe(dataflow, context)
  dataflow.scaler.begin(dataflow.inventory, observed)
  const desired = pin(dataflow, desiredOf(dataflow.inventory, dataflow, context), observed, context)
  const changes = plan(desired, observed)
  const { accounts } = context
  const wirings = { desired: desired.contents, observed: observed.wirings }
  await accounts?.grant(desired.flow, wirings, false)
  await apply(dataflow, changes, context)
  const { revision } = dataflow.inventory
  const state = {
    revision,
    desired,
    observed,
    changes,
    health: health(desired, observed, changes, dataflow.buildFailures, dataflow.last?.health),
  }
  if (state.health.ready && changes.length === 0) await accounts?.grant(desired.flow, wirings, true)
  report(dataflow, state, context)
  await context.inventories.settled()
  if (failure) throw failure.error
}

function desiredOf(inventory: Inventory, { removed, scaler }: Dataflow, { secrets }: Context): Desired {
  if (removed) return nothing(inventory.name)
  const { flow, artifacts, runtime } = inventory
  return desire({ flow, artifacts, runtime, secretDigests: secrets.digests(), scales: scaler.hosts })
}
