import type { DeclaredNode } from '../../schema/declared-node.ts'
import { type AdaptationSettings, maxHealMs } from './settings.ts'
import type { Trouble, Troubles } from './trouble.ts'

/** A node that is not used, or was not of late. */
export interface Outage extends Trouble {
  /** It is not used now. */
  counts: boolean
  /** When it came to count, in the last day: RFC 3339, the newest last. */
  spells: string[]
  /** As it was declared: it may be no more. */
  node: DeclaredNode
}

/** By name of a node. */
export type OutageRecord = Record<string, Outage>

export interface Clock {
  /** By a clock that can't be set. */
  nowMs: number
  now: Date
}

const dayMs = 86_400_000
/** More say nothing new. */
const maxSpells = 16

/** Decides which troubles count. One that passes soon moves nothing, and a node that comes and goes is not used again before it
 *  has been well for a while, which gets longer each time. What is written down counts for whoever comes next, who measures
 *  times anew. */
export class Outages {
  #since = new Map<string, { kind: Trouble['kind']; atMs: number }>()
  #wellSince = new Map<string, number>()

  /** @param nodes those that matter, of those that there are, and those that there were */
  look(
    troubles: Troubles,
    nodes: readonly DeclaredNode[],
    before: OutageRecord,
    settings: AdaptationSettings,
    clock: Clock,
  ): OutageRecord {
    const record: OutageRecord = {}
    for (const node of nodes) {
      const { name } = node
      const trouble = troubles.get(name)
      // What takes nothing new is left by nobody, and is used again as soon as it may be.
      const counting = trouble?.kind === 'closed' ? undefined : trouble
      const outage = this.#outage(node, counting, before[name], settings, clock)
      if (outage) record[name] = outage
    }
    for (const name of [...this.#since.keys()]) if (!troubles.has(name)) this.#since.delete(name)
    return record
  }

  #outage(
    node: DeclaredNode,
    trouble: Trouble | undefined,
    old: Outage | undefined,
    settings: AdaptationSettings,
    { nowMs, now }: Clock,
  ): Outage | undefined {
    const { name } = node
    const spells = (old?.spells ?? []).filter(at => isRecent(at, now))
    if (trouble) {
      this.#wellSince.delete(name)
      if (old?.counts) return isSame(old, trouble) ? old : { ...old, ...trouble }
      const known = this.#since.get(name)
      const since = known?.kind === trouble.kind ? known.atMs : nowMs
      this.#since.set(name, { kind: trouble.kind, atMs: since })
      if (nowMs - since >= boundOf(trouble, settings))
        return {
          ...trouble,
          node,
          counts: true,
          spells: [...spells, now.toISOString()].slice(-maxSpells),
        }
      return spells.length > 0 ? { ...old!, spells } : undefined
    }
    if (!old) return undefined
    if (old.counts) {
      const since = this.#wellSince.get(name) ?? nowMs
      this.#wellSince.set(name, since)
      if (nowMs - since < healMs(old, settings)) return old
      this.#wellSince.delete(name)
    }
    return spells.length > 0 ? { ...old, spells, counts: false } : undefined
  }
}

export const isRecent = (at: string, now: Date) => now.getTime() - Date.parse(at) < dayMs

const isSame = (a: Trouble, b: Trouble) => a.kind === b.kind && a.says === b.says

/** How long it must have been well. What a person took away is there again once that person says so. */
const healMs = ({ kind, spells }: Outage, { healAfterMs }: AdaptationSettings) =>
  kind === 'drained'
    ? 0
    : Math.min(Math.max(maxHealMs, healAfterMs), healAfterMs * 2 ** Math.max(0, spells.length - 1))

/** A zone that is cut was silent for long enough already. */
function boundOf({ kind }: Trouble, { lostAfterMs, fullAfterMs }: AdaptationSettings): number {
  if (kind === 'lost') return lostAfterMs
  return kind === 'full' ? fullAfterMs : 0
}
