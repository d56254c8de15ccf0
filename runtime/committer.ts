import { topics } from '../schema/topics.ts'
import { type CursorDocument, Progress } from './cursor.ts'
import { type Inflight, isDone } from './inflight.ts'
import type { Place } from './place.ts'
import { following, type Snapshot, type State } from './state.ts'
import type { Connection } from './transport.ts'

interface CommitterOptions extends Place {
  connection: Connection
  cursor: CursorDocument
  state: State
  /** Messages in order of arrival; committed ones are taken from its front. */
  inflight: Inflight[]
  onCommitted(batch: Inflight[]): void
  onFailed(error: Error): void
}

/** Far more than a batch of commits may acknowledge at once. */
const maxReplays = 500
/** Outputs have left by then, so that this delays no record: it spares the broker a cursor for each. */
const intervalMs = 10
/** Below what brokers leave unacknowledged (10 to 20 messages), or they would have to wait for us. */
const enough = 8

/**
 * Acknowledges after effect: outputs have been taken over by the broker, then state is stored, then the cursor,
 * and only then the inputs are acknowledged, in order of arrival [MQTT-4.6.0-2]. What becomes ready during one
 * commit shares the next, so the cost of a commit is spread over the load.
 */
export class Committer {
  #options: CommitterOptions
  #finished: Progress
  #busy = false
  #last = Number.NEGATIVE_INFINITY
  #hurry: (() => void) | undefined
  /** One for all: where each is cancelled and the next made, the event loop wakes up for those that were, too. */
  #timer: NodeJS.Timeout | undefined

  constructor(options: CommitterOptions) {
    this.#options = options
    this.#finished = new Progress(options.cursor.lanes)
  }

  /** Commits all that is done, if no commit is under way. */
  run() {
    if (this.#busy) {
      if (this.#hurry && this.#done() >= enough) this.#hurry()
      return
    }
    this.#busy = true
    this.#commitAll().catch(error => this.#options.onFailed(error))
  }

  /** Stores the cursor as it is, outside of a commit: before the first record, or to mark a suspect. */
  async save(): Promise<void> {
    const { connection, cursor, flow, node, name } = this.#options
    await connection.publish(topics.credit(flow, node, name), JSON.stringify(cursor), { retain: true })
  }

  async #commitAll() {
    const { inflight } = this.#options
    while (this.#done() > 0) {
      await this.#gather()
      this.#last = performance.now()
      await this.#commit(inflight.slice(0, this.#done()))
    }
    this.#busy = false // in the same turn as the last look, or what is done in between would wait for ever
  }

  /** Messages at the front that may be committed. */
  #done(): number {
    const { inflight } = this.#options
    let count = 0
    while (inflight[count] && isDone(inflight[count]!)) count += 1
    return count
  }

  /** Waits for others to share the commit with, if the one before was only just now. */
  async #gather(): Promise<void> {
    if (performance.now() >= this.#last + intervalMs || this.#done() >= enough) return
    await new Promise<void>(resolve => {
      this.#hurry = resolve
      if (this.#timer) this.#timer.refresh()
      else this.#timer = setTimeout(() => this.#hurry?.(), intervalMs)
    })
    this.#hurry = undefined
  }

  async #commit(batch: Inflight[]) {
    const { connection, cursor, state, inflight } = this.#options
    await state.store(newest(batch), this.#finished, connection)
    for (const { lane, last, letters, replay } of batch) {
      for (const [origin, seq] of last) this.#finished.advance(lane, origin, seq)
      cursor.letters += letters
      if (replay !== undefined) cursor.replays = [...(cursor.replays ?? []), replay].slice(-maxReplays)
    }
    cursor.lanes = this.#finished.toJSON()
    cursor.commit += 1
    cursor.keys = state.size(this.#finished)
    cursor.failed = cursor.failed?.filter(([origin, seq]) => !this.#finished.covers(origin, seq))
    if (cursor.failed?.length === 0) delete cursor.failed
    state.settle(this.#finished)
    if (batch.some(({ last }) => last.size > 0)) {
      cursor.takeovers = 0
      delete cursor.trying
      delete cursor.tryingBy
      delete cursor.suspects
    }
    await this.save()
    await state.clear(this.#finished, connection)
    for (const one of batch) one.ack()
    inflight.splice(0, batch.length)
    this.#options.onCommitted(batch)
  }
}

function newest(batch: Inflight[]): Map<string, Snapshot> {
  const snapshots = new Map<string, Snapshot>()
  for (const { states } of batch)
    for (const [key, snapshot] of states) snapshots.set(key, following(snapshots.get(key), snapshot))
  return snapshots
}
