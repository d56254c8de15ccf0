import { connectAsync, type MqttClient } from 'mqtt'
import * as assert from 'uvu/assert'
import { resources } from '../../../controller/kubernetes/resource.ts'
import { hostProcesses } from '../../../controller/orchestrator/local/processes.ts'
import { until } from '../../support/controlled.ts'
import { Stage } from './stage.ts'

export const zonedFlow = `apiVersion: dyninka.dev/v1
name: zoned
sources:
  in: { mqtt: zoned/in, placement: { zone: edge } }
functions:
  filter: { code: filter.ts, from: in, placement: { zone: edge } }
sinks:
  out: { from: filter, mqtt: zoned/out }
`
const filter =
  'export default (value: any): { n: number } | undefined => (value.n % 10 === 0 ? value : undefined)\n'
/** As hosts have them, which are processes of this machine. */
export const virtualNodes = [
  { name: 'gateway', zone: 'edge', arch: 'amd64', labels: {} },
  { name: 'server', zone: 'cloud', arch: 'amd64', labels: {} },
]

/** As the cluster knows it, with no machine behind. */
export const clusterNode = (name: string, zone: string) => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name, labels: { 'topology.kubernetes.io/zone': zone } },
})

export const waitMs = 90_000

/** A Dataflow on an API server without nodes, whose function is decided to be in the zone `edge`, and what passes it. Of ten
 *  records it lets one through. */
export class ZonedDataflow {
  readonly stage: Stage
  heard: number[] = []
  sent = 0
  #client: MqttClient

  static async open(): Promise<ZonedDataflow> {
    const stage = await Stage.open()
    await stage.api.apply(clusterNode('server', 'cloud'))
    await stage.repository.publish({ 'dataflow.yaml': zonedFlow, 'filter.ts': filter }, stage.url)
    const client = await connectAsync(stage.broker.url)
    const zoned = new ZonedDataflow(stage, client)
    await zoned.replica()
    client.on('message', (_, payload) => zoned.heard.push(JSON.parse(payload.toString()).n))
    await client.subscribeAsync('zoned/out', { qos: 1 })
    return zoned
  }

  private constructor(stage: Stage, client: MqttClient) {
    this.stage = stage
    this.#client = client
  }

  /** One more controller. */
  replica = () => this.stage.replica({ nodes: virtualNodes, leaseMs: 3_000 })

  apply(...zones: { zone: string; url?: string; secretRef?: { name: string } }[]): Promise<void> {
    const { url } = this.stage.broker
    return this.stage.apply('zoned', { broker: { url, ...(zones.length > 0 && { zones }) } })
  }

  async state(): Promise<string[] | undefined> {
    const { zoneBrokers } = (await this.stage.get('zoned'))?.status ?? {}
    return zoneBrokers?.map(({ zone, url, state }) => `${zone} ${url} ${state}`)
  }

  /** Waits until brokers of zones are as told. */
  async stated(...wanted: string[]): Promise<void> {
    let last: string[] | undefined
    await until(
      `brokers are ${wanted}`,
      async () => {
        last = await this.state()
        return (last ?? []).join() === wanted.join()
      },
      () => JSON.stringify(last),
      waitMs,
    )
  }

  async publish(n: number): Promise<void> {
    await this.#client.publishAsync('zoned/in', JSON.stringify({ n }), { qos: 1 })
  }

  /** Waits until all that was sent is through, once and in order. */
  async through(): Promise<void> {
    const expected = Array.from({ length: this.sent / 10 }, (_, i) => i * 10)
    await until(
      'all are through',
      () => this.heard.length >= expected.length,
      () => JSON.stringify(this.heard),
      waitMs,
    )
    assert.equal(this.heard, expected)
  }

  async send(records = 50): Promise<void> {
    for (let i = 0; i < records; i++) await this.publish(this.sent++)
    await this.through()
  }

  /** Processes of the function. */
  filters = () =>
    hostProcesses(`--record=${this.stage.hosts}/`).filter(({ record }) => record.includes('filter'))

  /** Secrets with what was told of brokers. */
  async kept(): Promise<string[]> {
    const { items } = await this.stage.client.list(resources.Secret, { namespace: 'default' })
    return items.map(({ metadata }) => metadata.name).filter(name => /zone-brokers|accounts/.test(name))
  }

  async close(): Promise<void> {
    await this.#client.endAsync(true)
    await this.stage.close()
  }
}
