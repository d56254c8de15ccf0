import { keepsKeys, sessionId, topics } from '../schema/topics.ts'
import { brokersIn, subscriptionsOf, type Wiring } from '../schema/wiring.ts'
import { Admission } from './admission.ts'
import { Committer } from './committer.ts'
import { type Credit, type CursorDocument, Progress } from './cursor.ts'
import { Due } from './due.ts'
import type { Entry } from './entry.ts'
import { frameVersion } from './frame.ts'
import { HandlerLoop } from './handler-loop.ts'
import { Handling } from './handling.ts'
import { Holdings, resubscribe } from './holdings.ts'
import type { Session } from './inbox.ts'
import { type Inflight, isDone } from './inflight.ts'
import type { Handlers, InvokerOptions } from './invoke.ts'
import { Letters } from './letters.ts'
import { Outbox } from './outbox.ts'
import type { Place } from './place.ts'
import { Quiet } from './quiet.ts'
import { revisionIn } from './read-wiring.ts'
import { recover, restoreState } from './recovery.ts'
import { RetainedRead } from './retained.ts'
import { type Brokers, Sessions } from './sessions.ts'
import { Silence } from './silence.ts'
import { State } from './state.ts'
import type { Connection, Message } from './transport.ts'
import { Trial } from './trial.ts'

export interface PartitionOptions extends Brokers, Place, Pick<InvokerOptions, 'env' | 'log' | 'counters'> {
  /** Newest known wiring: used when the partition has none in effect. */
  wiring: Wiring
  /** What records are given to while this wiring is in effect. */
  handlersOf(wiring: Wiring): Handlers
  /** Memory for values of state that the broker has, too. */
  stateBytes(): number
  creditOf(consumer: string, partition: string): Credit | undefined
  /** Another wiring is in effect. */
  onChange(): void
  /** The connection is gone: by takeover, by the broker, or after an error. Not called after `drain`. */
  onClosed(error?: Error): void
}

/** Owner of one partition while its connection lives: reads frames, calls the handler, sends what it gives,
 *  commits, acknowledges. After any trouble it is thrown away, and a new one starts from the broker's session. */
export class Partition {
  #options: PartitionOptions
  #sessions: Sessions
  #holdings: Holdings
  /** To the dataflow's own broker. */
  #connection!: Connection
  #cursor!: CursorDocument
  #admission!: Admission
  #state: State
  #wiring: Wiring
  #newest: Wiring
  #outbox!: Outbox
  #committer!: Committer
  #letters!: Letters
  #due: Due | undefined
  #trial!: Trial
  #loop: HandlerLoop
  #stop = new AbortController()
  #inflight: Inflight[] = []
  #switching: { wiring: Wiring; message: Message } | undefined
  /** Of the messages that tell, once all have come, that what follows is new, and the session of each; see `Timers.mark`. */
  #marks = new Map<string, Session>()
  #silence = new Silence()
  /** `ended`: what was sent here is finished, and other partitions go on. It holds the session, and does nothing. */
  #phase: 'starting' | 'running' | 'draining' | 'ended' | 'closed' = 'starting'
  #quiet = new Quiet()

