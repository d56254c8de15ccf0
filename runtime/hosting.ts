import { setTimeout as sleep } from 'node:timers/promises'
import { partitionName, partitionNames, topics } from '../schema/topics.ts'
import type { Wiring } from '../schema/wiring.ts'
import type { Logger } from './context.ts'
import { Counters } from './counters.ts'
import { Credits } from './credits.ts'
import { Handover } from './handover.ts'
import type { Feeds } from './inlet.ts'
import type { Handlers } from './invoke.ts'
import { Membership, parsePresence } from './membership.ts'
import { Outside } from './outside.ts'
import { Partition } from './partition.ts'
import { dismissal, type Presence } from './presence.ts'
import { readWiring } from './read-wiring.ts'
import { Reporting } from './reporting.ts'
import { RetainedTopics } from './retained-topics.ts'
import { Source } from './source.ts'
import { maxCachedBytes } from './state-cache.ts'
import type { Connection, Message, Transport } from './transport.ts'
import { type RunningUnit, Units } from './units.ts'

export interface HostingOptions {
  flow: string
  node: string
  presence: Omit<Presence, 'wiring' | 'partitions' | 'trouble'>
  transport: Transport
  /** To the broker of a zone, by the name that wirings call it. Absent: there is none. */
  transportOf?(broker: string): Transport
  /** For a source or sink that names a broker of its own. */
  transportTo(url: string): Transport
  /** Absent for sources and sinks. */
  handlers?: Handlers
  env: Record<string, string | undefined>
  log: Logger
  /** Address on which an HTTP source listens; `*` for all. */
  listen?: string
  /** Called once, when all partitions that are this host's own are held for the first time. */
  onReady?(): void
  /** Called when the controller wants it gone. */
  onDismissed?(): void
  /** Memory for values of state that the broker has, too. */
  stateBytes?: number
  /** Instead of what the wiring says, where a test is the outside of the graph. */
  outside?: Feeds & Pick<Outside, 'sinkFor' | 'close'> & Partial<Pick<Outside, 'roundTrip'>>
  /** Between two reports of figures. */
  figuresMs?: number
}

const announceMs = 1_000
const askMs = 10_000
const drainMs = 2_000
/** For who has a session at an edge of the graph: longer than it takes to let go. */
const patienceMs = 1.2 * drainMs

/** One host: announces itself, learns the wiring and who else is there, and runs the partitions that are its own. */
export class Hosting {
  #options: HostingOptions
  #counters = new Counters()
  #membership = new Membership()
  #handover = new Handover(patienceMs, () => this.#assign())
  #credits: Credits
  #units: Units
  #control: Connection | undefined
  #connecting = false
  #wiring: Wiring | undefined
  #announced = ''
  #present = false
  #ready = false
  #stopped = false
  #outside: NonNullable<HostingOptions['outside']>
  #announcing: NodeJS.Timeout | undefined
  #asking: NodeJS.Timeout | undefined
  #reporting: Reporting
  #complaints = new Set<string>()

