import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Hosting, type HostingOptions } from '../../runtime/hosting.ts'
import type { Handlers } from '../../runtime/invoke.ts'
import { logger, silent } from '../../runtime/log.ts'
import type { Connection, ConnectOptions, Transport } from '../../runtime/transport.ts'
import { wireTransport } from '../../runtime/wire-transport.ts'
import type {
  Flow,
  FunctionNode,
  Input,
  SinkNode,
  SinkSpec,
  SourceNode,
  SourceSpec,
} from '../../schema/flow.ts'
import { topics } from '../../schema/topics.ts'
import { wiringOf } from '../../schema/wiring.ts'
import { type Link, link } from './link.ts'

const retry = { attempts: 2, backoffMs: 5, timeoutMs: 2_000, order: 'strict' as const }
const input = (from: string): Input => {
  const [node, output = 'default'] = from.split('.')
  return { node: node!, output }
}

export const source = (name: string, spec: SourceSpec, more: Partial<SourceNode> = {}): SourceNode => ({
  kind: 'source',
  name,
  from: [],
  spec,
  overflow: 'block',
  placement: {},
  ...more,
})
export const fn = (name: string, from: string[], more: Partial<FunctionNode> = {}): FunctionNode => ({
  kind: 'function',
  name,
  code: `${name}.ts`,
  from: from.map(input),
  scale: { min: 1, max: 1 },
  concurrency: 1,
  retry,
  env: {},
  secrets: [],
  resources: {},
  placement: {},
  ...more,
})
export const sink = (name: string, from: string[], spec: SinkSpec): SinkNode => ({
  kind: 'sink',
  name,
  from: from.map(input),
  spec,
  retry,
  placement: {},
})

/** A function alone, or with its timer. */
export type Handler = Handlers['default'] | Handlers

interface RigHost {
  hosting: Hosting
  link: Link
  /** To brokers of zones. */
  zoneLinks: Record<string, Link>
}

/** A dataflow whose hosts run in this process, each behind a link of its own to a real broker. */
export class Rig {
  readonly flow: Flow
  /** URL of the broker of a zone with the account of a node, where it asks for one. */
  accountOf?: (zone: string, node: string) => string
  /** See `Wiring.unordered`. */
  unordered = false
  /** What hosts use instead of the transport to the dataflow's broker. */
  through = (transport: Transport): Transport => transport
  #url: string
  #handlers: Record<string, Handler>
  #limits: Pick<HostingOptions, 'stateBytes' | 'figuresMs'>
  #hosts = new Map<string, RigHost>()
  #zones: Record<string, string>
  #revision = 1
  #generation = 1

  /** @param zones URLs of brokers of zones, by zone: what a node sends that is decided to be there goes by it */
  constructor(
    url: string,
    nodes: Flow['nodes'],
    handlers: Record<string, Handler>,
    limits: Pick<HostingOptions, 'stateBytes' | 'figuresMs'> = {},
    zones: Record<string, string> = {},
  ) {
    this.#zones = zones
    this.flow = { name: `t-${randomUUID().slice(0, 8)}`, nodes }
    this.#url = url
    this.#handlers = handlers
    this.#limits = limits
  }

  /** Publishes the wiring, and starts a host for every node. */
  async start(): Promise<this> {
    await this.wire()
    for (const node of [...this.flow.nodes].reverse()) await this.ready(await this.host(node.name))
    return this
  }

  async wire(revision = this.#revision) {
    this.#revision = revision
    const brokerOf = (producer: string) => {
      const zone = this.flow.nodes.find(({ name }) => name === producer)!.placement.zone
      return zone !== undefined && zone in this.#zones ? zone : undefined
    }
    for (const [node, content] of wiringOf(this.flow, brokerOf)) {
      const wiring = { ...content, revision, ...(this.unordered && { unordered: true }) }
      await this.publish(topics.wiring(this.flow.name, node), JSON.stringify(wiring), true)
    }
  }

