import { createHash } from 'node:crypto'
import { artifactPath } from '../builder/store.ts'
import type { Desired } from './desired.ts'
import { failureOf } from './failure-of.ts'
import type { KeptWorkload, ObservedHost, Workload } from './orchestrator/orchestrator.ts'
import type { Observed } from './plan.ts'
import { generationOf } from './plan-hosts.ts'

/** A function that stays what it was before a revision, since what that brought did not start in time. */
export interface Pin {
  /** Identifies what did not start: whatever else is wanted later is tried. */
  refused: string
  /** What goes on. */
  workload: KeptWorkload
  /** The revision that brought what did not start. */
  revision: string
  /** RFC 3339. */
  at: string
  /** Why it did not start, with the last lines of its log. */
  why: string
}

/** By name of a node of the graph. */
export type Pins = Record<string, Pin>

export const defaultPinAfterMs = 300_000

/** Wanted as it is, but for what is pinned. Wiring is always that of the newest revision, as for any host that
 *  has yet to be replaced. @param store where code of earlier revisions is */
export function withPins(desired: Desired, pins: Pins, store: string): Desired {
  const holding = Object.fromEntries(
    desired.workloads.flatMap(workload => {
      const pin = pins[workload.node]
      return pin && holds(pin, workload) ? [[workload.node, pin]] : []
    }),
  )
  if (Object.keys(holding).length === 0) return desired
  const workloads = desired.workloads.map(workload => {
    const pin = holding[workload.node]
    return pin ? restored(pin.workload, workload, store) : workload
  })
  return { ...desired, workloads, pins: holding }
}

/** Names of what is not wanted any more as it was refused: it is tried, or gone. */
export const liftedPins = (pins: Pins, { workloads }: Desired): string[] =>
  Object.entries(pins)
    .filter(([node, pin]) => !workloads.some(workload => workload.node === node && holds(pin, workload)))
    .map(([node]) => node)

const holds = ({ refused }: Pin, workload: Workload) => refused === refusalOf(workload)

/** Changes with all that the process is made of, and where it may run. */
export function refusalOf({ fingerprint, placement, outside }: Workload): string {
  const text = JSON.stringify([fingerprint, placement, outside ?? null])
  return `sha256:${createHash('sha256').update(text).digest('hex')}`
}

function restored(kept: KeptWorkload, { replicas, runtime, host }: Workload, store: string): Workload {
  return {
    ...kept,
    replicas,
    ...(kept.kind === 'function' && { code: artifactPath(store, kept.artifact) }),
    host: kept.runtime === runtime ? host : artifactPath(store, kept.runtime),
  }
}

/** What has not started for too long, although what it is to replace works. */
export interface Overdue {
  refused: string
  /** That brought it. */
  revision: string
  /** What works. */
  workload: KeptWorkload
  why: string
}

/** Since when generations try to start. Counts by the clock of this process alone, and so anew after a restart: that
 *  clock can't be set. */
export class Starts {
  #since = new Map<string, { refused: string; revision: string; at: number }>()

  /** @param revision that is wanted now @param now ms, monotonic @returns by node */
  overdue(
    desired: Desired,
    observed: Observed,
    { revision, limitMs, now }: { revision: string; limitMs: number; now: number },
  ): Map<string, Overdue> {
    const overdue = new Map<string, Overdue>()
    const byNode = Map.groupBy(observed.hosts, host => host.node)
    const before = this.#since
    this.#since = new Map()
    for (const workload of desired.workloads) {
      const { node } = workload
      if (desired.pins?.[node]) continue
      const found = starting(workload, byNode.get(node) ?? [], observed)
      if (!found) continue
      const refused = refusalOf(workload)
      const known = before.get(node)
      const since = known?.refused === refused ? known : { refused, revision, at: now }
      this.#since.set(node, since)
      if (now - since.at < limitMs) continue
      const { revision: brought } = since
      overdue.set(node, {
        refused,
        revision: brought,
        workload: kept(found.works),
        why: whyOf(found.starts),
      })
    }
    return overdue
  }

  clear(): void {
    this.#since.clear()
  }
}

/** Hosts that have yet to take over from one that works. Who waits for room in a cluster, or for a quota, has not begun
 *  to start. */
function starting(
  workload: Workload,
  hosts: ObservedHost[],
  observed: Observed,
): { starts: ObservedHost[]; works: KeptWorkload } | undefined {
  const running = hosts.filter(({ phase }) => phase !== 'stopping')
  if (workload.replicas === 0 || running.every(({ generation }) => generation === running[0]!.generation))
    return undefined
  const generation = generationOf(workload, hosts, observed)
  const isPresent = ({ id }: ObservedHost) => observed.presences.some(({ host }) => host === id)
  const starts = running.filter(host => host.generation === generation)
  const isWaiting = starts.some(
    ({ place, obstacle, failures }) => place === '' || (obstacle !== undefined && failures < 2),
  )
  if (starts.length === 0 || isWaiting || starts.some(isPresent)) return undefined
  const works = running
    .filter(host => host.generation < generation && host.workload && isPresent(host))
    .toSorted((a, b) => b.generation - a.generation)[0]?.workload
  return works && { starts, works }
}

function whyOf(hosts: ObservedHost[]): string {
  const failing = hosts.find(({ failures }) => failures > 0)
  if (!failing) return 'its host runs, and did not get ready'
  return failing.obstacle ?? failureOf(failing)
}

function kept(workload: KeptWorkload & Partial<Workload>): KeptWorkload {
  const { code: _, host: __, replicas: ___, within: ____, ...rest } = workload
  return rest
}
