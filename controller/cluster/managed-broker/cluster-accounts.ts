import type { BrokerAccounts, Wirings } from '../../broker/accounts/accounts.ts'
import type { KubernetesClient } from '../../kubernetes/client.ts'
import { resources } from '../../kubernetes/resource.ts'
import { accountsName, brokerLabels } from './manifests.ts'

interface ClusterAccountsOptions {
  client: Pick<KubernetesClient, 'apply'>
  accounts: BrokerAccounts
  /** Name of the Dataflow. */
  dataflow: string
  namespace: string
  signal: AbortSignal
}

/** Where the pods of a node find the URL of the broker with their own account. */
export const accountKeyOf = (dataflow: string, flow: string, node: string) => ({
  name: accountsName(dataflow),
  key: `${flow}.${node}`,
})

/** Accounts on a broker, handed to pods in a Secret of which each sees its own key alone. */
export class ClusterAccounts implements Pick<BrokerAccounts, 'grant'> {
  #options: ClusterAccountsOptions
  #written = ''

  constructor(options: ClusterAccountsOptions) {
    this.#options = options
  }

  async grant(flow: string, wirings: Wirings, settled: boolean): Promise<void> {
    const { client, accounts, dataflow, namespace, signal } = this.#options
    await accounts.grant(flow, wirings, settled)
    // A pod that is started again reads the Secret again: so nothing goes from it before its node has gone.
    const nodes = Object.keys({ ...wirings.desired, ...wirings.observed }).toSorted()
    const entries = nodes.map(node => [`${flow}.${node}`, accounts.urlOf(flow, node)])
    const stringData = Object.fromEntries(entries) as Record<string, string>
    const text = JSON.stringify(stringData)
    if (text === this.#written) return
    const { name } = accountKeyOf(dataflow, flow, '')
    const object = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name, namespace, labels: brokerLabels(dataflow) },
      data: Object.fromEntries(
        Object.entries(stringData).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
      ),
    }
    await client.apply(resources.Secret, object, { force: true, signal })
    this.#written = text
  }
}
