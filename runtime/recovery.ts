import { topics } from '../schema/topics.ts'
import type { Wiring } from '../schema/wiring.ts'
import type { Logger } from './context.ts'
import { type CursorDocument, emptyCursor, Progress, parseCursor } from './cursor.ts'
import { readFenced } from './fenced-read.ts'
import { type Place, stateFilters, stateKey } from './place.ts'
import { readWiring } from './read-wiring.ts'
import { type RetainedRead, readRetained } from './retained.ts'
import type { State } from './state.ts'
import type { StateDocument } from './state-document.ts'
import type { Connection, Transport } from './transport.ts'

/** What the last owner of a partition left in the broker. */
export interface Recovered {
  cursor: CursorDocument
  /** To start with: what it had in effect, if any. */
  wiring: Wiring
}

interface RecoveryOptions extends Place {
  transport: Transport
  /** Not used yet: dialled while the session was taken over. */
  reading: RetainedRead
  log: Logger
}

const patienceMs = 5_000
const pauseMs = 3_000

/** Reads cursor and wiring of a partition. To be called by its owner only: nobody else can still write them.
 *  @param connection the session, of which the caller is the owner
 *  @param newest wiring that is known */
export async function recover(
  { transport, reading, log, flow, node, name }: RecoveryOptions,
  connection: Connection,
  newest: Wiring,
): Promise<Recovered> {
  const { round = 0 } = newest
  const places = {
    cursor: topics.credit(flow, node, name),
    wiring: topics.effect(flow, node, name),
  }
  // An owner wrote both, or who prepared the session.
  const expected = connection.sessionPresent || round > 0
  const found = await readFenced({
    transport,
    reading,
    connection,
    fence: topics.fence(flow, node, name),
    topics: Object.values(places),
    expected,
  })
  const stored = found.get(places.cursor)
  const wiring = found.get(places.wiring)
  const cursor = stored
    ? understood('cursor', places.cursor, () => parseCursor(stored))
    : { ...emptyCursor(), ...(round > 0 && { round }) }
  // Of partitions of the same names, before or after others: what they know is not what these know.
  if ((cursor.round ?? 0) !== round)
    throw new Error(`waits for its wiring: its partitions were cut ${cursor.round ?? 0} times, not ${round}`)
  if (expected && found.size < 2) {
    log.error('the broker has lost a retained message', {
      what: found.has(places.cursor) ? 'wiring' : 'cursor',
      hint: 'records may be repeated: let the broker keep retained messages as long as sessions',
    })
  }
  const effect = wiring && understood('wiring', places.wiring, () => readWiring(wiring)!)
  return { cursor, wiring: leftInEffect(cursor, effect, newest) }
}

/** The wiring that a successor starts with. The cursor is the last that a change of wiring writes: where the wiring is
 *  ahead of it, the change was under way, and nothing in flight. */
function leftInEffect({ wiring }: CursorDocument, effect: Wiring | undefined, newest: Wiring): Wiring {
  if (effect && effect.revision >= wiring) return effect
  if (!newest.last || newest.revision === wiring) return newest
  // It ends where this comes in its session, behind what was sent to it.
  const { last: _, ...before } = newest
  return { ...before, revision: newest.revision - 1 }
}

/** Nobody but the owner writes there. To go on without it would repeat records or lose them: a person decides. */
function understood<T>(what: string, topic: string, parse: () => T): T {
  try {
    return parse()
  } catch {
    throw new Error(
      `${what} overwritten by a foreign client: clear the retained message of ${topic}, and its records may repeat`,
    )
  }
}

/** Brings back the keyed state of a partition, as far as there is room for it, and proves that it is all there.
 *  @throws when the broker does not bring every key that the cursor counts */
export async function restoreState(
  { transport, ...place }: Place & { transport: Transport },
  cursor: CursorDocument,
  state: State,
): Promise<void> {
  if (cursor.keys === 0) return
  const progress = new Progress(cursor.lanes)
  let counted = 0
  const take = (topic: string, payload: Buffer) => {
    const document = JSON.parse(payload.toString()) as StateDocument
    if (state.restore(stateKey(topic), document, progress)) counted += 1
    return counted === cursor.keys
  }
  const reading = { patienceMs: patienceMs + cursor.keys, pauseMs, take }
  // What was dropped on the way may come the next time.
  for (let before = -1; counted > before; ) {
    before = counted
    if (await readRetained(transport, stateFilters(place, cursor.keys), reading)) return
  }
  throw new Error(
    `the broker brought ${counted} of ${cursor.keys} keys of state: is it dropping retained messages?`,
  )
}
