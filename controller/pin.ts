import type { Context } from './context.ts'
import type { Dataflow } from './dataflow.ts'
import type { Desired } from './desired.ts'
import { defaultPinAfterMs, liftedPins, withPins } from './pins.ts'
import type { Observed } from './plan.ts'

/** Gives up what does not start in time, and goes on with what works in its place. What is decided is in the inventory
 *  before anything is done about it. @returns what is wanted then */
export function pin(dataflow: Dataflow, wanted: Desired, observed: Observed, context: Context): Desired {
  const { inventory, starts } = dataflow
  const { inventories, store, broker, emit, pinAfterMs = defaultPinAfterMs } = context
  if (!inventory || dataflow.removed) return wanted
  const lifted = liftedPins(inventory.pins ?? {}, wanted)
  for (const node of lifted) delete inventory.pins![node]
  if (lifted.length > 0) inventories.save(inventory)
  const desired = withPins(wanted, inventory.pins ?? {}, store)
  // While nobody can get ready, nobody is late.
  if (!broker.connected) {
    starts.clear()
    return desired
  }
  const overdue = starts.overdue(desired, observed, {
    revision: inventory.revision,
    limitMs: pinAfterMs,
    now: performance.now(),
  })
  if (overdue.size === 0) return desired
  const at = new Date().toISOString()
  inventory.pins = { ...inventory.pins }
  for (const [node, found] of overdue) {
    inventory.pins[node] = { ...found, at }
    const { revision, why } = found
    emit({ type: 'pinned', flow: inventory.name, function: node, revision, message: why })
  }
  inventories.save(inventory)
  return withPins(wanted, inventory.pins, store)
}