  constructor(options: HostingOptions) {
    this.#options = options
    const { host } = options.presence
    const sent = (bytes: number) => this.#counters.figures.wentOut(bytes)
    this.#outside = options.outside ?? new Outside({ ...options, host, sent })
    this.#credits = new Credits(options.flow, (consumer, partition) =>
      this.#units.credit(consumer, partition),
    )
    this.#units = new Units({
      mayStart: name => this.#present && this.#mayTake(name),
      create: name => this.#create(name),
      log: options.log,
      onChange: () => this.#changed(),
    })
    this.#reporting = new Reporting({
      ...options,
      host,
      counters: this.#counters,
      outside: this.#outside,
      connection: () => this.#control,
      backlog: () => this.#units.backlog,
      storedBytes: () => this.#units.storedBytes,
    })
  }

  /** Revision of the wiring that is in effect everywhere here; 0 before the first. */
  get revision(): number {
    return this.#units.revision
  }

  /** Nothing is under way here, nor sent from here and not finished elsewhere. */
  get idle(): boolean {
    const { idle, backlog } = this.#units
    return idle && this.#counters.inFlight === 0 && Object.values(backlog).every(records => records === 0)
  }

  /** Keeps trying until the broker answers. */
  async start(): Promise<void> {
    await this.#connect()
    this.#announcing = setInterval(() => this.#announce(), announceMs)
    this.#asking = setInterval(() => this.#credits.again(this.#units.waitingFor), askMs)
    this.#reporting.start()
  }

  /** Finishes what is under way and leaves: others take over at once, or at the edges of the graph once it is finished. */
  async stop(timeoutMs: number): Promise<void> {
    this.#stopped = true
    clearInterval(this.#announcing)
    clearInterval(this.#asking)
    this.#handover.close()
    this.#reporting.pause()
    const { flow, node, presence } = this.#options
    const drain = () => this.#units.drain(timeoutMs)
    const leave = () =>
      this.#control?.publish(topics.host(flow, node, presence.host), '', { retain: true }).catch(() => {})
    for (const step of this.#isEdge ? [drain, leave] : [leave, drain]) await step()
    this.#reporting.leave()
    await this.#outside.close()
    await this.#control?.close()
  }

  /** Lets time pass for timers, in a test. */
  elapse(ms: number) {
    this.#units.elapse(ms)
  }

  /** One attempt after the other: two at once would take the connection from each other, for ever. */
  async #connect() {
    if (this.#connecting) return
    this.#connecting = true
    for (let waitMs = 50; !this.#stopped && !this.#control; waitMs = Math.min(2_000, waitMs * 2)) {
      try {
        await this.#open()
      } catch (error) {
        if (waitMs === 400)
          this.#options.log.warn('the broker cannot be reached', { error: (error as Error).message })
        await sleep(waitMs * (0.75 + Math.random() / 2))
      }
    }
    this.#connecting = false
  }

  async #open() {
    const { flow, node, presence, transport } = this.#options
    this.#membership = new Membership()
    this.#present = false
    this.#announced = ''
    const control: Connection = await transport.connect({
      clientId: `dyninka_${flow}_${node}_host_${presence.host}`,
      clean: true,
      will: { topic: topics.host(flow, node, presence.host), payload: '' },
      nudge: topics.nudge(flow),
      onMessage: message => {
        message.ack()
        if (this.#credits.hear(message)) return
        if (retained.isNews(message)) this.#hear(message)
      },
      onClose: () => {
        retained.close()
        if (this.#control === control) {
          this.#control = undefined
          this.#present = false
        }
        if (!this.#stopped) void this.#connect()
      },
    })
    this.#control = control
    this.#units.reset()
    const retained = new RetainedTopics(control)
    try {
      await retained.subscribe([topics.hosts(flow, node), topics.wiring(flow, node)], 1)
      await this.#credits.attach(retained)
    } catch (error) {
      void control.close()
      throw error
    }
    this.#announce()
  }

  #hear({ topic, payload }: Message) {
    const { flow, node, log } = this.#options
    if (topic === topics.wiring(flow, node)) {
      try {
        this.#rewire(readWiring(payload))
      } catch (error) {
        this.#counters.rejected += 1
        const { message } = error as Error
        if (this.#complaints.has(message)) return
        this.#complaints.add(message)
        log.error('the wiring cannot be read: the one before stays in effect', {
          error: message,
          hint: 'only dyninka may publish below dyninka/: check the access rules of the broker',
        })
      }
      return
    }
    const host = topic.slice(topic.lastIndexOf('/') + 1)
    const presence = parsePresence(payload)
    if (host === this.#options.presence.host) {
      if (payload.toString() === dismissal) return this.#options.onDismissed?.()
      // Cleared by the will of an earlier connection of ours: we are still here.
      if (!presence && this.#present && !this.#stopped) {
        this.#announced = ''
        this.#announce()
      }
      this.#present ||= presence !== undefined
    }
    if (this.#membership.set(host, presence)) this.#units.reset()
    this.#assign()
  }

  #rewire(wiring: Wiring | undefined) {
    // Partitions keep to the newest, and so must what they hear of credit.
    if (wiring && this.#wiring && wiring.revision < this.#wiring.revision) return
    this.#wiring = wiring
    this.#want()
    if (wiring) this.#units.rewire(wiring)
    this.#assign()
  }

  #own(): number[] {
    return this.#membership.partitionsOf(this.#options.presence.host, this.#wiring?.partitions ?? 0)
  }

  /** Runs what is ours, once the broker has shown us our own presence, and so the others' before it. */
  #assign() {
    if (!this.#present || this.#stopped) return
    const wiring = this.#wiring
    const own = this.#own()
    this.#handover.want(own)
    this.#units.run(
      own.map(partition => partitionName(partition, wiring!)),
      drainMs,
    )
  }

  /** A source, or a sink. */
  get #isEdge() {
    return this.#wiring !== undefined && this.#wiring.kind !== 'function'
  }

  #mayTake(name: string): boolean {
    const partition = partitionNames(this.#wiring!).indexOf(name)
    const isHeld = this.#isEdge && this.#membership.isHeld(partition, this.#options.presence.host)
    return this.#handover.mayTake(partition, isHeld)
  }

  /** Whoever had them before has let go of them, or lost them. */
  #tellReady() {
    if (this.#ready || !this.#present || this.#stopped) return
    const held = this.#held()
    if (!this.#own().every(partition => held.includes(partition))) return
    this.#ready = true
    this.#options.onReady?.()
  }

  /** Producers wait for what is in effect, which may come after what is wired already. */
  #want() {
    const wired = Object.values(this.#wiring?.outputs ?? {}).flat()
    this.#credits.want([...this.#units.streams, ...wired])
  }

  #changed() {
    this.#want()
    this.#announce()
    this.#tellReady()
  }

  #create(name: string): RunningUnit {
    const { flow, node, transport, transportOf, env, log, stateBytes = maxCachedBytes } = this.#options
    const wiring = this.#wiring!
    const { partitions, key } = wiring
    this.#counters.takeovers += 1
    const shared = {
      flow,
      node,
      partition: partitionNames(wiring).indexOf(name),
      cut: { partitions, key },
      name,
      transport,
      ...(transportOf && { transportOf }),
      wiring,
      log,
      counters: this.#counters,
      creditOf: this.#credits.creditOf,
      onChange: () => this.#changed(),
      onClosed: (error?: Error) => this.#units.closed(name, unit, error),
    }
    const { handlers } = this.#options
    const handlersOf = (next: Wiring) => handlers ?? { default: this.#outside.sinkFor(next).handler }
    const unit: RunningUnit =
      wiring.kind === 'source'
        ? new Source({ ...shared, feeds: this.#outside })
        : new Partition({ ...shared, env, handlersOf, stateBytes: () => stateBytes / this.#units.size })
    return unit
  }

  #held = () => this.#numbersOf(this.#units.partitions)

  /** Those of the newest cut. */
  #numbersOf(partitions: string[]): number[] {
    const names = this.#wiring ? partitionNames(this.#wiring) : []
    return partitions.map(name => names.indexOf(name)).filter(partition => partition >= 0)
  }

  /** Publishes the presence, if it has changed. */
  #announce() {
    if (!this.#control || this.#stopped) return
    const { flow, node } = this.#options
    const { trouble } = this.#units
    const leaving = this.#numbersOf(this.#units.leaving)
    const presence: Presence = {
      ...this.#options.presence,
      wiring: this.#units.revision,
      partitions: this.#held(),
      ...(leaving.length > 0 && { leaving }),
      ...(trouble !== undefined && { trouble }),
    }
    const text = JSON.stringify(presence)
    if (text === this.#announced) return
    this.#announced = text
    this.#control.publish(topics.host(flow, node, presence.host), text, { retain: true }).catch(() => {})
  }
}
