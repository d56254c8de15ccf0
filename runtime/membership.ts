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

  /** Rendezvous hashing with bounded loads: a host that comes or goes moves few partitions between the others, and
   *  none has more than one above another, or a host that was started to help might get nothing to do. */
  owners(partitions: number): string[] {
    const hosts = this.newest()
    if (hosts.length === 0) return []
    const least = Math.floor(partitions / hosts.length)
    let extras = partitions % hosts.length
    const held = new Map(hosts.map(host => [host, 0]))
    return Array.from({ length: partitions }, (_, partition) => {
      const mayTake = (host: string) => held.get(host)! < least || (held.get(host) === least && extras > 0)
      const owner = heaviest(partition, hosts.filter(mayTake))
      if (held.get(owner) === least) extras -= 1
      held.set(owner, held.get(owner)! + 1)
      return owner
    })
  }

  /** Whether another host holds it. */
  isHeld(partition: number, host: string): boolean {
    return [...this.#live.values()].some(
      other => other.host !== host && [...other.partitions, ...(other.leaving ?? [])].includes(partition),
    )
  }

  partitionsOf(host: string, partitions: number): number[] {
    return this.owners(partitions).flatMap((owner, partition) => (owner === host ? [partition] : []))
  }
}

function heaviest(partition: number, hosts: string[]): string {
  let owner = ''
  let best = -1
  for (const host of hosts) {
    const weight = hash(`${partition}/${host}`)
    if (weight > best || (weight === best && host < owner)) {
      owner = host
      best = weight
    }
  }
  return owner
}

/** @returns undefined for a payload that is no presence: a cleared one, or a foreign client's */
export function parsePresence(payload: Buffer): Presence | undefined {
  if (payload.length === 0) return undefined
  try {
    const presence = JSON.parse(payload.toString()) as Presence
    const { v, generation, partitions, leaving = [] } = presence
    const isOne = typeof generation === 'number' && Array.isArray(partitions) && Array.isArray(leaving)
    return v === 1 && isOne ? presence : undefined
  } catch {
    return undefined
  }
}
