import { Problem } from '../../../schema/problem.ts'
import { BrokerAccounts } from '../../broker/accounts/accounts.ts'
import { type BrokerClient, withoutCredentials } from '../../broker/broker-client.ts'
import { ZoneWatch } from '../../broker/zone-watch.ts'
import type { Inventory } from '../../inventory.ts'
import type { KubernetesClient } from '../../kubernetes/client.ts'
import type { ControllerEvent } from '../../options.ts'
import type { ZonesAccess } from '../../orchestrator/kubernetes/options.ts'
import { type ZoneWay, zonesKeyOf } from '../managed-broker/cluster-accounts.ts'
import { lostWithNode } from '../managed-broker/lost-node.ts'
import type { DataflowResource, ZoneBrokerStatus } from '../resource.ts'
import { openZoneBrokers, type ZoneAccess, type ZoneAccessOptions } from './zone-access.ts'

export interface FollowedZonesOptions extends ZoneAccessOptions {
  emit(event: ControllerEvent): void
  /** @param zone whose broker answers again, or does not any more */
  onChange(zone: string): void
}

/** What is said of brokers of zones. */
export interface ZoneFindings {
  zoneBrokers: ZoneBrokerStatus[]
  zoneTrouble?: Problem
}

/** The brokers of zones of one Dataflow, for as long as that is followed. */
export class FollowedZones {
  readonly urls: ZoneAccess['urls']
  readonly offered: string[]
  readonly digest: string
  readonly watch: ZoneWatch
  #access: ZoneAccess
  #client: KubernetesClient
  #resource: DataflowResource
  #signal: AbortSignal

  /** See `openZoneBrokers`. @returns undefined where there is none @throws Problem */
  static async open(options: FollowedZonesOptions): Promise<FollowedZones | undefined> {
    const access = await openZoneBrokers(options)
    if (!access) return undefined
    const { emit, onChange, resource } = options
    const flow = resource.metadata.name
    const watch = await ZoneWatch.open(access.urls, {
      onChange(zone, isAway) {
        const url = withoutCredentials(access.urls[zone]!)
        emit({ type: 'zone-broker', flow, zone, url, isAway })
        onChange(zone)
      },
    })
    return new FollowedZones(access, watch, options)
  }

  private constructor(
    access: ZoneAccess,
    watch: ZoneWatch,
    { client, resource, signal }: FollowedZonesOptions,
  ) {
    this.#access = access
    this.urls = access.urls
    this.offered = access.offered
    this.digest = access.digest
    this.watch = watch
    this.#client = client
    this.#resource = resource
    this.#signal = signal
  }

  /** How pods reach them. */
  get forPods(): ZonesAccess {
    const { name } = this.#resource.metadata
    return { urls: this.urls, secretOf: (flow, node) => zonesKeyOf(name, flow, node) }
  }

  /** By zone. @param broker with whose connections accounts are made */
  ways(broker: Pick<BrokerClient, 'dedicated'>): Record<string, ZoneWay> {
    const { keys } = this.#access
    const each = Object.entries(this.urls).map(([zone, url]): [string, ZoneWay] => {
      const key = keys[zone]
      if (key === undefined) return [zone, { url }]
      const accounts = new BrokerAccounts({ dedicated: () => broker.dedicated(url) }, url, key, zone)
      return [zone, { url, accounts }]
    })
    return Object.fromEntries(each)
  }

  /** Nothing goes any more by one that is to be given up: all of it is to be opened anew. */
  hasLeft(inventories: Pick<Inventory, 'brokers'>[]): boolean {
    const { leaving } = this.#access
    if (leaving.length === 0) return false
    const inUse = zonesInUse(inventories)
    return leaving.some(zone => !inUse.includes(zone))
  }

  async findings(): Promise<ZoneFindings> {
    const { leaving, keys } = this.#access
    const { away } = this.watch
    const zoneBrokers = Object.entries(this.urls)
      .map(([zone, url]) => ({
        zone,
        url: withoutCredentials(url),
        state: away.includes(zone) ? 'Away' : leaving.includes(zone) ? 'Leaving' : 'Used',
      }))
      .toSorted((a, b) => (a.zone < b.zone ? -1 : 1)) as ZoneBrokerStatus[]
    if (away.length === 0) return { zoneBrokers }
    const lost = await Promise.all(
      away.map(zone =>
        keys[zone] === undefined
          ? undefined
          : lostWithNode(this.#client, this.#resource, this.#signal, zone).catch(() => undefined),
      ),
    )
    const each = away.map(
      (zone, i) =>
        `zone ${zone}: ${lost[i]?.message ?? `${withoutCredentials(this.urls[zone]!)} does not answer`}`,
    )
    const first = lost.find(problem => problem !== undefined)
    const zoneTrouble = new Problem(
      first?.reason ?? 'BrokerUnreachable',
      `${each.join('; ')}; what goes by it waits, the rest goes on`,
      { hint: first?.hint ?? 'Start it, or correct its URL: it is tried again by itself.' },
    )
    return { zoneBrokers, zoneTrouble }
  }

  close(): Promise<void> {
    return this.watch.close()
  }
}

/** Zones of brokers that something may still go by. */
export const zonesInUse = (inventories: Pick<Inventory, 'brokers'>[]) => [
  ...new Set(inventories.flatMap(({ brokers = {} }) => Object.values(brokers).flat())),
]
