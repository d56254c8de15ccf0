import { partitionNames } from '../schema/topics.ts'
import { brokersIn } from '../schema/wiring.ts'
import { type Change, describe, nodeOf } from './change.ts'
import type { Context } from './context.ts'
import type { Dataflow } from './dataflow.ts'
import type { Inventory } from './inventory.ts'

/** Carries out a plan in its order. What would have to be cleaned up later is written down before it exists,
 *  and struck out after it is gone. @throws at the first change that fails: the next pass plans anew */
export async function apply(dataflow: Dataflow, changes: Change[], context: Context): Promise<void> {
  if (changes.length === 0) return
  const inventory = dataflow.inventory!
  for (const change of changes) {
    if (change.action !== 'publish' && change.action !== 'repartition') continue
    const known = inventory.sessions[change.node] ?? []
    const cut = change.action === 'publish' ? change.wiring : change.to
    inventory.sessions[change.node] = [...new Set([...known, ...partitionNames(cut)])]
    remember(inventory, change.node, brokersIn({ outputs: {}, ...cut }))
    if (change.action === 'repartition') continue
    const resting = inventory.resting?.[change.node]
    if (resting) resting.revision = 0
  }
  const entry = inventory.history.at(-1)
  if (entry?.result === 'Progressing') {
    entry.applied.push(
      ...new Set(
        changes
          .filter(isRestart)
          .map(nodeOf)
          .filter(node => !entry.applied.includes(node)),
      ),
    )
  }
  context.inventories.save(inventory)
  await context.inventories.settled()
  const { signal } = context.tenure ?? new AbortController()
  for (const change of changes) {
    context.log.debug({ dataflow: inventory.name, change: describe(change) }, 'applying a change')
    context.tenure?.check()
    if (change.action === 'leave') {
      await leave(inventory, change, context)
      continue
    }
    await applyOne(change, context, signal)
    if (change.action === 'discard') struckOut(dataflow, change, context)
    tell(dataflow, change, context)
  }
}

type Leave = Change & { action: 'leave' }

/** Where sessions of a node may be from now on. */
function remember(inventory: Inventory, node: string, brokers: string[]): void {
  const known = inventory.brokers?.[node] ?? []
  if (brokers.every(broker => known.includes(broker))) return
  inventory.brokers = { ...inventory.brokers, [node]: [...new Set([...known, ...brokers])] }
}

function forget(inventory: Inventory, node: string, broker?: string): void {
  const left = broker === undefined ? [] : inventory.brokers?.[node]?.filter(known => known !== broker)
  if (left?.length) inventory.brokers![node] = left
  else delete inventory.brokers?.[node]
}

/** Nothing waits for what is left on a broker that is away: the next pass tries again. */
async function leave(
  inventory: Inventory,
  change: Leave,
  { broker, inventories, log }: Context,
): Promise<void> {
  try {
    await broker.leave(change.flow, change.node, change)
  } catch (error) {
    return log.warn({ err: error, zone: change.broker }, 'sessions are left on the broker of a zone')
  }
  forget(inventory, change.node, change.broker)
  inventories.save(inventory)
}

function applyOne(
  change: Exclude<Change, Leave>,
  { broker, orchestrator }: Context,
  signal: AbortSignal,
): Promise<unknown> {
  switch (change.action) {
    case 'publish':
      return broker.publishWiring(change.flow, change.node, change.wiring)
    case 'discard':
      return broker.discard(change.flow, change.node, change)
    case 'dismiss':
      return broker.dismiss(change.flow, change.node, change.host)
    case 'clear':
      return broker.clear(change.flow, change.node, change.host)
    case 'repartition':
      return broker.prepare(change.flow, change.node, change.to, change)
    case 'begin':
      return broker.begin(change.flow, change.node, change.wiring, change.cursors)
    default:
      return orchestrator.apply(change, signal)
  }
}

function struckOut(
  { inventory }: Dataflow,
  change: Change & { action: 'discard' },
  { inventories }: Context,
): void {
  if (change.everything) {
    delete inventory!.sessions[change.node]
    delete inventory!.resting?.[change.node]
    forget(inventory!, change.node)
  } else {
    const known = inventory!.sessions[change.node] ?? []
    inventory!.sessions[change.node] = known.filter(name => !change.partitions.includes(name))
  }
  inventories.save(inventory!)
}

/** Only what a person would call a step; the rest is in the log. */
function tell({ inventory }: Dataflow, change: Change, { emit }: Context): void {
  const flow = inventory!.name
  if (change.action === 'start') {
    const { workload, generation } = change.spec
    emit({ type: 'started', flow, function: workload.node, generation })
  }
  if (change.action === 'stop')
    emit({ type: 'stopped', flow, function: change.node, generation: change.generation })
  if (change.action === 'discard' && change.everything) emit({ type: 'pruned', flow, function: change.node })
}

const isRestart = (change: Change) => change.action === 'start' || change.action === 'discard'
