import { isDeepStrictEqual } from 'node:util'
import { accept } from './accept.ts'
import { adapt } from './adapt.ts'
import { apply } from './apply.ts'
import { carriedBy } from './carriers.ts'
import type { Context } from './context.ts'
import type { Dataflow } from './dataflow.ts'
import { type Desired, desire, nothing } from './desired.ts'
import { health } from './health.ts'
import type { Inventory } from './inventory.ts'
import { observe } from './observe.ts'
import { overridden, placeText } from './overrides.ts'
import { pin } from './pin.ts'
import { type Observed, plan } from './plan.ts'
import { report } from './report.ts'
import { settle } from './settle.ts'

/** One pass over one dataflow: from what its source offers to what runs. Every step reads state and trusts no
 *  event; a pass with nothing to do writes nothing. */
export async function reconcile(dataflow: Dataflow, context: Context): Promise<void> {
  // load + check → build(changed) → inventory. Where that can't be done now, what runs is looked after all the same.
  const failure = await accept(dataflow, context).catch((error: unknown) => ({ error }))
  if (!dataflow.inventory) {
    if (failure) throw failure.error
    return
  }
  const seen = await observe(dataflow, context)
  dataflow.scaler.begin(dataflow.inventory, seen)
  const { desired: decided, observed } = await desiredOf(dataflow.inventory, seen, dataflow, context)
  const wanted = settle(decided, observed)
  const desired = carriedBy(settle(pin(dataflow, wanted, observed, context), observed), observed)
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

const digestOf = ({ zoneBrokers }: Context) => (zoneBrokers ? { brokers: zoneBrokers.digest } : {})

/** @returns what is wanted with the nodes that can be used, and those */
async function desiredOf(
  inventory: Inventory,
  seen: Observed,
  dataflow: Dataflow,
  context: Context,
): Promise<{ desired: Desired; observed: Observed }> {
  if (dataflow.removed) return { desired: nothing(inventory.name), observed: seen }
  const { artifacts, runtime } = inventory
  const switched = lookAtConditions(inventory, seen.nodes, dataflow, context)
  const decided = overridden(inventory.flow, inventory.switches, inventory.moves)
  const { flow, observed, unheeded: stuck } = await adapt(dataflow, decided, seen, context)
  const { secrets } = context
  const scales = dataflow.scaler.hosts
  const desired = desire({
    flow,
    artifacts,
    runtime,
    secretDigests: secrets.digests(),
    scales,
    ...digestOf(context),
  })
  const unheeded = [...stuck, ...switched]
  return { desired: unheeded.length > 0 ? { ...desired, unheeded } : desired, observed }
}

/** What counts is in the inventory before anything is done about it. @returns what can't be followed */
function lookAtConditions(
  inventory: Inventory,
  nodes: Observed['nodes'],
  { switches: own }: Dataflow,
  { inventories, emit }: Context,
): string[] {
  const before = inventory.switches ?? {}
  const clock = { nowMs: performance.now(), now: new Date() }
  const { switches, unheeded } = own.look(inventory.flow, nodes, before, clock)
  if (isDeepStrictEqual(switches, before)) return unheeded
  inventory.switches = switches
  inventories.save(inventory)
  for (const name of new Set([...Object.keys(before), ...Object.keys(switches)])) {
    const [now, old] = [switches[name], before[name]]
    if (now === old) continue
    const to = now ? placeText(now) : 'where its file says'
    const reason = now ? now.reason : `no more ${old!.reason}`
    emit({ type: 'relocated', flow: inventory.name, function: name, to, reason })
  }
  return unheeded
}
