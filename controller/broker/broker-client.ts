import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import { connectAsync, type MqttClient } from 'mqtt'
import { type CursorDocument, emptyCursor, parseCursor } from '../../runtime/cursor.ts'
import { dismissal } from '../../runtime/presence.ts'
import { againMs } from '../../runtime/retained-topics.ts'
import { Problem } from '../../schema/problem.ts'
import { intakeSessionId, keepsState, partitionNames, sessionId, topics } from '../../schema/topics.ts'
import { type NextCut, subscriptionsByBroker, subscriptionsOf, type Wiring } from '../../schema/wiring.ts'
import { discardSession, openSession, options } from './durable-session.ts'
import { FlowView } from './flow-view.ts'
import { readRetained } from './read-retained.ts'
import { whileConnected } from './while-connected.ts'

export interface BrokerListener {
  /** A flow's wiring or presences are not what they were. */
  onChange(flow: string): void
  /** The connection came or went. */
  onConnection(connected: boolean): void
}

/** The controller's side of the broker. Reconnects by itself, and then sees again what is retained. */
export class BrokerClient {
  readonly url: string
  /** Of brokers of zones, by zone. */
  readonly zones: Readonly<Record<string, string>>
  #client: MqttClient
  #views = new Map<string, FlowView>()
  #listener: BrokerListener

  /** @throws Problem when the broker can't be reached now */
  static async connect(
    url: string,
    listener: BrokerListener,
    zones: Readonly<Record<string, string>> = {},
  ): Promise<BrokerClient> {
    try {
      const client = await connectAsync(
        url,
        { ...options, clientId: `dyninka-controller-${randomUUID()}` },
        false,
      )
      return new BrokerClient(url, client, listener, zones)
    } catch (error) {
      throw new Problem(
        'BrokerUnreachable',
        `cannot connect to the broker at ${withoutCredentials(url)}: ${said(error)}`,
        { cause: error, hint: hintFor(error) },
      )
    }
  }

