import { Problem } from '../../schema/problem.ts'
import { BrokerAccounts } from '../broker/accounts/accounts.ts'
import type { BrokerClient } from '../broker/broker-client.ts'
import { checkBrokerUrl } from '../broker/broker-url.ts'
import type { KubernetesClient } from '../kubernetes/client.ts'
import type { SecretKey } from '../orchestrator/kubernetes/options.ts'
import type { Credentials } from './credentials.ts'
import { accountKeyOf } from './managed-broker/cluster-accounts.ts'
import { lostWithNode, zoneOfBroker } from './managed-broker/lost-node.ts'
import { runBroker } from './managed-broker/managed-broker.ts'
import type { DataflowResource } from './resource.ts'

/** How brokers of Dataflows are run that have one of their own. */
export interface ManagedBrokerOptions {
  /** See `ManagedBrokerSpec`. */
  image: string
  imagePullSecrets?: string[]
  /** How its Service is called: by address where pods resolve no names. Default: by name. */
  addresses?: 'names' | 'ips'
}

export interface BrokerAccess {
  /** With user and password. */
  url: string
  /** Where pods of a node find a URL of their own; undefined where the URL is for all, and no secret. */
  secretOf(flow: string, node: string): SecretKey | undefined
  /** Of a managed broker: an account for each node. @param broker the connection with which they are made */
  accounts?(broker: Pick<BrokerClient, 'dedicated'>): BrokerAccounts
  /** Of a managed broker that does not answer: what its pod says of that, if anything. */
  trouble?(): Promise<Problem | undefined>
  /** Of a managed broker: the zone of the node that it runs on now. */
  zone?(): Promise<string | undefined>
}

/** The broker of a Dataflow; one that is managed is made here, and takes a while to answer. @throws Problem */
export async function brokerOf(
  resource: DataflowResource,
  { brokerUrl }: Pick<Credentials, 'brokerUrl'>,
  options: { client: KubernetesClient; managedBroker?: ManagedBrokerOptions; signal: AbortSignal },
): Promise<BrokerAccess> {
  const { broker } = resource.spec
  if (broker.managed) return managed(resource, options)
  const url = broker.url ?? brokerUrl!
  checkBrokerUrl(url)
  const { secretRef } = broker
  return { url, secretOf: () => secretRef && { name: secretRef.name, key: 'url' } }
}

async function managed(
  resource: DataflowResource,
  { client, managedBroker, signal }: Parameters<typeof brokerOf>[2],
): Promise<BrokerAccess> {
  if (!managedBroker) throw notManaged()
  const dataflow = resource.metadata.name
  const { managed = {} } = resource.spec.broker
  const { url, key } = await runBroker({ ...managedBroker, client, resource, managed, signal })
  return {
    url,
    secretOf: (flow, node) => accountKeyOf(dataflow, flow, node),
    accounts: broker => new BrokerAccounts(broker, url, key),
    // Who can't ask says what is known.
    trouble: () => lostWithNode(client, resource, signal).catch(() => undefined),
    zone: () => zoneOfBroker(client, resource, signal),
  }
}

export const notManaged = () =>
  new Problem('BrokerNotManaged', 'this controller has no image to run brokers with', {
    disposition: 'stalled',
    hint: 'Start it with --broker-image, or give the URL of a broker in spec.broker.',
  })