  /** Starts one more host of a node. @returns its ID */
  async host(
    node: string,
    { generation = this.#generation, handler = this.#handlers[node] as Handler | undefined } = {},
  ): Promise<string> {
    const id = `${node}-${randomUUID().slice(0, 8)}`
    const wire = await link(this.#url)
    const zoneLinks: Record<string, Link> = {}
    for (const [zone, url] of Object.entries(this.#zones)) zoneLinks[zone] = await link(url)
    const hosting = new Hosting({
      flow: this.flow.name,
      node,
      presence: {
        v: 1,
        host: id,
        generation,
        artifact: 'sha256:test',
        node: 'test',
        pid: process.pid,
        startedAt: '',
      },
      transport: this.through(wireTransport(wire.url)),
      transportOf: zone => wireTransport(this.#urlFor(zoneLinks[zone]!.url, zone, node)),
      transportTo: wireTransport,
      env: {},
      log: process.env.DYNINKA_TEST_LOG ? logger({ host: id }) : silent,
      ...this.#limits,
      ...(handler && { handlers: typeof handler === 'function' ? { default: handler } : handler }),
    })
    this.#hosts.set(id, { hosting, link: wire, zoneLinks })
    await hosting.start()
    return id
  }

  #urlFor(link: string, zone: string, node: string): string {
    if (!this.accountOf) return link
    const { username, password } = new URL(this.accountOf(zone, node))
    return Object.assign(new URL(link), { username, password }).href
  }

  hosts = (node: string) => [...this.#hosts.keys()].filter(id => id.startsWith(`${node}-`))
  hosting = (id: string) => this.#hosts.get(id)!.hosting
  link = (id: string) => this.#hosts.get(id)!.link
  linkTo = (id: string, zone: string) => this.#hosts.get(id)!.zoneLinks[zone]!

  async ready(id: string) {
    await until(() => this.hosting(id).revision === this.#revision, `host ${id} to be ready`)
  }

  /** As `kill -9` would: nothing of it reaches the broker any more. */
  async kill(id: string) {
    const { hosting, link: wire, zoneLinks } = this.#hosts.get(id)!
    this.#hosts.delete(id)
    for (const one of [wire, ...Object.values(zoneLinks)]) one.cut()
    await hosting.stop(0)
    for (const one of [wire, ...Object.values(zoneLinks)]) await one.close()
  }

  /** As SIGTERM would. */
  async stop(id: string) {
    const { hosting, link: wire, zoneLinks } = this.#hosts.get(id)!
    this.#hosts.delete(id)
    await hosting.stop(2_000)
    for (const one of [wire, ...Object.values(zoneLinks)]) await one.close()
  }

  async publish(topic: string, payload: string | Buffer, retain = false) {
    const connection = await this.#client()
    await connection.publish(topic, payload, { retain })
  }

  /** Every message on a filter from now on. */
  async listen(filter: string, url = this.#url): Promise<{ topic: string; payload: Buffer }[]> {
    const heard: { topic: string; payload: Buffer }[] = []
    const connection = await this.#connect(message => {
      message.ack()
      if (message.payload.length > 0) heard.push(message)
    }, url)
    await connection.subscribe([filter], 1)
    return heard
  }

  /** Every message on a filter, those that clear included. */
  async watch(
    filter: string,
    onMessage: (message: { topic: string; payload: Buffer }) => void,
  ): Promise<Connection> {
    const connection = await this.#connect(message => {
      message.ack()
      onMessage(message)
    })
    await connection.subscribe([filter], 1)
    return connection
  }

  /** Whether the broker keeps a session. Ends it, and whoever holds it. */
  async hasSession(clientId: string, url = this.#url): Promise<boolean> {
    const connect = (clean: boolean) =>
      wireTransport(url).connect({ clientId, clean, onMessage() {}, onClose() {} })
    const session = await connect(false)
    await session.close()
    await (await connect(true)).close()
    return session.sessionPresent
  }

  /** Publishes through a new connection from now on: the broker has ended the one before. */
  async reconnect() {
    this.#shared = undefined
  }

  async close() {
    await Promise.all([...this.#hosts.keys()].map(id => this.kill(id)))
    for (const connection of await Promise.all(this.#clients)) await connection.close()
  }

  #clients: Promise<Connection>[] = []
  #shared: Promise<Connection> | undefined

  #client() {
    this.#shared ??= this.#connect(() => {})
    return this.#shared
  }

  #connect(onMessage: ConnectOptions['onMessage'], url = this.#url): Promise<Connection> {
    const connection = wireTransport(url).connect({
      clientId: `test-${randomUUID()}`,
      clean: true,
      onMessage,
      onClose() {},
    })
    this.#clients.push(connection)
    return connection
  }
}

export async function until(condition: () => boolean, what: string, timeoutMs = 10_000) {
  const end = Date.now() + timeoutMs
  while (!condition()) {
    if (Date.now() > end) throw new Error(`waited ${timeoutMs} ms for ${what}`)
    await sleep(5)
  }
}
