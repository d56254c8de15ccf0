import { join } from 'node:path'
import { Problem } from '../../schema/problem.ts'
import type { Inventory } from '../inventory.ts'
import type { Announcement } from './announcement.ts'
import { endAll, letGo } from './departure.ts'
import { Follower } from './follower.ts'
import { type FollowerOptions, stateOf } from './follower-options.ts'
import { KeptInventories } from './kept-inventories.ts'
import { removeBroker } from './managed-broker/managed-broker.ts'
import { type DataflowResource, finalizer } from './resource.ts'
import type { Seat } from './seat.ts'
import { removeZoneBrokers } from './zone-brokers/zone-access.ts'

export interface LeaveOptions extends Omit<FollowerOptions, 'resource' | 'leaving'> {
  leaveMs: number
  announce(announcement: Announcement): void
}

const lookAgainMs = 1_000

/** Sees a Dataflow off that is being deleted: what runs ends in order, and what the broker keeps of it goes. It takes no
 *  longer than `leaveMs`: whatever can't be done by then is left, and said.
 *  @returns when to look again, ms; undefined once the resource may go */
export async function leave(
  seat: Seat,
  resource: DataflowResource,
  options: LeaveOptions,
): Promise<number | undefined> {
  const { metadata, spec } = resource
  const { client, tenure, leaveMs, announce } = options
  if (!metadata.finalizers?.includes(finalizer)) {
    await seat.close()
    return undefined
  }
  seat.leavingSince ??= performance.now()
  const lateMs = performance.now() - seat.leavingSince - leaveMs
  if (spec.deletionPolicy === 'Orphan') {
    announce(orphaned(metadata.name))
  } else if (lateMs <= 0) {
    if (!(await isGone(seat, resource, options))) return lookAgainMs
  } else {
    const why = seat.trouble ?? new Problem('Timeout', `it took longer than ${leaveMs / 1000} s`)
    // After twice the time, not even this may hold the resource back.
    await endNow(resource, options).catch((error: unknown) => {
      if (lateMs < leaveMs) throw error
    })
    announce(incomplete(resource, why))
  }
  await seat.close()
  if (spec.deletionPolicy !== 'Orphan')
    await removeBrokers(client, resource, tenure.signal).catch((error: unknown) => {
      if (lateMs < leaveMs) throw error
    })
  await letGo(client, resource, tenure.signal)
  return undefined
}

/** Those that were run for it alone. */
async function removeBrokers(
  client: LeaveOptions['client'],
  resource: DataflowResource,
  signal: AbortSignal,
): Promise<void> {
  if (resource.spec.broker.managed) await removeBroker(client, resource, signal)
  await removeZoneBrokers(client, resource, signal)
}

/** One look at how far it is. @throws Problem when it can't go on now */
async function isGone(seat: Seat, resource: DataflowResource, options: LeaveOptions): Promise<boolean> {
  if (seat.follower && seat.isLeaving) {
    delete seat.trouble
    const { reconciler, orchestrator } = seat.follower.parts
    if (!reconciler.isGone) return false
    await orchestrator.prune(true) // what its functions shared, and their code
    return true
  }
  const known: Inventory[] = seat.follower?.inventories ?? []
  await seat.close()
  if (known.length === 0 && (await isUntouched(resource, options))) return true
  seat.follower = await Follower.open({ ...options, resource, leaving: { known } })
  seat.isLeaving = true
  return false
}

/** Nothing was ever made for it: no broker is needed to tell. */
async function isUntouched(resource: DataflowResource, options: LeaveOptions): Promise<boolean> {
  const inventories = await KeptInventories.open({
    ...options,
    signal: options.tenure.signal,
    resource,
    leaving: { known: [] },
  })
  if (inventories.all().length > 0) return false
  const orchestrator = await orchestratorOf(resource, options)
  try {
    return (await orchestrator.flows()).length === 0
  } finally {
    await orchestrator.close()
  }
}

async function endNow(resource: DataflowResource, options: LeaveOptions): Promise<void> {
  const orchestrator = await orchestratorOf(resource, options)
  try {
    await endAll(orchestrator, options.tenure.signal, options.log)
  } finally {
    await orchestrator.close()
  }
}

/** Enough of one to end what runs: it starts nothing, and needs no credentials. */
const orchestratorOf = (resource: DataflowResource, options: LeaveOptions) =>
  options.openOrchestrator({
    ...options,
    signal: options.tenure.signal,
    resource,
    broker: { url: resource.spec.broker.url ?? '', secretOf: () => undefined },
    revision: () => undefined,
    credentials: { git: {}, zoneUrls: {}, secrets: new Map(), version: '' },
    store: join(stateOf(options, resource), 'store'),
  })

const orphaned = (name: string): Announcement => ({
  type: 'Normal',
  reason: 'Orphaned',
  action: 'Prune',
  note: `${name} is deleted, and what runs for it goes on without a controller, as spec.deletionPolicy says`,
  of: name,
})

const incomplete = ({ metadata, spec }: DataflowResource, why: Problem): Announcement => ({
  type: 'Warning',
  reason: 'PruneIncomplete',
  action: 'Prune',
  note:
    `${metadata.name} is deleted, and its pods with it, but sessions and retained messages may be left on the broker ` +
    `${spec.broker.url ?? ''}: ${why.message}. Discard the sessions that begin with dyninka- and what is retained ` +
    'below dyninka/, for this dataflow.',
  of: metadata.name,
})