  constructor(options: PartitionOptions) {
    this.#options = options
    this.#wiring = options.wiring
    this.#newest = options.wiring
    this.#state = new State(options, options.stateBytes)
    const { flow, node, name } = options
    this.#sessions = new Sessions({
      ...options,
      clientId: sessionId(flow, node, name),
      nudge: topics.nudge(flow),
      mark: topics.mark(flow, node, name),
      isBarrier: message =>
        message.topic === topics.wiring(flow, node) && revisionIn(message.payload) > this.#wiring.revision,
      onBarrier: () => this.#loop.inbox.ends(),
      onMessage: (message, session) => this.#loop.push(message, session),
      onClose: error => this.#closed(error),
    })
    this.#holdings = new Holdings({ ...options, sessions: this.#sessions })
    this.#loop = new HandlerLoop({
      ...options,
      state: this.#state,
      inflight: this.#inflight,
      isOn: () => this.#phase === 'running' || this.#phase === 'draining',
      mayOpen: () => !this.#switching && this.#phase !== 'draining',
      isFull: () => this.#outbox.full,
      open: message => this.#open(message),
      save: () => this.#save(),
      onSettled: inflight => this.#settled(inflight),
      onFailed: error => this.#fail(error),
      onDry: () => this.#whenQuiet(),
    })
    this.#loop.inbox.merge(options.wiring.kind === 'sink') // its handler has no state
  }

  #save = () => this.#committer.save()

  /** Takes the sessions over. @throws when the broker refuses, or state cannot be restored */
  async start(): Promise<void> {
    await this.#sessions.await(brokersIn(this.#newest))
    const reading = new RetainedRead(this.#options.transport)
    await this.#takeOver(reading).finally(() => reading.close())
    this.#options.onChange()
    this.#loop.run()
  }

  async #takeOver(reading: RetainedRead) {
    this.#connection = await this.#sessions.open()
    try {
      await this.#recover(reading)
    } catch (error) {
      this.#phase = 'closed' // what ends the connection now is this error, and who called is to show it
      this.#stop.abort()
      await this.#sessions.close()
      throw error
    }
    if (this.#phase === 'starting') this.#phase = this.#cursor.ended ? 'ended' : 'running'
  }

  /** Revision of the wiring in effect; 0 while it is starting. */
  get revision() {
    return this.#phase === 'running' || this.#phase === 'ended' ? this.#wiring.revision : 0
  }

  /** By consumer: records sent and not finished there. */
  get backlog() {
    return this.#outbox?.backlog() ?? {}
  }

  get storedBytes() {
    return this.#state.storedBytes
  }

  /** Consumers that this partition waits for. */
  get waitingFor() {
    const silent = this.#inflight.length === 0 ? this.#silence.waitingFor : []
    return [...silent, ...this.#sessions.waitingFor, ...(this.#outbox?.waitingFor() ?? [])]
  }

  get streams() {
    return this.#outbox?.streams ?? []
  }

  credit(consumer: string, partition: string) {
    this.#outbox?.credit(consumer, partition)
  }

  /** No timer is on its way here, and no record waits for an attempt. */
  get idle() {
    return this.#due?.idle ?? true
  }

  /** Lets time pass for timers, in a test. */
  elapse(ms: number) {
    this.#due?.elapse(ms)
  }

  /** A newer wiring is on its way here, behind the records that came before it. Where the broker keeps no order among
   *  topics, it is not subscribed to (`subscriptionsOf`), and comes from here. */
  async rewire(wiring: Wiring): Promise<void> {
    this.#newest = wiring
    if (!this.#outbox || wiring.revision <= this.#wiring.revision) return
    this.#outbox.expect(wiring.outputs)
    if (!wiring.unordered) return
    const { flow, node } = this.#options
    const payload = Buffer.from(JSON.stringify(wiring))
    this.#sessions.hear({ topic: topics.wiring(flow, node), payload, retain: true, ack() {} })
  }

  /** Opens no more messages, finishes those under way, and lets go of the session. */
  async drain(timeoutMs: number): Promise<void> {
    if (this.#phase === 'running' && this.#inflight.length > 0) {
      this.#phase = 'draining'
      await this.#quiet.wait(timeoutMs)
      if (this.#trial.clear()) await this.#save().catch(() => {}) // it takes long, and nobody died of it
    }
    this.#end()
    await this.#sessions.close()
  }

  async #recover(reading: RetainedRead) {
    const { sessionPresent } = this.#connection
    const { cursor, wiring } = await recover({ ...this.#options, reading }, this.#connection, this.#newest)
    this.#cursor = cursor
    this.#wiring = wiring
    if (cursor.ended) return // others may have begun
    // Whoever had the partition before writes nothing any more before anything that it wrote is looked at.
    await this.#holdings.reach(wiring, cursor)
    await restoreState(this.#options, cursor, this.#state)
    this.#admission = new Admission(this.#options, cursor)
    this.#trial = new Trial(cursor)
    cursor.frames = frameVersion
    const shared = { ...this.#options, connection: this.#connection }
    this.#letters = new Letters(shared, cursor.letters)
    const onFailed = (error: Error) => this.#fail(error)
    this.#committer = new Committer({
      ...shared,
      cursor,
      state: this.#state,
      inflight: this.#inflight,
      onCommitted: batch => this.#committed(batch),
      onFailed,
    })
    this.#outbox = new Outbox({
      ...shared,
      connectionTo: broker => this.#sessions.to(broker),
      onProgress: () => {
        this.#committer.run()
        this.#loop.run()
      },
      turn: () => this.#turn(),
      onBehindAll: behindAll => {
        cursor.behindAll = behindAll
        this.#save().catch(() => {}) // the connection is gone
      },
    })
    if (sessionPresent) this.#outbox.inherit(wiring.outputs, cursor.behindAll)
    this.#due = new Due({ ...shared, cursor, save: this.#save, onFailed }, this.#state)
    await this.#use(this.#wiring, sessionPresent ? cursor.subscriptions : [])
    const { areSeveral } = this.#sessions
    const { retry, unordered } = this.#wiring
    if (sessionPresent && (areSeveral || retry.order === 'relaxed' || unordered))
      this.#marks = new Map([[await this.#due.mark(), undefined], ...(await this.#sessions.mark())])
    const isKnown = [...this.#marks.values()].includes(cursor.session)
    if (areSeveral) this.#loop.inbox.begin(isKnown ? cursor.session : undefined, isKnown)
    if (unordered && sessionPresent) this.#silence.begin()
    this.#sessions.ready()
  }

  /** Puts a wiring into effect: nothing may be in flight. @param held filters that the session has now */
  async #use(wiring: Wiring, held: string[]) {
    const { flow, node, name } = this.#options
    const wanted = subscriptionsOf(this.#options, wiring)
    await this.#holdings.reach(wiring, this.#cursor)
    if (this.#cursor.wiring !== wiring.revision || held.length === 0) {
      const effect = JSON.stringify(wiring)
      await this.#connection.publish(topics.effect(flow, node, name), effect, { retain: true })
    }
    await resubscribe(this.#connection, held, wanted)
    await this.#holdings.follow(wiring, this.#cursor)
    this.#wiring = wiring
    this.#outbox.rewire(wiring.outputs)
    if (this.#cursor.wiring !== wiring.revision) delete this.#cursor.behindAll
    await this.rewire(this.#newest)
    this.#loop.use(this.#handlingFor(wiring), wiring, this.#trial)
    if (wiring.last) this.#finish(wiring)
    this.#cursor.subscriptions = wanted
    this.#cursor.wiring = wiring.revision
    await this.#save()
  }

  /** Prepares the last cursor: nothing is stored behind it. */
  #finish({ next }: Wiring) {
    this.#due?.close()
    this.#cursor.ended = true
    if (!next || !keepsKeys(this.#options.cut) || !keepsKeys(next)) return
    this.#cursor.heirs = this.#state.sizes(next.partitions, new Progress(this.#cursor.lanes))
  }

  #open(message: Message): Entry[] {
    const admitted = this.#admission.open(message, this.#wiring.revision)
    if ('wiring' in admitted) {
      this.#switching = { wiring: admitted.wiring, message }
      this.#switchWhenQuiet()
      return []
    }
    if (admitted.inflight.mark !== undefined) this.#passed(admitted.inflight.mark)
    this.#silence.heard()
    if (this.#marks.size > 0 || this.#wiring.unordered) admitted.inflight.seen = true // a mark may come too early there
    this.#inflight.push(admitted.inflight)
    if (admitted.entries.length === 0) this.#committer.run()
    return admitted.entries
  }

  #passed(mark: string) {
    if (this.#marks.has(mark)) this.#loop.inbox.unbind(this.#marks.get(mark))
    this.#marks.delete(mark)
    if (this.#marks.size === 0) this.#silence.end()
    this.#sessions.passed(mark)
  }

  #whenQuiet() {
    if (this.#switching) return this.#switchWhenQuiet()
    const { inbox } = this.#loop
    if (!inbox.next || this.#inflight.length > 0 || this.#loop.isHeld || this.#phase !== 'running') return
    const { session } = inbox.next
    this.#loop.hold(async () => {
      if (session === undefined) delete this.#cursor.session
      else this.#cursor.session = session
      await this.#save()
      inbox.turn(session)
    })
  }

  /** A change of streams waits until nothing is in flight: a record reprocessed over it would leave twice. */
  #switchWhenQuiet() {
    const next = this.#switching
    if (!next || this.#inflight.length > 0 || this.#loop.isHeld) return
    this.#loop.hold(async () => {
      await this.#outbox.cross(next.wiring)
      await this.#use(next.wiring, this.#cursor.subscriptions)
      if (next.wiring.last && this.#phase === 'running') this.#phase = 'ended'
      next.message.ack()
      this.#switching = undefined
      this.#options.onChange()
    })
  }

  /** Written down before it is said: none that comes later is smaller. */
  async #turn(): Promise<number> {
    this.#cursor.turns = (this.#cursor.turns ?? 0) + 1
    await this.#save()
    return this.#cursor.turns
  }

  #handlingFor(wiring: Wiring) {
    return new Handling(
      {
        cursor: this.#cursor,
        state: this.#state,
        letters: this.#letters,
        outbox: this.#outbox,
        invoker: {
          ...this.#options,
          handlers: this.#options.handlersOf(wiring),
          stopped: this.#stop.signal,
        },
        onLetter: () => this.#committer.run(),
        onFailing: () => this.#loop.hold(this.#save),
      },
      wiring,
    )
  }

  #settled(inflight: Inflight) {
    if (this.#phase === 'closed') return // its successor counts it
    inflight.records -= 1
    this.#options.counters.inFlight -= 1
    if (isDone(inflight)) this.#committer.run()
    this.#loop.run()
  }

  #committed(batch: Inflight[]) {
    const { time } = batch.at(-1)!
    const { counters } = this.#options
    const now = Date.now()
    this.#due?.stored(batch)
    counters.figures.handled(batch, now)
    if (time > 0) counters.latencyMs = now - time
    if (this.#trial.isOn && batch.some(({ last }) => last.size > 0)) this.#loop.trust()
    if (this.#inflight.length === 0) this.#quiet.tell()
    this.#silence.heard()
    this.#whenQuiet()
    this.#loop.run()
  }

  #end() {
    this.#phase = 'closed'
    this.#stop.abort()
    this.#due?.close()
    this.#outbox?.close()
    this.#loop.close()
  }

  #fail(error: Error) {
    if (this.#phase === 'closed') return
    this.#closed(error)
    void this.#sessions.close()
  }

  #closed(error?: Error) {
    if (this.#phase === 'closed') return
    this.#end()
    for (const { records } of this.#inflight) this.#options.counters.inFlight -= records
    this.#quiet.tell()
    this.#options.onClosed(error)
  }
}
