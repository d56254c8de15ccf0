import { Problem } from '../../../schema/problem.ts'
import { withoutCredentials } from '../../broker/broker-client.ts'
import { checkBrokerUrl } from '../../broker/broker-url.ts'
import { succession } from '../../broker/succession.ts'
import { ofZone } from '../../broker/zone-brokers.ts'
import type { KubernetesClient } from '../../kubernetes/client.ts'
import { resources } from '../../kubernetes/resource.ts'
import { defaultZoneKey } from '../../orchestrator/kubernetes/affinity.ts'
import { declaredNodes } from '../../orchestrator/kubernetes/cluster-nodes.ts'
import type { ClusterNode } from '../../orchestrator/kubernetes/objects.ts'
import { digestOf } from '../../secrets.ts'
import { type ManagedBrokerOptions, notManaged } from '../broker-access.ts'
import type { BrokerChecks } from '../broker-checks.ts'
import type { Credentials } from '../credentials.ts'
import { lostWithNode } from '../managed-broker/lost-node.ts'
import { removeBroker, runBroker } from '../managed-broker/managed-broker.ts'
import { accountsName, brokerName } from '../managed-broker/manifests.ts'
import type { DataflowResource } from '../resource.ts'
import {
  isManaged,
  isSameBroker,
  type KeptZoneBroker,
  KeptZoneBrokers,
  type ZoneBroker,
} from './kept-zone-brokers.ts'

/** The brokers of zones of one Dataflow. */
export interface ZoneAccess {
  /** By zone: with which the controller connects. */
  urls: Readonly<Record<string, string>>
  /** By zone whose broker is managed: from which passwords of functions follow. */
  keys: Readonly<Record<string, string>>
  /** Zones whose broker edges may go by. */
  offered: string[]
  /** Zones whose broker is given up, once nothing goes by it. */
  leaving: string[]
  /** Of what hosts are told. */
  digest: string
}

export interface ZoneAccessOptions {
  client: KubernetesClient
  resource: DataflowResource
  credentials: Pick<Credentials, 'zoneUrls'>
  /** Without it, no brokers are run. */
  managedBroker?: ManagedBrokerOptions
  checks: Pick<BrokerChecks, 'check'>
  /** Zones of brokers that something may still go by. */
  inUse: Iterable<string>
  salt: Uint8Array
  signal: AbortSignal
  /** The Dataflow is on its way out: those that there were are needed, and no other. */
  isLeaving?: boolean
}

/** Takes up the brokers that a Dataflow names for zones, and keeps those that something may still go by. One that is taken
 *  up has to be fit; one that was before may be away. @returns undefined where there is none @throws Problem, which names
 *  the zone */
export async function openZoneBrokers(options: ZoneAccessOptions): Promise<ZoneAccess | undefined> {
  const { client, resource, credentials, salt, signal, isLeaving = false } = options
  const kept = new KeptZoneBrokers(client, resource, signal)
  const before = await kept.read()
  const declared = isLeaving ? {} : declaredIn(resource, credentials.zoneUrls)
  if (Object.keys({ ...before, ...declared }).length === 0) return undefined
  const inUse = isLeaving ? Object.keys(before) : options.inUse
  const { known, offered, leaving } = succession<KeptZoneBroker>(before, declared, inUse, isSameBroker)
  const fresh = offered.filter(zone => isFresh(before[zone], known[zone]!))
  await checkZones(fresh, options)
  for (const [zone, broker] of Object.entries(before))
    if (isManaged(broker) && !(known[zone] && isManaged(known[zone])))
      await removeBroker(client, resource, signal, zone)
  // Those that are run now must not be forgotten before they are fit.
  const noted = (zone: string) => ({ ...known[zone]!, ...(fresh.includes(zone) && { isNew: true as const }) })
  await kept.write(Object.fromEntries(Object.keys(known).map(zone => [zone, noted(zone)])))
  const ways = await Promise.all(
    Object.entries(known).map(async ([zone, broker]) => [zone, await wayTo(zone, broker, options)] as const),
  )
  const urls = Object.fromEntries(ways.map(([zone, { url }]) => [zone, url]))
  await Promise.all(fresh.map(zone => check(zone, known[zone]!, urls[zone]!, options)))
  await kept.write(known)
  if (Object.keys(known).length === 0) {
    if (!resource.spec.broker.managed) await removeAccounts(client, resource, signal)
    return undefined
  }
  const told = ways.map(([zone, { url, key }]) => [zone, key === undefined ? url : withoutCredentials(url)])
  return {
    urls,
    keys: Object.fromEntries(ways.flatMap(([zone, { key }]) => (key === undefined ? [] : [[zone, key]]))),
    offered: offered.toSorted(),
    leaving,
    digest: digestOf(salt, JSON.stringify(told.toSorted())),
  }
}

