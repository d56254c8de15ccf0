import type { Logger } from 'pino'
import type { BrokerAccounts, Wirings } from '../../broker/accounts/accounts.ts'
import type { ZoneWatch } from '../../broker/zone-watch.ts'
import type { KubernetesClient } from '../../kubernetes/client.ts'
import { resources } from '../../kubernetes/resource.ts'
import { accountsName, brokerLabels } from './manifests.ts'

/** How hosts reach the broker of a zone. */
export interface ZoneWay {
  /** Where it has no accounts for each node: for all. */
  url: string
  /** Of one that is managed. */
  accounts?: BrokerAccounts
}

interface ClusterAccountsOptions {
  client: Pick<KubernetesClient, 'apply'>
  /** On the dataflow's own broker, if that is managed. */
  accounts?: BrokerAccounts
  zones: Readonly<Record<string, ZoneWay>>
  watch?: Pick<ZoneWatch, 'answers'>
  /** Name of the Dataflow. */
  dataflow: string
  namespace: string
  signal: AbortSignal
  log: Logger
}

/** Where the pods of a node find the URL of the broker with their own account. */
export const accountKeyOf = (dataflow: string, flow: string, node: string) => ({
  name: accountsName(dataflow),
  key: `${flow}.${node}`,
})

/** Where they find those of brokers of zones, by zone, as JSON. */
export const zonesKeyOf = (dataflow: string, flow: string, node: string) => ({
  name: accountsName(dataflow),
  key: `${flow}.${node}.zones`,
})

/** Accounts on brokers, handed to pods in a Secret of which each sees its own keys alone. */
export class ClusterAccounts implements Pick<BrokerAccounts, 'grant'> {
  #options: ClusterAccountsOptions
  #written = ''

  constructor(options: ClusterAccountsOptions) {
    this.#options = options
  }

  async grant(flow: string, wirings: Wirings, settled: boolean): Promise<void> {
    const { client, accounts, zones, dataflow, namespace, signal } = this.#options
    await accounts?.grant(flow, wirings, settled)
    await Promise.all(Object.keys(zones).map(zone => this.#grantIn(zone, flow, wirings, settled)))
    // A pod that is started again reads the Secret again: so nothing goes from it before its node has gone.
    const nodes = Object.keys({ ...wirings.desired, ...wirings.observed }).toSorted()
    const entries = nodes.flatMap(node => [
      ...(accounts ? [[accountKeyOf(dataflow, flow, node).key, accounts.urlOf(flow, node)]] : []),
      ...(Object.keys(zones).length > 0
        ? [[zonesKeyOf(dataflow, flow, node).key, JSON.stringify(this.#urlsOf(flow, node))]]
        : []),
    ])
    const stringData = Object.fromEntries(entries) as Record<string, string>
    const text = JSON.stringify(stringData)
    if (text === this.#written) return
    const object = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: accountsName(dataflow), namespace, labels: brokerLabels(dataflow) },
      data: Object.fromEntries(
        Object.entries(stringData).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
      ),
    }
    await client.apply(resources.Secret, object, { force: true, signal })
    this.#written = text
  }

  /** The broker of this zone was away: what it has is looked at again. */
  forget(zone: string): void {
    this.#options.zones[zone]?.accounts?.forget()
  }

  #urlsOf(flow: string, node: string): Record<string, string> {
    const { zones } = this.#options
    return Object.fromEntries(
      Object.entries(zones).map(([zone, { url, accounts }]) => [zone, accounts?.urlOf(flow, node) ?? url]),
    )
  }

  /** One that is away must not keep the others from their work. Who has no account there yet, or not the right to
   *  subscribe, is refused, and tries again. */
  async #grantIn(zone: string, flow: string, wirings: Wirings, settled: boolean): Promise<void> {
    const { zones, watch, log } = this.#options
    const { accounts } = zones[zone]!
    if (!accounts || watch?.answers(zone) === false) return
    await accounts
      .grant(flow, wirings, settled)
      .catch(err => log.warn({ err, zone }, 'the broker of a zone could not be given its accounts'))
  }
}
