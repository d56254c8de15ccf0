import { hash } from './key.ts'
import type { Presence } from './presence.ts'

/** Who owns which partition: computed alike by every host from the live presences, with nobody in charge. */
export class Membership {
  #live = new Map<string, Presence>()

  /** @param presence undefined when the host is gone @returns whether a host came, went or changed its generation */
  set(host: string, presence: Presence | undefined): boolean {
    const before = this.#live.get(host)?.generation
    if (presence) this.#live.set(host, presence)
    else this.#live.delete(host)
    return before !== presence?.generation
  }

  /** Hosts of the newest generation that is ready. */
  newest(): string[] {
    const presences = [...this.#live.values()]
    const generation = Math.max(...presences.map(presence => presence.generation))
    return presences.filter(presence => presence.generation === generation).map(presence => presence.host)
  }

  /** Rendezvous hashing: a host that comes or goes moves no partition between the others. */
  ownerOf(partition: number): string | undefined {
    let owner: string | undefined
    let best = -1
    for (const host of this.newest()) {
      const weight = hash(`${partition}/${host}`)
      if (weight > best || (weight === best && host < owner!)) {
        owner = host
        best = weight
      }
    }
    return owner
  }

  partitionsOf(host: string, partitions: number): number[] {
    return Array.from({ length: partitions }, (_, i) => i).filter(i => this.ownerOf(i) === host)
  }
}

/** @returns undefined for a payload that is no presence: a cleared one, or a foreign client's */
export function parsePresence(payload: Buffer): Presence | undefined {
  if (payload.length === 0) return undefined
  try {
    const presence = JSON.parse(payload.toString()) as Presence
    return presence.v === 1 && typeof presence.generation === 'number' ? presence : undefined
  } catch {
    return undefined
  }
}