  private constructor(
    url: string,
    client: MqttClient,
    listener: BrokerListener,
    zones: Readonly<Record<string, string>>,
  ) {
    this.url = url
    this.zones = zones
    this.#client = client
    this.#listener = listener
    sendAtOnce(client)
    client.on('connect', () => {
      sendAtOnce(client)
      for (const view of this.#views.values()) this.#synchronise(view)
      listener.onConnection(true)
    })
    client.on('close', () => listener.onConnection(false))
    client.on('error', () => {}) // `close` follows, and a reconnect
    client.on('message', (topic, payload, { retain }) =>
      this.#views.get(topic.split('/')[1]!)?.take(topic, payload, retain),
    )
  }

  get connected() {
    return this.#client.connected
  }

  /** What the broker retains of a flow, kept up to date. Resolves when it is complete.
   *  @param wired nodes that the broker should know a wiring of */
  async watch(flow: string, wired?: Iterable<string>): Promise<FlowView> {
    let view = this.#views.get(flow)
    if (!view) {
      view = new FlowView(flow, () => this.#listener.onChange(flow))
      this.#views.set(flow, view)
      if (wired) view.expect(wired)
      this.#synchronise(view)
    } else if (wired) view.expect(wired)
    await view.synchronised
    return view
  }

  async forget(flow: string): Promise<void> {
    if (!this.#views.delete(flow)) return
    await this.#client.unsubscribeAsync(FlowView.filters(flow)).catch(() => {})
  }

  publishWiring(flow: string, node: string, wiring: Wiring): Promise<void> {
    const send = (payload: string) => this.publish(topics.wiring(flow, node), payload, true)
    return this.#views.get(flow)?.publish(node, wiring, send) ?? send(JSON.stringify(wiring))
  }

  /** @throws Problem when the broker doesn't take it over */
  async publish(topic: string, payload: string | Buffer, retain: boolean): Promise<void> {
    if (!this.connected)
      throw new Problem('BrokerUnreachable', `not connected to the broker at ${withoutCredentials(this.url)}`)
    await this.#client.publishAsync(topic, payload, { qos: 1, retain })
  }

  /** Asks a host to leave: what it would be told by who started it, were that one there. Not retained: who is away does no
   *  harm, and is asked again when it is back. */
  dismiss(flow: string, node: string, host: string): Promise<void> {
    return this.publish(topics.host(flow, node, host), dismissal, false)
  }

  /** Of a host that is gone, and could not say so. One that is still there says at once that it is. */
  clear(flow: string, node: string, host: string): Promise<void> {
    return this.publish(topics.host(flow, node, host), '', true)
  }

  /** Removes sessions with all that they hold; with `everything`, all that is retained of the node too. */
  async discard(
    flow: string,
    node: string,
    {
      partitions,
      everything,
      ofKeys,
      brokers = [],
    }: { partitions: string[]; everything: boolean; ofKeys?: boolean; brokers?: string[] },
  ): Promise<void> {
    for (const broker of brokers) await this.leave(flow, node, { partitions, broker })
    await each(partitions, partition => discardSession(this.url, sessionId(flow, node, partition)))
    const spec = this.#views.get(flow)?.wirings.get(node)?.source?.spec
    if (everything && spec?.type === 'mqtt') {
      // Where a source reads a broker that is gone, there is nothing left to discard.
      await discardSession(spec.broker ?? this.url, intakeSessionId(flow, node)).catch(() => {})
    }
    if (!everything) {
      const left = partitions.flatMap(partition => leftBy(flow, node, partition))
      await Promise.all(left.map(topic => this.publish(topic, '', true)))
    }
    const filters = everything
      ? [`dyninka/${flow}/+/${node}/#`]
      : partitions.filter(keepsState).map(partition => topics.states(flow, node, partition))
    if (ofKeys) filters.push(topics.states(flow, node, 'k'))
    if (filters.length === 0) return
    for (const topic of (await this.readRetained(filters)).keys()) await this.publish(topic, '', true)
  }

  /** Ends sessions on the broker of a zone; one that is not known any more is past. */
  async leave(
    flow: string,
    node: string,
    { partitions, broker }: { partitions: string[]; broker: string },
  ): Promise<void> {
    const url = this.zones[broker]
    if (url === undefined) return
    await each(partitions, partition => discardSession(url, sessionId(flow, node, partition))).catch(
      error => {
        throw away(broker, error)
      },
    )
  }

  /** Opens the sessions of partitions to come, with nothing in them: they keep what is sent to them from now on. A host that
   *  knows partitions of these names from before does not take them up: it finds another round.
   *  @param round of the cut to come @param brokers zones on whose broker there may be sessions of these names */
  async prepare(
    flow: string,
    node: string,
    next: NextCut,
    { round, brokers = [], unordered }: { round: number; brokers?: string[] } & Pick<Wiring, 'unordered'>,
  ): Promise<void> {
    const names = partitionNames(next)
    await this.discard(flow, node, { partitions: names, everything: false, brokers })
    const payload = JSON.stringify({ ...emptyCursor(), round } satisfies CursorDocument)
    await each(names, async (name, partition) => {
      const place = { flow, node, partition, name }
      const clientId = sessionId(flow, node, name)
      const topic = topics.credit(flow, node, name)
      await openSession(this.url, clientId, subscriptionsOf(place, { ...next, unordered }), {
        topic,
        payload,
      })
      for (const [broker, filters] of Object.entries(subscriptionsByBroker(place, next)))
        await openSession(this.#urlOf(broker), clientId, filters).catch(error => {
          throw away(broker, error)
        })
    })
  }

  #urlOf(broker: string): string {
    const url = this.zones[broker]
    if (url !== undefined) return url
    throw new Problem('BrokerUnknown', `there is no broker of zone ${broker}, which is wired`, {
      hint: `Declare it: --zone-broker ${broker}=URL, or in spec.broker.zones.`,
    })
  }

  /** The last cursor of every partition of this wiring. @returns undefined when not all have come to its end */
  async ended(flow: string, node: string, wiring: Wiring): Promise<CursorDocument[] | undefined> {
    const found = await this.readRetained([topics.credits(flow, node)])
    const cursors: CursorDocument[] = []
    for (const name of partitionNames(wiring)) {
      const payload = found.get(topics.credit(flow, node, name))
      if (!payload) return undefined
      const cursor = parseCursor(payload)
      if (!cursor.ended || (cursor.round ?? 0) !== (wiring.round ?? 0)) return undefined
      cursors.push(cursor)
    }
    return cursors
  }

  /** Leaves partitions as owners would have that have finished what these cursors say, with this wiring in effect. */
  async begin(
    flow: string,
    node: string,
    wiring: Wiring,
    cursors: Record<string, CursorDocument>,
  ): Promise<void> {
    await each(Object.entries(cursors), async ([name, cursor]) => {
      await this.publish(topics.effect(flow, node, name), JSON.stringify(wiring), true)
      await this.publish(topics.credit(flow, node, name), JSON.stringify(cursor), true)
    })
  }

  /** Everything retained under the filters, by topic. */
  async readRetained(filters: string[]): Promise<Map<string, Buffer>> {
    const client = await this.dedicated()
    try {
      return await whileConnected(client, () => readRetained(client, filters))
    } finally {
      await client.endAsync(true)
    }
  }

  /** A connection for one purpose, which a slow reader can't disturb ours through. To be ended by the caller. */
  async dedicated(url = this.url): Promise<MqttClient> {
    const clientId = `dyninka-reader-${randomUUID()}`
    // Without `false` it waits for another attempt, which does not come, where what takes its call hangs up.
    const client = await connectAsync(url, { ...options, reconnectPeriod: 0, clientId }, false)
    sendAtOnce(client)
    return client
  }

  async close(): Promise<void> {
    this.#client.removeAllListeners('close')
    await this.#client.endAsync(true)
  }

  #synchronise(view: FlowView) {
    view.synchronise(async () => {
      await this.#client.subscribeAsync(FlowView.filters(view.flow), { qos: 1 })
      for (const ms of againMs) setTimeout(() => this.#lookAgain(view).catch(() => {}), ms).unref()
    })
  }

  /** See `RetainedTopics`. On a connection of its own: what is retained is much, and would push what is new out of a
   *  queue of the broker. */
  async #lookAgain(view: FlowView) {
    if (this.#views.get(view.flow) !== view) return
    const found = await this.readRetained(FlowView.retained(view.flow))
    for (const [topic, payload] of found) view.take(topic, payload, true)
  }
}

const sendAtOnce = (client: MqttClient) => (client.stream as unknown as Partial<Socket>).setNoDelay?.(true)

/** There may be hundreds of partitions: some at a time. */
async function each<T>(items: T[], work: (item: T, position: number) => Promise<void>): Promise<void> {
  const atOnce = 16
  for (let start = 0; start < items.length; start += atOnce)
    await Promise.all(items.slice(start, start + atOnce).map((item, i) => work(item, start + i)))
}

/** What the owners of a partition retain, but for state and dead letters. */
const leftBy = (flow: string, node: string, partition: string) => [
  topics.credit(flow, node, partition),
  topics.fence(flow, node, partition),
  topics.effect(flow, node, partition),
]

const away = (zone: string, cause: unknown) =>
  new Problem('BrokerUnreachable', `the broker of zone ${zone} does not answer: ${said(cause)}`, {
    cause,
    hint: 'It is tried again; what goes by other brokers goes on.',
  })

/** @param error of mqtt.js: with a code of CONNACK (4 for a wrong user or password, 5 for one without the right), with one
 *  of the system, or with none, where what came is no answer */
function hintFor(error: unknown): string {
  const { code } = error as { code?: unknown }
  if ([4, 5].includes(Number(code))) return 'Put user and password in the URL: mqtt://USER:PASSWORD@HOST.'
  if (code === undefined)
    return 'Look at host and port: what listens there does not answer as a broker does, on 1883 or, with mqtts://, 8883.'
  return 'Start it, or leave --broker out for the embedded one.'
}

const said = (error: unknown) =>
  (error as Error).message || (error as NodeJS.ErrnoException).code || 'no answer'

export function withoutCredentials(url: string): string {
  const { protocol, host } = new URL(url)
  return `${protocol}//${host}`
}