/** Removes those that were run, and all that is kept of the others. */
export async function removeZoneBrokers(
  client: KubernetesClient,
  resource: DataflowResource,
  signal: AbortSignal,
): Promise<void> {
  const kept = new KeptZoneBrokers(client, resource, signal)
  for (const [zone, broker] of Object.entries(await kept.read()))
    if (isManaged(broker)) await removeBroker(client, resource, signal, zone)
  await kept.remove()
  await removeAccounts(client, resource, signal)
}

const removeAccounts = (
  client: KubernetesClient,
  { metadata: { name, namespace } }: DataflowResource,
  signal: AbortSignal,
) => client.delete(resources.Secret, { name: accountsName(name), namespace: namespace!, signal })

function declaredIn(
  { spec }: DataflowResource,
  zoneUrls: Readonly<Record<string, string>> = {},
): Record<string, ZoneBroker> {
  const each = (spec.broker.zones ?? []).map(({ zone, url, managed }) => [
    zone,
    managed ? { managed } : { url: urlOf(zone, url ?? zoneUrls[zone]!) },
  ])
  return Object.fromEntries(each)
}

function urlOf(zone: string, url: string): string {
  try {
    checkBrokerUrl(url)
    return url
  } catch (error) {
    throw ofZone(zone, error)
  }
}

const isFresh = (before: KeptZoneBroker | undefined, now: ZoneBroker) =>
  before === undefined ||
  before.isNew === true ||
  !isSameBroker(before, now) ||
  (!isManaged(before) && !isManaged(now) && before.url !== now.url)

/** A zone whose nodes are away for now keeps its broker. */
async function checkZones(fresh: string[], { client, resource, signal }: ZoneAccessOptions): Promise<void> {
  if (fresh.length === 0) return
  const { items } = await client.list<ClusterNode>(resources.Node, { signal })
  const { zoneKey = defaultZoneKey } = resource.spec.placement ?? {}
  const nodes = declaredNodes(items, resource.spec.placement)
  const zones = [...new Set(nodes.flatMap(({ zone }) => zone ?? []))].toSorted()
  const unknown = fresh.filter(zone => !zones.includes(zone))
  if (unknown.length === 0) return
  const each = unknown.map(zone => `there is no node in the zone ${zone}, which is to have a broker`)
  throw new Problem('ZoneUnknown', each.join('; '), {
    disposition: 'waiting',
    subject: unknown.join(),
    hint:
      zones.length === 0
        ? `No node has the label ${zoneKey}: give it to them, or name another one in spec.placement.zoneKey.`
        : `There ${zones.length === 1 ? 'is' : 'are'} ${zones.join(', ')}, by the label ${zoneKey} of nodes.`,
  })
}

async function wayTo(
  zone: string,
  broker: ZoneBroker,
  { client, resource, managedBroker, signal }: ZoneAccessOptions,
): Promise<{ url: string; key?: string }> {
  if (!isManaged(broker)) return { url: broker.url }
  if (!managedBroker) throw ofZone(zone, notManaged())
  const key = resource.spec.placement?.zoneKey ?? defaultZoneKey
  const place = { name: zone, key }
  const { managed } = broker
  return runBroker({ ...managedBroker, client, resource, managed, zone: place, signal }).catch(error => {
    throw ofZone(zone, error)
  })
}

async function check(
  zone: string,
  broker: ZoneBroker,
  url: string,
  { client, resource, checks, signal }: ZoneAccessOptions,
): Promise<void> {
  try {
    await checks.check(url, { withZones: true })
  } catch (error) {
    if (!isManaged(broker) || (error instanceof Problem && error.reason === 'BrokerUnfit'))
      throw ofZone(zone, error)
    const lost = await lostWithNode(client, resource, signal, zone).catch(() => undefined)
    throw ofZone(zone, lost ?? starting(brokerName(resource.metadata.name, zone), error))
  }
}

/** @param name of a managed broker that does not answer yet */
export const starting = (name: string, cause: unknown) =>
  new Problem('BrokerStarting', `its broker does not answer yet: ${(cause as Error).message}`, {
    hint: `If it takes long, see \`kubectl describe pod ${name}-0\`: it may have no volume, no node, or no image.`,
    cause,
  })
